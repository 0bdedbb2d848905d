//! Telemetry for people: a tree of each trace with a waterfall, a line for each record, a table of
//! metrics.

mod attributes;
mod escape;
mod held;
mod line;
mod logs;
mod metrics;
mod render;
mod terminal;
mod time;
mod traces;
mod tree;

pub use logs::ConsoleLogExporter;
pub use metrics::ConsoleMetricExporter;
pub use terminal::Terminal;
pub use traces::ConsoleSpanExporter;

#[cfg(feature = "testing")]
pub(crate) use {
    escape::escape,
    render::render,
    tree::{Hidden, Node, Shape, Tree},
};

use std::time::Duration;

use super::ExportError;
use super::writer::{FlushError, WriteError, WriterThread};

/// What flushing waits for at most when nobody waits less: a terminal takes text at once, so one
/// that does not in two seconds is stuck.
const FLUSH: Duration = Duration::from_secs(2);

/// Writes `text`, which stays where it is if the writer has no room for it.
fn write(writer: &WriterThread, text: &mut Vec<u8>) -> Result<(), ExportError> {
    if text.is_empty() {
        return Ok(());
    }
    match writer.write(std::mem::take(text)) {
        Ok(()) => Ok(()),
        Err(WriteError::Full { text: refused }) => {
            *text = refused;
            Err(
                ExportError::retryable("stderr does not keep up", None).with_remedy(
                    "is the terminal paused (Ctrl-Q resumes), or the pipe's reader stuck?",
                ),
            )
        }
        Err(error) => Err(ExportError::permanent("stderr is closed")
            .with_remedy("send telemetry elsewhere: set OTEL_TRACES_EXPORTER, OTEL_LOGS_EXPORTER and OTEL_METRICS_EXPORTER")
            .with_source(error)),
    }
}

async fn flush(writer: &WriterThread) -> Result<(), ExportError> {
    writer.flush(FLUSH).await.map_err(|error| match error {
        FlushError::Timeout => ExportError::timeout("stderr does not keep up"),
        FlushError::Gone => ExportError::permanent("stderr is closed"),
    })
}

#[cfg(test)]
mod tests;
