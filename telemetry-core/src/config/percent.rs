//! Percent-decoding, as W3C Baggage and OTLP headers use it (RFC 3986, section 2.1).

/// The decoded text; a `%` without two hexadecimal digits stays as it is. `None` if the result is not UTF-8.
pub(crate) fn decode(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match escaped(bytes.get(at..at + 3)) {
            Some(value) => {
                decoded.push(value);
                at += 3;
            }
            None => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(decoded).ok()
}

fn escaped(triple: Option<&[u8]>) -> Option<u8> {
    let [b'%', high, low] = *triple? else {
        return None;
    };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded_and_the_rest_is_kept() {
        for (text, decoded) in [
            ("Basic%20abc%3D%3d", "Basic abc=="),
            ("%C3%A4", "ä"),
            ("100%", "100%"),
            ("%2", "%2"),
            ("%zz%20", "%zz "),
            ("a+b", "a+b"),
            ("ä%20ö", "ä ö"),
        ] {
            assert_eq!(decode(text).as_deref(), Some(decoded), "{text}");
        }
        assert_eq!(decode("%ff"), None);
    }
}
