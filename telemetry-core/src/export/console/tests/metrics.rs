//! The table of metrics.

use std::sync::Arc;

use opentelemetry::KeyValue;

use super::super::Terminal;
use super::super::metrics::render;
use crate::export::memory::CapturedMetric;
use crate::metrics::{
    AttributeSet, Descriptor, Histogram, InstrumentKind, Metric, Number, Point, Points, SeriesId,
    ValueTemporality,
};
use crate::otlp::{MetricMessages, ScopeId};
use crate::pipeline::Batch;

fn point<V>(route: &'static str, value: V) -> Point<V> {
    Point {
        series: SeriesId(1),
        attributes: Arc::new(AttributeSet::new([KeyValue::new("http.route", route)])),
        start_unix_nanos: 1,
        value,
        exemplars: Vec::new(),
    }
}

fn captured(name: &'static str, kind: InstrumentKind, points: Points) -> CapturedMetric {
    let metric = Metric {
        descriptor: Arc::new(Descriptor {
            scope: ScopeId::of_name("test"),
            name: name.into(),
            description: "".into(),
            unit: "s".into(),
            kind,
        }),
        temporality: ValueTemporality::Cumulative,
        points,
    };
    let mut batch = Batch::new();
    batch.push(metric.descriptor.scope, |buffer| {
        MetricMessages::new(&metric, 1_700_000_000_000_000_000).write_next(buffer, usize::MAX);
    });
    CapturedMetric::read(batch.items().next().unwrap())
}

#[test]
fn a_table_shows_values_and_quantiles() {
    let durations = Histogram {
        bounds: Arc::from([0.1, 0.2, 1.0]),
        counts: vec![5, 2, 4, 1],
        sum: 3.25,
        range: None,
    };
    let table = [
        captured(
            "http.server.request.duration",
            InstrumentKind::Histogram,
            Points::Histogram(vec![point("/cart", durations)]),
        ),
        captured(
            "queue.depth",
            InstrumentKind::Gauge,
            Points::Gauge(vec![
                point("b\x1b[2J", Number::F64(0.012_345_6)),
                point("a", Number::I64(-3)),
            ]),
        ),
    ];
    assert_eq!(
        render(&table, Terminal::plain()),
        "2023-11-14T22:13:20.000Z METRICS
  http.server.request.duration [s]
    count=12 sum=3.25 p50=0.15 p95>1 p99>1  http.route=/cart
  queue.depth [s]
    -3                        http.route=a
    0.01235                   http.route=b\\u{1b}[2J
"
    );
    assert_eq!(render(&[], Terminal::plain()), "");
}

#[test]
fn a_long_table_is_cut() {
    let points = (0..600).map(|_| point("/", Number::U64(1))).collect();
    let table = [captured("c", InstrumentKind::Counter, Points::Sum(points))];
    let text = render(&table, Terminal::plain());
    assert_eq!(text.lines().count(), 502);
    assert!(text.ends_with("  … 101 more lines\n"), "{text}");
}
