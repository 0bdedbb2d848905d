//! Text of a bounded length, from any value, whatever its `Debug` does.

use std::cell::Cell;
use std::fmt::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What stands in for a value whose formatting failed or panicked.
pub(crate) const FAILED: &str = "<formatting failed>";

/// The largest buffer that a thread keeps for [`with_formatted`].
const KEPT_BYTES: usize = 4 * 1024;

/// Hands on what `value` prints; see [`put_formatted`].
///
/// The thread's buffer is taken out meanwhile: a value that logs finds none and makes its own.
pub(crate) fn with_formatted(max: usize, value: fmt::Arguments<'_>, then: impl FnOnce(&str)) {
    thread_local! {
        static TEXT: Cell<String> = const { Cell::new(String::new()) };
    }
    let mut text = TEXT.try_with(Cell::take).unwrap_or_default();
    put_formatted(&mut text, max, value);
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
        if self.cut > 0 {
            // a String takes every write
            let _ = write!(self.text, "…[truncated {} bytes]", self.cut);
        }
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
    fn a_mark_counts_all_parts() {
        let mut text = String::new();
        put_formatted(&mut text, 2, format_args!("{}{}{}", "ab", "cd", "ef"));
        assert_eq!(text, "ab…[truncated 4 bytes]");
    }
}
