//! Our encoded items as the SDK's types.

use std::collections::HashSet;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry::logs::{AnyValue, LogRecord};
use opentelemetry::trace::{Event, Link, SpanContext, SpanKind, Status};
use opentelemetry::{Array, InstrumentationScope, Key, KeyValue, StringValue, Value};
use opentelemetry_sdk::logs::SdkLogRecord;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use crate::context::{SpanId, TraceId};
use crate::export::memory::CapturedValue;
use crate::otlp::attributes::{list_items, map_entries};
use crate::otlp::{AnyValueView, EventView, LinkView, LogView, Severity, SpanView, StatusCode};

/// A span as the SDK's exporters take it.
pub(super) fn span_data(view: &SpanView<'_>, scope: InstrumentationScope) -> SpanData {
    let parts = view.parts;
    let mut events = SpanEvents::default();
    events.events = view.events().map(event).collect();
    events.dropped_count = parts.dropped_events;
    let mut links = SpanLinks::default();
    links.links = view.links().map(link).collect();
    links.dropped_count = parts.dropped_links;
    SpanData {
        span_context: SpanContext::new(
            parts.trace_id,
            parts.span_id,
            parts.trace_flags,
            false,
            parts.trace_state.parse().unwrap_or_default(),
        ),
        parent_span_id: parts.parent_span_id,
        parent_span_is_remote: parts.parent_is_remote == Some(true),
        span_kind: SpanKind::from(parts.kind),
        name: parts.name.to_owned().into(),
        start_time: time(parts.start_unix_nanos),
        end_time: time(parts.end_unix_nanos),
        attributes: key_values(view.attributes()),
        dropped_attributes_count: parts.dropped_attributes,
        events,
        links,
        status: match parts.status {
            StatusCode::Unset => Status::Unset,
            StatusCode::Ok => Status::Ok,
            StatusCode::Error => Status::error(parts.status_message.to_owned()),
        },
        instrumentation_scope: scope,
    }
}

/// Fills a record of the SDK.
pub(super) fn fill_record(record: &mut SdkLogRecord, view: &LogView<'_>, target: &str) {
    let parts = view.parts;
    record.set_target(target.to_owned());
    if parts.unix_nanos != 0 {
        record.set_timestamp(time(parts.unix_nanos));
    }
    record.set_observed_timestamp(time(parts.observed_unix_nanos));
    record.set_severity_number(severity(parts.severity));
    record.set_severity_text(parts.severity.as_str());
    if !parts.body.is_empty() {
        record.set_body(AnyValue::from(parts.body.to_owned()));
    }
    if parts.trace_id != TraceId::INVALID && parts.span_id != SpanId::INVALID {
        record.set_trace_context(parts.trace_id, parts.span_id, Some(parts.trace_flags));
    }
    match event_name(parts.event_name) {
        Some("") => {}
        Some(name) => record.set_event_name(name),
        None => record.add_attribute("event.name", parts.event_name.to_owned()),
    }
    for (key, value) in view.attributes() {
        if let Some(value) = any_value(value) {
            record.add_attribute(Key::from(key.to_owned()), value);
        }
    }
}

fn event(view: EventView<'_>) -> Event {
    Event::new(
        view.name.to_owned(),
        time(view.unix_nanos),
        key_values(view.attributes()),
        view.dropped_attributes,
    )
}

fn link(view: LinkView<'_>) -> Link {
    let context = SpanContext::new(
        view.trace_id,
        view.span_id,
        view.trace_flags,
        view.is_remote,
        view.trace_state.parse().unwrap_or_default(),
    );
    Link::new(
        context,
        key_values(view.attributes()),
        view.dropped_attributes,
    )
}

fn time(unix_nanos: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(unix_nanos)
}

fn key_values<'a>(attributes: impl Iterator<Item = (&'a str, AnyValueView<'a>)>) -> Vec<KeyValue> {
    attributes
        .map(|(key, view)| KeyValue::new(key.to_owned(), value(view)))
        .collect()
}

/// The SDK's span attributes have no bytes, maps or mixed lists: those become text.
fn value(view: AnyValueView<'_>) -> Value {
    match view {
        AnyValueView::Str(text) => Value::from(text.to_owned()),
        AnyValueView::Bool(value) => Value::Bool(value),
        AnyValueView::Int(number) => Value::I64(number),
        AnyValueView::Double(number) => Value::F64(number),
        AnyValueView::List(list) => array(list).map_or_else(|| text(view), Value::Array),
        AnyValueView::Empty => Value::from(""),
        AnyValueView::Bytes(_) | AnyValueView::Map(_) => text(view),
    }
}

fn text(view: AnyValueView<'_>) -> Value {
    Value::from(CapturedValue::read(view).to_text().into_owned())
}

/// The list with items of one type, or nothing if they differ.
fn array(list: &[u8]) -> Option<Array> {
    let all = || list_items(list);
    match all().next() {
        Some(AnyValueView::Bool(_)) => collect(all(), |item| match item {
            AnyValueView::Bool(value) => Some(value),
            _ => None,
        })
        .map(Array::Bool),
        Some(AnyValueView::Int(_)) => collect(all(), |item| match item {
            AnyValueView::Int(number) => Some(number),
            _ => None,
        })
        .map(Array::I64),
        Some(AnyValueView::Double(_)) => collect(all(), |item| match item {
            AnyValueView::Double(number) => Some(number),
            _ => None,
        })
        .map(Array::F64),
        _ => collect(all(), |item| match item {
            AnyValueView::Str(text) => Some(StringValue::from(text.to_owned())),
            _ => None,
        })
        .map(Array::String),
    }
}

fn collect<'a, T>(
    items: impl Iterator<Item = AnyValueView<'a>>,
    take: impl Fn(AnyValueView<'a>) -> Option<T>,
) -> Option<Vec<T>> {
    items.map(take).collect()
}

fn any_value(view: AnyValueView<'_>) -> Option<AnyValue> {
    Some(match view {
        AnyValueView::Empty => return None,
        AnyValueView::Str(text) => AnyValue::from(text.to_owned()),
        AnyValueView::Bool(value) => AnyValue::Boolean(value),
        AnyValueView::Int(number) => AnyValue::Int(number),
        AnyValueView::Double(number) => AnyValue::Double(number),
        AnyValueView::Bytes(bytes) => AnyValue::Bytes(Box::new(bytes.to_vec())),
        AnyValueView::List(list) => {
            AnyValue::ListAny(Box::new(list_items(list).filter_map(any_value).collect()))
        }
        AnyValueView::Map(map) => AnyValue::Map(Box::new(
            map_entries(map)
                .filter_map(|(key, value)| Some((Key::from(key.to_owned()), any_value(value)?)))
                .collect(),
        )),
    })
}

fn severity(severity: Severity) -> opentelemetry::logs::Severity {
    use opentelemetry::logs::Severity as Sdk;
    match severity {
        Severity::Trace => Sdk::Trace,
        Severity::Debug => Sdk::Debug,
        Severity::Info => Sdk::Info,
        Severity::Warn => Sdk::Warn,
        Severity::Error => Sdk::Error,
        Severity::Fatal => Sdk::Fatal,
    }
}

/// The most event names that are kept for ever: the SDK wants them `'static`, and a program has
/// as many as it has kinds of events.
const MAX_EVENT_NAMES: usize = 256;

/// The name with the lifetime that the SDK wants; nothing once there are too many.
fn event_name(name: &str) -> Option<&'static str> {
    static NAMES: OnceLock<Mutex<HashSet<&'static str>>> = OnceLock::new();
    if name.is_empty() {
        return Some("");
    }
    let mut names = NAMES
        .get_or_init(Mutex::default)
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.get(name) {
        return Some(known);
    }
    if names.len() >= MAX_EVENT_NAMES {
        return None;
    }
    let kept: &'static str = Box::leak(name.to_owned().into_boxed_str());
    names.insert(kept);
    Some(kept)
}
