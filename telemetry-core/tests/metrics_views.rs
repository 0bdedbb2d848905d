//! Views: what becomes of an instrument's measurements.

mod metrics_support;

use metrics_support::{Bench, find, histogram_points, k, metric, number, numbers};
use opentelemetry::{InstrumentationScope, KeyValue};
use telemetry_core::config::HistogramAggregation;
use telemetry_core::metrics::{Aggregation, InstrumentKind, Number, Points, View};

fn bench(views: Vec<View>) -> Bench {
    Bench::with(|settings| settings.views = views)
}

#[test]
fn streams_get_other_names_and_descriptions() {
    let bench = bench(vec![
        View::of("Orders").rename("shop.orders").describe("ours"),
    ]);
    let orders = bench.meter.u64_counter("orders").with_description("theirs");
    orders.build().add(1, &[]);
    let snapshot = bench.collect();
    assert!(find(&snapshot, "orders").is_none());
    assert_eq!(
        metric(&snapshot, "shop.orders").descriptor.description,
        "ours"
    );
}

#[test]
fn one_name_for_many_is_ignored_and_told() {
    let bench = bench(vec![View::of("orders.*").rename("orders")]);
    bench.meter.u64_counter("orders.paid").build().add(1, &[]);
    assert!(find(&bench.collect(), "orders.paid").is_some());
    assert!(bench.said.lines()[0].contains("renames several"));
}

#[test]
fn attributes_are_kept_by_a_list() {
    let bench = bench(vec![View::of("*").keep_attributes(["k", "absent"])]);
    let counter = bench.meter.u64_counter("c").build();
    for id in 0..5 {
        counter.add(1, &[KeyValue::new("id", id), KeyValue::new("k", "a")]);
        counter.add(1, &[KeyValue::new("id", id)]);
    }
    let _ = bench
        .meter
        .u64_observable_counter("o")
        .with_callback(|observer| {
            observer.observe(1, &[KeyValue::new("id", 1)]);
            observer.observe(2, &[KeyValue::new("id", 2)]);
        })
        .build();
    drop(bench.collect());
    let snapshot = bench.collect();
    assert_eq!(
        numbers(&snapshot, "c"),
        [
            (String::new(), Number::U64(5)),
            ("k=a".to_owned(), Number::U64(5))
        ]
    );
    // what falls together is added up
    assert_eq!(number(&snapshot, "o"), Number::U64(3));
}

#[test]
fn selected_by_kind_unit_and_scope() {
    let bench = bench(vec![
        View::of("*").of_kind(InstrumentKind::Gauge).drop(),
        View::of("*").of_unit("By").drop(),
        View::of("*").of_scope("noisy").drop(),
    ]);
    bench.meter.u64_gauge("gauge").build().record(1, &[]);
    bench
        .meter
        .u64_counter("bytes")
        .with_unit("By")
        .build()
        .add(1, &[]);
    bench.meter.u64_counter("left").build().add(1, &[]);
    let noisy = InstrumentationScope::builder("noisy").build();
    bench
        .registry
        .meter(noisy)
        .u64_counter("c")
        .build()
        .add(1, &[]);
    let snapshot = bench.collect();
    let names: Vec<_> = snapshot
        .metrics
        .iter()
        .map(|m| m.descriptor.name.as_ref())
        .collect();
    assert_eq!(names, ["left"]);
}

#[test]
fn aggregations() {
    let bench = bench(vec![
        View::of("buckets").aggregate(Aggregation::ExplicitBuckets(vec![1.0])),
        View::of("broken").aggregate(Aggregation::ExplicitBuckets(vec![1.0, 1.0])),
        View::of("sum").aggregate(Aggregation::Sum),
        View::of("last").aggregate(Aggregation::LastValue),
        View::of("counter").aggregate(Aggregation::ExplicitBuckets(vec![1.0])),
    ]);
    for name in ["buckets", "broken", "sum", "last"] {
        let histogram = bench.meter.f64_histogram(name).with_unit("s").build();
        histogram.record(2.0, &[]);
        histogram.record(0.5, &[]);
    }
    bench.meter.u64_counter("counter").build().add(3, &[]);
    let snapshot = bench.collect();
    assert_eq!(
        histogram_points(&snapshot, "buckets")[0].value.counts,
        [1, 1]
    );
    assert_eq!(
        histogram_points(&snapshot, "broken")[0].value.bounds.len(),
        14
    );
    assert!(matches!(metric(&snapshot, "sum").points, Points::Sum(_)));
    assert_eq!(number(&snapshot, "sum"), Number::F64(2.5));
    assert!(matches!(metric(&snapshot, "last").points, Points::Gauge(_)));
    assert_eq!(number(&snapshot, "last"), Number::F64(0.5));
    assert_eq!(
        histogram_points(&snapshot, "counter")[0].value.counts,
        [0, 1]
    );
    assert!(bench.said.lines()[0].contains("\"broken\""));
}

#[test]
fn several_views_make_several_streams() {
    let bench = bench(vec![
        View::of("d")
            .rename("d.all")
            .keep_attributes(Vec::<&str>::new()),
        View::of("d"),
    ]);
    let histogram = bench.meter.f64_histogram("d").build();
    histogram.record(1.0, &k("a"));
    histogram.record(1.0, &k("b"));
    let snapshot = bench.collect();
    assert_eq!(histogram_points(&snapshot, "d").len(), 2);
    let all = histogram_points(&snapshot, "d.all");
    assert_eq!((all.len(), all[0].value.count()), (1, 2));
}

#[test]
fn histograms_are_exponential_if_the_settings_say_so() {
    let bench = Bench::with(|settings| {
        settings.histogram_aggregation = HistogramAggregation::Base2Exponential;
        settings.views = vec![View::of("e").aggregate(Aggregation::ExplicitBuckets(vec![1.0]))];
    });
    for name in ["d", "e"] {
        bench.meter.f64_histogram(name).build().record(1.0, &[]);
    }
    let snapshot = bench.collect();
    let is_exponential = |name| {
        matches!(
            metric(&snapshot, name).points,
            Points::ExponentialHistogram(_)
        )
    };
    assert!(is_exponential("d") && !is_exponential("e"));
}
