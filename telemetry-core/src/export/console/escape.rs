//! Makes foreign text harmless for a terminal.

use std::borrow::Cow;

/// The text with every character spelled out that would move the cursor, end the line, change
/// colours or reorder what is shown.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_unsafe(character) {
            escaped.extend(character.escape_default());
        } else {
            escaped.push(character);
        }
    }
    Cow::Owned(escaped)
}

/// Control characters, line separators, and the invisible and bidirectional format characters of
/// <https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing>.
fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        )
}

/// The first `width` characters, the last of them `…` if more follow.
pub(super) fn cut(text: &str, width: usize) -> Cow<'_, str> {
    if text.chars().nth(width).is_none() {
        return Cow::Borrowed(text);
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    Cow::Owned(kept + "…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_a_terminal_is_spelled_out() {
        assert_eq!(escape("plain ünïcode 漢字"), "plain ünïcode 漢字");
        assert_eq!(escape("a\x1b[2Jb\r\n\u{9b}1m"), r"a\u{1b}[2Jb\r\n\u{9b}1m");
        assert_eq!(escape("abc\u{202e}cba"), r"abc\u{202e}cba");
    }

    #[test]
    fn cutting_counts_characters() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüß", 3), "äö…");
    }
}
