//! Text between quotes and in comments.

use super::accept::Format;

/// A label's value; both formats escape it alike.
pub(super) fn put_label_value(out: &mut Vec<u8>, text: &str) {
    put(out, text, |byte| matches!(byte, b'\\' | b'"' | b'\n'));
}

/// A description; only OpenMetrics escapes its quotes.
pub(super) fn put_help(out: &mut Vec<u8>, text: &str, format: Format) {
    let quotes = format == Format::OpenMetrics;
    put(out, text, |byte| {
        matches!(byte, b'\\' | b'\n') || quotes && byte == b'"'
    });
}

fn put(out: &mut Vec<u8>, text: &str, escaped: impl Fn(u8) -> bool) {
    let bytes = text.as_bytes();
    let mut from = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if escaped(*byte) {
            out.extend_from_slice(&bytes[from..at]);
            out.extend_from_slice(match byte {
                b'\n' => b"\\n",
                b'"' => b"\\\"",
                _ => b"\\\\",
            });
            from = at + 1;
        }
    }
    out.extend_from_slice(&bytes[from..]);
}
