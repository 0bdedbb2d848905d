//! The one place through which telemetry speaks to the operator.

use std::fmt;
use std::sync::Arc;

/// How important a message is. Ordered: an error is greater than a warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the levels of OTEL_LOG_LEVEL, and off"
)]
pub enum Level {
    /// For those who look for a mistake in telemetry itself.
    Debug,
    /// What is good to know: start, shutdown, recovery.
    Info,
    /// Something is lost or ignored.
    Warn,
    /// Telemetry does not work.
    Error,
    /// Nothing is said.
    Off,
}

/// Says things to the operator, usually on stderr. Cloning is cheap.
///
/// The function that receives the lines must not block: it is called on request threads.
#[derive(Clone)]
pub struct Voice {
    least: Level,
    say: Arc<dyn Fn(&str) + Send + Sync>,
}

impl Voice {
    /// A voice that hands each line of at least this level to `say`, without a line end.
    #[must_use]
    pub fn new(least: Level, say: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self {
            least,
            say: Arc::new(say),
        }
    }

    /// A voice that says nothing.
    #[must_use]
    pub fn silent() -> Self {
        Self::new(Level::Off, |_| {})
    }

    /// Says one line, if its level is wanted.
    pub fn say(&self, level: Level, line: impl fmt::Display) {
        if level >= self.least && level != Level::Off {
            (self.say)(&line.to_string());
        }
    }
}

impl fmt::Debug for Voice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Voice")
            .field("least", &self.least)
            .finish_non_exhaustive()
    }
}
