//! Keeps spans, log records and metrics in memory, decoded, for tests and for whoever wants to look.

mod log;
mod metric;
mod span;
mod store;
mod value;

pub use log::CapturedLog;
pub use metric::{CapturedExemplar, CapturedMetric, CapturedPoint, CapturedPointValue, MetricKind};
pub use span::{CapturedEvent, CapturedLink, CapturedSpan};
pub use store::Captured;
pub use value::{CapturedAttributes, CapturedValue};

use super::{Accepted, ExportError, ExportFuture, Exporter};
use crate::pipeline::{Batch, Signal};

/// An exporter that keeps what it gets in a [`Captured`] store.
#[derive(Debug)]
pub struct MemoryExporter {
    signal: Signal,
    captured: Captured,
    prepared: Prepared,
}

#[derive(Debug, Default)]
struct Prepared {
    spans: Vec<CapturedSpan>,
    logs: Vec<CapturedLog>,
    metrics: Vec<CapturedMetric>,
}

impl MemoryExporter {
    /// An exporter of one signal into `captured`; a store may serve several exporters.
    #[must_use]
    pub fn new(signal: Signal, captured: Captured) -> Self {
        Self {
            signal,
            captured,
            prepared: Prepared::default(),
        }
    }

    /// Where it keeps what it gets.
    #[must_use]
    pub fn captured(&self) -> &Captured {
        &self.captured
    }
}

impl Exporter for MemoryExporter {
    fn destination(&self) -> String {
        "memory".to_owned()
    }

    fn prepare(&mut self, batch: &Batch) -> Result<(), ExportError> {
        self.prepared = Prepared::default();
        let (prepared, items) = (&mut self.prepared, batch.items());
        match self.signal {
            Signal::Traces => prepared.spans = items.map(CapturedSpan::read).collect(),
            Signal::Logs => prepared.logs = items.map(CapturedLog::read).collect(),
            Signal::Metrics => prepared.metrics = items.map(CapturedMetric::read).collect(),
        }
        Ok(())
    }

    fn attempt(&mut self) -> ExportFuture<'_, Result<Accepted, ExportError>> {
        let Prepared {
            spans,
            logs,
            metrics,
        } = std::mem::take(&mut self.prepared);
        let rejected = self.captured.extend(spans, logs) + self.captured.extend_metrics(metrics);
        Box::pin(std::future::ready(Ok(if rejected == 0 {
            Accepted::all()
        } else {
            Accepted::partly(rejected, "the memory store is full: clear it")
        })))
    }
}

#[cfg(test)]
mod tests;
