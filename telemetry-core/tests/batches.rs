//! When batches leave, how large they are, and what happens to the attempts to deliver them.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests fail by panicking and read the time themselves"
)]

use std::future::{pending, ready};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use telemetry_core::clock::Clock;
use telemetry_core::diagnostics::{Level, Voice};
use telemetry_core::export::{Accepted, ExportError, ExportFuture, Exporter};
use telemetry_core::otlp::ScopeId;
use telemetry_core::pipeline::{
    Backoff, Batch, DropReason, Lane, LaneSettings, Pipeline, Queue, QueueLimits, Signal,
};

/// Longer than anything takes that is expected to happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// Never, as far as a test can tell.
const NEVER: Duration = Duration::from_secs(3600);

/// What happens to an attempt.
#[derive(Clone, Copy)]
enum Answer {
    RetryAfter(Duration),
    Hang,
}

/// What an exporter saw.
#[derive(Debug, PartialEq)]
enum Seen {
    /// An attempt with a batch of so many items and bytes.
    Attempt(usize, usize),
    /// An attempt was given up: its future is gone.
    Cancelled,
}

/// Answers as it was told, then takes everything.
struct Scripted {
    answers: Vec<Answer>,
    prepared: (usize, usize),
    seen: Sender<Seen>,
}

struct Guard(Sender<Seen>);

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.0.send(Seen::Cancelled));
    }
}

impl Exporter for Scripted {
    fn destination(&self) -> String {
        "the test".to_owned()
    }

    fn prepare(&mut self, batch: &Batch) -> Result<(), ExportError> {
        self.prepared = (batch.len(), batch.size());
        Ok(())
    }

    fn attempt(&mut self) -> ExportFuture<'_, Result<Accepted, ExportError>> {
        drop(
            self.seen
                .send(Seen::Attempt(self.prepared.0, self.prepared.1)),
        );
        if self.answers.is_empty() {
            return Box::pin(ready(Ok(Accepted::all())));
        }
        match self.answers.remove(0) {
            Answer::RetryAfter(after) => {
                Box::pin(ready(Err(ExportError::retryable("busy", Some(after)))))
            }
            Answer::Hang => {
                let guard = Guard(self.seen.clone());
                Box::pin(async move {
                    let _guard = guard;
                    pending().await
                })
            }
        }
    }
}

/// Nothing leaves by itself, unless a test says when.
fn settings() -> LaneSettings {
    LaneSettings {
        signal: Signal::Traces,
        queue: QueueLimits {
            items: 1000,
            bytes: 1 << 20,
            wake_at: 1000,
            item_bytes: 1 << 19,
        },
        schedule_delay: NEVER,
        export_timeout: NEVER,
        attempt_timeout: NEVER,
        batch_items: 1000,
        batch_bytes: 1 << 20,
        backoff: Backoff {
            initial: Duration::from_millis(1),
            max: Duration::from_millis(1),
        },
    }
}

fn start(settings: LaneSettings, answers: Vec<Answer>) -> (Pipeline, Arc<Lane>, Receiver<Seen>) {
    let (sender, seen) = channel();
    let voice = Voice::new(Level::Info, |_| {});
    let lane = Arc::new(Lane::new(settings, "the test", Clock::system(), voice));
    let exporter = Scripted {
        answers,
        prepared: (0, 0),
        seen: sender,
    };
    let factory = Box::new(move || Ok(Box::new(exporter) as Box<dyn Exporter>));
    let pipeline = Pipeline::start(vec![(Arc::clone(&lane), factory)]).unwrap();
    (pipeline, lane, seen)
}

fn push(queue: &Queue, count: usize, bytes: usize) {
    for _ in 0..count {
        queue.push(ScopeId::of_name("test"), |buffer| {
            buffer.extend(std::iter::repeat_n(0, bytes));
        });
    }
}

fn attempt(seen: &Receiver<Seen>) -> (usize, usize) {
    match seen.recv_timeout(PATIENCE).unwrap() {
        Seen::Attempt(items, bytes) => (items, bytes),
        Seen::Cancelled => (0, 0),
    }
}

#[test]
fn enough_items_leave_at_once() {
    let mut settings = settings();
    settings.queue.wake_at = 10;
    let (_pipeline, lane, seen) = start(settings, Vec::new());
    push(lane.queue(), 10, 1);
    assert_eq!(attempt(&seen).0, 10);
}

#[test]
fn enough_bytes_leave_at_once() {
    let (_pipeline, lane, seen) = start(settings(), Vec::new());
    push(lane.queue(), 2, 300_000);
    assert_eq!(attempt(&seen).0, 2);
}

#[test]
fn a_single_item_leaves_after_the_delay() {
    let mut settings = settings();
    settings.schedule_delay = Duration::from_millis(50);
    let (_pipeline, lane, seen) = start(settings, Vec::new());
    push(lane.queue(), 1, 1);
    assert_eq!(attempt(&seen).0, 1);
}

#[test]
fn a_batch_is_bounded_in_items_and_in_bytes() {
    let mut settings = settings();
    (settings.batch_items, settings.batch_bytes) = (16, 1000);
    let (pipeline, lane, seen) = start(settings, Vec::new());
    push(lane.queue(), 40, 1);
    push(lane.queue(), 10, 400);
    push(lane.queue(), 1, 5000);
    pipeline.flush(PATIENCE).unwrap();
    drop(pipeline);
    let batches: Vec<_> = seen.try_iter().collect();
    let mut items = 0;
    for batch in &batches {
        let Seen::Attempt(count, bytes) = *batch else {
            unreachable!("nothing hangs")
        };
        items += count;
        assert!(count <= 16, "{batches:?}");
        // one item that is larger than a batch goes alone
        assert!(bytes <= 1000 || count == 1, "{batches:?}");
    }
    assert_eq!(items, 51);
    assert_eq!(lane.ledger().exported, 51);
}

#[test]
fn the_queue_is_bounded_in_bytes() {
    let queue = Queue::new(QueueLimits {
        items: 1000,
        bytes: 10_000,
        wake_at: 1000,
        item_bytes: 5_000,
    });
    push(&queue, 100, 1000);
    push(&queue, 1, 6_000);
    let (created, drops) = queue.offered();
    assert_eq!((created, queue.len()), (101, 10));
    assert_eq!(drops.get(DropReason::QueueBytes), 91);
    assert_eq!(queue.take_all().iter().map(Batch::len).sum::<usize>(), 10);
    push(&queue, 1, 6_000);
    assert_eq!(queue.offered().1.get(DropReason::TooLarge), 1);
    assert!(queue.is_empty());
}

#[test]
fn an_attempt_is_cancelled_at_its_timeout_and_made_again() {
    let mut settings = settings();
    settings.attempt_timeout = Duration::from_millis(50);
    let (pipeline, lane, seen) = start(settings, vec![Answer::Hang]);
    push(lane.queue(), 3, 1);
    pipeline.flush(PATIENCE).unwrap();
    let seen: Vec<_> = seen.try_iter().collect();
    let [first, Seen::Cancelled, second] = &seen[..] else {
        unreachable!("{seen:?}")
    };
    assert_eq!(first, second, "each attempt has the same batch");
    assert_eq!(lane.ledger().exported, 3);
}

#[test]
fn a_batch_is_given_up_when_its_time_is_over() {
    let mut settings = settings();
    settings.export_timeout = Duration::from_millis(50);
    let (pipeline, lane, seen) = start(settings, vec![Answer::Hang]);
    push(lane.queue(), 3, 1);
    pipeline.flush(PATIENCE).unwrap();
    let seen: Vec<_> = seen.try_iter().collect();
    assert!(
        matches!(seen[..], [Seen::Attempt(3, _), Seen::Cancelled]),
        "{seen:?}"
    );
    assert_eq!(lane.ledger().dropped.get(DropReason::Unconfirmed), 3);
}

#[test]
fn the_receiver_says_when_to_come_back() {
    let later = Duration::from_millis(300);
    let (pipeline, lane, seen) = start(settings(), vec![Answer::RetryAfter(later)]);
    let began = Instant::now();
    push(lane.queue(), 1, 1);
    pipeline.flush(PATIENCE).unwrap();
    // its own wait would be 1 ms
    assert!(began.elapsed() >= later);
    assert_eq!(seen.try_iter().count(), 2);
    assert_eq!(lane.ledger().exported, 1);
}

#[test]
fn a_wait_beyond_the_time_of_the_batch_is_not_begun() {
    let mut settings = settings();
    settings.export_timeout = Duration::from_secs(30);
    let (pipeline, lane, _seen) = start(settings, vec![Answer::RetryAfter(NEVER)]);
    push(lane.queue(), 4, 1);
    pipeline.flush(Duration::from_secs(10)).unwrap();
    let dropped = lane.ledger().dropped;
    assert_eq!(dropped.get(DropReason::RetriesExhausted), 4);
}
