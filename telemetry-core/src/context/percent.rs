//! Percent-encoding, RFC 3986 section 2.1.

use std::borrow::Cow;

use super::hex;

/// Appends `text` with each byte that is not `plain` as `%XX`.
pub(super) fn encode(text: &str, plain: fn(u8) -> bool, out: &mut String) {
    for byte in text.bytes() {
        if plain(byte) {
            out.push(char::from(byte));
        } else {
            const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
            out.push('%');
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 0x0f)]));
        }
    }
}

/// The length of [`encode`]'s result.
pub(super) fn encoded_len(text: &str, plain: fn(u8) -> bool) -> usize {
    text.bytes()
        .map(|byte| if plain(byte) { 1 } else { 3 })
        .sum()
}

/// The text behind `%XX`; what is not UTF-8 becomes U+FFFD, a `%` without two digits stays.
pub(super) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        let escaped = (*first == b'%').then(|| tail.get(..2).and_then(hex::read_any::<1>));
        if let Some(Some([byte])) = escaped {
            bytes.push(byte);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
        }
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_what_is_encoded_and_leaves_the_rest() {
        assert_eq!(decode("DF%2028"), "DF 28");
        assert_eq!(decode("%e2%82%AC"), "€");
        assert_eq!(decode("100%"), "100%");
        assert_eq!(decode("%zz%4"), "%zz%4");
        assert_eq!(decode("%ff"), "\u{fffd}");
    }

    #[test]
    fn encodes_in_upper_case() {
        let mut out = String::new();
        encode("a b€", |byte| byte.is_ascii_alphanumeric(), &mut out);
        assert_eq!(out, "a%20b%E2%82%AC");
        assert_eq!(
            out.len(),
            encoded_len("a b€", |byte| byte.is_ascii_alphanumeric())
        );
    }
}
