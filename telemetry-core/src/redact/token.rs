//! Tokens: what follows `Bearer`, and JSON Web Tokens.

use std::ops::Range;

/// What is shorter is a word, not a token.
const SHORTEST: usize = 8;

const SCHEME: &[u8] = b"bearer";

/// The next token after `Bearer` and a blank.
pub(super) fn bearer(text: &str, from: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let mut at = from;
    while let Some(scheme) = bytes.get(at..at + SCHEME.len()) {
        if !scheme.eq_ignore_ascii_case(SCHEME) {
            at += 1;
            continue;
        }
        let blanks = at + SCHEME.len();
        let start = blanks + run(&bytes[blanks..], |byte| byte == b' ');
        let end = start + run(&bytes[start..], is_token);
        if start > blanks && end - start >= SHORTEST {
            return Some(start..end);
        }
        at = blanks;
    }
    None
}

/// The next token of three parts, the first of which is JSON in base64 (`eyJ` is `{"`).
pub(super) fn jwt(text: &str, from: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let mut at = from;
    while at < bytes.len() {
        let header = run(&bytes[at..], is_base64url);
        if header >= SHORTEST
            && bytes[at..].starts_with(b"eyJ")
            && let Some(end) = rest_of_jwt(bytes, at + header)
        {
            return Some(at..end);
        }
        at += header.max(1);
    }
    None
}

/// The end of the second and third part.
fn rest_of_jwt(bytes: &[u8], dot: usize) -> Option<usize> {
    let payload = dot + 1;
    if bytes.get(dot) != Some(&b'.') {
        return None;
    }
    let end = payload + run(&bytes[payload..], is_base64url);
    let signature = end + 1;
    if end == payload || bytes.get(end) != Some(&b'.') {
        return None;
    }
    Some(signature + run(&bytes[signature..], is_base64url))
}

fn run(bytes: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|byte| belongs(**byte)).count()
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// `b64token` of RFC 6750 section 2.1.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=')
}
