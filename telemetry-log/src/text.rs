//! Text of a bounded length, from any value, whatever its `Debug` does.

use std::cell::Cell;
use std::fmt::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What stands in for a value whose formatting failed or panicked.
pub(crate) const FAILED: &str = "<formatting failed>";

/// The largest buffer that a thread keeps for [`with_text`].
const KEPT_BYTES: usize = 4 * 1024;

/// Hands on what `put` has written.
///
/// The thread's buffer is taken out meanwhile: a value that logs finds none and makes its own.
pub(crate) fn with_text(put: impl FnOnce(&mut String), then: impl FnOnce(&str)) {
    thread_local! {
        static TEXT: Cell<String> = const { Cell::new(String::new()) };
    }
    let mut text = TEXT.try_with(Cell::take).unwrap_or_default();
    put(&mut text);
    then(&text);
    if text.capacity() <= KEPT_BYTES {
        text.clear();
        // while the thread ends there is nobody to keep it for
        let _ = TEXT.try_with(|slot| slot.set(text));
    }
}

/// Appends what `value` prints, cut after `max` bytes with a mark.
///
/// A panic in it ends here: a log line is no reason for a request to fail.
pub(crate) fn put_formatted(text: &mut String, max: usize, value: fmt::Arguments<'_>) {
    let mut out = Capped { text, max, cut: 0 };
    let printed = catch_unwind(AssertUnwindSafe(|| out.write_fmt(value)));
    out.finish();
    if !matches!(printed, Ok(Ok(()))) {
        text.push_str(FAILED);
    }
}

/// Appends what `value` prints after `clean` has taken the secrets out, cut after `max` bytes with
/// a mark. Nothing is left of a secret that the cut divides.
pub(crate) fn put_cleaned(
    text: &mut String,
    max: usize,
    value: fmt::Arguments<'_>,
    clean: impl Fn(&str) -> Option<String>,
) {
    let mut all = String::new();
    let mut out = Capped {
        text: &mut all,
        max: max.saturating_add(LONGEST_SECRET),
        cut: 0,
    };
    let printed = catch_unwind(AssertUnwindSafe(|| out.write_fmt(value)));
    let mut cut = out.cut;
    let mut keep = max;
    let shown = clean(&all).unwrap_or(all);
    if cut > 0 {
        keep = keep.min(shown.len().saturating_sub(LONGEST_SECRET));
    }
    keep = keep.min(shown.len());
    while !shown.is_char_boundary(keep) {
        keep -= 1;
    }
    cut = cut.saturating_add(shown.len() - keep);
    text.push_str(&shown[..keep]);
    put_mark(text, cut);
    if !matches!(printed, Ok(Ok(()))) {
        text.push_str(FAILED);
    }
}

/// How far beyond the cut text is looked at for secrets: tokens are seldom longer, because headers
/// of more than 4 to 8 KiB are refused by servers.
const LONGEST_SECRET: usize = 8 * 1024;

/// Appends text, cut after `max` bytes with a mark.
pub(crate) fn put_cut(text: &mut String, max: usize, value: &str) {
    let mut out = Capped { text, max, cut: 0 };
    out.add(value);
    out.finish();
}

struct Capped<'a> {
    text: &'a mut String,
    max: usize,
    cut: usize,
}

impl Capped<'_> {
    #[inline]
    fn add(&mut self, part: &str) {
        if self.cut == 0 && self.text.len() + part.len() <= self.max {
            self.text.push_str(part);
        } else {
            self.add_some(part);
        }
    }

    #[cold]
    fn add_some(&mut self, part: &str) {
        let mut keep = 0;
        if self.cut == 0 {
            keep = self.max.saturating_sub(self.text.len()).min(part.len());
            while !part.is_char_boundary(keep) {
                keep -= 1;
            }
        }
        self.text.push_str(&part[..keep]);
        self.cut = self.cut.saturating_add(part.len() - keep);
    }

    #[inline]
    fn finish(&mut self) {
        put_mark(self.text, self.cut);
    }
}

#[inline]
fn put_mark(text: &mut String, cut: usize) {
    if cut > 0 {
        // a String takes every write
        let _ = write!(text, "…[truncated {cut} bytes]");
    }
}

impl fmt::Write for Capped<'_> {
    #[inline]
    fn write_str(&mut self, part: &str) -> fmt::Result {
        self.add(part);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_between_characters() {
        let mut text = String::new();
        put_cut(&mut text, 4, "aéééé");
        assert_eq!(text, "aé…[truncated 6 bytes]");
    }

    #[test]
    fn text_that_just_fits_is_left_alone() {
        let mut text = String::new();
        put_cut(&mut text, 3, "abc");
        assert_eq!(text, "abc");
    }

    #[test]
    fn a_secret_at_the_cut_is_hidden_whole() {
        let hide = |text: &str| text.contains("secret").then(|| text.replace("secret", "*"));
        for max in 0..20 {
            let mut text = String::new();
            put_cleaned(&mut text, max, format_args!("a secret, and more"), hide);
            assert!(!text.contains("se"), "{text}");
        }
        let mut text = String::new();
        let long = "secret".repeat(10_000);
        put_cleaned(&mut text, 10, format_args!("{long}"), hide);
        assert!(!text.contains("se"), "{text}");
        let mut text = String::new();
        put_cleaned(&mut text, 5, format_args!("secret 12"), hide);
        assert_eq!(text, "* 12");
    }

    #[test]
    fn a_mark_counts_all_parts() {
        let mut text = String::new();
        put_formatted(&mut text, 2, format_args!("{}{}{}", "ab", "cd", "ef"));
        assert_eq!(text, "ab…[truncated 4 bytes]");
    }
}
