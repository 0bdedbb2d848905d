//! Instruments of the OpenTelemetry API, and what is read from them.

mod metrics_support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use metrics_support::{
    Bench, NOW, Said, find, histogram_points, k, meter, metric, number, number_points, numbers,
};
use opentelemetry::metrics::MeterProvider;
use opentelemetry::{InstrumentationScope, KeyValue};
use telemetry_core::metrics::{InstrumentKind, Number, Point, Registry, RegistrySettings};

#[test]
fn synchronous_instruments_of_every_type() {
    let bench = Bench::new();
    let meter = &bench.meter;
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

    let snapshot = bench.collect();
    assert_eq!(
        numbers(&snapshot, "c.u64"),
        [
            ("k=a".to_owned(), Number::U64(3)),
            ("k=b".to_owned(), Number::U64(5))
        ]
    );
    for (name, value) in [
        ("c.f64", Number::F64(0.5)),
        ("ud.i64", Number::I64(-3)),
        ("ud.f64", Number::F64(-0.5)),
        ("g.u64", Number::U64(0)),
        ("g.i64", Number::I64(-7)),
        ("g.f64", Number::F64(1.5)),
    ] {
        assert_eq!(number(&snapshot, name), value, "{name}");
    }
    let kind = metric(&snapshot, "ud.f64").descriptor.kind;
    assert_eq!(kind, InstrumentKind::UpDownCounter);
}

#[test]
fn histograms_count_in_buckets_that_fit_the_unit() {
    let bench = Bench::new();
    let meter = &bench.meter;
    let seconds = meter.f64_histogram("seconds").with_unit("s").build();
    seconds.record(0.004, &[]);
    seconds.record(11.0, &[]);
    let bytes = meter.u64_histogram("bytes").with_unit("By").build();
    bytes.record(256, &[]);
    let advised = meter.f64_histogram("advised").with_unit("s");
    let advised = advised.with_boundaries(vec![1.0, 2.0]).build();
    advised.record(1.5, &[]);
    let general = meter.u64_histogram("general").build();
    general.record(10_001, &[]);

    let snapshot = bench.collect();
    let histogram = |name| histogram_points(&snapshot, name)[0].value.clone();
    let seconds = histogram("seconds");
    assert_eq!((seconds.counts[0], seconds.counts[14]), (1, 1));
    assert_eq!((seconds.bounds[0], seconds.bounds[13]), (0.005, 10.0));
    assert_eq!((seconds.sum, seconds.range), (11.004, Some((0.004, 11.0))));
    assert_eq!(histogram("bytes").counts[0], 1);
    assert_eq!(histogram("advised").counts, [0, 1, 0]);
    assert_eq!(histogram("general").counts[15], 1);
}

#[test]
fn boundaries_that_make_no_sense_are_told_and_replaced() {
    let bench = Bench::new();
    let histogram = bench.meter.f64_histogram("h").with_unit("s");
    let histogram = histogram.with_boundaries(vec![2.0, 1.0]).build();
    histogram.record(0.1, &[]);
    let got = histogram_points(&bench.collect(), "h")[0].value.clone();
    assert_eq!((got.bounds.len(), got.count()), (14, 1));
    assert!(bench.said.lines()[0].contains("\"h\" has boundaries"));
}

#[test]
fn observable_instruments_of_every_type() {
    let bench = Bench::new();
    let meter = &bench.meter;
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
    drop(bench.collect());
    let snapshot = bench.collect();
    for (name, value) in [
        ("oc.u64", Number::U64(1)),
        ("oc.f64", Number::F64(1.5)),
        ("oud.i64", Number::I64(-1)),
        ("oud.f64", Number::F64(-1.5)),
        ("og.u64", Number::U64(2)),
        ("og.i64", Number::I64(-2)),
        ("og.f64", Number::F64(2.5)),
    ] {
        assert_eq!(number(&snapshot, name), value, "{name}");
    }
}

#[test]
fn what_is_not_observed_vanishes() {
    let bench = Bench::new();
    let is_there = Arc::new(AtomicBool::new(true));
    let flag = Arc::clone(&is_there);
    let _ = bench
        .meter
        .u64_observable_gauge("connections")
        .with_callback(move |observer| {
            observer.observe(1, &k("a"));
            if flag.load(Ordering::Relaxed) {
                observer.observe(2, &k("b"));
            }
        })
        .build();
    let both = number_points(&bench.collect(), "connections");
    assert_eq!(both.len(), 2);
    is_there.store(false, Ordering::Relaxed);
    let one = number_points(&bench.collect(), "connections");
    assert_eq!(one.len(), 1);
    assert_eq!(one[0].series, both[0].series);
    is_there.store(true, Ordering::Relaxed);
    let again = number_points(&bench.collect(), "connections");
    assert_ne!(again[1].series, both[1].series);
}

#[test]
fn what_was_observed_before_takes_no_place() {
    let bench = Bench::with(|settings| settings.cardinality_limit = 3);
    let first_id = Arc::new(AtomicI64::new(0));
    let first = Arc::clone(&first_id);
    let _ = bench
        .meter
        .i64_observable_gauge("pods")
        .with_callback(move |observer| {
            let first = first.load(Ordering::Relaxed);
            for id in first..first + 3 {
                observer.observe(id, &[KeyValue::new("id", id)]);
            }
            if first < 0 {
                observer.observe(9, &[KeyValue::new("id", 9)]);
            }
        })
        .build();
    let ids = |points: &[Point<Number>]| -> Vec<_> {
        let id = |point: &Point<Number>| point.attributes.get("id").cloned();
        points.iter().map(id).collect()
    };
    let expected =
        |first: i64| -> Vec<_> { (first..first + 3).map(|id| Some(id.into())).collect() };
    let before = number_points(&bench.collect(), "pods");
    assert_eq!(ids(&before), expected(0));
    // two are others, and one is the same series as before
    first_id.store(2, Ordering::Relaxed);
    let now = number_points(&bench.collect(), "pods");
    assert_eq!(ids(&now), expected(2));
    assert_eq!(now[0].series, before[2].series);
    // none is the same
    first_id.store(6, Ordering::Relaxed);
    assert_eq!(ids(&number_points(&bench.collect(), "pods")), expected(6));
    assert!(bench.said.lines().is_empty());
    // one too many, and then not any more
    first_id.store(-3, Ordering::Relaxed);
    let overflowing = number_points(&bench.collect(), "pods");
    assert_eq!(overflowing.len(), 4, "{overflowing:?}");
    assert!(
        overflowing
            .iter()
            .any(|point| point.attributes.get("otel.metric.overflow").is_some())
    );
    first_id.store(0, Ordering::Relaxed);
    assert_eq!(ids(&number_points(&bench.collect(), "pods")), expected(0));
}

#[test]
fn a_callback_that_panics_harms_only_itself() {
    let bench = Bench::new();
    let _ = bench
        .meter
        .u64_observable_gauge("bad")
        .with_callback(|_| panic!("on purpose"))
        .with_callback(|observer| observer.observe(1, &[]))
        .build();
    let _ = bench
        .meter
        .u64_observable_gauge("good")
        .with_callback(|observer| observer.observe(2, &[]))
        .build();
    drop(bench.collect());
    let snapshot = bench.collect();
    assert_eq!(number(&snapshot, "bad"), Number::U64(1));
    assert_eq!(number(&snapshot, "good"), Number::U64(2));
    assert_eq!(bench.registry.panics(), 2);
    let said = bench.said.lines();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("\"bad\" panicked"), "{said:?}");
}

#[test]
fn a_callback_may_use_the_registry() {
    let bench = Bench::new();
    let registry = bench.registry.clone();
    let calls = bench.meter.u64_counter("calls").build();
    let _ = bench
        .meter
        .u64_observable_gauge("nested")
        .with_callback(move |observer| {
            calls.add(1, &[]);
            meter(&registry).u64_counter("late").build().add(1, &[]);
            let inner = registry.collect();
            assert!(find(&inner, "nested").is_none());
            observer.observe(1, &[]);
        })
        .build();
    let snapshot = bench.collect();
    assert_eq!(number(&snapshot, "nested"), Number::U64(1));
    assert_eq!(number(&snapshot, "calls"), Number::U64(1));
    assert_eq!(number(&bench.collect(), "late"), Number::U64(2));
}

#[test]
fn impossible_values_are_refused_and_counted() {
    let bench = Bench::new();
    let counter = bench.meter.f64_counter("c").build();
    let histogram = bench.meter.f64_histogram("h").build();
    let gauge = bench.meter.f64_gauge("g").build();
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        counter.add(bad, &[]);
        histogram.record(bad, &[]);
        gauge.record(bad, &[]);
    }
    counter.add(-1.0, &[]);
    assert_eq!(bench.registry.refused(), 10);
    assert!(bench.collect().metrics.is_empty());

    counter.add(1.0, &[]);
    gauge.record(-1.0, &[]);
    let snapshot = bench.collect();
    assert_eq!(number(&snapshot, "c"), Number::F64(1.0));
    assert_eq!(number(&snapshot, "g"), Number::F64(-1.0));
    assert_eq!(bench.registry.refused(), 10);
}

#[test]
fn instruments_of_one_name_are_one_instrument() {
    let bench = Bench::new();
    bench.meter.u64_counter("orders").build().add(1, &[]);
    bench.meter.u64_counter("orders").build().add(2, &[]);
    meter(&bench.registry)
        .u64_counter("ORDERS")
        .build()
        .add(4, &[]);
    assert_eq!(number(&bench.collect(), "orders"), Number::U64(7));
    let said = bench.said.lines();
    assert_eq!(said.len(), 1);
    assert!(said[0].contains("made again as \"ORDERS\""), "{said:?}");

    // another meter's are others
    let other = InstrumentationScope::builder("other").build();
    let other = bench.registry.meter_provider().meter_with_scope(other);
    other.u64_counter("orders").build().add(8, &[]);
    assert_eq!(number_of(&bench, "orders"), [8, 7]);
    assert_eq!(bench.said.lines().len(), 1);
}

/// The sums of the metrics with this name.
fn number_of(bench: &Bench, name: &str) -> Vec<u64> {
    let snapshot = bench.collect();
    let named = snapshot.metrics.iter();
    let named = named.filter(|metric| metric.descriptor.name == name);
    named
        .map(|metric| match &metric.points {
            telemetry_core::metrics::Points::Sum(points) => match points[0].value {
                Number::U64(value) => value,
                _ => 0,
            },
            _ => 0,
        })
        .collect()
}

#[test]
fn instruments_that_contradict_each_other_are_both_kept_and_told_once() {
    let bench = Bench::new();
    bench.meter.u64_counter("size").build().add(1, &[]);
    for _ in 0..2 {
        let histogram = bench.meter.u64_histogram("size").with_unit("By").build();
        histogram.record(1, &[]);
    }
    let snapshot = bench.collect();
    let kinds: Vec<_> = snapshot.metrics.iter().map(|m| m.descriptor.kind).collect();
    assert_eq!(kinds, [InstrumentKind::Counter, InstrumentKind::Histogram]);
    let said = bench.said.lines();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].contains("Counter in \"\" and Histogram in \"By\""),
        "{said:?}"
    );
}

#[test]
fn mistakes_are_told_once() {
    let bench = Bench::new();
    for _ in 0..3 {
        bench.meter.u64_counter("two words").build().add(1, &[]);
        bench.meter.u64_counter("").build().add(1, &[]);
        let bad = bench.meter.f64_histogram("h");
        bad.with_boundaries(vec![f64::NAN]).build().record(1.0, &[]);
        let other = bench.meter.f64_histogram("h").with_boundaries(vec![1.0]);
        other.build().record(1.0, &[]);
    }
    let said = bench.said.lines();
    assert_eq!(said.len(), 4, "{said:?}");
    for part in [
        "not valid",
        "records nothing",
        "ascending",
        "other boundaries",
    ] {
        let of = said.iter().filter(|line| line.contains(part));
        assert_eq!(of.count(), 1, "{part} in {said:?}");
    }
}

#[test]
fn names_are_judged() {
    let bench = Bench::new();
    bench.meter.u64_counter("two words").build().add(1, &[]);
    bench.meter.u64_counter("").build().add(1, &[]);
    let snapshot = bench.collect();
    assert_eq!(snapshot.metrics.len(), 1);
    assert_eq!(number(&snapshot, "two words"), Number::U64(1));
    let said = bench.said.lines();
    assert!(said[0].contains("\"two words\" is not valid"), "{said:?}");
    assert!(said[1].contains("records nothing"), "{said:?}");
}

#[test]
fn series_start_when_they_are_first_recorded() {
    let bench = Bench::new();
    let counter = bench.meter.u64_counter("c").build();
    let observed = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&observed);
    let _ = bench
        .meter
        .u64_observable_counter("o")
        .with_callback(move |observer| {
            for name in ["a", "b"]
                .iter()
                .take(usize::try_from(count.load(Ordering::Relaxed)).unwrap_or(0))
            {
                observer.observe(1, &k(name));
            }
        })
        .build();
    bench.clock.advance(Duration::from_secs(1));
    counter.add(1, &[]);
    observed.store(1, Ordering::Relaxed);
    bench.clock.advance(Duration::from_secs(1));
    let first = bench.collect();
    observed.store(2, Ordering::Relaxed);
    bench.clock.advance(Duration::from_secs(1));
    counter.add(1, &[]);
    let second = bench.collect();

    let second_of = |nanos: u64| (nanos - NOW) / 1_000_000_000;
    let starts = |snapshot, name| {
        let points = number_points(snapshot, name);
        let starts = points.iter().map(|p| second_of(p.start_unix_nanos));
        starts.collect::<Vec<_>>()
    };
    assert_eq!(
        (starts(&first, "c"), starts(&second, "c")),
        (vec![1], vec![1])
    );
    // from when the instrument was made, and from the collection before
    assert_eq!(
        (starts(&first, "o"), starts(&second, "o")),
        (vec![0], vec![0, 2])
    );
    assert_eq!(second_of(second.unix_nanos), 3);
}

#[test]
fn what_was_recorded_before_the_settings_stays() {
    use telemetry_core::metrics::{Aggregation, View, bind};

    let registry = Registry::new(RegistrySettings::default());
    let early = meter(&registry);
    let orders = early.u64_counter("orders").build();
    let bound = bind(
        &orders,
        &[KeyValue::new("k", "a"), KeyValue::new("user", "1")],
    );
    bound.add(1);
    orders.add(2, &[KeyValue::new("k", "a"), KeyValue::new("user", "2")]);
    let gauge = early.f64_gauge("gauge").build();
    gauge.record(5.0, &[]);
    let duration = early.f64_histogram("duration").with_unit("s").build();
    duration.record(0.02, &[]);
    let untouched = early.u64_counter("untouched").build();
    untouched.add(1, &[]);
    let same_series = number_points(&registry.collect(), "untouched")[0].series;
    early.u64_counter("a b").build().add(1, &[]);

    let said = Said::default();
    let settings = RegistrySettings {
        voice: Some(said.voice()),
        views: vec![
            View::of("orders")
                .keep_attributes(["k"])
                .rename("orders.placed"),
            View::of("duration").aggregate(Aggregation::ExplicitBuckets(vec![0.1, 1.0])),
            View::of("gauge").describe("a gauge"),
        ],
        ..RegistrySettings::default()
    };
    registry.configure(settings.clone());
    assert_eq!(said.lines().len(), 1, "what could not be said before");

    // handles of before go on
    bound.add(4);
    orders.add(8, &[KeyValue::new("k", "a"), KeyValue::new("user", "3")]);
    duration.record(0.5, &[]);
    untouched.add(1, &[]);
    for _ in 0..2 {
        let snapshot = registry.collect();
        assert_eq!(
            numbers(&snapshot, "orders.placed"),
            [("k=a".to_owned(), Number::U64(15))]
        );
        assert_eq!(number(&snapshot, "gauge"), Number::F64(5.0));
        assert_eq!(metric(&snapshot, "gauge").descriptor.description, "a gauge");
        let duration = histogram_points(&snapshot, "duration")[0].value.clone();
        assert_eq!((duration.counts, duration.sum), (vec![1, 1, 0], 0.52));
        assert_eq!(duration.range, Some((0.02, 0.5)));
        assert_eq!(number(&snapshot, "untouched"), Number::U64(2));
        assert_eq!(number_points(&snapshot, "untouched")[0].series, same_series);
        // a second time changes nothing
        registry.configure(settings.clone());
    }
}
