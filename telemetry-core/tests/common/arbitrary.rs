//! Spans, log records and resources of every shape.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry::logs::AnyValue;
use opentelemetry::trace::{
    Event, Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{Array, InstrumentationScope, Key, KeyValue, StringValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use proptest::prelude::*;
use telemetry_core::otlp::Severity;

/// A log record as both sides can make it.
#[derive(Clone, Debug)]
pub(crate) struct LogCase {
    pub(crate) scope: InstrumentationScope,
    pub(crate) target: Option<&'static str>,
    pub(crate) timestamp: SystemTime,
    pub(crate) observed: SystemTime,
    pub(crate) severity: Severity,
    pub(crate) body: String,
    pub(crate) attributes: Vec<(String, AnyValue)>,
    pub(crate) context: Option<(TraceId, SpanId, TraceFlags)>,
    pub(crate) event_name: Option<&'static str>,
}

/// Few enough that the process-wide table of scopes stays small.
pub(crate) fn scopes() -> Vec<InstrumentationScope> {
    let named = |name: &'static str| InstrumentationScope::builder(name);
    let attributes = vec![
        KeyValue::new("mode", "test"),
        KeyValue::new("size", i64::MIN),
        KeyValue::new("list", Value::Array(Array::F64(vec![0.5, -0.0]))),
    ];
    vec![
        InstrumentationScope::default(),
        named("shop::cart").build(),
        named("shop::cart").with_version("1.2.3").build(),
        named("shop::cart")
            .with_schema_url("https://opentelemetry.io/schemas/1.42.0")
            .build(),
        named("größe").with_attributes(attributes.clone()).build(),
        named("all")
            .with_version("0")
            .with_schema_url("https://example.com/schema")
            .with_attributes(attributes)
            .build(),
    ]
}

pub(crate) fn resource() -> impl Strategy<Value = Resource> {
    (attributes(), prop::option::of("https://[a-z]{1,8}/[0-9]")).prop_map(|(attributes, url)| {
        match url {
            Some(url) => Resource::builder_empty().with_schema_url(attributes, url),
            None => Resource::builder_empty().with_attributes(attributes),
        }
        .build()
    })
}

pub(crate) fn span() -> impl Strategy<Value = SpanData> {
    let identity = (
        select(scopes()),
        span_context(),
        prop::option::of((span_id(), any::<bool>())),
        select(vec![
            SpanKind::Internal,
            SpanKind::Server,
            SpanKind::Client,
            SpanKind::Producer,
            SpanKind::Consumer,
        ]),
    );
    let content = (text(), time(), time(), attributes(), status());
    let lists = (
        prop::collection::vec(event(), 0..4),
        prop::collection::vec(link(), 0..4),
        dropped(),
        dropped(),
        dropped(),
    );
    (identity, content, lists).prop_map(|(identity, content, lists)| {
        let (scope, context, parent, kind) = identity;
        let (name, start_time, end_time, attributes, status) = content;
        let (event_list, link_list, dropped_attributes, dropped_events, dropped_links) = lists;
        let mut events = SpanEvents::default();
        events.events = event_list;
        events.dropped_count = dropped_events;
        let mut links = SpanLinks::default();
        links.links = link_list;
        links.dropped_count = dropped_links;
        SpanData {
            span_context: context,
            parent_span_id: parent.map_or(SpanId::INVALID, |(id, _)| id),
            parent_span_is_remote: parent.is_some_and(|(_, is_remote)| is_remote),
            span_kind: kind,
            name: name.into(),
            start_time,
            end_time,
            attributes,
            dropped_attributes_count: dropped_attributes,
            events,
            links,
            status,
            instrumentation_scope: scope,
        }
    })
}

pub(crate) fn log() -> impl Strategy<Value = LogCase> {
    let head = (
        select(scopes()),
        prop::option::of(select(vec!["shop::cart", "shop::pay"])),
        time(),
        time(),
        select(vec![
            Severity::Trace,
            Severity::Debug,
            Severity::Info,
            Severity::Warn,
            Severity::Error,
            Severity::Fatal,
        ]),
    );
    let context = (
        trace_id(),
        prop_oneof![Just(SpanId::INVALID), span_id()],
        flags(),
    );
    let content = (
        text(),
        prop::collection::vec((key(), any_value()), 0..6),
        prop::option::of(context),
        prop::option::of(select(vec!["deployment", "service.start"])),
    );
    (head, content).prop_map(|(head, content)| LogCase {
        scope: head.0,
        target: head.1,
        timestamp: head.2,
        observed: head.3,
        severity: head.4,
        body: content.0,
        attributes: content.1,
        context: content.2,
        event_name: content.3,
    })
}

pub(crate) fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => Just(String::new()),
        8 => "[a-z ]{1,20}",
        8 => prop::collection::vec(any::<char>(), 0..20).prop_map(String::from_iter),
        8 => "[\\x00-\\x7f]{0,20}",
        // lengths of two and of three bytes
        2 => (120_usize..140).prop_map(|size| "x".repeat(size)),
        1 => (16_380_usize..16_390).prop_map(|size| "x".repeat(size)),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    (text(), time(), attributes(), dropped())
        .prop_map(|(name, time, attributes, dropped)| Event::new(name, time, attributes, dropped))
}

fn link() -> impl Strategy<Value = Link> {
    (span_context(), attributes(), dropped())
        .prop_map(|(context, attributes, dropped)| Link::new(context, attributes, dropped))
}

fn status() -> impl Strategy<Value = Status> {
    prop_oneof![
        Just(Status::Unset),
        Just(Status::Ok),
        text().prop_map(Status::error),
    ]
}

fn span_context() -> impl Strategy<Value = SpanContext> {
    let state = prop::collection::btree_map("[a-z]{1,5}", "[a-z0-9]{1,9}", 0..3)
        .prop_map(|members| TraceState::from_key_value(members).unwrap_or_default());
    (trace_id(), span_id(), flags(), any::<bool>(), state).prop_map(
        |(trace_id, span_id, flags, remote, state)| {
            SpanContext::new(trace_id, span_id, flags, remote, state)
        },
    )
}

fn trace_id() -> impl Strategy<Value = TraceId> {
    (1..=u128::MAX).prop_map(TraceId::from)
}

fn span_id() -> impl Strategy<Value = SpanId> {
    (1..=u64::MAX).prop_map(SpanId::from)
}

fn flags() -> impl Strategy<Value = TraceFlags> {
    any::<u8>().prop_map(TraceFlags::new)
}

fn time() -> impl Strategy<Value = SystemTime> {
    prop_oneof![Just(0), any::<u64>()].prop_map(|nanos| UNIX_EPOCH + Duration::from_nanos(nanos))
}

fn dropped() -> impl Strategy<Value = u32> {
    // not up to the maximum: refused attributes are added to it
    prop_oneof![Just(0), 1..=u32::MAX / 2]
}

/// From so few that some repeat.
fn key() -> impl Strategy<Value = String> {
    prop_oneof!["[a-c]{0,2}", "[a-z]{3,8}\\.[a-z]{3,8}", "\\PC{1,3}"]
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let attribute = (key(), value()).prop_map(|(key, value)| KeyValue::new(key, value));
    prop::collection::vec(attribute, 0..6)
}

fn value() -> impl Strategy<Value = Value> {
    let string = || text().prop_map(StringValue::from);
    prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        integer().prop_map(Value::I64),
        double().prop_map(Value::F64),
        string().prop_map(Value::String),
        list(any::<bool>()).prop_map(|items| Value::Array(Array::Bool(items))),
        list(integer()).prop_map(|items| Value::Array(Array::I64(items))),
        list(double()).prop_map(|items| Value::Array(Array::F64(items))),
        list(string()).prop_map(|items| Value::Array(Array::String(items))),
    ]
}

fn any_value() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(AnyValue::Boolean),
        integer().prop_map(AnyValue::Int),
        double().prop_map(AnyValue::Double),
        text().prop_map(|text| AnyValue::String(text.into())),
        list(any::<u8>()).prop_map(|bytes| AnyValue::Bytes(Box::new(bytes))),
    ];
    leaf.prop_recursive(4, 20, 4, |inner| {
        prop_oneof![
            list(inner.clone()).prop_map(|items| AnyValue::ListAny(Box::new(items))),
            prop::collection::hash_map(key().prop_map(Key::from), inner, 0..4)
                .prop_map(|entries| AnyValue::Map(Box::new(entries))),
        ]
    })
}

fn integer() -> impl Strategy<Value = i64> {
    prop_oneof![
        Just(0),
        Just(i64::MIN),
        Just(i64::MAX),
        any::<i64>(),
        -300_i64..300
    ]
}

fn double() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(0.0),
        Just(-0.0),
        Just(f64::MAX),
        Just(f64::MIN_POSITIVE),
        any::<f64>(),
        Just(f64::NAN),
        Just(f64::INFINITY),
        Just(f64::NEG_INFINITY)
    ]
}

fn list<T: std::fmt::Debug>(item: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<T>> {
    prop::collection::vec(item, 0..5)
}

fn select<T: Clone + std::fmt::Debug + 'static>(items: Vec<T>) -> impl Strategy<Value = T> {
    prop::sample::select(items)
}
