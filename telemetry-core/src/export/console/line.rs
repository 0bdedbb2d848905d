//! One line of output: colours that do not count as width, text that cannot break out.

use super::escape::escape;

/// How a piece of text looks, where colours are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Bold,
    Dim,
    Red,
    Yellow,
    Green,
    Cyan,
}

impl Style {
    /// The parameter of the "select graphic rendition" sequence, ECMA-48 8.3.117.
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "0",
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Red => "31",
            Self::Green => "32",
            Self::Yellow => "33",
            Self::Cyan => "36",
        }
    }
}

/// A line in the making.
#[derive(Debug)]
pub(super) struct Line {
    text: String,
    width: usize,
    color: bool,
}

impl Line {
    pub(super) fn new(color: bool) -> Self {
        Self {
            text: String::new(),
            width: 0,
            color,
        }
    }

    /// How many characters are shown so far.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Appends text, escaped.
    pub(super) fn push(&mut self, style: Style, text: &str) {
        let text = escape(text);
        self.width += text.chars().count();
        if self.color && style != Style::Plain && !text.is_empty() {
            for part in ["\x1b[", style.code(), "m", &text, "\x1b[0m"] {
                self.text.push_str(part);
            }
        } else {
            self.text.push_str(&text);
        }
    }

    /// Appends spaces up to a column.
    pub(super) fn pad_to(&mut self, column: usize) {
        let missing = column.saturating_sub(self.width);
        self.text.extend(std::iter::repeat_n(' ', missing));
        self.width += missing;
    }

    /// Appends what separates columns.
    pub(super) fn gap(&mut self) {
        self.push(Style::Plain, "  ");
    }

    /// The line with its end, without spaces before it.
    pub(super) fn finish(mut self) -> String {
        self.text.truncate(self.text.trim_end_matches(' ').len());
        self.text.push('\n');
        self.text
    }
}
