//! Text as a JSON string.

/// Appends `text` between the quotes of a JSON string.
///
/// Escapes what RFC 8259 section 7 demands and nothing else.
#[inline]
pub(crate) fn put_escaped(buffer: &mut Vec<u8>, text: &str) {
    if is_clean(text.as_bytes()) {
        buffer.extend_from_slice(text.as_bytes());
    } else {
        put_with_escapes(buffer, text.as_bytes());
    }
}

#[cold]
fn put_with_escapes(buffer: &mut Vec<u8>, mut rest: &[u8]) {
    loop {
        let clean = clean_len(rest);
        buffer.extend_from_slice(&rest[..clean]);
        let Some(byte) = rest.get(clean) else { return };
        put_escape(buffer, *byte);
        rest = &rest[clean + 1..];
    }
}

/// Appends a JSON string.
#[inline]
pub(crate) fn put_string(buffer: &mut Vec<u8>, text: &str) {
    buffer.push(b'"');
    put_escaped(buffer, text);
    buffer.push(b'"');
}

#[cold]
fn put_escape(buffer: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        _ => {
            buffer.extend_from_slice(b"\\u00");
            buffer.push(HEX[usize::from(byte >> 4)]);
            buffer.push(HEX[usize::from(byte & 15)]);
            return;
        }
    };
    buffer.extend_from_slice(&[b'\\', short]);
}

/// Whether nothing needs an escape; eight bytes at a time, the last ones twice if need be.
#[inline]
fn is_clean(bytes: &[u8]) -> bool {
    if let Some(last) = bytes.last_chunk::<8>() {
        let (words, _) = bytes.as_chunks::<8>();
        let is_special = |word: &[u8; 8]| has_special(u64::from_le_bytes(*word));
        return !words.iter().any(is_special) && !is_special(last);
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let [first, last] = [first, last].map(|half| u64::from(u32::from_le_bytes(*half)));
        return !has_special(first | (last << 32));
    }
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return true;
    };
    let middle = bytes[bytes.len() / 2];
    !(is_special(*first) || is_special(middle) || is_special(*last))
}

/// How many bytes at the start need no escape.
fn clean_len(bytes: &[u8]) -> usize {
    let mut done = 0;
    for chunk in bytes.chunks_exact(8) {
        let Ok(word) = <[u8; 8]>::try_from(chunk) else {
            break;
        };
        if has_special(u64::from_le_bytes(word)) {
            break;
        }
        done += 8;
    }
    let rest = bytes[done..].iter().position(|byte| is_special(*byte));
    rest.map_or(bytes.len(), |index| done + index)
}

#[inline]
fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Whether one of eight bytes needs an escape. The well-known tests "has a byte less than n" and
/// "has a zero byte", <https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord>; a false
/// alarm is possible behind a true one only.
#[inline]
fn has_special(word: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let control = word.wrapping_sub(ONES * 0x20);
    let quote = (word ^ (ONES * 0x22)).wrapping_sub(ONES);
    let backslash = (word ^ (ONES * 0x5c)).wrapping_sub(ONES);
    (control | quote | backslash) & !word & HIGH != 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_comes_back(text in any::<String>()) {
            let mut json = Vec::new();
            put_string(&mut json, &text);
            prop_assert_eq!(serde_json::from_slice::<String>(&json).unwrap(), text);
        }

        #[test]
        fn special_bytes_are_found_wherever_they_are(
            text in "[ -~]{0,20}", byte in prop::sample::select(vec!['"', '\\', '\0', '\u{1f}', '\n']),
        ) {
            let text = format!("{text}{byte}{text}");
            let mut json = Vec::new();
            put_string(&mut json, &text);
            prop_assert_eq!(serde_json::from_slice::<String>(&json).unwrap(), text);
        }
    }
}
