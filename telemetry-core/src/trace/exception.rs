//! Errors, as the conventions for exceptions name them.

use std::error::Error;
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::foreign::{self, MAX_TEXT, PANICKED};
use crate::otlp::Attributes;

/// An error with what caused it.
///
/// Names: <https://opentelemetry.io/docs/specs/semconv/exceptions/exceptions-spans/>.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exception {
    /// The type's name, as far as its `Debug` tells.
    pub kind: Option<String>,
    /// The message.
    pub message: String,
    /// The messages of the causes, the nearest first.
    pub causes: Vec<String>,
}

/// How many causes are followed: an error that is its own source must not hang us.
const MAX_CAUSES: usize = 32;

impl Exception {
    /// The exception of an error, with its chain of sources.
    ///
    /// The error is the user's code: where it panics the text says so, and after 1 MiB all its
    /// texts together are cut.
    #[must_use]
    pub fn of(error: &(dyn Error + 'static)) -> Self {
        let mut left = MAX_TEXT;
        let message = text_of(error, &mut left);
        let mut causes = Vec::new();
        let mut next = source_of(error);
        while let Some(cause) = next.filter(|_| causes.len() < MAX_CAUSES && left > 0) {
            causes.push(text_of(cause, &mut left));
            next = source_of(cause);
        }
        let kind = catch_unwind(AssertUnwindSafe(|| type_name(error)));
        Self {
            kind: kind.ok().flatten(),
            message,
            causes,
        }
    }

    /// An exception of which only the message is known.
    #[must_use]
    pub fn of_message(message: impl Into<String>) -> Self {
        Self {
            kind: None,
            message: message.into(),
            causes: Vec::new(),
        }
    }

    /// The message and each cause on a line of its own, or nothing if there is no cause.
    #[must_use]
    pub fn stacktrace(&self) -> String {
        let mut text = String::new();
        if !self.causes.is_empty() {
            text.push_str(&self.message);
        }
        for cause in &self.causes {
            let _ = write!(text, "\ncaused by: {cause}");
        }
        text
    }

    /// Sets `exception.type`, `exception.message` and `exception.stacktrace`.
    pub fn set_on(&self, attributes: &mut Attributes) {
        if let Some(kind) = &self.kind {
            attributes.set("exception.type", kind.as_str());
        }
        attributes.set("exception.message", self.message.as_str());
        let stacktrace = self.stacktrace();
        if !stacktrace.is_empty() {
            attributes.set("exception.stacktrace", stacktrace.as_str());
        }
    }
}

fn text_of(error: &dyn Error, left: &mut usize) -> String {
    let mut text = String::new();
    match foreign::write(&mut text, *left, &error) {
        Some(rest) => *left = rest,
        None => PANICKED.clone_into(&mut text),
    }
    text
}

fn source_of<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    catch_unwind(AssertUnwindSafe(|| error.source())).ok()?
}

/// The name with which the derived `Debug` of a type begins. An error behind `dyn Error` has no
/// other name to give.
fn type_name(error: &dyn Error) -> Option<String> {
    struct Head(String);
    impl Write for Head {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
            self.0.push_str(&text[..end.unwrap_or(text.len())]);
            if end.is_some() || self.0.len() > 128 {
                Err(std::fmt::Error)
            } else {
                Ok(())
            }
        }
    }
    let mut head = Head(String::new());
    let _ = write!(head, "{error:?}");
    let name = head.0;
    name.starts_with(|c: char| c.is_ascii_uppercase())
        .then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Reset;

    #[derive(Debug)]
    struct Refused(Reset);

    impl std::fmt::Display for Reset {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("connection reset")
        }
    }

    impl std::fmt::Display for Refused {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("issuer refused")
        }
    }

    impl Error for Reset {}

    impl Error for Refused {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn the_chain_is_kept() {
        let exception = Exception::of(&Refused(Reset));
        assert_eq!(exception.kind.as_deref(), Some("Refused"));
        assert_eq!(
            exception.stacktrace(),
            "issuer refused\ncaused by: connection reset"
        );
    }

    /// Panics wherever it is asked, or writes without an end.
    struct Foreign {
        panics: bool,
    }

    impl std::fmt::Debug for Foreign {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("in Debug");
        }
    }

    impl std::fmt::Display for Foreign {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            assert!(!self.panics, "in Display");
            loop {
                f.write_str("on and ")?;
            }
        }
    }

    impl Error for Foreign {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            assert!(!self.panics, "in source");
            Some(self)
        }
    }

    #[test]
    fn an_error_that_panics_is_still_an_exception() {
        let exception = Exception::of(&Foreign { panics: true });
        assert_eq!(exception, Exception::of_message(PANICKED));
    }

    #[test]
    fn an_error_without_end_is_cut() {
        let exception = Exception::of(&Foreign { panics: false });
        assert!(exception.message.starts_with("on and on and "));
        assert!(exception.message.ends_with('…'));
        assert_eq!(exception.message.len(), MAX_TEXT + '…'.len_utf8());
        assert!(exception.causes.is_empty());
    }
}
