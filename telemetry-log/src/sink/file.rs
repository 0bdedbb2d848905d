//! Log files that are replaced when they are large or old.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Local};
use telemetry_core::clock::Clock;
use tracing_rolling_file::{RollingCondition, RollingFileAppender};

use super::LogSink;

/// A log file: where it is and when it is replaced.
///
/// The file keeps its name; the one before it gets the suffix `.1`, and so on. It is created with
/// its folder when the first line comes. If the file or its folder vanishes, it is created again;
/// while that is impossible or the disk is full, lines are lost and counted, and the next batch
/// is tried again.
///
/// Defaults: replaced at 100 MiB, never by time, 5 old files kept.
#[derive(Clone, Debug)]
pub struct FileConfig {
    pub(crate) path: PathBuf,
    rotation: Rotation,
    max_bytes: u64,
    keep: usize,
    clock: Clock,
}

/// After what time a log file is replaced, counted in UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rotation {
    /// By size only.
    #[default]
    Never,
    /// When a minute begins.
    Minutely,
    /// When an hour begins.
    Hourly,
    /// When a day begins.
    Daily,
}

impl FileConfig {
    /// A file at this path.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            rotation: Rotation::Never,
            max_bytes: 100 * 1024 * 1024,
            keep: 5,
            clock: Clock::system(),
        }
    }

    /// Replaces the file when a period begins as well.
    #[must_use]
    pub fn rotation(mut self, rotation: Rotation) -> Self {
        self.rotation = rotation;
        self
    }

    /// Replaces the file once it has this many bytes. It may exceed it by one batch of lines.
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes.max(1);
        self
    }

    /// Keeps this many old files, at least one.
    #[must_use]
    pub fn keep(mut self, files: usize) -> Self {
        self.keep = files.max(1);
        self
    }

    /// Reads the time for the rotation from this clock.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    pub(crate) fn open(self) -> Box<dyn LogSink> {
        Box::new(RollingFile {
            config: self,
            appender: None,
            broken: false,
        })
    }
}

impl Rotation {
    fn seconds(self) -> Option<u64> {
        match self {
            Self::Never => None,
            Self::Minutely => Some(60),
            Self::Hourly => Some(3_600),
            Self::Daily => Some(86_400),
        }
    }
}

struct RollingFile {
    config: FileConfig,
    appender: Option<RollingFileAppender<Condition>>,
    /// Whether a failed write may have left the beginning of a line behind.
    broken: bool,
}

impl RollingFile {
    fn appender(&mut self) -> io::Result<&mut RollingFileAppender<Condition>> {
        // a file that was deleted or moved away would take lines that nobody ever sees
        if self.appender.is_some() && !self.config.path.exists() {
            self.appender = None;
        }
        let appender = match self.appender.take() {
            Some(appender) => appender,
            None => self.open()?,
        };
        Ok(self.appender.insert(appender))
    }

    fn open(&self) -> io::Result<RollingFileAppender<Condition>> {
        let path = &self.config.path;
        if path.to_str().is_none() {
            let message = format!("the path {} is not valid UTF-8", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let condition = Condition::new(&self.config, path);
        RollingFileAppender::new(path, condition, self.config.keep)
    }

    fn put(&mut self, lines: &[u8]) -> io::Result<()> {
        let broken = self.broken;
        let appender = self.appender()?;
        if broken {
            appender.write_all(b"\n")?;
        }
        appender.write_all(lines)?;
        // the appender's own buffer would keep what the disk refuses, and say so too late
        appender.flush()
    }
}

impl LogSink for RollingFile {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        let written = self.put(lines);
        self.broken = written.is_err() && self.appender.is_some();
        if written.is_err() {
            self.appender = None;
        }
        written
    }
}

/// Decides when the file is replaced: by its size and by the period in which it was last written,
/// in UTC, where every day has 24 hours and every hour comes once.
struct Condition {
    clock: Clock,
    seconds: Option<u64>,
    max_bytes: u64,
    period: Option<u64>,
}

impl Condition {
    fn new(config: &FileConfig, path: &Path) -> Self {
        let seconds = config.rotation.seconds();
        let modified = path.metadata().and_then(|data| data.modified()).ok();
        let since_epoch = modified.and_then(|time| {
            let since = time.duration_since(std::time::UNIX_EPOCH);
            since.ok().as_ref().map(Duration::as_secs)
        });
        Self {
            clock: config.clock.clone(),
            seconds,
            max_bytes: config.max_bytes,
            period: since_epoch
                .zip(seconds)
                .map(|(time, seconds)| time / seconds),
        }
    }
}

impl RollingCondition for Condition {
    fn should_rollover(&mut self, _: &DateTime<Local>, size: u64) -> bool {
        let now = self.clock.now().unix_nanos() / 1_000_000_000;
        let period = self.seconds.map(|seconds| now / seconds);
        let before = std::mem::replace(&mut self.period, period);
        size >= self.max_bytes || before.is_some_and(|before| Some(before) != period)
    }
}
