//! What was captured, shared between exporters and whoever looks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{CapturedLog, CapturedMetric, CapturedSpan};

/// Captured spans, log records and metrics, in the order of their arrival. Clones share one store.
#[derive(Clone, Debug, Default)]
pub struct Captured(Arc<Mutex<Items>>);

#[derive(Debug, Default)]
struct Items {
    spans: Vec<CapturedSpan>,
    logs: Vec<CapturedLog>,
    metrics: Vec<CapturedMetric>,
    points: usize,
}

/// The most items of each signal that are kept, of metrics data points: far more than a test looks at, and a program that
/// forgets to clear its store does not grow for ever.
const MAX_ITEMS: usize = 100_000;

impl Captured {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The spans that have arrived.
    #[must_use]
    pub fn spans(&self) -> Vec<CapturedSpan> {
        self.items().spans.clone()
    }

    /// The log records that have arrived.
    #[must_use]
    pub fn logs(&self) -> Vec<CapturedLog> {
        self.items().logs.clone()
    }

    /// The metrics that have arrived: each as often as it was exported.
    #[must_use]
    pub fn metrics(&self) -> Vec<CapturedMetric> {
        self.items().metrics.clone()
    }

    /// Forgets everything.
    pub fn clear(&self) {
        *self.items() = Items::default();
    }

    /// Adds items and says how many did not fit.
    pub(crate) fn extend(&self, spans: Vec<CapturedSpan>, logs: Vec<CapturedLog>) -> u64 {
        let mut items = self.items();
        append(&mut items.spans, spans) + append(&mut items.logs, logs)
    }

    /// Adds metrics and says how many data points did not fit.
    pub(crate) fn extend_metrics(&self, metrics: Vec<CapturedMetric>) -> u64 {
        let mut items = self.items();
        let mut rejected = 0;
        for metric in metrics {
            let points = metric.points.len();
            if items.points + points > MAX_ITEMS {
                rejected += points as u64;
            } else {
                items.points += points;
                items.metrics.push(metric);
            }
        }
        rejected
    }

    fn items(&self) -> MutexGuard<'_, Items> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn append<T>(kept: &mut Vec<T>, new: Vec<T>) -> u64 {
    let room = MAX_ITEMS.saturating_sub(kept.len());
    let rejected = new.len().saturating_sub(room);
    kept.extend(new.into_iter().take(room));
    u64::try_from(rejected).unwrap_or(u64::MAX)
}
