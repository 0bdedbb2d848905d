//! What we send.

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{SpanId, Status, TraceFlags, TraceId};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;
use prost::Message;
use telemetry_core::context::SpanContext;
use telemetry_core::export::otlp::encode::{Encoding, RequestEncoder};
use telemetry_core::otlp::span::{put_event, put_link};
use telemetry_core::otlp::{
    AttributeLimits, Attributes, Kind, LogParts, ScopeId, SpanParts, StatusCode,
};
use telemetry_core::pipeline::{Batch, Signal};

use super::arbitrary::LogCase;

pub(crate) fn traces(resource: &Resource, spans: &[SpanData]) -> ExportTraceServiceRequest {
    let request = encode(Signal::Traces, Encoding::Protobuf, resource, &batch(spans));
    ExportTraceServiceRequest::decode(request.as_slice()).expect("protobuf that prost reads")
}

pub(crate) fn logs(resource: &Resource, records: &[LogCase]) -> ExportLogsServiceRequest {
    let batch = log_batch(records);
    let request = encode(Signal::Logs, Encoding::Protobuf, resource, &batch);
    ExportLogsServiceRequest::decode(request.as_slice()).expect("protobuf that prost reads")
}

pub(crate) fn encode(
    signal: Signal,
    encoding: Encoding,
    resource: &Resource,
    batch: &Batch,
) -> Vec<u8> {
    let mut request = Vec::new();
    RequestEncoder::new(signal, encoding, resource).encode(batch, &mut request);
    request
}

pub(crate) fn batch(spans: &[SpanData]) -> Batch {
    let mut batch = Batch::new();
    for span in spans {
        push_span(&mut batch, span);
    }
    batch
}

pub(crate) fn log_batch(records: &[LogCase]) -> Batch {
    let mut batch = Batch::new();
    for record in records {
        push_log(&mut batch, record);
    }
    batch
}

fn push_span(batch: &mut Batch, span: &SpanData) {
    let attributes = encode_attributes(Attributes::SPAN, &span.attributes);
    let mut events = Vec::new();
    for event in span.events.iter() {
        let list = encode_attributes(Attributes::EVENT, &event.attributes);
        let dropped = event.dropped_attributes_count + list.dropped();
        let time = nanos(event.timestamp);
        put_event(&mut events, time, &event.name, list.as_bytes(), dropped);
    }
    let mut links = Vec::new();
    for link in span.links.iter() {
        let list = encode_attributes(Attributes::LINK, &link.attributes);
        let dropped = link.dropped_attributes_count + list.dropped();
        let to = SpanContext::from(&link.span_context);
        put_link(&mut links, &to, list.as_bytes(), dropped);
    }
    let (status, status_message) = match &span.status {
        Status::Unset => (StatusCode::Unset, ""),
        Status::Ok => (StatusCode::Ok, ""),
        Status::Error { description } => (StatusCode::Error, description.as_ref()),
    };
    let has_parent = span.parent_span_id != SpanId::INVALID;
    let parts = SpanParts {
        trace_id: span.span_context.trace_id(),
        span_id: span.span_context.span_id(),
        parent_span_id: span.parent_span_id,
        parent_is_remote: has_parent.then_some(span.parent_span_is_remote),
        trace_flags: span.span_context.trace_flags(),
        trace_state: &span.span_context.trace_state().header(),
        name: &span.name,
        kind: Kind::from(&span.span_kind),
        start_unix_nanos: nanos(span.start_time),
        end_unix_nanos: nanos(span.end_time),
        attributes: attributes.as_bytes(),
        dropped_attributes: span.dropped_attributes_count + attributes.dropped(),
        events: &events,
        dropped_events: span.events.dropped_count,
        links: &links,
        dropped_links: span.links.dropped_count,
        status,
        status_message,
    };
    let scope = ScopeId::of(&span.instrumentation_scope);
    batch.push(scope, |buffer| parts.encode(buffer));
}

fn push_log(batch: &mut Batch, record: &LogCase) {
    let mut attributes = Attributes::new(Attributes::LOG, AttributeLimits::default());
    attributes.extend(
        record
            .attributes
            .iter()
            .map(|(key, value)| (key.as_str(), value)),
    );
    let none = (TraceId::INVALID, SpanId::INVALID, TraceFlags::NOT_SAMPLED);
    let (trace_id, span_id, trace_flags) = record.context.unwrap_or(none);
    let parts = LogParts {
        unix_nanos: nanos(record.timestamp),
        observed_unix_nanos: nanos(record.observed),
        severity: record.severity,
        body: &record.body,
        attributes: attributes.as_bytes(),
        dropped_attributes: attributes.dropped(),
        trace_id,
        span_id,
        trace_flags,
        event_name: record.event_name.unwrap_or_default(),
    };
    batch.push(log_scope(record), |buffer| parts.encode(buffer));
}

/// The target of a record is the name of its scope.
fn log_scope(record: &LogCase) -> ScopeId {
    let Some(target) = record.target else {
        return ScopeId::of(&record.scope);
    };
    let mut scope = InstrumentationScope::builder(target)
        .with_attributes(record.scope.attributes().cloned().collect::<Vec<_>>());
    if let Some(version) = record.scope.version() {
        scope = scope.with_version(version.to_owned());
    }
    if let Some(schema_url) = record.scope.schema_url() {
        scope = scope.with_schema_url(schema_url.to_owned());
    }
    ScopeId::of(&scope.build())
}

/// One by one or at once: both ways must come to the same.
fn encode_attributes(field: u8, attributes: &[KeyValue]) -> Attributes {
    let mut list = Attributes::new(field, AttributeLimits::default());
    if attributes.len().is_multiple_of(2) {
        list.extend(
            attributes
                .iter()
                .map(|entry| (entry.key.as_str(), &entry.value)),
        );
    } else {
        for entry in attributes {
            list.set(entry.key.as_str(), &entry.value);
        }
    }
    list
}

fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
