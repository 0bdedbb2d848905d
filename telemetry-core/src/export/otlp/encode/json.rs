//! Requests in JSON, written from the views of the encoded items.

use crate::otlp::attributes::{key_value, list_items, map_entries};
use crate::otlp::wire::Fields;
use crate::otlp::{AnyValueView, EventView, LinkView, LogView, SpanView, StatusCode};
use crate::pipeline::{Batch, Signal};

use super::grouping::{Group, Grouping};
use super::json_metric::metric;
use super::json_object::{JsonObject, put, put_base64, put_double, put_text};
use super::resource::EncodedResource;

pub(super) fn write(
    signal: Signal,
    resource: &EncodedResource,
    grouping: &Grouping,
    batch: &Batch,
    buffer: &mut Vec<u8>,
) {
    let names = Names::of(signal);
    JsonObject::write(buffer, |request| {
        request.objects(names.resource_items, std::iter::once(()), |object, ()| {
            object.object("resource", |object| {
                attributes(object, encoded_attributes(resource.as_bytes(), 1));
            });
            object.objects(
                names.scope_items,
                grouping.groups().iter(),
                |object, group| {
                    scope(object, group);
                    object.objects(names.items, grouping.messages(group, batch), names.item);
                    object.text("schemaUrl", group.schema_url());
                },
            );
            object.text("schemaUrl", resource.schema_url());
        });
    });
}

/// What the parts of a signal's request are called, and how its items are written.
struct Names {
    resource_items: &'static str,
    scope_items: &'static str,
    items: &'static str,
    item: fn(&mut JsonObject<'_>, &[u8]),
}

impl Names {
    const fn of(signal: Signal) -> Self {
        match signal {
            Signal::Traces => Self {
                resource_items: "resourceSpans",
                scope_items: "scopeSpans",
                items: "spans",
                item: span,
            },
            Signal::Logs => Self {
                resource_items: "resourceLogs",
                scope_items: "scopeLogs",
                items: "logRecords",
                item: log_record,
            },
            Signal::Metrics => Self {
                resource_items: "resourceMetrics",
                scope_items: "scopeMetrics",
                items: "metrics",
                item: metric,
            },
        }
    }
}

fn scope(object: &mut JsonObject<'_>, group: &Group) {
    let scope = group.scope();
    object.object("scope", |object| {
        object.text("name", scope.get().name());
        object.text("version", scope.get().version().unwrap_or_default());
        attributes(object, encoded_attributes(scope.as_bytes(), 3));
    });
}

fn span(object: &mut JsonObject<'_>, message: &[u8]) {
    let view = SpanView::read(message);
    let parts = &view.parts;
    object.id("traceId", &parts.trace_id.to_bytes());
    object.id("spanId", &parts.span_id.to_bytes());
    object.text("traceState", parts.trace_state);
    object.id("parentSpanId", &parts.parent_span_id.to_bytes());
    object.u32("flags", parts.flags());
    object.text("name", parts.name);
    object.u32("kind", u32::from(parts.kind as u8));
    object.u64("startTimeUnixNano", parts.start_unix_nanos);
    object.u64("endTimeUnixNano", parts.end_unix_nanos);
    attributes(object, view.attributes());
    object.u32("droppedAttributesCount", parts.dropped_attributes);
    object.objects("events", view.events(), |object, item| event(object, &item));
    object.u32("droppedEventsCount", parts.dropped_events);
    object.objects("links", view.links(), |object, item| link(object, &item));
    object.u32("droppedLinksCount", parts.dropped_links);
    if parts.status != StatusCode::Unset {
        object.object("status", |status| {
            status.text("message", parts.status_message);
            status.u32("code", u32::from(parts.status as u8));
        });
    }
}

fn event(object: &mut JsonObject<'_>, event: &EventView<'_>) {
    object.u64("timeUnixNano", event.unix_nanos);
    object.text("name", event.name);
    attributes(object, event.attributes());
    object.u32("droppedAttributesCount", event.dropped_attributes);
}

fn link(object: &mut JsonObject<'_>, link: &LinkView<'_>) {
    object.id("traceId", &link.trace_id.to_bytes());
    object.id("spanId", &link.span_id.to_bytes());
    object.text("traceState", link.trace_state);
    attributes(object, link.attributes());
    object.u32("droppedAttributesCount", link.dropped_attributes);
    object.u32("flags", link.flags());
}

fn log_record(object: &mut JsonObject<'_>, message: &[u8]) {
    let view = LogView::read(message);
    let parts = &view.parts;
    object.u64("timeUnixNano", parts.unix_nanos);
    object.u64("observedTimeUnixNano", parts.observed_unix_nanos);
    object.u32("severityNumber", u32::from(parts.severity as u8));
    object.text("severityText", parts.severity.as_str());
    if !parts.body.is_empty() {
        object.object("body", |body| body.text("stringValue", parts.body));
    }
    attributes(object, view.attributes());
    object.u32("droppedAttributesCount", parts.dropped_attributes);
    object.u32("flags", u32::from(parts.trace_flags.to_u8()));
    object.id("traceId", &parts.trace_id.to_bytes());
    object.id("spanId", &parts.span_id.to_bytes());
    object.text("eventName", parts.event_name);
}

pub(super) fn encoded_attributes(
    message: &[u8],
    field: u64,
) -> impl Iterator<Item = (&str, AnyValueView<'_>)> {
    Fields::new(message)
        .filter(move |entry| entry.number == field)
        .map(|entry| key_value(entry.value.bytes()))
}

fn attributes<'a>(
    object: &mut JsonObject<'_>,
    attributes: impl Iterator<Item = (&'a str, AnyValueView<'a>)>,
) {
    named_attributes(object, "attributes", attributes);
}

pub(super) fn named_attributes<'a>(
    object: &mut JsonObject<'_>,
    name: &'static str,
    attributes: impl Iterator<Item = (&'a str, AnyValueView<'a>)>,
) {
    object.objects(name, attributes, entry);
}

fn entry(object: &mut JsonObject<'_>, (key, value): (&str, AnyValueView<'_>)) {
    put_text(object.key("key"), key);
    object.object("value", |object| any_value(object, value));
}

fn any_value(object: &mut JsonObject<'_>, value: AnyValueView<'_>) {
    match value {
        AnyValueView::Empty => {}
        AnyValueView::Str(text) => put_text(object.key("stringValue"), text),
        AnyValueView::Bool(value) => put(object.key("boolValue"), format_args!("{value}")),
        AnyValueView::Int(value) => put(object.key("intValue"), format_args!("\"{value}\"")),
        AnyValueView::Double(value) => put_double(object.key("doubleValue"), value),
        AnyValueView::Bytes(bytes) => put_base64(object.key("bytesValue"), bytes),
        // some receivers insist on `values` even if there is none
        AnyValueView::List(list) => object.object("arrayValue", |object| {
            object.list("values", list_items(list), any_value);
        }),
        AnyValueView::Map(map) => object.object("kvlistValue", |object| {
            object.list("values", map_entries(map), entry);
        }),
    }
}
