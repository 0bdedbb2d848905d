//! Exemplars: from a number to the trace.

mod metrics_support;

use std::time::Duration;

use metrics_support::{Bench, NOW, all_exemplars, histogram_points, number_points};
use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanId, TraceFlags, TraceId};
use telemetry_core::config::ExemplarFilter;
use telemetry_core::context::{CurrentIds, EnteredIds, enter_ids};
use telemetry_core::metrics::{Aggregation, Number, View, bind};

fn enter(span: u64, trace_flags: TraceFlags) -> EnteredIds {
    enter_ids(Some(CurrentIds {
        trace_id: TraceId::from(7),
        span_id: SpanId::from(span),
        trace_flags,
    }))
}

#[test]
fn only_sampled_spans_are_exemplars() {
    let bench = Bench::new();
    let counter = bench.meter.u64_counter("c").build();
    let histogram = bench.meter.f64_histogram("h").with_unit("s").build();
    let record = |value| {
        counter.add(1, &[]);
        histogram.record(value, &[]);
    };
    record(0.001);
    {
        let _entered = enter(1, TraceFlags::default());
        record(0.001);
    }
    let snapshot = bench.collect();
    assert!(all_exemplars(&snapshot, "c").is_empty());
    assert!(all_exemplars(&snapshot, "h").is_empty());

    bench.clock.advance(Duration::from_secs(1));
    {
        let _entered = enter(2, TraceFlags::SAMPLED);
        record(0.001);
        bench.clock.advance(Duration::from_secs(1));
        record(0.3);
    }
    record(0.001);
    let snapshot = bench.collect();
    let kept = all_exemplars(&snapshot, "h");
    let values: Vec<_> = kept.iter().map(|exemplar| exemplar.value).collect();
    // one for each bucket, the oldest first
    assert_eq!(values, [Number::F64(0.001), Number::F64(0.3)]);
    assert!(
        kept.iter()
            .all(|e| e.span == Some((TraceId::from(7), SpanId::from(2))))
    );
    assert_eq!(kept[0].unix_nanos, NOW + 1_000_000_000);
    assert_eq!(all_exemplars(&snapshot, "c").len(), 1);
    assert_eq!(number_points(&snapshot, "c")[0].value, Number::U64(5));
}

#[test]
fn the_first_after_a_collection_replaces_the_last_before() {
    let bench = Bench::new();
    let gauge = bench.meter.i64_gauge("g").build();
    for span in 1..=50 {
        let _entered = enter(span, TraceFlags::SAMPLED);
        for _ in 0..span {
            gauge.record(1, &[]);
        }
        let kept = all_exemplars(&bench.collect(), "g");
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[0].span, Some((TraceId::from(7), SpanId::from(span))));
    }
}

#[test]
fn a_busy_slot_follows_without_a_collection() {
    let bench = Bench::new();
    let counter = bench.meter.u64_counter("c").build();
    for span in 1..=100_000 {
        let _entered = enter(span, TraceFlags::SAMPLED);
        counter.add(1, &[]);
    }
    let kept = all_exemplars(&bench.collect(), "c");
    let (_, span) = kept[0].span.unwrap_or((TraceId::INVALID, SpanId::INVALID));
    let span = u64::from_be_bytes(span.to_bytes());
    // that one in 64 is never taken among 10,000 has a chance of e^-157
    assert!((90_000..=100_000).contains(&span), "{span}");
}

#[test]
fn filters() {
    for (filter, without, within) in [
        (ExemplarFilter::AlwaysOn, 1, 1),
        (ExemplarFilter::AlwaysOff, 0, 0),
        (ExemplarFilter::TraceBased, 0, 1),
    ] {
        let bench = Bench::with(|settings| settings.exemplar_filter = filter);
        let counter = bench.meter.u64_counter("c").build();
        counter.add(1, &[]);
        let kept = all_exemplars(&bench.collect(), "c");
        assert_eq!(kept.len(), without, "{filter}");
        assert!(kept.iter().all(|exemplar| exemplar.span.is_none()));
        let _entered = enter(1, TraceFlags::SAMPLED);
        counter.add(1, &[]);
        assert_eq!(
            all_exemplars(&bench.collect(), "c").len(),
            within,
            "{filter}"
        );
    }
}

#[test]
fn they_have_the_attributes_that_a_view_removes() {
    let bench = Bench::with(|settings| {
        settings.views = vec![View::of("*").keep_attributes(["kept"])];
    });
    let counter = bench.meter.u64_counter("c").build();
    let bound = bench.meter.u64_counter("bound").build();
    let attributes = [KeyValue::new("kept", 1), KeyValue::new("user.id", 5)];
    let bound = bind(&bound, &attributes);
    let _entered = enter(1, TraceFlags::SAMPLED);
    counter.add(1, &attributes);
    bound.add(1);
    let snapshot = bench.collect();
    for name in ["c", "bound"] {
        let kept = all_exemplars(&snapshot, name);
        assert_eq!(kept[0].filtered_attributes, [KeyValue::new("user.id", 5)]);
    }
}

#[test]
fn exponential_histograms_keep_one_for_each_magnitude() {
    let bench = Bench::with(|settings| {
        settings.views = vec![View::of("h").aggregate(Aggregation::exponential())];
    });
    let histogram = bench.meter.f64_histogram("h").build();
    let _entered = enter(1, TraceFlags::SAMPLED);
    for value in [0.1, 1.0, 10.0, 100.0] {
        histogram.record(value, &[]);
    }
    assert_eq!(all_exemplars(&bench.collect(), "h").len(), 4);
}

#[test]
fn eight_threads_keep_whole_exemplars() {
    let bench = Bench::new();
    let histogram = bench.meter.u64_histogram("h").build();
    std::thread::scope(|scope| {
        for thread in 1..=8 {
            let histogram = &histogram;
            scope.spawn(move || {
                let _entered = enter(thread, TraceFlags::SAMPLED);
                for _ in 0..5_000 {
                    histogram.record(thread, &[]);
                }
            });
        }
        for _ in 0..50 {
            drop(bench.collect());
        }
    });
    let snapshot = bench.collect();
    for exemplar in all_exemplars(&snapshot, "h") {
        let Number::U64(value) = exemplar.value else {
            panic!("{exemplar:?}")
        };
        assert_eq!(exemplar.span, Some((TraceId::from(7), SpanId::from(value))));
    }
    assert_eq!(histogram_points(&snapshot, "h")[0].value.count(), 40_000);
}
