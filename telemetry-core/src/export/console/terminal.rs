//! What the output can show.

use std::io::IsTerminal;

/// What the output can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "what a plain terminal has")]
pub struct Terminal {
    /// Whether it understands ANSI colours.
    pub color: bool,
    /// How many characters fit on a line.
    pub width: usize,
}

/// The width where none is known.
const DEFAULT_WIDTH: usize = 100;
/// Widths outside of these are mistakes: the waterfall alone takes 50, and nobody reads 1000.
const WIDTHS: std::ops::RangeInclusive<usize> = 60..=1000;

impl Terminal {
    /// Plain text, 100 characters wide.
    #[must_use]
    pub fn plain() -> Self {
        Self {
            color: false,
            width: DEFAULT_WIDTH,
        }
    }

    /// What standard error can show.
    #[must_use]
    pub fn stderr() -> Self {
        Self::detect(std::io::stderr().is_terminal(), |name| {
            std::env::var(name).ok()
        })
    }

    /// What an output can show that is a terminal or not, in an environment.
    ///
    /// Colours: never with `NO_COLOR`, always with `CLICOLOR_FORCE` (unless `0`), else on a
    /// terminal whose `TERM` is not `dumb`; see <https://no-color.org> and
    /// <https://bixense.com/clicolors/>. The width is `COLUMNS`, else 100.
    #[must_use]
    pub fn detect(is_terminal: bool, variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let color = if set("NO_COLOR").is_some() {
            false
        } else if set("CLICOLOR_FORCE").is_some_and(|value| value != "0") {
            true
        } else {
            is_terminal && set("TERM").is_none_or(|term| term != "dumb")
        };
        let width = set("COLUMNS")
            .and_then(|columns| columns.parse().ok())
            .filter(|columns| WIDTHS.contains(columns))
            .unwrap_or(DEFAULT_WIDTH);
        Self { color, width }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(is_terminal: bool, environment: &[(&str, &str)]) -> Terminal {
        Terminal::detect(is_terminal, |name| {
            let found = environment.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn colours_follow_the_conventions() {
        assert!(detect(true, &[]).color);
        assert!(!detect(false, &[]).color);
        assert!(!detect(true, &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]).color);
        assert!(detect(true, &[("NO_COLOR", "")]).color);
        assert!(detect(false, &[("CLICOLOR_FORCE", "1")]).color);
        assert!(!detect(false, &[("CLICOLOR_FORCE", "0")]).color);
        assert!(!detect(true, &[("TERM", "dumb")]).color);
    }

    #[test]
    fn a_nonsense_width_is_100() {
        assert_eq!(detect(true, &[("COLUMNS", "140")]).width, 140);
        for nonsense in ["0", "-1", "wide", "99999999", ""] {
            assert_eq!(detect(true, &[("COLUMNS", nonsense)]).width, 100);
        }
    }
}
