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
        buffer.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes());
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
pub(crate) fn put_hex<const N: usize>(buffer: &mut Vec<u8>, bytes: [u8; N]) {
    let start = buffer.len();
    buffer.resize(start + 2 * bytes.len(), 0);
    for (pair, byte) in buffer[start..].chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&DIGITS[usize::from(byte)]);
    }
}

/// The two digits of every byte.
static DIGITS: [[u8; 2]; 256] = {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [DIGITS[byte >> 4], DIGITS[byte & 15]];
        byte += 1;
    }
    pairs
};
