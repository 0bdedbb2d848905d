//! Errors with the chain of their causes.

use std::error::Error;
use std::fmt::{self, Write as _};

/// The most causes that are followed: a chain may be circular.
const MAX_CAUSES: usize = 32;

/// The longest type name that is looked for.
const MAX_TYPE_LEN: usize = 128;

/// An error and its causes, one per line. The form that Rust programs print, since an error
/// carries no stack trace of its own on stable Rust.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chain<'a> {
    error: &'a (dyn Error + 'static),
    separator: &'static str,
}

impl<'a> Chain<'a> {
    /// Over several lines, as `exception.stacktrace`.
    pub(crate) fn lines(error: &'a (dyn Error + 'static)) -> Self {
        Self {
            error,
            separator: "\ncaused by: ",
        }
    }

    /// On one line.
    pub(crate) fn line(error: &'a (dyn Error + 'static)) -> Self {
        Self {
            error,
            separator: ": ",
        }
    }
}

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.error)?;
        let causes = std::iter::successors(self.error.source(), |cause| {
            let cause: &(dyn Error + 'static) = *cause;
            cause.source()
        });
        for cause in causes.take(MAX_CAUSES) {
            write!(f, "{}{cause}", self.separator)?;
        }
        Ok(())
    }
}

/// The error's type, as far as its `Debug` tells: the name that the output begins with, which is
/// the struct's or, for an enum, the variant's.
pub(crate) fn put_type_name(text: &mut String, error: &(dyn Error + 'static)) {
    if error.is::<std::io::Error>() {
        text.push_str("std::io::Error");
        return;
    }
    // the writer refuses what follows the name, and with it the rest of the output
    let _ = write!(TypeName { text }, "{error:?}");
}

struct TypeName<'a> {
    text: &'a mut String,
}

impl fmt::Write for TypeName<'_> {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        for c in part.chars() {
            let begins = c.is_alphabetic() || c == '_';
            let follows = !self.text.is_empty() && (c.is_alphanumeric() || c == ':');
            if !(begins || follows) || self.text.len() >= MAX_TYPE_LEN {
                return Err(fmt::Error);
            }
            self.text.push(c);
        }
        Ok(())
    }
}
