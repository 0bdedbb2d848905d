//! How measurements find their series.

mod metrics_support;

use std::collections::BTreeMap;
use std::time::Duration;

use metrics_support::{Bench, find, histogram_points, k, number, number_points, numbers, total};
use opentelemetry::{Array, Key, KeyValue, Value};
use proptest::prelude::*;
use telemetry_core::metrics::{Aggregation, Number, RegistrySettings, View, bind};

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        (-2_i64..3).prop_map(Value::I64),
        prop_oneof![Just(0.0), Just(-0.0), Just(1.5), Just(f64::NAN)].prop_map(Value::F64),
        "[ab]{0,3}".prop_map(|text| Value::String(text.into())),
        // equal at both ends, so that weak hashes are too
        "start...[ab]{1,2}....the end".prop_map(|text| Value::String(text.into())),
        prop::collection::vec(0_i64..2, 0..3).prop_map(|v| Value::Array(Array::I64(v))),
        prop::collection::vec(Just(f64::NAN), 0..3).prop_map(|v| Value::Array(Array::F64(v))),
    ]
}

fn pairs() -> impl Strategy<Value = Vec<KeyValue>> {
    let key = "(a|b|c|some[.]longer[.]key[12])".prop_map(Key::from);
    let pair = (key, value()).prop_map(|(key, value)| KeyValue::new(key, value));
    prop::collection::vec(pair, 0..6)
}

/// What a set of attributes is, by the specification: unordered, and the last of a key counts.
fn naive(pairs: &[KeyValue]) -> String {
    let set: BTreeMap<_, _> = pairs.iter().map(|p| (p.key.as_str(), &p.value)).collect();
    format!("{set:?}")
}

proptest! {
    #[test]
    fn neither_order_nor_duplicates_matter(lists in prop::collection::vec(pairs(), 1..60)) {
        let bench = Bench::new();
        let counter = bench.meter.u64_counter("c").build();
        let mut expected: BTreeMap<String, u64> = BTreeMap::new();
        for (list, amount) in lists.iter().zip(1..) {
            counter.add(amount, list);
            *expected.entry(naive(list)).or_default() += amount;
            // in another order, unless that changes which of a key is the last
            let mut other: Vec<_> = list.clone();
            other.reverse();
            counter.add(amount, &other);
            *expected.entry(naive(&other)).or_default() += amount;
        }
        let mut got = BTreeMap::new();
        for point in number_points(&bench.collect(), "c") {
            let list: Vec<_> = point.attributes.iter().cloned().collect();
            let Number::U64(value) = point.value else { panic!("{point:?}") };
            prop_assert!(got.insert(naive(&list), value).is_none(), "twice: {list:?}");
        }
        prop_assert_eq!(got, expected);
    }

    #[test]
    fn a_view_finds_the_series_of_what_it_keeps(lists in prop::collection::vec(pairs(), 1..60)) {
        let keep = ["b", "a", "some.longer.key1"];
        let bench = Bench::with(|settings| settings.views = vec![View::of("c").keep_attributes(keep)]);
        let counter = bench.meter.u64_counter("c").build();
        let mut expected: BTreeMap<String, u64> = BTreeMap::new();
        for (list, amount) in lists.iter().chain(&lists).zip(1..) {
            counter.add(amount, list);
            let kept = list.iter().filter(|pair| keep.contains(&pair.key.as_str()));
            let kept: Vec<_> = kept.cloned().collect();
            *expected.entry(naive(&kept)).or_default() += amount;
        }
        let mut got = BTreeMap::new();
        for point in number_points(&bench.collect(), "c") {
            let list: Vec<_> = point.attributes.iter().cloned().collect();
            let Number::U64(value) = point.value else { panic!("{point:?}") };
            prop_assert!(got.insert(naive(&list), value).is_none(), "twice: {list:?}");
        }
        prop_assert_eq!(got, expected);
    }

    #[test]
    fn the_overflow_series_balances(ids in prop::collection::vec(0_i64..40, 1..200), limit in 0_usize..45) {
        let bench = Bench::with(|settings| settings.cardinality_limit = limit);
        let counter = bench.meter.u64_counter("c").build();
        for id in &ids {
            counter.add(1, &[KeyValue::new("id", *id)]);
        }
        let snapshot = bench.collect();
        prop_assert_eq!(total(&snapshot, "c"), ids.len() as u64);
        let distinct = ids.iter().collect::<std::collections::HashSet<_>>().len();
        let has_overflow = distinct > limit;
        let points = number_points(&snapshot, "c");
        prop_assert_eq!(points.len(), distinct.min(limit) + usize::from(has_overflow));
        let marked = points.iter().any(|p| p.attributes.get("otel.metric.overflow") == Some(&Value::Bool(true)));
        prop_assert_eq!(marked, has_overflow);
    }

    #[test]
    fn bound_and_unbound_are_the_same(values in prop::collection::vec((0.0..100.0, any::<bool>()), 1..50)) {
        let bench = Bench::new();
        let (both, one) = (bench.meter.f64_histogram("both").build(), bench.meter.f64_histogram("one").build());
        let bound = bind(&both, &k("a"));
        for (value, is_bound) in values {
            if is_bound { bound.record(value) } else { both.record(value, &k("a")) }
            one.record(value, &k("a"));
        }
        let snapshot = bench.collect();
        let (both, one) = (histogram_points(&snapshot, "both"), histogram_points(&snapshot, "one"));
        prop_assert_eq!(both.len(), 1);
        prop_assert_eq!(&both[0].value, &one[0].value);
        prop_assert_eq!(&both[0].attributes, &one[0].attributes);
    }
}

#[test]
fn sums_are_exact_under_eight_threads() {
    const THREADS: u64 = 8;
    const EACH: u64 = 20_000;
    let bench = Bench::new();
    let counter = bench.meter.u64_counter("c").build();
    let float = bench.meter.f64_counter("f").build();
    let histogram = bench.meter.u64_histogram("h").build();
    let sets = [k("a"), k("b"), k("c")];
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let bound = bind(&counter, &sets[0]);
                for n in 0..EACH {
                    let set = &sets[usize::try_from(n).unwrap() % 3];
                    counter.add(1, set);
                    bound.add(2);
                    float.add(0.25, set);
                    histogram.record(n % 2, set);
                }
            });
        }
        // readers do no harm
        for _ in 0..20 {
            drop(bench.collect());
        }
    });
    let snapshot = bench.collect();
    let all = THREADS * EACH;
    assert_eq!(total(&snapshot, "c"), all * 3);
    let floats = number_points(&snapshot, "f");
    let floats: f64 = floats.iter().map(|p| p.value.as_f64()).sum();
    assert_eq!(floats.to_bits(), Number::U64(all / 4).as_f64().to_bits());
    let histograms = histogram_points(&snapshot, "h");
    let count: u64 = histograms.iter().map(|p| p.value.count()).sum();
    let sum: f64 = histograms.iter().map(|p| p.value.sum).sum();
    assert_eq!(count, all);
    assert_eq!(sum.to_bits(), Number::U64(all / 2).as_f64().to_bits());
}

#[test]
fn attributes_whose_hashes_collide_are_told_apart() {
    let bench = Bench::new();
    let counter = bench.meter.u64_counter("c").build();
    // the length and both ends are equal: one place in the table of the thread
    let ids: Vec<String> = (0..50)
        .map(|n| format!("/orders/{n:06}/items/of/it"))
        .collect();
    for _ in 0..3 {
        for id in &ids {
            counter.add(1, &[KeyValue::new("path", id.clone())]);
        }
    }
    let points = number_points(&bench.collect(), "c");
    assert_eq!(points.len(), ids.len());
    assert!(points.iter().all(|point| point.value == Number::U64(3)));
}

#[test]
fn too_many_series_are_explained_once() {
    let bench = Bench::with(|settings| settings.cardinality_limit = 10);
    let counter = bench.meter.u64_counter("orders").build();
    for n in 0..20 {
        let attributes = [
            KeyValue::new("state", if n % 2 == 0 { "paid" } else { "open" }),
            KeyValue::new("user.id", format!("user-{n:02}")),
        ];
        counter.add(1, &attributes);
    }
    drop(bench.collect());
    drop(bench.collect());
    let said = bench.said.lines();
    assert_eq!(said.len(), 1, "{said:?}");
    for part in [
        "\"orders\"",
        "limit of 10",
        "\"user.id\" has 10 values",
        "\"user-00\"",
    ] {
        assert!(said[0].contains(part), "{part} in {said:?}");
    }
}

/// Three minutes in which nothing is recorded.
fn idle(bench: &Bench) {
    for _ in 0..3 {
        bench.clock.advance(Duration::from_secs(60));
        drop(bench.collect());
    }
}

#[test]
fn a_series_expires_after_its_last_handle() {
    let bench = Bench::with(|settings| settings.idle_expiry = Some(Duration::from_secs(60)));
    let (counter, gauge, histogram) = (
        bench.meter.u64_counter("c").build(),
        bench.meter.f64_gauge("g").build(),
        bench.meter.f64_histogram("h").build(),
    );
    let bound = bind(&counter, &k("a"));
    let (also, clone) = (bind(&counter, &k("a")), bound.clone());
    let (of_gauge, of_histogram) = (bind(&gauge, &k("a")), bind(&histogram, &k("a")));
    of_gauge.record(1.0);
    of_histogram.record(1.0);
    bound.add(1);
    for handle in [bound, clone] {
        drop(handle);
        idle(&bench);
        assert_eq!(bench.collect().metrics.len(), 3);
    }
    also.add(1);
    assert_eq!(number(&bench.collect(), "c"), Number::U64(2));
    drop((also, of_gauge, of_histogram));
    drop(bench.collect());
    assert_eq!(bench.collect().metrics.len(), 3, "used just now");
    idle(&bench);
    assert!(bench.collect().metrics.is_empty());
}

#[test]
fn what_has_not_come_back_to_zero_does_not_expire() {
    let bench = Bench::with(|settings| settings.idle_expiry = Some(Duration::from_secs(60)));
    let active = bench.meter.i64_up_down_counter("active").build();
    bind(&active, &k("bound")).add(1);
    active.add(1, &k("plain"));
    idle(&bench);
    assert_eq!(numbers(&bench.collect(), "active").len(), 2);
    active.add(-1, &k("bound"));
    idle(&bench);
    let left = [("k=plain".to_owned(), Number::I64(1))];
    assert_eq!(numbers(&bench.collect(), "active"), left);
}

#[test]
fn a_handle_without_a_place_gets_one_that_has_become_free() {
    let bench = Bench::with(|settings| {
        settings.idle_expiry = Some(Duration::from_secs(60));
        settings.cardinality_limit = 1;
    });
    let counter = bench.meter.u64_counter("c").build();
    drop(bind(&counter, &k("first")));
    let late = bind(&counter, &k("late"));
    late.add(1);
    idle(&bench);
    late.add(2);
    let left = [
        ("k=late".to_owned(), Number::U64(2)),
        ("otel.metric.overflow=true".to_owned(), Number::U64(1)),
    ];
    assert_eq!(numbers(&bench.collect(), "c"), left);
}

#[test]
fn idle_series_expire_if_wanted() {
    let minute = Duration::from_secs(60);
    let bench = Bench::with(|settings| settings.idle_expiry = Some(minute));
    let counter = bench.meter.u64_counter("c").build();
    let bound = bind(&counter, &k("bound"));
    bound.add(1);
    counter.add(1, &k("busy"));
    counter.add(1, &k("idle"));
    let first = number_points(&bench.collect(), "c");
    for _ in 0..4 {
        bench.clock.advance(minute);
        counter.add(1, &k("busy"));
        drop(bench.collect());
    }
    let left = numbers(&bench.collect(), "c");
    assert_eq!(
        left,
        [
            ("k=bound".to_owned(), Number::U64(1)),
            ("k=busy".to_owned(), Number::U64(5))
        ]
    );
    // it comes back as another
    counter.add(1, &k("idle"));
    let again = number_points(&bench.collect(), "c");
    assert_eq!(again[2].value, Number::U64(1));
    assert_ne!(again[2].series, first[2].series);
    assert!(again[2].start_unix_nanos > first[2].start_unix_nanos);
}

#[test]
fn series_of_earlier_settings_expire_too() {
    let minute = Duration::from_secs(60);
    let bench = Bench::new();
    let settings = |views| RegistrySettings {
        clock: bench.clock.clone(),
        idle_expiry: Some(minute),
        views,
        ..RegistrySettings::default()
    };
    let counter = bench.meter.u64_counter("c").build();
    let gauge = bench.meter.u64_gauge("g").build();
    let histogram = bench.meter.f64_histogram("h").build();
    let exponential = bench.meter.f64_histogram("e").build();
    let bound = bind(&counter, &k("bound"));
    counter.add(1, &k("idle"));
    gauge.record(1, &k("idle"));
    histogram.record(1.0, &k("idle"));
    let exponentials = View::of("e").aggregate(Aggregation::exponential());
    bench
        .registry
        .configure(settings(vec![exponentials.clone()]));
    exponential.record(1.0, &k("idle"));
    let described = View::of("*").describe("another");
    bench
        .registry
        .configure(settings(vec![described, exponentials]));
    let first = bench.collect();
    let counted = [
        ("k=bound".to_owned(), Number::U64(0)),
        ("k=idle".to_owned(), Number::U64(1)),
    ];
    assert_eq!(numbers(&first, "c"), counted);
    for name in ["c", "g", "h", "e"] {
        assert!(find(&first, name).is_some(), "{name}");
    }
    for _ in 0..4 {
        bench.clock.advance(minute);
        drop(bench.collect());
    }
    let last = bench.collect();
    for name in ["g", "h", "e"] {
        assert!(find(&last, name).is_none(), "{name}");
    }
    let idle = |(attributes, _): &(String, Number)| attributes == "k=idle";
    assert!(find(&last, "c").is_none() || !numbers(&last, "c").iter().any(idle));
    // what comes late is not lost
    bound.add(3);
    let late = numbers(&bench.collect(), "c");
    assert_eq!(late, [("k=bound".to_owned(), Number::U64(3))]);
}

#[test]
fn series_stay_for_ever_by_default() {
    let bench = Bench::new();
    bench.meter.u64_counter("c").build().add(1, &[]);
    bench.clock.advance(Duration::from_secs(1 << 30));
    for _ in 0..4 {
        assert!(find(&bench.collect(), "c").is_some());
    }
}
