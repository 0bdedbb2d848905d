//! Snapshots made by hand.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::sync::Arc;

use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanId, TraceId};
use telemetry_core::metrics::{
    AttributeSet, Buckets, Descriptor, Exemplar, ExponentialHistogram, Histogram, InstrumentKind,
    Metric, Number, Point, Points, SeriesId, Snapshot, ValueTemporality,
};
use telemetry_core::otlp::ScopeId;

pub(crate) const NOW: u64 = 1_700_000_000_000_000_000;
pub(crate) const TRACE: u128 = 0x5b8e_fff7_9803_8103_d269_b633_813f_c60c;
pub(crate) const SPAN: u64 = 0xeee1_9b7e_c3c1_b174;

pub(crate) fn metric(name: &'static str, kind: InstrumentKind, points: Points) -> Metric {
    Metric {
        descriptor: Arc::new(Descriptor {
            scope: ScopeId::of_name("shop"),
            name: name.into(),
            description: "what it is".into(),
            unit: "{item}".into(),
            kind,
        }),
        temporality: ValueTemporality::Cumulative,
        points,
    }
}

pub(crate) fn snapshot(metrics: Vec<Metric>) -> Snapshot {
    Snapshot {
        metrics,
        unix_nanos: NOW,
    }
}

pub(crate) fn point<V>(series: u64, value: V) -> Point<V> {
    let series_key = i64::try_from(series).unwrap();
    Point {
        series: SeriesId(series),
        attributes: Arc::new(AttributeSet::new([
            KeyValue::new("series", series_key),
            KeyValue::new("kind", "test"),
        ])),
        start_unix_nanos: NOW - 1_000_000_000,
        value,
        exemplars: Vec::new(),
    }
}

pub(crate) fn with_exemplar<V>(mut point: Point<V>, value: Number) -> Point<V> {
    point.exemplars.push(Exemplar {
        value,
        unix_nanos: NOW - 5,
        span: Some((TraceId::from(TRACE), SpanId::from(SPAN))),
        filtered_attributes: vec![KeyValue::new("user", "u-1")],
    });
    point
}

/// A counter with this many series, each of value 1.
pub(crate) fn counter(name: &'static str, series: u64) -> Metric {
    let points = (0..series).map(|series| point(series, Number::U64(1)));
    metric(name, InstrumentKind::Counter, Points::Sum(points.collect()))
}

/// One metric of each kind of point, with exemplars.
pub(crate) fn all_kinds() -> Vec<Metric> {
    let histogram = Histogram {
        bounds: Arc::from([0.5, 1.0]),
        counts: vec![1, 0, 2],
        sum: 5.25,
        range: Some((0.25, 3.0)),
    };
    let exponential = ExponentialHistogram {
        scale: -3,
        zero_count: 1,
        positive: Buckets {
            offset: -2,
            counts: vec![1, 0, 300],
        },
        negative: Buckets {
            offset: 4,
            counts: vec![2],
        },
        // not exported, because there are negative values
        sum: 0.0,
        range: None,
    };
    let sum = with_exemplar(point(1, Number::U64(42)), Number::U64(2));
    let up_down = Points::Sum(vec![point(1, Number::I64(-7)), point(2, Number::I64(0))]);
    vec![
        metric("counter", InstrumentKind::Counter, Points::Sum(vec![sum])),
        metric("up.down", InstrumentKind::UpDownCounter, up_down),
        metric(
            "gauge",
            InstrumentKind::ObservableGauge,
            Points::Gauge(vec![
                point(1, Number::F64(-0.5)),
                point(2, Number::F64(f64::NAN)),
            ]),
        ),
        metric(
            "histogram",
            InstrumentKind::Histogram,
            Points::Histogram(vec![with_exemplar(point(1, histogram), Number::F64(2.0))]),
        ),
        metric(
            "exponential",
            InstrumentKind::Histogram,
            Points::ExponentialHistogram(vec![point(1, exponential)]),
        ),
    ]
}
