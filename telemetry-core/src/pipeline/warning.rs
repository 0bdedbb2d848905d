//! Telling the operator that telemetry does not arrive, and not too often.

use std::cell::Cell;
use std::time::Duration;

use super::lane::Lane;
use crate::clock::Timestamp;
use crate::diagnostics::Level;
use crate::export::Accepted;

/// The least time between two warnings of one exporter.
const PAUSE: Duration = Duration::from_secs(60);

/// The number of failed tries of a batch after which the operator is told: the first ones may be
/// a collector that restarts.
const PATIENCE: u32 = 3;

/// When one exporter's operator was last warned.
#[derive(Debug, Default)]
pub(super) struct Warnings {
    failing_at: Cell<Option<Timestamp>>,
    partly_at: Cell<Option<Timestamp>>,
    collection_at: Cell<Option<Timestamp>>,
}

impl Warnings {
    /// A try of a batch has failed.
    pub(super) fn failing(&self, lane: &Lane, tries: u32) {
        if tries == PATIENCE {
            self.report(lane);
        }
    }

    /// Says why nothing arrives, at most once a minute.
    pub(super) fn report(&self, lane: &Lane) {
        let status = lane.status();
        let Some(error) = status.health.last_error else {
            return;
        };
        if !due(&self.failing_at, lane) {
            return;
        }
        let tries = status.health.failed_attempts;
        let (what, pending, lost) = (
            lane.signal().items(),
            status.ledger.pending,
            status.ledger.dropped.total(),
        );
        let (cause, remedy) = error.split_once(". ").unwrap_or((&error, ""));
        let s = if tries == 1 { "y" } else { "ies" };
        let line = format!(
            "telemetry: {} do not arrive: {cause} ({tries} tr{s}, {pending} {what} wait, {lost} lost). {remedy}",
            lane.signal()
        );
        lane.voice().say(Level::Warn, line.trim_end());
    }

    /// Says that things arrive again, if it was said that they did not.
    pub(super) fn recovered(&self, lane: &Lane, failed: u64) {
        if failed > 0 && self.failing_at.take().is_some() {
            let lost = lane.ledger().dropped.total();
            let line = format!(
                "telemetry: {} arrive again at {} ({lost} lost)",
                lane.signal(),
                lane.destination()
            );
            lane.voice().say(Level::Info, line);
        }
    }

    /// Says what a receiver rejected, at most once a minute.
    pub(super) fn partly(&self, lane: &Lane, accepted: &Accepted, items: usize) {
        if !due(&self.partly_at, lane) {
            return;
        }
        let Accepted { rejected, message } = accepted;
        let line = format!(
            "telemetry: {} rejected {rejected} of {items} {}: {message}",
            lane.destination(),
            lane.signal().items(),
        );
        lane.voice().say(Level::Warn, line);
    }

    /// Says that values were not asked for, at most once a minute.
    pub(super) fn collection(&self, lane: &Lane, what: &str) {
        if due(&self.collection_at, lane) {
            let line = format!("telemetry: observable metrics are missing: {what}");
            lane.voice().say(Level::Warn, line);
        }
    }
}

fn due(last: &Cell<Option<Timestamp>>, lane: &Lane) -> bool {
    let now = lane.clock().now();
    let due = last.get().is_none_or(|at| now.since(at) >= PAUSE);
    if due {
        last.set(Some(now));
    }
    due
}
