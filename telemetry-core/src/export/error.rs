//! Why an export failed, and what to do.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// Why an export failed.
#[derive(Debug)]
pub struct ExportError {
    kind: ExportErrorKind,
    message: String,
    remedy: Option<String>,
    about_credentials: bool,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What follows from a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExportErrorKind {
    /// Worth another try, not before the time that the receiver asked for.
    Retryable {
        /// What `Retry-After` or `RetryInfo` said.
        after: Option<Duration>,
    },
    /// The receiver refused; another try would get the same answer.
    Permanent,
    /// No answer in time: the receiver may have it or not.
    Timeout,
}

impl ExportError {
    /// A failure that a later attempt may not have.
    #[must_use]
    pub fn retryable(message: impl Into<String>, after: Option<Duration>) -> Self {
        Self::new(ExportErrorKind::Retryable { after }, message)
    }

    /// A failure that each attempt would have.
    #[must_use]
    pub fn permanent(message: impl Into<String>) -> Self {
        Self::new(ExportErrorKind::Permanent, message)
    }

    /// No answer in time.
    #[must_use]
    pub fn timeout(message: impl Into<String>) -> Self {
        Self::new(ExportErrorKind::Timeout, message)
    }

    fn new(kind: ExportErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            remedy: None,
            about_credentials: false,
            source: None,
        }
    }

    /// Adds what the operator should do: one sentence.
    #[must_use]
    pub fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Says whether it is the credentials which the receiver refused.
    #[must_use]
    pub fn about_credentials(mut self, yes: bool) -> Self {
        self.about_credentials = yes;
        self
    }

    /// Whether it is the credentials which the receiver refused: missing, wrong, or not allowed to
    /// do this.
    #[must_use]
    pub fn is_about_credentials(&self) -> bool {
        self.about_credentials
    }

    /// The same in other words.
    #[cfg(feature = "otlp")]
    pub(super) fn reworded(mut self, reword: impl FnOnce(&mut String)) -> Self {
        reword(&mut self.message);
        self
    }

    /// What follows from it.
    #[must_use]
    pub fn kind(&self) -> ExportErrorKind {
        self.kind
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> Option<&str> {
        self.remedy.as_deref()
    }
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for ExportError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}
