//! What telemetry measures of itself, against what the pipeline and the engine did.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod metrics_values;

use std::collections::BTreeMap;
use std::future::{pending, ready};
use std::sync::Arc;
use std::time::Duration;

use metrics_values::{count_of, value_of};
use opentelemetry::{InstrumentationScope, KeyValue};
use telemetry_core::clock::Clock;
use telemetry_core::config::Temporality;
use telemetry_core::diagnostics::{Voice, self_metrics};
use telemetry_core::export::{Accepted, ExportError, ExportFuture, Exporter};
use telemetry_core::metrics::{Producer, Registry, RegistrySettings, Snapshot};
use telemetry_core::otlp::ScopeId;
use telemetry_core::pipeline::{
    Backoff, Batch, ExporterFactory, Intake, Lane, LaneSettings, MetricSource, Pipeline,
    QueueLimits, Signal,
};
use telemetry_core::trace::{Engine, EngineSettings, SpanLayer};
use tracing_subscriber::layer::SubscriberExt;

/// Takes the first batch but for one item, refuses the second, and never answers afterwards.
struct Moody {
    batches: u32,
}

impl Exporter for Moody {
    fn destination(&self) -> String {
        "https://collector.example:4318/v1/traces".to_owned()
    }

    fn component_type(&self) -> &'static str {
        "otlp_http_span_exporter"
    }

    fn prepare(&mut self, _: &Batch) -> Result<(), ExportError> {
        self.batches += 1;
        Ok(())
    }

    fn attempt(&mut self) -> ExportFuture<'_, Result<Accepted, ExportError>> {
        match self.batches {
            1 => Box::pin(ready(Ok(Accepted::partly(1, "too old")))),
            2 => Box::pin(ready(Err(ExportError::permanent("401")))),
            _ => Box::pin(pending()),
        }
    }
}

fn settings(signal: Signal) -> LaneSettings {
    LaneSettings {
        signal,
        queue: QueueLimits {
            items: 4,
            bytes: 1 << 20,
            wake_at: 4,
            item_bytes: 1 << 16,
        },
        schedule_delay: Duration::from_secs(3600),
        export_timeout: Duration::from_secs(3600),
        attempt_timeout: Duration::from_secs(3600),
        batch_items: 4,
        batch_bytes: 1 << 16,
        backoff: Backoff::default(),
    }
}

fn start(signal: Signal) -> (Arc<Lane>, Pipeline) {
    start_with(signal, |lane| lane)
}

fn start_with(signal: Signal, set_up: impl FnOnce(Lane) -> Lane) -> (Arc<Lane>, Pipeline) {
    let destination = "https://collector.example:4318/v1/traces";
    let lane = Lane::new(
        settings(signal),
        destination,
        Clock::system(),
        Voice::silent(),
    );
    let lane = Arc::new(set_up(lane));
    let factory: ExporterFactory = Box::new(|| Ok(Box::new(Moody { batches: 0 })));
    let pipeline = Pipeline::start(vec![(Arc::clone(&lane), factory)]).unwrap();
    (lane, pipeline)
}

fn push(lane: &Lane, items: usize) {
    for _ in 0..items {
        Intake::new([Arc::clone(lane.queue())])
            .push(ScopeId::of_name("test"), |buffer| buffer.push(b'x'));
    }
}

fn values(snapshot: &Snapshot, names: &[&str]) -> BTreeMap<String, f64> {
    let values = names.iter().map(|name| value_of(snapshot, name));
    values.flatten().collect()
}

#[test]
fn every_span_is_told_from_the_queue_to_the_receiver() {
    let registry = Registry::new(RegistrySettings::default());
    let (lane, pipeline) = start(Signal::Traces);
    self_metrics::register(&registry, std::slice::from_ref(&lane), None);
    for _ in 0..2 {
        push(&lane, 3);
        pipeline.flush(Duration::from_secs(30)).unwrap();
    }
    push(&lane, 6); // four of them fit, and are on their way for ever
    while lane.ledger().pending < 4 || in_flight(&registry) < 4.0 {
        std::thread::yield_now();
    }
    let snapshot = registry.collect();
    let processor =
        "otel.component.name=batching_span_processor/0,otel.component.type=batching_span_processor";
    let exporter = "otel.component.name=otlp_http_span_exporter/0,otel.component.type=otlp_http_span_exporter,server.address=collector.example,server.port=4318";
    let told = values(
        &snapshot,
        &[
            "otel.sdk.processor.span.queue.size",
            "otel.sdk.processor.span.queue.capacity",
            "otel.sdk.processor.span.processed",
            "otel.sdk.exporter.span.inflight",
            "otel.sdk.exporter.span.exported",
        ],
    );
    let refused = format!("error.type=refused,{exporter}");
    let rejected = format!("error.type=rejected,{exporter}");
    let full = format!("error.type=queue_full,{processor}");
    let expected = [
        ("processor.span.queue.size", processor, 4.0),
        ("processor.span.queue.capacity", processor, 4.0),
        ("processor.span.processed", processor, 10.0),
        ("processor.span.processed", &full, 2.0),
        ("exporter.span.inflight", exporter, 4.0),
        ("exporter.span.exported", exporter, 2.0),
        ("exporter.span.exported", &rejected, 1.0),
        ("exporter.span.exported", &refused, 3.0),
    ];
    let expected =
        expected.map(|(name, labels, value)| (format!("otel.sdk.{name}{{{labels}}}"), value));
    let expected = BTreeMap::from(expected);
    assert_eq!(told, expected);
    let name = "otel.sdk.exporter.operation.duration";
    let durations = count_of(&snapshot, name);
    let expected = [rejected, refused].map(|labels| (format!("{name}{{{labels}}}"), 1));
    assert_eq!(durations, BTreeMap::from(expected));
    pipeline.shutdown(Duration::ZERO);
}

fn in_flight(registry: &Registry) -> f64 {
    let told = value_of(&registry.collect(), "otel.sdk.exporter.span.inflight");
    told.values().sum()
}

#[test]
fn spans_are_counted_while_the_engine_is_there() {
    let registry = Registry::new(RegistrySettings::default());
    let engine = Arc::new(Engine::new(EngineSettings::new(Intake::default())));
    self_metrics::register(&registry, &[], Some(&engine));
    let sampled = "{otel.span.sampling_result=RECORD_AND_SAMPLE}";
    let told = |names| values(&registry.collect(), names);
    let names = &["otel.sdk.span.started", "otel.sdk.span.live"];
    let layer = SpanLayer::new(Arc::clone(&engine));
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, || {
        tracing::info_span!("done").in_scope(|| {});
        let open = tracing::info_span!("open");
        let expected = [
            (format!("otel.sdk.span.started{sampled}"), 2.0),
            (format!("otel.sdk.span.live{sampled}"), 1.0),
        ];
        assert_eq!(told(names), BTreeMap::from(expected));
        drop(open);
    });
    let ended = told(names);
    assert_eq!(
        ended.get(&format!("otel.sdk.span.live{sampled}")),
        Some(&0.0)
    );
    drop(engine);
    assert_eq!(told(names), BTreeMap::new());
}

#[test]
fn log_records_are_counted_and_a_registry_keeps_no_pipeline() {
    let registry = Registry::new(RegistrySettings::default());
    let (lane, pipeline) = start(Signal::Logs);
    self_metrics::register(&registry, std::slice::from_ref(&lane), None);
    push(&lane, 3);
    let created = |snapshot: &Snapshot| value_of(snapshot, "otel.sdk.log.created");
    let expected = ("otel.sdk.log.created{}".to_owned(), 3.0);
    assert_eq!(created(&registry.collect()), BTreeMap::from([expected]));
    pipeline.shutdown(Duration::from_secs(30));
    let weak = Arc::downgrade(&lane);
    drop((pipeline, lane));
    while weak.strong_count() > 0 {
        std::thread::yield_now();
    }
    assert_eq!(created(&registry.collect()), BTreeMap::new());
}

#[test]
fn data_points_are_counted_where_nothing_waits() {
    let registry = Registry::new(RegistrySettings::default());
    let shop = Registry::new(RegistrySettings::default());
    let meter = shop.meter(InstrumentationScope::builder("shop").build());
    let orders = meter.u64_counter("orders").build();
    for state in ["new", "paid", "sent"] {
        orders.add(1, &[KeyValue::new("state", state)]);
    }
    let (lane, pipeline) = start_with(Signal::Metrics, |lane| {
        lane.collecting(MetricSource {
            producer: Arc::new(shop),
            temporality: Temporality::Cumulative,
        })
    });
    self_metrics::register(&registry, std::slice::from_ref(&lane), None);
    pipeline.flush(Duration::from_secs(30)).unwrap();
    let snapshot = registry.collect();
    let name = "otel.sdk.exporter.metric_data_point.exported";
    let told = value_of(&snapshot, name).into_values().collect::<Vec<_>>();
    assert_eq!(told, [1.0, 2.0], "rejected and taken");
    let name = "otel.sdk.exporter.metric_data_point.inflight";
    assert_eq!(
        value_of(&snapshot, name).into_values().collect::<Vec<_>>(),
        [0.0]
    );
    pipeline.shutdown(Duration::ZERO);
}

#[test]
fn collections_are_timed_and_refused_measurements_counted() {
    let registry = Registry::new(RegistrySettings::default());
    self_metrics::register(&registry, &[], None);
    let meter = registry.meter(InstrumentationScope::builder("shop").build());
    meter.f64_gauge("room").build().record(f64::NAN, &[]);
    let reader = self_metrics::Timed::new(&registry, "periodic_metric_reader");
    for _ in 0..2 {
        drop(reader.collect());
    }
    let snapshot = registry.collect();
    let name = "otel.sdk.metric_reader.collection.duration";
    let reader =
        "{otel.component.name=periodic_metric_reader/0,otel.component.type=periodic_metric_reader}";
    let expected = BTreeMap::from([(format!("{name}{reader}"), 2)]);
    assert_eq!(count_of(&snapshot, name), expected);
    let refused = value_of(&snapshot, "telemetry.metric.refused");
    let expected = ("telemetry.metric.refused{}".to_owned(), 1.0);
    assert_eq!(refused, BTreeMap::from([expected]));
}
