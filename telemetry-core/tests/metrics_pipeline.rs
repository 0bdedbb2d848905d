//! Metrics on their way out: when they are collected, what a callback may do, and where every data
//! point went.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
#![expect(clippy::disallowed_methods, reason = "waits have a limit")]

mod snapshots;

use std::future::ready;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use opentelemetry::Context;
use snapshots::{all_kinds, counter, snapshot};
use telemetry_core::clock::Clock;
use telemetry_core::config::Temporality;
use telemetry_core::diagnostics::{Level, Voice};
use telemetry_core::export::memory::{Captured, CapturedPointValue, MemoryExporter, MetricKind};
use telemetry_core::export::{Accepted, ExportError, ExportFuture, Exporter};
use telemetry_core::metrics::{Number, Producer, Snapshot, ValueTemporality};
use telemetry_core::pipeline::{
    Backoff, Batch, DropReason, ExporterFactory, Lane, LaneSettings, MetricSource, Pipeline,
    QueueLimits, Signal, is_own_thread,
};

const PATIENCE: Duration = Duration::from_secs(20);
const HOUR: Duration = Duration::from_secs(3600);

fn settings(interval: Duration) -> LaneSettings {
    LaneSettings {
        signal: Signal::Metrics,
        queue: QueueLimits {
            items: 0,
            bytes: 0,
            wake_at: usize::MAX,
            item_bytes: 4096,
        },
        schedule_delay: interval,
        export_timeout: Duration::from_millis(300),
        attempt_timeout: Duration::from_millis(300),
        batch_items: usize::MAX,
        batch_bytes: 4096,
        backoff: Backoff::default(),
    }
}

struct Started {
    pipeline: Pipeline,
    lane: Arc<Lane>,
    captured: Captured,
    said: Arc<Mutex<Vec<String>>>,
}

fn start(settings: LaneSettings, producer: impl Producer + 'static) -> Started {
    let captured = Captured::new();
    let exporter = MemoryExporter::new(Signal::Metrics, captured.clone());
    let (pipeline, lane, said) = start_with(settings, producer, exporter);
    Started {
        pipeline,
        lane,
        captured,
        said,
    }
}

fn start_with(
    settings: LaneSettings,
    producer: impl Producer + 'static,
    exporter: impl Exporter + 'static,
) -> (Pipeline, Arc<Lane>, Arc<Mutex<Vec<String>>>) {
    let said = Arc::new(Mutex::new(Vec::new()));
    let lines = Arc::clone(&said);
    let voice = Voice::new(Level::Info, move |line| {
        lines.lock().unwrap().push(line.to_owned());
    });
    let source = MetricSource {
        producer: Arc::new(producer),
        temporality: Temporality::Cumulative,
    };
    let lane = Lane::new(settings, "the test", Clock::system(), voice).collecting(source);
    let lane = Arc::new(lane);
    let factory: ExporterFactory = Box::new(move || Ok(Box::new(exporter)));
    let pipeline = Pipeline::start(vec![(Arc::clone(&lane), factory)]).unwrap();
    (pipeline, lane, said)
}

fn wait_for(met: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !met() {
        assert!(Instant::now() < end, "not met within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn each_interval_collects_once() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let started = start(settings(Duration::from_millis(20)), move || {
        count.fetch_add(1, Ordering::SeqCst);
        snapshot(vec![counter("c", 2)])
    });
    wait_for(|| started.captured.metrics().len() >= 3);
    let report = started.pipeline.shutdown(PATIENCE);
    let asked = asked.load(Ordering::SeqCst);
    assert_eq!(started.captured.metrics().len(), asked);
    let ledger = started.lane.ledger();
    assert_eq!(
        (ledger.created, ledger.exported),
        (2 * asked as u64, 2 * asked as u64)
    );
    assert!(ledger.balances(), "{ledger:?}");
    assert!(
        report.to_string().contains("data points; 0 lost"),
        "{report}"
    );
}

#[test]
fn nothing_is_asked_before_the_first_interval_but_on_flush_and_shutdown() {
    let started = start(settings(HOUR), || snapshot(all_kinds()));
    assert!(started.captured.metrics().is_empty());
    started.pipeline.flush(PATIENCE).unwrap();
    let kinds: Vec<_> = started
        .captured
        .metrics()
        .iter()
        .map(|of| of.kind)
        .collect();
    assert_eq!(
        kinds,
        [
            MetricKind::Sum { monotonic: true },
            MetricKind::Sum { monotonic: false },
            MetricKind::Gauge,
            MetricKind::Histogram,
            MetricKind::ExponentialHistogram
        ]
    );
    let _report = started.pipeline.shutdown(PATIENCE);
    assert_eq!(started.captured.metrics().len(), 10);
    let ledger = started.lane.ledger();
    assert_eq!(
        (ledger.created, ledger.exported, ledger.pending),
        (14, 14, 0)
    );
}

#[test]
fn what_is_captured_is_what_was_recorded() {
    let started = start(settings(HOUR), || snapshot(all_kinds()));
    started.pipeline.flush(PATIENCE).unwrap();
    let captured = started.captured.metrics();
    let expected = all_kinds();
    let telemetry_core::metrics::Points::ExponentialHistogram(points) = &expected[4].points else {
        panic!("{:?}", expected[4]);
    };
    assert_eq!(
        captured[4].points[0].value,
        CapturedPointValue::ExponentialHistogram(points[0].value.clone())
    );
    let counter = captured[0].point(&[("series", 1.into()), ("kind", "test".into())]);
    let counter = counter.unwrap();
    assert_eq!(counter.value, CapturedPointValue::Number(Number::I64(42)));
    assert_eq!(counter.unix_nanos, snapshots::NOW);
    assert_eq!(captured[0].temporality, ValueTemporality::Cumulative);
    let exemplar = &counter.exemplars[0];
    assert_eq!(exemplar.trace_id.unwrap(), snapshots::TRACE.into());
    assert_eq!(exemplar.span_id.unwrap(), snapshots::SPAN.into());
    assert_eq!(
        exemplar.filtered_attributes.get("user"),
        Some(&"u-1".into())
    );
    let telemetry_core::metrics::Points::Histogram(points) = &expected[3].points else {
        panic!("{:?}", expected[3]);
    };
    assert_eq!(captured[3].points[0].histogram(), Some(&points[0].value));
}

#[test]
fn a_large_metric_is_split_and_no_point_is_lost() {
    let started = start(settings(HOUR), || snapshot(vec![counter("c", 1000)]));
    started.pipeline.flush(PATIENCE).unwrap();
    let captured = started.captured.metrics();
    assert!(captured.len() > 10, "{}", captured.len());
    let mut series: Vec<_> = captured
        .iter()
        .flat_map(|metric| &metric.points)
        .map(|point| point.attributes.get("series").unwrap().as_i64().unwrap())
        .collect();
    series.sort_unstable();
    assert_eq!(series, (0..1000).collect::<Vec<_>>());
    assert_eq!(started.lane.ledger().exported, 1000);
}

#[test]
fn a_point_that_no_message_can_carry_is_counted() {
    let mut small = settings(HOUR);
    small.queue.item_bytes = 40;
    let started = start(small, || snapshot(vec![counter("c", 3)]));
    started.pipeline.flush(PATIENCE).unwrap();
    let ledger = started.lane.ledger();
    assert_eq!(ledger.dropped.get(DropReason::TooLarge), 3);
    assert!(ledger.balances() && ledger.pending == 0, "{ledger:?}");
}

/// Takes all but some data points.
struct Rejecting(u64);

impl Exporter for Rejecting {
    fn destination(&self) -> String {
        "the test".to_owned()
    }

    fn prepare(&mut self, _: &Batch) -> Result<(), ExportError> {
        Ok(())
    }

    fn attempt(&mut self) -> ExportFuture<'_, Result<Accepted, ExportError>> {
        Box::pin(ready(Ok(Accepted::partly(self.0, "too old"))))
    }
}

#[test]
fn rejected_data_points_are_booked() {
    let producer = || snapshot(vec![counter("c", 10)]);
    let (pipeline, lane, said) = start_with(settings(HOUR), producer, Rejecting(3));
    pipeline.flush(PATIENCE).unwrap();
    let ledger = lane.ledger();
    assert_eq!((ledger.created, ledger.exported), (10, 7));
    assert_eq!(ledger.dropped.get(DropReason::Rejected), 3);
    assert!(ledger.balances(), "{ledger:?}");
    let said = said.lock().unwrap().join("\n");
    assert!(
        said.contains("rejected 3 of 10 data points: too old"),
        "{said}"
    );
}

/// Its callbacks wait until they are released; its counters do not.
#[derive(Default)]
struct Blocking {
    released: AtomicBool,
    running: AtomicUsize,
    overlapped: AtomicBool,
}

struct Asked(Arc<Blocking>);

impl Producer for Asked {
    fn collect(&self) -> Snapshot {
        if self.0.running.fetch_add(1, Ordering::SeqCst) > 0 {
            self.0.overlapped.store(true, Ordering::SeqCst);
        }
        wait_for(|| self.0.released.load(Ordering::SeqCst));
        self.0.running.fetch_sub(1, Ordering::SeqCst);
        snapshot(vec![counter("counted", 1), counter("observed", 1)])
    }

    fn without_callbacks(&self) -> Option<Snapshot> {
        Some(snapshot(vec![counter("counted", 1)]))
    }
}

fn names(captured: &Captured) -> Vec<String> {
    let metrics = captured.metrics().into_iter();
    metrics.map(|metric| metric.name).collect()
}

#[test]
fn a_callback_that_blocks_holds_up_nothing_but_itself() {
    let producer = Arc::new(Blocking::default());
    let interval = Duration::from_millis(30);
    let started = start(settings(interval), Asked(Arc::clone(&producer)));
    wait_for(|| started.captured.metrics().len() >= 3);
    assert!(
        names(&started.captured)
            .iter()
            .all(|name| name == "counted")
    );
    assert!(started.lane.status().health.missed_collections >= 3);
    let said = started.said.lock().unwrap().clone();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].contains("has not returned within 300ms"),
        "{said:?}"
    );
    producer.released.store(true, Ordering::SeqCst);
    wait_for(|| names(&started.captured).contains(&"observed".to_owned()));
    let _report = started.pipeline.shutdown(PATIENCE);
    assert!(!producer.overlapped.load(Ordering::SeqCst));
    assert!(started.lane.ledger().balances());
}

#[test]
fn shutdown_does_not_wait_for_a_callback() {
    let producer = Arc::new(Blocking::default());
    let mut patient = settings(HOUR);
    patient.export_timeout = HOUR;
    let started = start(patient, Asked(Arc::clone(&producer)));
    let began = Instant::now();
    let _report = started.pipeline.shutdown(Duration::from_millis(800));
    assert!(began.elapsed() < PATIENCE);
    assert_eq!(names(&started.captured), ["counted"]);
    assert_eq!(started.lane.ledger().exported, 1);
    producer.released.store(true, Ordering::SeqCst);
}

#[test]
fn a_callback_that_panics_is_counted_and_said() {
    struct Panicking;
    impl Producer for Panicking {
        fn collect(&self) -> Snapshot {
            panic!("no such pool");
        }

        fn without_callbacks(&self) -> Option<Snapshot> {
            Some(snapshot(vec![counter("counted", 1)]))
        }
    }
    // a panic that prints its backtrace takes its time
    let patient = LaneSettings {
        export_timeout: PATIENCE,
        ..settings(HOUR)
    };
    let started = start(patient, Panicking);
    started.pipeline.flush(PATIENCE).unwrap();
    started.pipeline.flush(PATIENCE).unwrap();
    assert_eq!(names(&started.captured), ["counted", "counted"]);
    assert_eq!(started.lane.status().health.missed_collections, 2);
    let said = started.said.lock().unwrap().join("\n");
    assert!(said.contains("panicked: no such pool"), "{said}");
}

#[test]
fn callbacks_run_where_nothing_is_recorded() {
    let quiet = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&quiet);
    let started = start(settings(HOUR), move || {
        let suppressed = Context::map_current(Context::is_telemetry_suppressed);
        seen.store(is_own_thread() && suppressed, Ordering::SeqCst);
        Snapshot::default()
    });
    started.pipeline.flush(PATIENCE).unwrap();
    assert!(quiet.load(Ordering::SeqCst));
    assert_eq!(started.lane.ledger().created, 0);
}
