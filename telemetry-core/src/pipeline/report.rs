//! What a flush or a shutdown says.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use super::Signal;
use crate::diagnostics::ExporterStatus;

/// Why a flush did not end well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FlushError {
    /// The deadline passed first; the export goes on.
    Timeout,
    /// The telemetry thread cannot wait for itself.
    OwnThread,
    /// An exporter has ended: by a shutdown before, or because it panicked. The others have flushed.
    Ended,
}

impl fmt::Display for FlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Timeout => {
                "not everything was exported before the deadline; the export goes on: see status()"
            }
            Self::OwnThread => {
                "flush was called on the telemetry thread, which cannot wait for itself"
            }
            Self::Ended => {
                "an exporter has ended, by shutdown or because it panicked: see status()"
            }
        })
    }
}

impl Error for FlushError {}

/// What shutdown did: where every item went.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Each exporter at the end.
    pub exporters: Vec<ExporterStatus>,
    /// How long it took.
    pub took: Duration,
    /// Sampled spans that were still open; they are not exported.
    pub open_spans: u64,
}

impl ShutdownReport {
    pub(super) fn new(exporters: Vec<ExporterStatus>, took: Duration) -> Self {
        Self {
            exporters,
            took,
            open_spans: 0,
        }
    }

    /// Items of a signal that arrived, over all exporters.
    #[must_use]
    pub fn exported(&self, signal: Signal) -> u64 {
        self.of(signal)
            .map(|exporter| exporter.ledger.exported)
            .sum()
    }

    /// Items that did not arrive, over all exporters and signals; open spans are not among them.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.exporters
            .iter()
            .map(|exporter| exporter.ledger.dropped.total() + exporter.ledger.pending)
            .sum()
    }

    fn of(&self, signal: Signal) -> impl Iterator<Item = &ExporterStatus> {
        self.exporters
            .iter()
            .filter(move |exporter| exporter.signal == signal)
    }
}

impl ShutdownReport {
    /// Whether the signal has an exporter.
    #[must_use]
    pub fn exports(&self, signal: Signal) -> bool {
        self.of(signal).next().is_some()
    }

    /// Writes why items were lost, in parentheses, or nothing.
    ///
    /// # Errors
    ///
    /// Those of the formatter.
    pub fn fmt_losses(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for exporter in self
            .exporters
            .iter()
            .filter(|exporter| exporter.ledger.dropped.total() > 0)
        {
            write!(
                f,
                " ({} to {}: {})",
                exporter.signal, exporter.destination, exporter.ledger.dropped
            )?;
        }
        if self.open_spans > 0 {
            write!(f, "; {} spans were still open", self.open_spans)?;
        }
        Ok(())
    }
}

/// `flushed in 41 ms: 128 spans, 402 log records; 0 lost`, and why if some are.
impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "flushed in {} ms:", self.took.as_millis())?;
        let mut separator = " ";
        for signal in [Signal::Traces, Signal::Logs, Signal::Metrics] {
            if self.exports(signal) {
                write!(f, "{separator}{} {}", self.exported(signal), signal.items())?;
                separator = ", ";
            }
        }
        write!(f, "; {} lost", self.lost())?;
        self.fmt_losses(f)
    }
}
