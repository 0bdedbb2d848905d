//! S9: 512 finished spans of ten attributes each, from records to the bytes of an OTLP request.
//! One operation is one span.

use std::hint::black_box;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use prost::Message;
use telemetry_core::export::otlp::encode::{Encoding, RequestEncoder};
use telemetry_core::otlp::{AttributeLimits, Attributes, Kind, ScopeId, SpanParts, StatusCode};
use telemetry_core::pipeline::{Batch, Signal};

use crate::harness::Case;

const SPANS: u64 = 512;

fn attributes() -> Vec<KeyValue> {
    vec![
        KeyValue::new("http.request.method", "GET"),
        KeyValue::new("http.route", "/users/{id}"),
        KeyValue::new("url.path", "/users/42"),
        KeyValue::new("url.scheme", "https"),
        KeyValue::new("http.response.status_code", 200),
        KeyValue::new("server.address", "shop.example"),
        KeyValue::new("server.port", 443),
        KeyValue::new("client.address", "203.0.113.7"),
        KeyValue::new("user_agent.original", "curl/8.5.0"),
        KeyValue::new("network.protocol.version", "1.1"),
    ]
}

fn resource() -> Resource {
    Resource::builder_empty().with_service_name("shop").build()
}

/// Encodes the spans that `count` stands for, whole batches at a time.
fn batches(mut encode: impl FnMut() + 'static) -> Case {
    let mut owed = 0;
    Case::new(move |count| {
        owed += count;
        while owed >= SPANS {
            encode();
            owed -= SPANS;
        }
    })
}

pub(super) fn ours() -> Case {
    let mut recorded = Attributes::new(Attributes::SPAN, AttributeLimits::default());
    let pairs = attributes();
    recorded.extend(pairs.iter().map(|pair| (pair.key.as_str(), &pair.value)));
    let scope = ScopeId::of_name("shop");
    let mut batch = Batch::new();
    for number in 1..=SPANS {
        let parts = SpanParts {
            trace_id: TraceId::from(u128::from(number)),
            span_id: SpanId::from(number),
            name: "GET /users/{id}",
            kind: Kind::Server,
            status: StatusCode::Unset,
            start_unix_nanos: 1_795_270_981_234_567_000,
            end_unix_nanos: 1_795_270_981_234_967_000,
            attributes: recorded.as_bytes(),
            parent_span_id: SpanId::INVALID,
            parent_is_remote: None,
            trace_flags: TraceFlags::SAMPLED,
            trace_state: "",
            dropped_attributes: 0,
            events: &[],
            dropped_events: 0,
            links: &[],
            dropped_links: 0,
            status_message: "",
        };
        batch.push(scope, |buffer| parts.encode(buffer));
    }
    let mut encoder = RequestEncoder::new(Signal::Traces, Encoding::Protobuf, &resource());
    let mut request = Vec::new();
    batches(move || {
        request.clear();
        encoder.encode(black_box(&batch), &mut request);
        black_box(&request);
    })
}

fn span_data(number: u64) -> SpanData {
    let start = SystemTime::UNIX_EPOCH + Duration::from_nanos(1_795_270_981_234_567_000);
    let trace_id = TraceId::from(u128::from(number));
    SpanData {
        span_context: SpanContext::new(
            trace_id,
            SpanId::from(number),
            TraceFlags::SAMPLED,
            false,
            TraceState::default(),
        ),
        parent_span_id: SpanId::INVALID,
        parent_span_is_remote: false,
        span_kind: SpanKind::Server,
        name: "GET /users/{id}".into(),
        start_time: start,
        end_time: start + Duration::from_micros(400),
        attributes: attributes(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::builder("shop").build(),
    }
}

/// What `opentelemetry-otlp` does with a batch: it owns the spans, so that copies are made for
/// it before, unmeasured.
pub(super) fn proto() -> Case {
    let resource = ResourceAttributesWithSchema::from(&resource());
    let spans: Vec<SpanData> = (1..=SPANS).map(span_data).collect();
    let encode = move |spans| {
        let request = ExportTraceServiceRequest {
            resource_spans: group_spans_by_resource_and_scope(spans, &resource),
        };
        black_box(request.encode_to_vec());
    };
    let ready = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let taken = std::rc::Rc::clone(&ready);
    let mut owed = 0;
    let run = move |count| {
        owed += count;
        while owed >= SPANS {
            encode(taken.borrow_mut().pop().unwrap());
            owed -= SPANS;
        }
    };
    let copies = move || {
        let mut ready = ready.borrow_mut();
        ready.resize_with(3, || spans.clone());
    };
    copies();
    Case::settled(run, copies)
}
