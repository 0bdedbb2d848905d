//! E-mail addresses.

use std::ops::Range;

/// The longest local part: <https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1.1>.
const LONGEST_LOCAL: usize = 64;

/// The next address: what people write, not all that RFC 5322 allows.
pub(super) fn find(text: &str, from: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let mut at = from;
    while let Some(found) = bytes[at..].iter().position(|byte| *byte == b'@') {
        let sign = at + found;
        let local = bytes[at..sign]
            .iter()
            .rev()
            .take(LONGEST_LOCAL)
            .take_while(|byte| is_local(**byte))
            .count();
        let domain = domain(&bytes[sign + 1..]);
        if local > 0 && domain > 0 {
            return Some(sign - local..sign + 1 + domain);
        }
        at = sign + 1;
    }
    None
}

/// The length of a name of at least two labels, the last of letters.
fn domain(bytes: &[u8]) -> usize {
    let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    let len = bytes.iter().take_while(is_name).count();
    let name = bytes[..len].trim_ascii_end();
    let name = name.strip_suffix(b".").unwrap_or(name);
    let Some(dot) = name.iter().rposition(|byte| *byte == b'.') else {
        return 0;
    };
    let last = &name[dot + 1..];
    let is_top = last.len() >= 2 && last.iter().all(u8::is_ascii_alphabetic);
    if dot > 0 && is_top { name.len() } else { 0 }
}

fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-')
}
