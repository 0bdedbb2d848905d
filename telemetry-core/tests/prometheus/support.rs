use std::sync::{Arc, Mutex};

use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::Resource;
use serde_json::Value;
use telemetry_core::context::{SpanId, TraceId};
use telemetry_core::diagnostics::{Level, Voice};
use telemetry_core::export::prometheus::{Page, Renderer};
use telemetry_core::metrics::{
    AttributeSet, Descriptor, Exemplar, Histogram, InstrumentKind, Metric, Number, Point, Points,
    SeriesId, Snapshot, ValueTemporality,
};
use telemetry_core::otlp::ScopeId;
use test_support::metric_families;

pub(super) const OPEN_METRICS: Option<&str> = Some("application/openmetrics-text; version=1.0.0");
pub(super) const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
pub(super) const SPAN: &str = "00f067aa0ba902b7";
pub(super) const START: u64 = 1_700_000_000_250_000_000;

pub(super) fn renderer() -> (Renderer, Arc<Mutex<Vec<String>>>) {
    let said = Arc::new(Mutex::new(Vec::new()));
    let lines = Arc::clone(&said);
    let voice = Voice::new(Level::Debug, move |line| {
        lines.lock().unwrap().push(line.to_owned());
    });
    let resource = Resource::builder_empty()
        .with_attribute(KeyValue::new("service.name", "shop"))
        .with_attribute(KeyValue::new("service.version", "1.2 \"beta\""))
        .build();
    (Renderer::new(&resource, voice), said)
}

pub(super) fn descriptor(
    kind: InstrumentKind,
    name: &'static str,
    unit: &'static str,
) -> Descriptor {
    let scope = InstrumentationScope::builder("shop.http").with_version("0.3");
    Descriptor {
        scope: ScopeId::of(&scope.build()),
        name: name.into(),
        description: "What a test measures".into(),
        unit: unit.into(),
        kind,
    }
}

pub(super) fn metric(descriptor: Descriptor, points: Points) -> Metric {
    Metric {
        descriptor: Arc::new(descriptor),
        temporality: ValueTemporality::Cumulative,
        points,
    }
}

pub(super) fn point<V>(attributes: &[(&'static str, &'static str)], value: V) -> Point<V> {
    let attributes = attributes
        .iter()
        .map(|(key, value)| KeyValue::new(*key, *value));
    Point {
        series: SeriesId(1),
        attributes: Arc::new(AttributeSet::new(attributes)),
        start_unix_nanos: START,
        value,
        exemplars: Vec::new(),
    }
}

pub(super) fn counter(name: &'static str, value: u64) -> Metric {
    let value = point(&[("code", "200")], Number::U64(value));
    metric(
        descriptor(InstrumentKind::Counter, name, "{request}"),
        Points::Sum(vec![value]),
    )
}

pub(super) fn gauge(name: &'static str, unit: &'static str, value: f64) -> Metric {
    let value = point(&[], Number::F64(value));
    metric(
        descriptor(InstrumentKind::Gauge, name, unit),
        Points::Gauge(vec![value]),
    )
}

pub(super) fn durations(unix_nanos: u64) -> Metric {
    let mut value = point(
        &[("http.route", "/a\"\\\nb")],
        Histogram {
            bounds: Arc::from([0.005, 1.0, 1e6]),
            counts: vec![1, 2, 3, 4],
            sum: 7.5,
            range: Some((0.001, 2e6)),
        },
    );
    value.exemplars = vec![exemplar(0.25, unix_nanos)];
    metric(
        descriptor(
            InstrumentKind::Histogram,
            "http.server.request.duration",
            "s",
        ),
        Points::Histogram(vec![value]),
    )
}

pub(super) fn exemplar(value: f64, unix_nanos: u64) -> Exemplar {
    Exemplar {
        value: Number::F64(value),
        unix_nanos,
        span: Some((
            TraceId::from_hex(TRACE).unwrap(),
            SpanId::from_hex(SPAN).unwrap(),
        )),
        filtered_attributes: vec![
            KeyValue::new("user.id", "u-1"),
            KeyValue::new("note", "ä".repeat(200)),
            KeyValue::new("shop", 7),
        ],
    }
}

pub(super) fn snapshot(metrics: Vec<Metric>) -> Snapshot {
    Snapshot {
        metrics,
        unix_nanos: START + 1,
    }
}

pub(super) fn text(page: Page) -> String {
    assert_eq!(page.content_encoding, None);
    String::from_utf8(page.body).unwrap()
}

/// The families that Python finds; `None` without Python.
pub(super) fn families(text: &str) -> Option<Vec<Value>> {
    let open_metrics = text.ends_with("# EOF\n");
    let mut judged = metric_families(&[(open_metrics, text.to_owned())])?;
    let found = judged.remove(0);
    let families = found["families"].as_array();
    Some(
        families
            .unwrap_or_else(|| panic!("{found}\n{text}"))
            .clone(),
    )
}
