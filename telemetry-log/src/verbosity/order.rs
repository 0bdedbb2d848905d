//! A wish for more lines.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tracing_core::Level;

use super::Scope;

/// More lines than the base level gives, in one place, for a while.
///
/// It only ever adds: the level that holds is the more verbose of the base level and those of the
/// overrides that match.
///
/// ```
/// use std::time::Duration;
/// use telemetry_log::{Override, Scope};
/// use tracing::Level;
///
/// let wish = Override::new(Scope::Route("/pay".into()), Level::DEBUG, Duration::from_secs(600))
///     .reason("refunds fail since 14:20")
///     .source("ada");
/// ```
#[derive(Clone, Debug)]
#[must_use = "an override does nothing until it is set"]
pub struct Override {
    pub(super) scope: Scope,
    pub(super) level: Level,
    pub(super) lasts: Duration,
    pub(super) targets: Vec<String>,
    pub(super) reason: String,
    pub(super) source: String,
    pub(super) session: Option<Arc<str>>,
}

impl Override {
    /// The longest time that an override lasts; more is cut. A day is the longest session of the
    /// auto-log service too: what is needed for longer belongs into `RUST_LOG`.
    pub const MAX_DURATION: Duration = Duration::from_secs(24 * 60 * 60);

    /// An override that ends by itself after `lasts`, at most a day.
    pub fn new(scope: Scope, level: Level, lasts: Duration) -> Self {
        Self {
            scope,
            level,
            lasts: lasts.min(Self::MAX_DURATION),
            targets: Vec::new(),
            reason: String::new(),
            source: "code".to_owned(),
            session: None,
        }
    }

    /// Applies it only to targets that begin with one of these, records of the `log` crate among
    /// them. Default: all. A short list is cheap for the lines that it does not name.
    pub fn targets<T: Into<String>>(mut self, targets: impl IntoIterator<Item = T>) -> Self {
        self.targets = targets.into_iter().map(Into::into).collect();
        self
    }

    /// Says why, for whoever lists the overrides.
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = reason.into();
        self
    }

    /// Says who sets it; see [`Verbosity::replace_source`](super::Verbosity::replace_source).
    /// Default: `code`.
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.source = source.into();
        self
    }

    /// Names the session that it belongs to: lines and spans within its scope carry it as
    /// `autolog.session.id`.
    pub fn session(mut self, id: impl Into<String>) -> Self {
        self.session = Some(Arc::from(id.into()));
        self
    }

    /// What it says beside its scope.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        let texts = [&*self.reason, &*self.source];
        let targets = self.targets.iter().map(String::as_str);
        texts
            .into_iter()
            .chain(self.session.as_deref())
            .chain(targets)
    }
}

/// Names an override that was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OverrideId(pub(super) u64);

impl OverrideId {
    /// The number of this process.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for OverrideId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// An override that is set.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OverrideStatus {
    /// Its name.
    pub id: OverrideId,
    /// Where it applies.
    pub scope: Scope,
    /// The level that it gives.
    pub level: Level,
    /// The targets to which it is restricted; none is all.
    pub targets: Vec<String>,
    /// Why it was set.
    pub reason: String,
    /// Who set it.
    pub source: String,
    /// The session that it belongs to.
    pub session: Option<String>,
    /// How long it still lasts.
    pub remaining: Duration,
}

/// An override could not be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OverrideError {
    /// As many are set as there can be: [`Verbosity::MAX_OVERRIDES`](super::Verbosity::MAX_OVERRIDES).
    TooMany,
    /// A text is longer than 1024 bytes, or the process knows more than 4096 routes.
    TooLong,
}

impl fmt::Display for OverrideError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooMany => {
                "1000 overrides of the log's level are set already; remove some, or wait until \
                 they expire"
            }
            Self::TooLong => {
                "a text of the override is longer than 1024 bytes, or there are more than 4096 \
                 routes; shorten it"
            }
        })
    }
}

impl Error for OverrideError {}
