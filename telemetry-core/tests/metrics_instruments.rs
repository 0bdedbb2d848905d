//! Instruments of the OpenTelemetry API, and what is read from them.
#![expect(clippy::panic, reason = "tests fail by panicking")]

use opentelemetry::metrics::Meter;
use opentelemetry::{InstrumentationScope, KeyValue};
use telemetry_core::metrics::{
    InstrumentKind, Metric, Number, Points, Registry, RegistrySettings, Snapshot,
};

fn registry() -> (Registry, Meter) {
    let registry = Registry::new(RegistrySettings::default());
    let meter = registry.meter(InstrumentationScope::builder("shop").build());
    (registry, meter)
}

fn metric<'a>(snapshot: &'a Snapshot, name: &str) -> &'a Metric {
    let mut named = snapshot.metrics.iter();
    named
        .find(|metric| metric.descriptor.name == name)
        .unwrap_or_else(|| panic!("no {name}"))
}

/// The values of all series, sorted by the attribute `k`.
fn numbers(snapshot: &Snapshot, name: &str) -> Vec<Number> {
    let points = match &metric(snapshot, name).points {
        Points::Sum(points) | Points::Gauge(points) => points,
        other => panic!("{other:?}"),
    };
    let mut points: Vec<_> = points.iter().collect();
    points.sort_by_key(|point| point.attributes.get("k").map(ToString::to_string));
    points.into_iter().map(|point| point.value).collect()
}

fn k(value: &'static str) -> [KeyValue; 1] {
    [KeyValue::new("k", value)]
}

#[test]
fn synchronous_instruments_of_every_type() {
    let (registry, meter) = registry();
    let counter = meter.u64_counter("c.u64").build();
    counter.add(1, &k("a"));
    counter.add(2, &k("a"));
    counter.add(5, &k("b"));
    meter.f64_counter("c.f64").build().add(0.5, &[]);
    let up_down = meter.i64_up_down_counter("ud.i64").build();
    up_down.add(2, &[]);
    up_down.add(-5, &[]);
    meter.f64_up_down_counter("ud.f64").build().add(-0.5, &[]);
    let gauge = meter.u64_gauge("g.u64").build();
    gauge.record(7, &[]);
    gauge.record(0, &[]);
    meter.i64_gauge("g.i64").build().record(-7, &[]);
    meter.f64_gauge("g.f64").build().record(1.5, &[]);

    let snapshot = registry.collect();
    assert_eq!(
        numbers(&snapshot, "c.u64"),
        [Number::U64(3), Number::U64(5)]
    );
    assert_eq!(numbers(&snapshot, "c.f64"), [Number::F64(0.5)]);
    assert_eq!(numbers(&snapshot, "ud.i64"), [Number::I64(-3)]);
    assert_eq!(numbers(&snapshot, "ud.f64"), [Number::F64(-0.5)]);
    assert_eq!(numbers(&snapshot, "g.u64"), [Number::U64(0)]);
    assert_eq!(numbers(&snapshot, "g.i64"), [Number::I64(-7)]);
    assert_eq!(numbers(&snapshot, "g.f64"), [Number::F64(1.5)]);
    let kind = metric(&snapshot, "ud.f64").descriptor.kind;
    assert_eq!(kind, InstrumentKind::UpDownCounter);
}

#[test]
fn histograms_count_in_buckets_that_fit_the_unit() {
    let (registry, meter) = registry();
    let seconds = meter.f64_histogram("seconds").with_unit("s").build();
    seconds.record(0.004, &[]);
    seconds.record(11.0, &[]);
    let bytes = meter.u64_histogram("bytes").with_unit("By").build();
    bytes.record(256, &[]);
    let advised = meter
        .f64_histogram("advised")
        .with_boundaries(vec![1.0, 2.0]);
    advised.build().record(1.5, &[]);

    let snapshot = registry.collect();
    let histogram = |name| match &metric(&snapshot, name).points {
        Points::Histogram(points) => points[0].value.clone(),
        other => panic!("{other:?}"),
    };
    let seconds = histogram("seconds");
    assert_eq!((seconds.counts[0], seconds.counts[14]), (1, 1));
    assert_eq!((seconds.bounds[0], seconds.bounds[13]), (0.005, 10.0));
    assert_eq!((seconds.sum, seconds.range), (11.004, Some((0.004, 11.0))));
    assert_eq!(histogram("bytes").counts[0], 1);
    assert_eq!(histogram("advised").counts, [0, 1, 0]);
}

#[test]
fn observable_instruments_of_every_type() {
    let (registry, meter) = registry();
    let _ = meter
        .u64_observable_counter("oc.u64")
        .with_callback(|o| o.observe(1, &[]))
        .build();
    let _ = meter
        .f64_observable_counter("oc.f64")
        .with_callback(|o| o.observe(1.5, &[]))
        .build();
    let _ = meter
        .i64_observable_up_down_counter("oud.i64")
        .with_callback(|o| o.observe(-1, &[]))
        .build();
    let _ = meter
        .f64_observable_up_down_counter("oud.f64")
        .with_callback(|o| o.observe(-1.5, &[]))
        .build();
    let _ = meter
        .u64_observable_gauge("og.u64")
        .with_callback(|o| o.observe(2, &[]))
        .build();
    let _ = meter
        .i64_observable_gauge("og.i64")
        .with_callback(|o| o.observe(-2, &[]))
        .build();
    let _ = meter
        .f64_observable_gauge("og.f64")
        .with_callback(|o| o.observe(2.5, &[]))
        .build();

    // what is observed replaces, however often it is asked for
    drop(registry.collect());
    let snapshot = registry.collect();
    for (name, value) in [
        ("oc.u64", Number::U64(1)),
        ("oc.f64", Number::F64(1.5)),
        ("oud.i64", Number::I64(-1)),
        ("oud.f64", Number::F64(-1.5)),
        ("og.u64", Number::U64(2)),
        ("og.i64", Number::I64(-2)),
        ("og.f64", Number::F64(2.5)),
    ] {
        assert_eq!(numbers(&snapshot, name), [value], "{name}");
    }
}
