//! Numbers and bytes as JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Appends an integer.
#[inline]
pub(crate) fn put_int(buffer: &mut Vec<u8>, value: impl itoa::Integer) {
    buffer.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends a number, or `null` for one that JSON cannot hold: a string would be refused by a
/// backend that has learnt that the field is a number, and with it the whole line.
#[inline]
pub(crate) fn put_float(buffer: &mut Vec<u8>, value: f64) {
    if value.is_finite() {
        buffer.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes());
    } else {
        buffer.extend_from_slice(b"null");
    }
}

/// Appends a truth value.
#[inline]
pub(crate) fn put_bool(buffer: &mut Vec<u8>, value: bool) {
    buffer.extend_from_slice(if value { b"true" } else { b"false" });
}

/// Appends bytes as a string in base64, as OTLP/JSON has them.
pub(crate) fn put_bytes(buffer: &mut Vec<u8>, value: &[u8]) {
    buffer.push(b'"');
    buffer.extend_from_slice(STANDARD.encode(value).as_bytes());
    buffer.push(b'"');
}

/// Appends bytes in lower-case hexadecimal digits.
#[inline]
pub(crate) fn put_hex(buffer: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        buffer.extend_from_slice(&[
            DIGITS[usize::from(byte >> 4)],
            DIGITS[usize::from(byte & 15)],
        ]);
    }
}
