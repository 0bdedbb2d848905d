//! Ids as hexadecimal text, by table.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Marks an upper-case digit in [`VALUES`]; its value is in the low four bits.
const UPPER: u8 = 0x10;
/// Marks what is no digit.
const NO_DIGIT: u8 = 0x80;

const VALUES: [u8; 256] = values();

/// Writes two lower-case digits a byte to the start of `out`, as far as it goes.
pub(super) fn write(bytes: &[u8], out: &mut [u8]) {
    for (pair, byte) in out.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 0x0f)];
    }
}

/// Reads exactly `2 * N` lower-case digits, eight at a time where they are so many.
#[inline]
pub(super) fn read_lower<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    if !N.is_multiple_of(4) {
        return read(text, UPPER | NO_DIGIT);
    }
    let (words, []) = text.as_chunks::<8>() else {
        return None;
    };
    let mut bytes = [0; N];
    let (quads, _) = bytes.as_chunks_mut::<4>();
    if words.len() != quads.len() {
        return None;
    }
    let mut wrong = 0;
    for (quad, word) in quads.iter_mut().zip(words) {
        let (read, differs) = read_word(*word);
        *quad = read;
        wrong |= differs;
    }
    (wrong == 0).then_some(bytes)
}

/// Reads eight lower-case digits as eight bytes of one number; what is wrong with them is not zero.
#[inline]
fn read_word(word: [u8; 8]) -> ([u8; 4], u64) {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let text = u64::from_le_bytes(word);
    // the low bits of `a` are 1, and only letters have bit 6
    let values = (text & (0x0f * EACH)) + 9 * ((text >> 6) & EACH);
    let letters = ((values + 6 * EACH) >> 4) & EACH;
    let expected = values + u64::from(b'0') * EACH + u64::from(b'a' - 10 - b'0') * letters;
    let wrong = (text ^ expected) | (values & (0xf0 * EACH));
    // of each pair the first digit is the high one, and pairs move together
    let pairs = ((values << 4) | (values >> 8)) & 0x00ff_00ff_00ff_00ff;
    let [a, _, b, _, c, _, d, _] = pairs.to_le_bytes();
    ([a, b, c, d], wrong)
}

/// Reads exactly `2 * N` digits of either case.
pub(super) fn read_any<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    read(text, NO_DIGIT)
}

/// Reads one to `2 * N` digits of either case, as if padded with zeros on the left.
pub(super) fn read_padded<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    if text.is_empty() || text.len() > 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (place, digit) in text.iter().rev().enumerate() {
        let value = VALUES[usize::from(*digit)];
        if value & NO_DIGIT != 0 {
            return None;
        }
        bytes[N - 1 - place / 2] |= (value & 0x0f) << (4 * (place % 2));
    }
    Some(bytes)
}

/// The digits are judged together at the end: a branch for each would cost more than the digits of
/// a text that is none.
#[inline]
fn read<const N: usize>(text: &[u8], invalid: u8) -> Option<[u8; N]> {
    let (pairs, []) = text.as_chunks::<2>() else {
        return None;
    };
    let pairs: &[[u8; 2]; N] = pairs.try_into().ok()?;
    let mut bytes = [0; N];
    let mut seen = 0;
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        let [high, low] = [high, low].map(|digit| VALUES[usize::from(*digit)]);
        seen |= high | low;
        *byte = high << 4 | low & 0x0f;
    }
    (seen & invalid == 0).then_some(bytes)
}

const fn values() -> [u8; 256] {
    let mut table = [NO_DIGIT; 256];
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
    fn eight_digits_at_a_time_are_read_as_one_is() {
        for place in 0..8 {
            for byte in 0..=u8::MAX {
                let mut text = *b"0189afed";
                text[place] = byte;
                let each = text.as_chunks::<2>().0.iter();
                let each: Option<Vec<u8>> = each
                    .map(|pair| read_lower::<1>(pair).map(|[byte]| byte))
                    .collect();
                let read = read_lower::<4>(&text).map(Vec::from);
                assert_eq!(read, each, "{text:?}");
            }
        }
        assert_eq!(read_lower::<4>(b"0189afed0"), None);
        assert_eq!(read_lower::<4>(b"0189afed01234567"), None);
    }

    #[test]
    fn short_text_is_padded_on_the_left() {
        assert_eq!(read_padded(b"1aB"), Some([0x01, 0xab]));
        assert_eq!(read_padded::<2>(b""), None);
        assert_eq!(read_padded::<2>(b"12345"), None);
    }
}
