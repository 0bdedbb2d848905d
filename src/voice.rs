//! Telemetry's own lines on stderr: the start-up line, warnings, what shutdown did.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use telemetry_core::config::DiagnosticLevel;
use telemetry_core::diagnostics::{Level, Voice};
use telemetry_core::export::writer::{WriterLimits, WriterThread};

/// How long the last lines may take to be written: stderr may be a pipe that nobody reads.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// Stderr behind a thread of its own, so that a stuck terminal stops nobody.
#[derive(Clone, Debug)]
pub(crate) struct Stderr {
    writer: Option<Arc<WriterThread>>,
}

impl Stderr {
    pub(crate) fn open() -> Self {
        let writer = WriterThread::spawn(
            "telemetry-stderr",
            Box::new(io::stderr()),
            WriterLimits::default(),
        );
        Self {
            writer: writer.ok().map(Arc::new),
        }
    }

    /// A voice that speaks here.
    pub(crate) fn voice(&self, level: DiagnosticLevel) -> Voice {
        let stderr = self.clone();
        Voice::new(least(level), move |line| stderr.write(line))
    }

    /// Waits a moment for what was said to be written.
    pub(crate) fn flush(&self, timeout: Duration) {
        if let Some(writer) = &self.writer {
            // a reader that is gone has nothing to miss
            let _ = writer.flush_blocking(timeout.min(LAST_WORDS));
        }
    }

    /// The thread behind it, for others who write here.
    pub(crate) fn writer(&self) -> Option<&Arc<WriterThread>> {
        self.writer.as_ref()
    }

    fn write(&self, line: &str) {
        if let Some(writer) = &self.writer {
            // what does not fit is counted by the writer; there is no third path to say so
            drop(writer.write(format!("{line}\n").into_bytes()));
        }
    }
}

fn least(level: DiagnosticLevel) -> Level {
    match level {
        DiagnosticLevel::Off => Level::Off,
        DiagnosticLevel::Error => Level::Error,
        DiagnosticLevel::Warn => Level::Warn,
        DiagnosticLevel::Info => Level::Info,
        _ => Level::Debug,
    }
}
