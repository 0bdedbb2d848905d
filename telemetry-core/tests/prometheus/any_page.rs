use std::sync::Arc;

use opentelemetry::{Array, InstrumentationScope, KeyValue, StringValue, Value};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use telemetry_core::metrics::{
    AttributeSet, Buckets, Descriptor, Exemplar, ExponentialHistogram, Histogram, InstrumentKind,
    Metric, Number, Point, Points, SeriesId, Snapshot, ValueTemporality,
};
use telemetry_core::otlp::ScopeId;
use test_support::metric_families;

use super::support::{OPEN_METRICS, exemplar, renderer, text};

const PAGES: usize = 300;

#[test]
fn any_name_label_and_value_makes_a_page_that_is_accepted() {
    let mut runner = TestRunner::deterministic();
    let snapshots = vec(any_metric(), 0..8);
    let mut pages = Vec::new();
    for _ in 0..PAGES {
        let metrics = snapshots.new_tree(&mut runner).unwrap().current();
        let snapshot = Snapshot {
            metrics,
            unix_nanos: 1,
        };
        let renderer = renderer().0.with_created(true);
        pages.push((true, text(renderer.render(&snapshot, OPEN_METRICS, None))));
        pages.push((false, text(renderer.render(&snapshot, None, None))));
    }
    let Some(judged) = metric_families(&pages) else {
        return;
    };
    for (judgement, (_, page)) in judged.iter().zip(&pages) {
        assert!(judgement["error"].is_null(), "{judgement}\n{page}");
    }
}

fn any_metric() -> impl Strategy<Value = Metric> {
    let kinds = prop_oneof![
        Just(InstrumentKind::Counter),
        Just(InstrumentKind::UpDownCounter),
        Just(InstrumentKind::Gauge),
        Just(InstrumentKind::Histogram),
    ];
    let described = (
        any_name(),
        any_text(),
        any_unit(),
        kinds,
        any_scope(),
        any::<bool>(),
    );
    described.prop_flat_map(|(name, description, unit, kind, scope, exponential)| {
        let descriptor = Arc::new(Descriptor {
            scope,
            name: name.into(),
            description: description.into(),
            unit: unit.into(),
            kind,
        });
        any_points(kind, exponential).prop_map(move |points| Metric {
            descriptor: Arc::clone(&descriptor),
            temporality: ValueTemporality::Cumulative,
            points,
        })
    })
}

fn any_points(kind: InstrumentKind, exponential: bool) -> BoxedStrategy<Points> {
    match kind {
        InstrumentKind::Gauge => any_series(any_number()).prop_map(Points::Gauge).boxed(),
        InstrumentKind::Histogram if exponential => any_series(any_exponential())
            .prop_map(Points::ExponentialHistogram)
            .boxed(),
        InstrumentKind::Histogram => any_series(any_histogram())
            .prop_map(Points::Histogram)
            .boxed(),
        _ => any_series(any_number()).prop_map(Points::Sum).boxed(),
    }
}

/// Points whose attributes differ.
fn any_series<V: std::fmt::Debug>(
    value: impl Strategy<Value = V>,
) -> impl Strategy<Value = Vec<Point<V>>> {
    vec(any_point(value), 0..5).prop_map(|points| {
        let mut distinct: Vec<Point<V>> = Vec::new();
        for point in points {
            if !distinct
                .iter()
                .any(|known| known.attributes == point.attributes)
            {
                distinct.push(point);
            }
        }
        distinct
    })
}

fn any_point<V: std::fmt::Debug>(
    value: impl Strategy<Value = V>,
) -> impl Strategy<Value = Point<V>> {
    let attributes = vec((any_name(), any_value()), 0..4);
    (attributes, value, vec(any_exemplar(), 0..3)).prop_map(|(attributes, value, exemplars)| {
        Point {
            series: SeriesId(1),
            attributes: Arc::new(AttributeSet::new(
                attributes
                    .into_iter()
                    .map(|(key, value)| KeyValue::new(key, value)),
            )),
            start_unix_nanos: 1,
            value,
            exemplars,
        }
    })
}

/// Without quotes: Python's parser loses count of escaped ones behind `# {`.
fn any_exemplar() -> impl Strategy<Value = Exemplar> {
    let filtered = vec((any_name(), any_value()), 0..4);
    (any::<f64>(), any::<u64>(), any::<bool>(), filtered).prop_map(
        |(value, at, traced, filtered)| {
            let mut exemplar = exemplar(value, at);
            exemplar.span = exemplar.span.filter(|_| traced);
            let plain = filtered
                .into_iter()
                .filter(|(_, value)| !value.as_str().contains('"'));
            let pairs = plain.map(|(key, value)| KeyValue::new(key, value));
            exemplar.filtered_attributes = pairs.collect();
            exemplar
        },
    )
}

fn any_histogram() -> impl Strategy<Value = Histogram> {
    let bounds = vec(any::<f64>(), 0..6).prop_map(|mut bounds| {
        bounds.sort_by(f64::total_cmp);
        bounds
    });
    (bounds, vec(0_u64..1000, 6), any::<f64>(), any::<f64>()).prop_map(
        |(bounds, counts, sum, least)| Histogram {
            counts: counts
                .into_iter()
                .chain([0])
                .take(bounds.len() + 1)
                .collect(),
            bounds: bounds.into(),
            sum,
            range: Some((least, least)),
        },
    )
}

fn any_exponential() -> impl Strategy<Value = ExponentialHistogram> {
    let buckets = || {
        (any::<i32>(), vec(0_u64..3, 0..200))
            .prop_map(|(offset, counts)| Buckets { offset, counts })
    };
    let parts = (-10_i32..=20, 0_u64..3, buckets(), buckets(), any::<f64>());
    parts.prop_map(
        |(scale, zero_count, positive, negative, sum)| ExponentialHistogram {
            scale,
            zero_count,
            positive,
            negative,
            sum,
            range: None,
        },
    )
}

fn any_number() -> impl Strategy<Value = Number> {
    prop_oneof![
        any::<u64>().prop_map(Number::U64),
        any::<i64>().prop_map(Number::I64),
        any::<f64>().prop_map(Number::F64),
        Just(Number::F64(f64::NAN)),
        Just(Number::F64(f64::INFINITY)),
    ]
}

fn any_value() -> impl Strategy<Value = Value> {
    let texts = vec(any_text().prop_map(StringValue::from), 0..3);
    prop_oneof![
        any_text().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        (0_i64..3).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        texts.prop_map(|texts| Value::Array(Array::String(texts))),
    ]
}

/// Often one that collides with another or with ours.
fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-b]([._][a-b])?(_total|_count|_created|_info|_seconds)?",
        "le|target|otel.scope.name|__name__|trace_id|quantile",
        any_text(),
    ]
}

fn any_unit() -> impl Strategy<Value = String> {
    prop_oneof!["s|By|1|m/s|\\{request\\}|1/s||%|\\{a", any_text()]
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~]{0,12}", "\\PC{0,12}", "[\\\\\"\n\r\t #{}=,a]{0,8}"]
}

fn any_scope() -> impl Strategy<Value = ScopeId> {
    ("a|b|", "|1", any::<bool>()).prop_map(|(name, version, attribute)| {
        let mut scope = InstrumentationScope::builder(name).with_version(version);
        if attribute {
            scope = scope.with_attributes([KeyValue::new("name_", "x"), KeyValue::new("le", "y")]);
        }
        ScopeId::of(&scope.build())
    })
}
