//! What a user says about a sink.

use std::fmt;

use tracing_core::{Level, LevelFilter};

use super::{FileConfig, LogSink};
use crate::json::JsonFormat;
use crate::pretty::PrettyFormat;

/// A place for log lines, and what it wants of them.
///
/// # Examples
///
/// ```
/// use telemetry_log::{FileConfig, JsonFormat, Keys, PrettyFormat, SinkConfig};
/// use tracing::level_filters::LevelFilter;
///
/// let terminal = SinkConfig::stderr().pretty(PrettyFormat::new().color(true));
/// let file = SinkConfig::file(FileConfig::new("log/app.json").max_bytes(64 << 20))
///     .json(JsonFormat::new().keys(Keys::ecs()))
///     .level(LevelFilter::WARN);
/// ```
#[derive(Debug)]
pub struct SinkConfig {
    pub(crate) destination: Destination,
    pub(crate) format: Format,
    pub(crate) level: LevelFilter,
    pub(crate) below: Option<Level>,
    pub(crate) limits: SinkLimits,
    pub(crate) overflow: Overflow,
}

/// Where lines end up.
pub(crate) enum Destination {
    Stdout,
    Stderr,
    File(FileConfig),
    Custom(String, Box<dyn LogSink>),
}

/// What lines look like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json(JsonFormat),
    Pretty(PrettyFormat),
}

/// How much may wait for a sink.
///
/// Defaults: 32,768 lines and 8 MiB, so about a second of the fastest programs, or a minute of
/// common ones, while a disk or a terminal is stuck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "every queue is bounded by these two"
)]
pub struct SinkLimits {
    /// The most lines that wait, at least 1 and below 16,777,216.
    pub lines: usize,
    /// The most bytes that wait, below a tebibyte.
    pub bytes: usize,
}

impl Default for SinkLimits {
    fn default() -> Self {
        Self {
            lines: 32_768,
            bytes: 8 * 1024 * 1024,
        }
    }
}

/// What happens to a line that finds its queue full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overflow {
    /// It is dropped and counted.
    #[default]
    DropNewest,
    /// The oldest lines that wait are dropped and counted, those of the same thread first.
    DropOldest,
    /// The caller waits until there is room: no line is lost, and a stuck sink stops the program.
    Block,
}

impl SinkConfig {
    /// JSON on the standard output.
    #[must_use]
    pub fn stdout() -> Self {
        Self::new(Destination::Stdout)
    }

    /// JSON on the standard error output.
    #[must_use]
    pub fn stderr() -> Self {
        Self::new(Destination::Stderr)
    }

    /// JSON in a file.
    #[must_use]
    pub fn file(file: FileConfig) -> Self {
        Self::new(Destination::File(file))
    }

    /// JSON to a sink of one's own; `name` is for messages about it.
    #[must_use]
    pub fn custom(name: impl Into<String>, sink: impl LogSink + 'static) -> Self {
        Self::new(Destination::Custom(name.into(), Box::new(sink)))
    }

    /// WARN and above on the standard error output, the rest on the standard output.
    #[must_use]
    pub fn split() -> [Self; 2] {
        [
            Self::stdout().below(Level::WARN),
            Self::stderr().level(LevelFilter::WARN),
        ]
    }

    fn new(destination: Destination) -> Self {
        Self {
            destination,
            format: Format::Json(JsonFormat::default()),
            level: LevelFilter::TRACE,
            below: None,
            limits: SinkLimits::default(),
            overflow: Overflow::default(),
        }
    }

    /// Writes JSON of this form.
    #[must_use]
    pub fn json(mut self, format: JsonFormat) -> Self {
        self.format = Format::Json(format);
        self
    }

    /// Writes lines for people.
    #[must_use]
    pub fn pretty(mut self, format: PrettyFormat) -> Self {
        self.format = Format::Pretty(format);
        self
    }

    /// Takes events of this level and more severe ones; the default is all that the program's
    /// base level lets through.
    #[must_use]
    pub fn level(mut self, level: LevelFilter) -> Self {
        self.level = level;
        self
    }

    /// Takes only events less severe than `level`.
    #[must_use]
    pub fn below(mut self, level: Level) -> Self {
        self.below = Some(level);
        self
    }

    /// Sets how much may wait.
    #[must_use]
    pub fn limits(mut self, limits: SinkLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets what happens to a line that finds the queue full.
    #[must_use]
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }
}

impl Destination {
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Stdout => "stdout".to_owned(),
            Self::Stderr => "stderr".to_owned(),
            Self::File(file) => file.path.display().to_string(),
            Self::Custom(name, _) => name.clone(),
        }
    }
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}
