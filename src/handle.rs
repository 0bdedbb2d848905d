//! What the user holds.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

#[cfg(feature = "doctor")]
use telemetry_core::config::{Plan, Report};
use telemetry_core::diagnostics::{Level, Voice};
use telemetry_core::pipeline::{FlushError, Pipeline, ShutdownReport, Signal, until};
use telemetry_core::trace::Engine;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::lines::Lines;
#[cfg(feature = "prometheus")]
use crate::page::Page;
use crate::voice::Stderr;

/// The share of a shutdown's time that exports may take; lines and the last words have the rest.
const EXPORT_SHARE: f64 = 0.9;

/// The part of the time left after the exports that the lines get: an output that is stuck must
/// not cost the last words, which say so.
const LINES_SHARE: f64 = 0.75;

/// Telemetry that is running. Keep it until the end of `main`: dropping it flushes everything
/// within one deadline ([`Builder::shutdown_timeout`](crate::Builder::shutdown_timeout), 5 s
/// unless set) and says on stderr what was lost.
#[derive(Debug)]
#[must_use = "dropping the handle shuts telemetry down: bind it to a name, `let telemetry = …`, not to `_`"]
pub struct Telemetry {
    parts: Arc<Parts>,
}

/// Everything that runs.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) pipeline: Option<Pipeline>,
    pub(crate) engine: Option<Arc<Engine>>,
    pub(crate) lines: Lines,
    #[cfg(feature = "autolog-client")]
    pub(crate) autolog: crate::autolog::Client,
    #[cfg(feature = "prometheus")]
    pub(crate) page: Page,
    #[cfg(all(feature = "log", feature = "tower"))]
    pub(crate) loggers_token: Option<telemetry_core::config::Secret>,
    pub(crate) stderr: Stderr,
    pub(crate) voice: Voice,
    #[cfg(feature = "doctor")]
    pub(crate) plan: Plan,
    #[cfg(feature = "doctor")]
    pub(crate) report: Report,
    pub(crate) timeout: Duration,
    pub(crate) ended: OnceLock<Shutdown>,
}

impl Telemetry {
    pub(crate) fn new(parts: Parts) -> Self {
        #[cfg(feature = "autolog-client")]
        parts.autolog.count(&parts.lines);
        Self {
            parts: Arc::new(parts),
        }
    }

    pub(crate) fn parts(&self) -> &Arc<Parts> {
        &self.parts
    }

    /// Flushes everything recorded so far, at most for `timeout`. Telemetry goes on.
    ///
    /// Blocks the calling thread. Works in any runtime or none.
    ///
    /// # Errors
    ///
    /// [`FlushError::Timeout`] if something is not exported or written by then; it still may be.
    pub fn flush(&self, timeout: Duration) -> Result<(), FlushError> {
        self.parts.flush(timeout)
    }

    /// Shuts telemetry down within the configured deadline, without blocking the executor.
    ///
    /// Works on every executor. Whoever shuts down again gets the same report.
    pub async fn shutdown(&self) -> Shutdown {
        let timeout = self.parts.timeout;
        let (done, report) = oneshot::channel();
        let parts = Arc::clone(&self.parts);
        let waiting = std::thread::Builder::new().name("telemetry-shutdown".to_owned());
        let spawned = waiting.spawn(move || drop(done.send(parts.shutdown(timeout))));
        match (spawned, report.await) {
            (Ok(_), Ok(report)) => report,
            // without a thread to wait on, this one must
            _ => self.parts.shutdown(timeout),
        }
    }

    /// Shuts telemetry down, at most for `timeout`: exports what waits, then ends.
    ///
    /// Blocks the calling thread. Whoever shuts down again gets the same report.
    #[expect(
        clippy::must_use_candidate,
        reason = "the report is for those who want it; what it says is on stderr too"
    )]
    pub fn shutdown_blocking(&self, timeout: Duration) -> Shutdown {
        self.parts.shutdown(timeout)
    }

    /// Ends without a word, because nothing was recorded.
    pub(crate) fn abandon(self) {
        self.parts.forget();
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        self.parts.shutdown(self.parts.timeout);
    }
}

impl Parts {
    pub(crate) fn flush(&self, timeout: Duration) -> Result<(), FlushError> {
        let began = Instant::now();
        let exported = self
            .pipeline
            .as_ref()
            .map_or(Ok(()), |pipeline| pipeline.flush(timeout));
        let written = self.lines.flush(timeout.saturating_sub(began.elapsed()));
        exported.and(if written {
            Ok(())
        } else {
            Err(FlushError::Timeout)
        })
    }

    /// Ends everything within `timeout` and says once what it did. Exports first, because spans may
    /// still be made while lines are written, but not with all of the time: a collector that hangs
    /// must not cost the lines.
    pub(crate) fn shutdown(&self, timeout: Duration) -> Shutdown {
        if let Some(report) = self.ended.get() {
            return report.clone();
        }
        let began = Instant::now();
        let end = until(timeout);
        let left = || end.saturating_duration_since(Instant::now());
        let mut exporters = self
            .pipeline
            .as_ref()
            .map(|pipeline| pipeline.shutdown(timeout.mul_f64(EXPORT_SHARE)))
            .unwrap_or_default();
        let (lines, lost_lines) = self.lines.shutdown(left().mul_f64(LINES_SHARE));
        exporters.open_spans = self
            .engine
            .as_ref()
            .map_or(0, |engine| engine.counters().open());
        exporters.took = began.elapsed();
        let mut first = false;
        let report = self.ended.get_or_init(|| {
            first = true;
            Shutdown {
                exporters,
                lines,
                lost_lines,
            }
        });
        if first {
            self.voice
                .say(Level::Info, format_args!("telemetry: {report}"));
            self.stderr.flush(left());
        }
        report.clone()
    }

    fn forget(&self) {
        drop(self.ended.set(Shutdown {
            exporters: ShutdownReport::default(),
            lines: 0,
            lost_lines: 0,
        }));
    }
}

/// What shutdown did.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Shutdown {
    /// Where every span and log record went.
    pub exporters: ShutdownReport,
    /// Log lines that were written.
    pub lines: u64,
    /// Log lines that were dropped.
    pub lost_lines: u64,
}

impl Shutdown {
    /// Everything that did not arrive: spans, log records and lines.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.exporters.lost() + self.lost_lines
    }
}

/// `flushed in 41 ms: 128 spans, 402 log lines; 0 lost`, and why if some are.
impl fmt::Display for Shutdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "flushed in {} ms: ", self.exporters.took.as_millis())?;
        for signal in [Signal::Traces, Signal::Logs, Signal::Metrics] {
            if self.exporters.exports(signal) {
                write!(
                    f,
                    "{} {}, ",
                    self.exporters.exported(signal),
                    signal.items()
                )?;
            }
        }
        write!(f, "{} log lines; {} lost", self.lines, self.lost())?;
        self.exporters.fmt_losses(f)?;
        if self.lost_lines > 0 {
            write!(f, " (lines: {})", self.lost_lines)?;
        }
        Ok(())
    }
}
