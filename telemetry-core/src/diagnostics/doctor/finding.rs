//! What is wrong, why, and what to change.

use std::error::Error;

use crate::config::{Hint, Ignored};
use crate::export::ExportError;
use crate::export::otlp::{chain, hide};

/// What is wrong, why, and what to change. Without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong: one sentence.
    pub message: String,
    /// The causes beneath it, from the outermost to the innermost.
    pub causes: Vec<String>,
    /// What to change; `None` if the message says it or nobody knows.
    pub remedy: Option<String>,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Severity {
    /// Something is lost or has no effect.
    Problem,
    /// Something works and is probably not what was meant.
    Hint,
}

impl Severity {
    /// `problem` or `hint`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Problem => "problem",
            Self::Hint => "hint",
        }
    }
}

impl Finding {
    pub(super) fn problem(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Problem,
            message: message.into(),
            causes: Vec::new(),
            remedy: None,
        }
    }

    pub(super) fn hint(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Hint,
            ..Self::problem(message)
        }
    }

    pub(super) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Adds an error and all that caused it. What only repeats its neighbour is left out.
    pub(super) fn caused_by(mut self, error: &(dyn Error + 'static)) -> Self {
        for cause in chain(error).map(ToString::to_string) {
            let before = self.causes.last().unwrap_or(&self.message);
            if !before.ends_with(&cause) {
                self.causes.push(cause);
            }
        }
        self
    }

    /// Replaces what must not be seen, such as a token that the receiver has quoted.
    pub(super) fn without(mut self, secrets: &[String]) -> Self {
        let texts = self.causes.iter_mut().chain(&mut self.remedy);
        for text in texts.chain([&mut self.message]) {
            hide(text, secrets);
        }
        self
    }
}

impl From<&ExportError> for Finding {
    fn from(error: &ExportError) -> Self {
        let finding = Self {
            remedy: error.remedy().map(str::to_owned),
            ..Self::problem(error.to_string())
        };
        match error.source() {
            Some(source) => finding.caused_by(source),
            None => finding,
        }
    }
}

impl From<&Ignored> for Finding {
    fn from(ignored: &Ignored) -> Self {
        Self::problem(format!("ignored: {ignored}"))
    }
}

impl From<&Hint> for Finding {
    fn from(hint: &Hint) -> Self {
        Self::hint(hint.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_token_is_hidden_wherever_it_stands() {
        let finding = Finding::problem("bad token hunter2")
            .remedy("write another than hunter2")
            .caused_by(&std::io::Error::other("hunter2 is unknown"))
            .without(&["hunter2".to_owned(), "a".to_owned()]);
        assert_eq!(finding.message, "bad token <redacted>");
        assert_eq!(finding.causes, ["<redacted> is unknown"]);
        assert_eq!(finding.remedy.unwrap(), "write another than <redacted>");
    }
}
