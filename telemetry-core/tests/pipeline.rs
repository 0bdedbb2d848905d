//! The pipeline with exporters that misbehave: every item is accounted for, every wait is bounded.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests fail by panicking and bound their own waits"
)]

use std::future::{pending, ready};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use telemetry_core::clock::Clock;
use telemetry_core::diagnostics::{Level, Voice};
use telemetry_core::export::{Accepted, ExportError, ExportFuture, Exporter};
use telemetry_core::otlp::ScopeId;
use telemetry_core::pipeline::{
    Backoff, Batch, DropReason, ExporterFactory, FlushError, Intake, Lane, LaneSettings, Pipeline,
    QueueLimits, Signal,
};

/// What the receiver does with a batch.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Take,
    Reject(u64),
    Retry,
    RetryNever,
    RetryAfter(Duration),
    Refuse,
    Hang,
    Panic,
}

#[derive(Clone, Default)]
struct Received {
    items: Arc<AtomicU64>,
    said: Arc<Mutex<Vec<String>>>,
}

struct Scripted {
    answers: Vec<Answer>,
    next: usize,
    prepared: u64,
    received: Received,
}

impl Exporter for Scripted {
    fn destination(&self) -> String {
        "the test".to_owned()
    }

    fn prepare(&mut self, batch: &Batch) -> Result<(), ExportError> {
        self.prepared = batch.items().count() as u64;
        Ok(())
    }

    fn attempt(&mut self) -> ExportFuture<'_, Result<Accepted, ExportError>> {
        let answer = self.answers.get(self.next).copied().unwrap_or(Answer::Take);
        self.next += 1;
        match answer {
            Answer::Take => {
                self.received
                    .items
                    .fetch_add(self.prepared, Ordering::Relaxed);
                Box::pin(ready(Ok(Accepted::all())))
            }
            Answer::Reject(count) => {
                let count = count.min(self.prepared);
                self.received
                    .items
                    .fetch_add(self.prepared - count, Ordering::Relaxed);
                Box::pin(ready(Ok(Accepted::partly(count, "too old"))))
            }
            Answer::Retry => Box::pin(ready(Err(ExportError::retryable("busy", None)))),
            Answer::RetryNever => {
                let never = ExportError::retryable("busy", Some(Duration::MAX));
                Box::pin(ready(Err(never)))
            }
            Answer::RetryAfter(wait) => {
                let later = ExportError::retryable("busy", Some(wait));
                Box::pin(ready(Err(later)))
            }
            Answer::Refuse => Box::pin(ready(Err(
                ExportError::permanent("401").with_remedy("Check the headers.")
            ))),
            Answer::Hang => Box::pin(pending()),
            Answer::Panic => panic!("the exporter's fault"),
        }
    }
}

fn settings(items: usize) -> LaneSettings {
    LaneSettings {
        signal: Signal::Traces,
        queue: QueueLimits {
            items,
            bytes: 1 << 20,
            wake_at: 16.min(items),
            item_bytes: 1 << 16,
        },
        schedule_delay: Duration::from_millis(5),
        export_timeout: Duration::from_millis(200),
        attempt_timeout: Duration::from_millis(40),
        batch_items: 16,
        batch_bytes: 1 << 16,
        backoff: Backoff {
            initial: Duration::from_millis(1),
            max: Duration::from_millis(4),
        },
    }
}

fn start(answers: Vec<Answer>, settings: LaneSettings) -> (Pipeline, Arc<Lane>, Received) {
    let (lane, factory, received) = scripted(answers, settings);
    let pipeline = Pipeline::start(vec![(Arc::clone(&lane), factory)]).unwrap();
    (pipeline, lane, received)
}

fn scripted(
    answers: Vec<Answer>,
    settings: LaneSettings,
) -> (Arc<Lane>, ExporterFactory, Received) {
    let received = Received::default();
    let said = Arc::clone(&received.said);
    let voice = Voice::new(Level::Info, move |line| {
        said.lock().unwrap().push(line.to_owned());
    });
    let lane = Arc::new(Lane::new(settings, "the test", Clock::system(), voice));
    let exporter = Scripted {
        answers,
        next: 0,
        prepared: 0,
        received: received.clone(),
    };
    let factory = Box::new(move || Ok(Box::new(exporter) as Box<dyn Exporter>));
    (lane, factory, received)
}

fn push(lane: &Lane, count: usize) {
    let scope = ScopeId::of_name("test");
    for _ in 0..count {
        lane.queue()
            .push(scope, |buffer| buffer.extend_from_slice(b"item"));
    }
}

#[test]
fn a_retried_batch_arrives_once() {
    let (pipeline, lane, received) = start(vec![Answer::Retry, Answer::Retry], settings(100));
    push(&lane, 10);
    pipeline.flush(Duration::from_secs(5)).unwrap();
    assert_eq!(received.items.load(Ordering::Relaxed), 10);
    assert_eq!(lane.ledger().exported, 10);
    assert!(lane.ledger().balances());
}

#[test]
fn each_loss_has_its_reason() {
    let (pipeline, lane, _) = start(vec![Answer::Refuse, Answer::Reject(3)], settings(100));
    push(&lane, 10);
    pipeline.flush(Duration::from_secs(5)).unwrap();
    push(&lane, 10);
    let report = pipeline.shutdown(Duration::from_secs(5));
    push(&lane, 2);
    let ledger = lane.ledger();
    assert_eq!(ledger.dropped.get(DropReason::Refused), 10);
    assert_eq!(ledger.dropped.get(DropReason::Rejected), 3);
    assert_eq!(ledger.dropped.get(DropReason::Shutdown), 2);
    assert_eq!(ledger.exported, 7);
    assert!(ledger.balances());
    assert_eq!(report.lost(), 13);
}

#[test]
fn a_hanging_receiver_does_not_hold_shutdown() {
    let mut slow = settings(100);
    slow.attempt_timeout = Duration::from_secs(60);
    slow.export_timeout = Duration::from_secs(60);
    let (pipeline, lane, _) = start(vec![Answer::Hang], slow);
    push(&lane, 40);
    let began = Instant::now();
    let report = pipeline.shutdown(Duration::from_millis(300));
    assert!(
        began.elapsed() < Duration::from_millis(400),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(report.lost(), 40);
    let ledger = lane.ledger();
    assert_eq!(ledger.dropped.get(DropReason::Unconfirmed), 16);
    assert_eq!(ledger.dropped.get(DropReason::Unsent), 24);
    assert!(ledger.balances());
}

#[test]
fn a_shutdown_interrupts_the_export_that_is_running() {
    let mut slow = settings(100);
    slow.attempt_timeout = Duration::from_secs(60);
    slow.export_timeout = Duration::from_secs(60);
    let (pipeline, lane, _) = start(vec![Answer::Hang], slow);
    push(&lane, 16);
    while lane.queue().len() < 16 || lane.status().health.failed_attempts > 0 {
        std::thread::yield_now();
    }
    std::thread::sleep(Duration::from_millis(50));
    let began = Instant::now();
    pipeline.shutdown(Duration::from_millis(200));
    assert!(began.elapsed() < Duration::from_millis(300));
}

#[test]
fn everybody_gets_the_report_of_the_first_shutdown() {
    let (pipeline, lane, _) = start(Vec::new(), settings(100));
    push(&lane, 10);
    let pipeline = Arc::new(pipeline);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let pipeline = Arc::clone(&pipeline);
            std::thread::spawn(move || pipeline.shutdown(Duration::from_secs(5)).to_string())
        })
        .collect();
    let reports: Vec<_> = threads
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .collect();
    assert!(
        reports.iter().all(|report| report == &reports[0]),
        "{reports:?}"
    );
    assert_eq!(
        pipeline.shutdown(Duration::from_secs(1)).to_string(),
        reports[0]
    );
}

#[test]
fn an_exporter_that_panics_takes_no_other_with_it() {
    let (broken, factory, heard) = scripted(vec![Answer::Panic], settings(100));
    let (sound, other, received) = scripted(vec![Answer::Retry], settings(100));
    let lanes = vec![(Arc::clone(&broken), factory), (Arc::clone(&sound), other)];
    let pipeline = Pipeline::start(lanes).unwrap();
    push(&broken, 10);
    push(&sound, 10);
    let flushed = pipeline.flush(Duration::from_secs(10));
    assert_eq!(flushed, Err(FlushError::Ended));
    assert_eq!(received.items.load(Ordering::Relaxed), 10);
    wait_for(|| !heard.said.lock().unwrap().is_empty());
    let said = heard.said.lock().unwrap().join("\n");
    assert!(said.contains("panicked: the exporter's fault"), "{said}");
    let error = broken.status().health.last_error.unwrap();
    assert!(error.contains("the exporter's fault"), "{error}");
    push(&broken, 1);
    let dropped = broken.ledger().dropped;
    assert_eq!(dropped.get(DropReason::Shutdown), 1);
    push(&sound, 10);
    let report = pipeline.shutdown(Duration::from_secs(10));
    assert_eq!(received.items.load(Ordering::Relaxed), 20);
    assert_eq!(report.lost(), 11);
}

#[test]
fn an_exporter_that_cannot_be_made_takes_no_other_with_it() {
    let (broken, _, heard) = scripted(Vec::new(), settings(100));
    let (sound, other, received) = scripted(Vec::new(), settings(100));
    let factory: ExporterFactory = Box::new(|| panic!("no exporter today"));
    let lanes = vec![(broken, factory), (Arc::clone(&sound), other)];
    let pipeline = Pipeline::start(lanes).unwrap();
    push(&sound, 10);
    pipeline.shutdown(Duration::from_secs(10));
    assert_eq!(received.items.load(Ordering::Relaxed), 10);
    wait_for(|| !heard.said.lock().unwrap().is_empty());
    let said = heard.said.lock().unwrap().join("\n");
    assert!(said.contains("no exporter today"), "{said}");
}

#[test]
fn a_flush_after_shutdown_does_not_say_that_the_export_goes_on() {
    let (pipeline, ..) = start(Vec::new(), settings(100));
    pipeline.shutdown(Duration::from_secs(10));
    let flushed = pipeline.flush(Duration::from_secs(10));
    assert_eq!(flushed, Err(FlushError::Ended));
}

/// Takes batches and never flushes.
struct Unflushed(Scripted);

impl Exporter for Unflushed {
    fn destination(&self) -> String {
        self.0.destination()
    }

    fn prepare(&mut self, batch: &Batch) -> Result<(), ExportError> {
        self.0.prepare(batch)
    }

    fn attempt(&mut self) -> ExportFuture<'_, Result<Accepted, ExportError>> {
        self.0.attempt()
    }

    fn flush(&mut self) -> ExportFuture<'_, Result<(), ExportError>> {
        Box::pin(pending())
    }
}

#[test]
fn an_exporter_that_does_not_flush_goes_on_with_the_next_batch() {
    let received = Received::default();
    let exporter = Unflushed(Scripted {
        answers: Vec::new(),
        next: 0,
        prepared: 0,
        received: received.clone(),
    });
    let voice = Voice::new(Level::Off, |_| {});
    let lane = Lane::new(settings(100), "the test", Clock::system(), voice);
    let lane = Arc::new(lane);
    let factory = Box::new(move || Ok(Box::new(exporter) as Box<dyn Exporter>));
    let lanes = vec![(Arc::clone(&lane), factory as ExporterFactory)];
    let pipeline = Pipeline::start(lanes).unwrap();
    push(&lane, 10);
    pipeline.flush(Duration::from_secs(10)).unwrap();
    let error = lane.status().health.last_error.unwrap();
    assert!(error.contains("did not flush within 200ms"), "{error}");
    push(&lane, 10);
    wait_for(|| received.items.load(Ordering::Relaxed) == 20);
    pipeline.shutdown(Duration::from_millis(300));
}

/// Flushes and shuts down what drives it.
struct Reentrant(Arc<OnceLock<Pipeline>>);

impl Exporter for Reentrant {
    fn destination(&self) -> String {
        "itself".to_owned()
    }

    fn prepare(&mut self, _: &Batch) -> Result<(), ExportError> {
        Ok(())
    }

    fn attempt(&mut self) -> ExportFuture<'_, Result<Accepted, ExportError>> {
        let pipeline = self.0.wait();
        let long = Duration::from_secs(60);
        assert_eq!(pipeline.flush(long), Err(FlushError::OwnThread));
        pipeline.shutdown(long);
        Box::pin(ready(Ok(Accepted::all())))
    }
}

#[test]
fn the_telemetry_thread_does_not_wait_for_itself() {
    let voice = Voice::new(Level::Off, |_| {});
    let lane = Arc::new(Lane::new(settings(100), "itself", Clock::system(), voice));
    let pipeline = Arc::new(OnceLock::new());
    let exporter = Reentrant(Arc::clone(&pipeline));
    let factory = Box::new(move || Ok(Box::new(exporter) as Box<dyn Exporter>));
    let lanes = vec![(Arc::clone(&lane), factory as ExporterFactory)];
    assert!(pipeline.set(Pipeline::start(lanes).unwrap()).is_ok());
    push(&lane, 10);
    let report = pipeline.wait().shutdown(Duration::from_secs(60));
    assert_eq!(lane.ledger().exported, 10);
    assert_eq!(report.lost(), 0);
    assert!(lane.ledger().balances());
}

#[test]
fn waits_may_be_longer_than_a_clock_can_count() {
    let mut patient = settings(100);
    patient.schedule_delay = Duration::MAX;
    patient.export_timeout = Duration::MAX;
    patient.attempt_timeout = Duration::MAX;
    let (pipeline, lane, _) = start(vec![Answer::RetryNever], patient);
    push(&lane, 10);
    pipeline.flush(Duration::MAX).unwrap();
    let dropped = lane.ledger().dropped;
    assert_eq!(dropped.get(DropReason::RetriesExhausted), 10);
    push(&lane, 10);
    assert_eq!(pipeline.shutdown(Duration::MAX).lost(), 10);
    assert_eq!(lane.ledger().exported, 10);
}

#[test]
fn a_receiver_is_spared_as_long_as_it_asks() {
    let wait = Duration::from_millis(600);
    let (pipeline, lane, received) = start(vec![Answer::RetryAfter(wait)], settings(100));
    push(&lane, 10);
    let began = Instant::now();
    pipeline.flush(Duration::from_secs(10)).unwrap();
    let dropped = lane.ledger().dropped;
    assert_eq!(dropped.get(DropReason::RetriesExhausted), 10);
    push(&lane, 10);
    pipeline.flush(Duration::from_secs(10)).unwrap();
    assert!(began.elapsed() >= wait, "{:?}", began.elapsed());
    assert_eq!(received.items.load(Ordering::Relaxed), 10);
}

#[test]
fn a_shutdown_does_not_wait_until_a_receiver_has_rested() {
    let (pipeline, lane, received) = start(vec![Answer::RetryNever], settings(100));
    push(&lane, 10);
    pipeline.flush(Duration::from_secs(10)).unwrap();
    push(&lane, 10);
    let report = pipeline.shutdown(Duration::from_secs(60));
    assert!(report.took < Duration::from_secs(30), "{:?}", report.took);
    assert_eq!(received.items.load(Ordering::Relaxed), 10);
}

#[test]
fn the_operator_is_told_once_and_told_of_the_recovery() {
    let (pipeline, lane, received) = start([Answer::Retry; 5].to_vec(), settings(100));
    push(&lane, 10);
    pipeline.flush(Duration::from_secs(5)).unwrap();
    let said = received.said.lock().unwrap().clone();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(
        said[0]
            .starts_with("telemetry: traces do not arrive: busy (3 tries, 10 spans wait, 0 lost)"),
        "{said:?}"
    );
    assert!(said[1].contains("arrive again"), "{said:?}");
}

#[test]
fn a_full_queue_drops_the_newest_and_counts() {
    let (pipeline, lane, _) = start(vec![Answer::Hang], settings(20));
    push(&lane, 50);
    assert_eq!(lane.ledger().dropped.get(DropReason::QueueFull), 30);
    pipeline.shutdown(Duration::from_millis(200));
    assert!(lane.ledger().balances());
}

fn answers() -> impl Strategy<Value = Vec<Answer>> {
    let answer = prop_oneof![
        3 => Just(Answer::Take),
        1 => (0_u64..20).prop_map(Answer::Reject),
        2 => Just(Answer::Retry),
        1 => Just(Answer::Refuse),
        1 => Just(Answer::Hang),
    ];
    prop::collection::vec(answer, 0..20)
}

fn wait_for(met: impl Fn() -> bool) {
    for _ in 0..2_000 {
        if met() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("not met within 10 s");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever the receiver does and however threads push: what was created is what was
    /// exported, dropped with a reason, or is pending; and the receiver has what we say it has.
    #[test]
    fn the_ledger_balances(answers in answers(), pushes in prop::collection::vec(0_usize..40, 8), flush: bool, items in 1_usize..200) {
        let (pipeline, lane, received) = start(answers, settings(items));
        let intake = Intake::new([Arc::clone(lane.queue())]);
        std::thread::scope(|threads| {
            for count in &pushes {
                let intake = &intake;
                threads.spawn(move || {
                    for _ in 0..*count {
                        intake.push(ScopeId::of_name("test"), |buffer| buffer.extend_from_slice(b"item"));
                    }
                });
            }
        });
        if flush {
            pipeline.flush(Duration::from_secs(10)).unwrap();
            prop_assert!(lane.ledger().balances(), "{:?}", lane.ledger());
        }
        pipeline.shutdown(Duration::from_millis(300));
        prop_assert!(lane.ledger().balances(), "{:?}", lane.ledger());
        // on a machine that is busy, the thread closes its books a little after the deadline
        wait_for(|| lane.ledger().pending == 0);
        let ledger = lane.ledger();
        prop_assert!(ledger.balances(), "{ledger:?}");
        prop_assert_eq!(ledger.created, pushes.iter().sum::<usize>() as u64);
        prop_assert_eq!(ledger.pending, 0);
        prop_assert_eq!(ledger.exported, received.items.load(Ordering::Relaxed));
    }
}
