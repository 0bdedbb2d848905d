//! Ids as hexadecimal text, by table.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Marks an upper-case digit in [`VALUES`]; its value is in the low four bits.
const UPPER: u8 = 0x10;
const INVALID: u8 = 0xff;

const VALUES: [u8; 256] = values();

/// Writes two lower-case digits a byte to the start of `out`, as far as it goes.
pub(super) fn write(bytes: &[u8], out: &mut [u8]) {
    for (pair, byte) in out.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 0x0f)];
    }
}

/// Reads exactly `2 * N` lower-case digits.
pub(super) fn read_lower<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    read(text, |value| (value < UPPER).then_some(value))
}

/// Reads exactly `2 * N` digits of either case.
pub(super) fn read_any<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    read(text, |value| (value != INVALID).then_some(value & 0x0f))
}

/// Reads one to `2 * N` digits of either case, as if padded with zeros on the left.
pub(super) fn read_padded<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    if text.is_empty() || text.len() > 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (place, digit) in text.iter().rev().enumerate() {
        let value = VALUES[usize::from(*digit)];
        if value == INVALID {
            return None;
        }
        bytes[N - 1 - place / 2] |= (value & 0x0f) << (4 * (place % 2));
    }
    Some(bytes)
}

fn read<const N: usize>(text: &[u8], digit: impl Fn(u8) -> Option<u8>) -> Option<[u8; N]> {
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        let high = digit(VALUES[usize::from(pair[0])])?;
        *byte = high << 4 | digit(VALUES[usize::from(pair[1])])?;
    }
    Some(bytes)
}

const fn values() -> [u8; 256] {
    let mut table = [INVALID; 256];
    let mut value = 0;
    while value < 16 {
        let digit = DIGITS[value as usize];
        table[digit as usize] = value;
        if digit >= b'a' {
            table[digit.to_ascii_uppercase() as usize] = value | UPPER;
        }
        value += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_standard_library() {
        for byte in 0..=u8::MAX {
            let text = format!("{byte:02x}");
            let mut written = [0; 2];
            write(&[byte], &mut written);
            assert_eq!(written, text.as_bytes());
            assert_eq!(read_lower(text.as_bytes()), Some([byte]));
            assert_eq!(read_any(text.to_uppercase().as_bytes()), Some([byte]));
        }
    }

    #[test]
    fn only_digits_are_digits() {
        for byte in 0..=u8::MAX {
            let is_digit = byte.is_ascii_hexdigit();
            assert_eq!(read_any::<1>(&[byte, b'0']).is_some(), is_digit);
            assert_eq!(
                read_lower::<1>(&[b'0', byte]).is_some(),
                is_digit && !byte.is_ascii_uppercase()
            );
            assert_eq!(read_padded::<1>(&[byte]).is_some(), is_digit);
        }
    }

    #[test]
    fn short_text_is_padded_on_the_left() {
        assert_eq!(read_padded(b"1aB"), Some([0x01, 0xab]));
        assert_eq!(read_padded::<2>(b""), None);
        assert_eq!(read_padded::<2>(b"12345"), None);
    }
}
