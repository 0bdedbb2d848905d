//! The attempts to deliver one batch.

use std::error::Error;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::lane::Lane;
use super::warning::Warnings;
use super::{Batch, DropReason, until};
use crate::export::{Accepted, ExportError, ExportErrorKind, Exporter};
use crate::trace::random;

/// Where a batch ended up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The receiver has it, but for what it rejected.
    Delivered { rejected: u64 },
    /// It did not arrive, or nobody knows.
    Dropped(DropReason),
}

/// Delivers batches through one exporter.
pub(super) struct Delivery {
    lane: Arc<Lane>,
    exporter: Box<dyn Exporter>,
    deadline: watch::Receiver<Option<Instant>>,
    warnings: Warnings,
    /// Until when the receiver asked to be spared, if that is longer than its batch could wait.
    not_before: Option<Instant>,
}

/// The longest that a receiver is spared after its batch was given up: what it asked for may be a
/// mistake, and nothing is sent meanwhile.
const LONGEST_REST: Duration = Duration::from_secs(5 * 60);

/// How an attempt or a wait ended.
enum Step {
    Answered(Result<Accepted, ExportError>),
    TimedOut,
    ShutDown,
}

impl Delivery {
    pub(super) fn new(
        lane: Arc<Lane>,
        exporter: Box<dyn Exporter>,
        deadline: watch::Receiver<Option<Instant>>,
    ) -> Self {
        Self {
            warnings: Warnings::default(),
            lane,
            exporter,
            deadline,
            not_before: None,
        }
    }

    /// Waits as long as the receiver asked, then tries until it answers for good or the time is up.
    pub(super) async fn deliver(&mut self, batch: &Batch) -> Outcome {
        self.rest().await;
        let began = self.lane.clock().now();
        self.lane.exports().begin(batch.weight());
        let outcome = match self.exporter.prepare(batch) {
            Ok(()) => self.try_until_done(batch.weight()).await,
            Err(error) => {
                self.note(&error, 1);
                Outcome::Dropped(DropReason::Refused)
            }
        };
        self.exporter.release();
        let took = self.lane.clock().now().since(began);
        self.lane.exports().end(&self.lane, &outcome, took);
        if outcome != (Outcome::Delivered { rejected: 0 }) {
            self.warnings.report(&self.lane);
        }
        outcome
    }

    async fn try_until_done(&mut self, items: usize) -> Outcome {
        let budget = until(self.lane.settings().export_timeout);
        let mut tries = 0;
        loop {
            tries += 1;
            let error = match self.attempt(budget).await {
                Step::Answered(Ok(accepted)) => return self.accepted(&accepted, items),
                Step::Answered(Err(error)) => error,
                Step::TimedOut => self.timed_out(),
                Step::ShutDown => {
                    self.note(&self.cut_short(), tries);
                    return Outcome::Dropped(DropReason::Unconfirmed);
                }
            };
            self.note(&error, tries);
            let retry_at = match error.kind() {
                ExportErrorKind::Permanent => return Outcome::Dropped(DropReason::Refused),
                ExportErrorKind::Retryable { after } => {
                    until(after.unwrap_or_default().max(self.pause(tries)))
                }
                ExportErrorKind::Timeout => until(self.pause(tries)),
            };
            if retry_at >= budget {
                self.not_before = rest(&error);
                return Outcome::Dropped(given_up(&error, DropReason::RetriesExhausted));
            }
            if let Step::ShutDown = self.pause_until(retry_at).await {
                return Outcome::Dropped(given_up(&error, DropReason::Unsent));
            }
        }
    }

    async fn attempt(&mut self, budget: Instant) -> Step {
        let until = budget.min(until(self.lane.settings().attempt_timeout));
        let deadline = passed(self.deadline.clone());
        tokio::select! {
            biased;
            answer = self.exporter.attempt() => Step::Answered(answer),
            () = sleep_until(until) => Step::TimedOut,
            () = deadline => Step::ShutDown,
        }
    }

    async fn pause_until(&self, until: Instant) -> Step {
        tokio::select! {
            () = sleep_until(until) => Step::TimedOut,
            () = passed(self.deadline.clone()) => Step::ShutDown,
        }
    }

    /// Waits until the receiver takes batches again; a shutdown has no time for that.
    async fn rest(&mut self) {
        let Some(until) = self.not_before.take() else {
            return;
        };
        let mut deadline = self.deadline.clone();
        tokio::select! {
            () = sleep_until(until) => {}
            Ok(_) = deadline.wait_for(Option::is_some) => {}
        }
    }

    fn pause(&self, tries: u32) -> Duration {
        self.lane.settings().backoff.wait(tries, random::next())
    }

    fn timed_out(&self) -> ExportError {
        let timeout = self.lane.settings().attempt_timeout;
        ExportError::timeout(format!(
            "{} did not answer within {timeout:?}",
            self.exporter.destination()
        ))
        .with_remedy("Check that it is the receiver and that it is not overloaded")
    }

    fn cut_short(&self) -> ExportError {
        ExportError::timeout(format!(
            "{} did not answer before the deadline of shutdown",
            self.exporter.destination()
        ))
    }

    fn accepted(&mut self, accepted: &Accepted, items: usize) -> Outcome {
        let failed = self.lane.succeeded();
        self.warnings.recovered(&self.lane, failed);
        if accepted.rejected > 0 || !accepted.message.is_empty() {
            self.warnings.partly(&self.lane, accepted, items);
        }
        Outcome::Delivered {
            rejected: accepted.rejected,
        }
    }

    fn note(&self, error: &ExportError, tries: u32) {
        self.lane.failed(&in_words(error));
        self.warnings.failing(&self.lane, tries);
    }

    /// Waits until everything that was sent is where it belongs, as long as for a batch.
    pub(super) async fn flush(&mut self) {
        let timeout = self.lane.settings().export_timeout;
        let deadline = passed(self.deadline.clone());
        let flushed = tokio::select! {
            flushed = self.exporter.flush() => flushed,
            () = sleep_until(until(timeout)) => Err(ExportError::timeout(format!(
                "{} did not flush within {timeout:?}",
                self.exporter.destination()
            ))),
            () = deadline => Ok(()),
        };
        if let Err(error) = flushed {
            self.lane.failed(&in_words(&error));
        }
    }

    pub(super) async fn shutdown(&mut self) {
        let deadline = passed(self.deadline.clone());
        tokio::select! {
            ended = self.exporter.shutdown() => {
                if let Err(error) = ended {
                    self.lane.failed(&in_words(&error));
                }
            }
            () = deadline => {}
        }
    }
}

/// Until when the receiver asked to be spared.
fn rest(error: &ExportError) -> Option<Instant> {
    match error.kind() {
        ExportErrorKind::Retryable { after } => after.map(|after| until(after.min(LONGEST_REST))),
        ExportErrorKind::Permanent | ExportErrorKind::Timeout => None,
    }
}

fn given_up(error: &ExportError, reason: DropReason) -> DropReason {
    if error.kind() == ExportErrorKind::Timeout {
        DropReason::Unconfirmed
    } else {
        reason
    }
}

/// Waits until the deadline of shutdown has been set and has passed.
async fn passed(mut deadline: watch::Receiver<Option<Instant>>) {
    loop {
        let set = *deadline.borrow_and_update();
        match set {
            Some(at) => {
                tokio::select! {
                    () = sleep_until(at) => return,
                    changed = deadline.changed() => if changed.is_err() { return sleep_until(at).await },
                }
            }
            None if deadline.changed().await.is_err() => return std::future::pending().await,
            None => {}
        }
    }
}

/// The error with its causes and its remedy.
fn in_words(error: &ExportError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let words = next.to_string();
        if !text.contains(&words) {
            let _ = write!(text, ": {words}");
        }
        cause = next.source();
    }
    if let Some(remedy) = error.remedy() {
        let _ = write!(text, ". {remedy}");
    }
    text
}
