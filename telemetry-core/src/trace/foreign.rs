//! Text that the user's code writes: it may panic, and need not end.

use std::fmt::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// In place of a value whose own code panicked: the span, and the request, go on.
pub(super) const PANICKED: &str = "(panicked while it was written)";

/// The longest value: what is longer is cut, so that no field makes a message larger than
/// receivers take (4 MiB, gRPC's default).
pub(super) const MAX_TEXT: usize = 1024 * 1024;

/// What shows that a value was cut.
const CUT: char = '…';

/// Appends at most `left` bytes of what a value writes, and shows if that is not all. Returns how
/// many bytes are left then; `None` if the value panicked.
pub(super) fn write(text: &mut String, left: usize, value: &dyn fmt::Display) -> Option<usize> {
    let mut bounded = Bounded { text, left };
    let written = catch_unwind(AssertUnwindSafe(|| write!(bounded, "{value}")));
    let left = bounded.left;
    if written.ok()?.is_err() && left == 0 {
        text.push(CUT);
    }
    Some(left)
}

struct Bounded<'a> {
    text: &'a mut String,
    left: usize,
}

impl Write for Bounded<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let fits = floor_char_boundary(text, self.left);
        self.text.push_str(&text[..fits]);
        self.left -= fits;
        if fits < text.len() {
            self.left = 0;
            Err(fmt::Error)
        } else {
            Ok(())
        }
    }
}

fn floor_char_boundary(text: &str, at: usize) -> usize {
    if at >= text.len() {
        return text.len();
    }
    (0..=at)
        .rev()
        .find(|index| text.is_char_boundary(*index))
        .unwrap_or(0)
}
