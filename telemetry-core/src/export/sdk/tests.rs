use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry::logs::AnyValue;
use opentelemetry::trace::{SpanContext, SpanKind, Status, TraceFlags};
use opentelemetry::{Array, InstrumentationScope, Key, KeyValue, SpanId, TraceId, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::logs::InMemoryLogExporter;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SpanData, SpanExporter};

use super::*;
use crate::export::{Accepted, ExportErrorKind, Exporter};
use crate::otlp::span::{put_event, put_link};
use crate::otlp::{
    AttributeLimits, Attributes, Kind, LogParts, ScopeId, Severity, SpanParts, StatusCode,
};
use crate::pipeline::Batch;

fn resource() -> Resource {
    Resource::builder_empty()
        .with_service_name("sdk-test")
        .build()
}

fn encoded(field: u8, key: &str, value: &Value) -> Vec<u8> {
    let mut attributes = Attributes::new(field, AttributeLimits::default());
    attributes.set(key, value);
    attributes.as_bytes().to_vec()
}

fn scope() -> InstrumentationScope {
    InstrumentationScope::builder("scope")
        .with_version("1.2")
        .with_schema_url("https://example.com/schema")
        .with_attributes([KeyValue::new("a", 1)])
        .build()
}

fn full_span() -> Batch {
    let mut attributes = Attributes::new(Attributes::SPAN, AttributeLimits::default());
    attributes.set("list", &Value::Array(Array::I64(vec![1, 2])));
    attributes.set("bytes", [1_u8, 2].as_slice());
    attributes.set("half", 0.5);
    let mut events = Vec::new();
    let event = encoded(Attributes::EVENT, "ok", &Value::Bool(true));
    put_event(&mut events, 2_000, "event", &event, 1);
    let to = SpanContext::new(
        TraceId::from(9),
        SpanId::from(8),
        TraceFlags::SAMPLED,
        true,
        "l=1".parse().unwrap(),
    );
    let mut links = Vec::new();
    put_link(
        &mut links,
        &(&to).into(),
        &encoded(Attributes::LINK, "n", &Value::I64(-1)),
        2,
    );
    let parts = SpanParts {
        trace_id: TraceId::from(1),
        span_id: SpanId::from(2),
        parent_span_id: SpanId::from(3),
        parent_is_remote: Some(true),
        trace_flags: TraceFlags::SAMPLED,
        trace_state: "a=b",
        name: "work",
        kind: Kind::Producer,
        start_unix_nanos: 1_000,
        end_unix_nanos: 3_000,
        attributes: attributes.as_bytes(),
        dropped_attributes: 3,
        events: &events,
        dropped_events: 4,
        links: &links,
        dropped_links: 5,
        status: StatusCode::Error,
        status_message: "no",
    };
    let mut batch = Batch::new();
    batch.push(ScopeId::of(&scope()), |buffer| parts.encode(buffer));
    batch
}

async fn received() -> SpanData {
    let memory = InMemorySpanExporter::default();
    let mut exporter = SdkSpanExporter::new("memory", memory.clone(), &resource()).unwrap();
    exporter.prepare(&full_span()).unwrap();
    assert_eq!(exporter.attempt().await.unwrap(), Accepted::all());
    let mut spans = memory.get_finished_spans().unwrap();
    assert_eq!(spans.len(), 1);
    spans.remove(0)
}

fn nanos(time: std::time::SystemTime) -> u128 {
    time.duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_nanos()
}

#[tokio::test]
async fn a_span_reaches_an_sdk_exporter_whole() {
    let span = received().await;
    let context = SpanContext::new(
        TraceId::from(1),
        SpanId::from(2),
        TraceFlags::SAMPLED,
        false,
        "a=b".parse().unwrap(),
    );
    assert_eq!(span.span_context, context);
    assert_eq!(
        (span.parent_span_id, span.parent_span_is_remote),
        (SpanId::from(3), true)
    );
    assert_eq!(
        (span.name.as_ref(), &span.span_kind),
        ("work", &SpanKind::Producer)
    );
    assert_eq!(
        (nanos(span.start_time), nanos(span.end_time)),
        (1_000, 3_000)
    );
    assert_eq!(
        span.attributes,
        [
            KeyValue::new("list", Value::Array(Array::I64(vec![1, 2]))),
            KeyValue::new("bytes", "(2 bytes)"),
            KeyValue::new("half", 0.5),
        ]
    );
    assert_eq!(span.status, Status::error("no"));
    assert_eq!(span.instrumentation_scope, scope());
    assert_eq!(
        span.instrumentation_scope.schema_url(),
        scope().schema_url()
    );
    let dropped = (
        span.dropped_attributes_count,
        span.events.dropped_count,
        span.links.dropped_count,
    );
    assert_eq!(dropped, (3, 4, 5));
}

#[tokio::test]
async fn events_and_links_reach_an_sdk_exporter_whole() {
    let span = received().await;
    let (event, link) = (&span.events[0], &span.links[0]);
    assert_eq!(
        (event.name.as_ref(), event.dropped_attributes_count),
        ("event", 1)
    );
    assert_eq!(nanos(event.timestamp), 2_000);
    assert_eq!(event.attributes, [KeyValue::new("ok", true)]);
    assert!(link.span_context.is_remote());
    assert_eq!(link.span_context.trace_state().header(), "l=1");
    assert_eq!(
        (&link.attributes[..], link.dropped_attributes_count),
        (&[KeyValue::new("n", -1)][..], 2)
    );
}

fn log_batch(event_name: &str) -> Batch {
    let parts = LogParts {
        unix_nanos: 1_000,
        observed_unix_nanos: 2_000,
        severity: Severity::Fatal,
        body: "boom",
        attributes: &encoded(Attributes::LOG, "n", &Value::I64(7)),
        trace_id: TraceId::from(1),
        span_id: SpanId::from(2),
        trace_flags: TraceFlags::SAMPLED,
        event_name,
        ..LogParts::empty()
    };
    let mut batch = Batch::new();
    batch.push(ScopeId::of(&scope()), |buffer| parts.encode(buffer));
    batch
}

#[tokio::test]
async fn a_log_record_reaches_an_sdk_exporter_whole() {
    let memory = InMemoryLogExporter::default();
    let mut exporter = SdkLogExporter::new("memory", memory.clone(), &resource()).unwrap();
    // the telemetry thread suppresses telemetry about itself; records are made all the same
    let _quiet = opentelemetry::Context::enter_telemetry_suppressed_scope();
    exporter.prepare(&log_batch("deployment")).unwrap();
    exporter.attempt().await.unwrap();
    exporter.flush().await.unwrap();
    let logs = memory.get_emitted_logs().unwrap();
    assert_eq!(logs.len(), 1);
    assert_eq!(logs[0].resource.as_ref(), &resource());
    assert_eq!(logs[0].instrumentation, scope());
    let record = &logs[0].record;
    assert_eq!(
        record.severity_number(),
        Some(opentelemetry::logs::Severity::Fatal)
    );
    assert_eq!(record.severity_text(), Some("FATAL"));
    assert_eq!(record.body(), Some(&AnyValue::from("boom")));
    assert_eq!(record.event_name(), Some("deployment"));
    let attributes: Vec<_> = record.attributes_iter().cloned().collect();
    assert_eq!(attributes, [(Key::new("n"), AnyValue::Int(7))]);
    let context = record.trace_context().unwrap();
    assert_eq!(
        (context.trace_id, context.span_id),
        (TraceId::from(1), SpanId::from(2))
    );
    assert_eq!(context.trace_flags, Some(TraceFlags::SAMPLED));
    exporter.shutdown().await.unwrap();
    assert!(memory.is_shutdown_called());
}

/// An exporter whose every call waits for a permit.
#[derive(Debug)]
struct Blocking {
    permits: Mutex<Receiver<()>>,
    begun: Sender<()>,
    exported: Arc<Mutex<usize>>,
}

/// What the test holds of a [`Blocking`] exporter.
struct Control {
    permit: Sender<()>,
    begun: Receiver<()>,
    exported: Arc<Mutex<usize>>,
}

fn blocking() -> (SdkSpanExporter, Control) {
    let (permit, permits) = channel();
    let (began, begun) = channel();
    let exported = Arc::default();
    let foreign = Blocking {
        permits: Mutex::new(permits),
        begun: began,
        exported: Arc::clone(&exported),
    };
    let exporter = SdkSpanExporter::new("blocking", foreign, &resource()).unwrap();
    let control = Control {
        permit,
        begun,
        exported,
    };
    (exporter, control)
}

impl SpanExporter for Blocking {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.begun.send(()).unwrap();
        let _ = self.permits.lock().unwrap().recv();
        *self.exported.lock().unwrap() += batch.len();
        Ok(())
    }
}

const SOON: Duration = Duration::from_millis(30);

#[tokio::test]
async fn a_blocking_exporter_holds_nobody_up() {
    let (mut exporter, control) = blocking();
    exporter.prepare(&full_span()).unwrap();
    assert!(
        tokio::time::timeout(SOON, exporter.attempt())
            .await
            .is_err()
    );
    control.begun.recv().unwrap();
    exporter.release();
    // one more waits, whose sender gives up too
    exporter.prepare(&full_span()).unwrap();
    assert!(
        tokio::time::timeout(SOON, exporter.attempt())
            .await
            .is_err()
    );
    exporter.release();
    // a third is refused, and kept for another attempt
    exporter.prepare(&full_span()).unwrap();
    for _ in 0..2 {
        let error = exporter.attempt().await.unwrap_err();
        assert_eq!(error.kind(), ExportErrorKind::Retryable { after: None });
    }
    assert!(
        tokio::time::timeout(SOON, exporter.shutdown())
            .await
            .is_err()
    );
    for _ in 0..2 {
        control.permit.send(()).unwrap();
    }
    while exporter
        .attempt()
        .await
        .is_err_and(|error| error.kind() != ExportErrorKind::Permanent)
    {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // the first, whose call had begun, and the third; the second had been given up
    assert_eq!(*control.exported.lock().unwrap(), 2);
}

#[tokio::test]
async fn another_attempt_waits_for_the_answer_to_the_first() {
    let (mut exporter, control) = blocking();
    exporter.prepare(&full_span()).unwrap();
    for _ in 0..2 {
        let attempt = tokio::time::timeout(SOON, exporter.attempt());
        assert!(attempt.await.is_err());
    }
    control.permit.send(()).unwrap();
    assert_eq!(exporter.attempt().await.unwrap(), Accepted::all());
    assert_eq!(*control.exported.lock().unwrap(), 1);
}

#[derive(Debug)]
struct Panicking(Mutex<u32>);

impl SpanExporter for Panicking {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        let mut calls = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        *calls += 1;
        assert!(*calls > 1, "no first time");
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        panic!("not even an end")
    }
}

#[tokio::test]
async fn a_panic_fails_one_batch_and_is_counted() {
    let mut exporter =
        SdkSpanExporter::new("shaky", Panicking(Mutex::new(0)), &resource()).unwrap();
    exporter.prepare(&full_span()).unwrap();
    let error = exporter.attempt().await.unwrap_err();
    assert_eq!(error.kind(), ExportErrorKind::Permanent);
    assert_eq!(
        error.to_string(),
        "the exporter shaky panicked: no first time"
    );
    exporter.prepare(&full_span()).unwrap();
    exporter.attempt().await.unwrap();
    assert!(exporter.shutdown().await.is_err());
    assert_eq!(exporter.panics(), 2);
}

#[tokio::test]
async fn an_exporter_that_cannot_be_made_says_so() {
    let make = || -> Panicking { panic!("no certificate") };
    let mut exporter = SdkSpanExporter::with("unborn", make, &resource()).unwrap();
    exporter.prepare(&full_span()).unwrap();
    let error = exporter.attempt().await.unwrap_err();
    assert_eq!(error.kind(), ExportErrorKind::Permanent);
    assert_eq!(
        error.to_string(),
        "the thread of the exporter unborn has ended"
    );
}

/// An exporter that answers after a while, as only a tokio runtime lets it.
#[derive(Debug)]
struct Slow(fn() -> OTelSdkResult);

impl SpanExporter for Slow {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        tokio::spawn(tokio::time::sleep(Duration::from_millis(2)))
            .await
            .map_err(|error| OTelSdkError::InternalFailure(error.to_string()))?;
        (self.0)()
    }
}

#[tokio::test]
async fn errors_keep_their_meaning() {
    let meanings: [(fn() -> OTelSdkResult, _); 3] = [
        (
            || Err(OTelSdkError::Timeout(SOON)),
            ExportErrorKind::Timeout,
        ),
        (
            || Err(OTelSdkError::AlreadyShutdown),
            ExportErrorKind::Permanent,
        ),
        (
            || Err(OTelSdkError::InternalFailure("x".into())),
            ExportErrorKind::Permanent,
        ),
    ];
    for (answer, kind) in meanings {
        let mut exporter = SdkSpanExporter::new("slow", Slow(answer), &resource()).unwrap();
        exporter.prepare(&full_span()).unwrap();
        assert_eq!(exporter.attempt().await.unwrap_err().kind(), kind);
    }
}

/// An exporter with a runtime of its own, as blocking HTTP clients have.
#[derive(Debug)]
struct OwnRuntime;

impl SpanExporter for OwnRuntime {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {});
        drop(runtime);
        Ok(())
    }
}

#[tokio::test]
async fn an_exporter_may_block_on_a_runtime_of_its_own() {
    let mut exporter = SdkSpanExporter::new("own-runtime", OwnRuntime, &resource()).unwrap();
    exporter.prepare(&full_span()).unwrap();
    assert_eq!(exporter.attempt().await.unwrap(), Accepted::all());
}

/// The official exporter over gRPC, made where no runtime is: ours is there for it.
#[test]
fn the_official_otlp_exporter_plugs_in() {
    use opentelemetry_otlp::WithExportConfig;
    // bound and not listening to gRPC: a connection ends as soon as it begins
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let make = move || {
        opentelemetry_otlp::SpanExporter::builder()
            .with_tonic()
            .with_endpoint(endpoint)
            .build()
            .unwrap()
    };
    let mut exporter = SdkSpanExporter::with("otlp", make, &resource()).unwrap();
    exporter.prepare(&full_span()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let error = runtime.block_on(exporter.attempt()).unwrap_err();
    assert_eq!(error.kind(), ExportErrorKind::Permanent);
    assert_eq!(exporter.panics(), 0);
    assert!(
        error.to_string().starts_with("the exporter otlp failed"),
        "{error}"
    );
}
