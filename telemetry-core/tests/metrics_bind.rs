//! Handles that know their series, and timers.

mod metrics_support;

use std::time::Duration;

use metrics_support::{Bench, find, histogram_points, k, number, numbers};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{MeterProvider, NoopMeterProvider};
use telemetry_core::metrics::{Number, Timer, bind, timer};

#[test]
fn every_instrument_can_be_bound() {
    let bench = Bench::new();
    let meter = &bench.meter;
    bind(&meter.u64_counter("c.u64").build(), &k("a")).add(1);
    bind(&meter.f64_counter("c.f64").build(), &k("a")).add(1.0);
    bind(&meter.i64_up_down_counter("ud.i64").build(), &k("a")).add(-1);
    bind(&meter.f64_up_down_counter("ud.f64").build(), &k("a")).add(-1.0);
    bind(&meter.u64_gauge("g.u64").build(), &k("a")).record(1);
    bind(&meter.i64_gauge("g.i64").build(), &k("a")).record(-1);
    bind(&meter.f64_gauge("g.f64").build(), &k("a")).record(-1.0);
    bind(&meter.u64_histogram("h.u64").build(), &k("a")).record(1);
    bind(&meter.f64_histogram("h.f64").build(), &k("a")).record(1.0);
    let snapshot = bench.collect();
    for (name, value) in [
        ("c.u64", Number::U64(1)),
        ("c.f64", Number::F64(1.0)),
        ("ud.i64", Number::I64(-1)),
        ("ud.f64", Number::F64(-1.0)),
        ("g.u64", Number::U64(1)),
        ("g.i64", Number::I64(-1)),
        ("g.f64", Number::F64(-1.0)),
    ] {
        assert_eq!(
            numbers(&snapshot, name),
            [("k=a".to_owned(), value)],
            "{name}"
        );
    }
    for name in ["h.u64", "h.f64"] {
        assert_eq!(histogram_points(&snapshot, name)[0].value.count(), 1);
    }
}

#[test]
fn binding_records_nothing() {
    let bench = Bench::new();
    let counter = bench.meter.u64_counter("c").build();
    let gauge = bench.meter.f64_gauge("g").build();
    gauge.record(5.0, &k("a"));
    let bound = bind(&gauge, &k("a"));
    let _counter = bind(&counter, &k("a"));
    let _empty = bind(&bench.meter.f64_gauge("unset").build(), &[]);
    let snapshot = bench.collect();
    // a sum is known to be zero, a gauge is not known
    assert_eq!(number(&snapshot, "c"), Number::U64(0));
    assert_eq!(number(&snapshot, "g"), Number::F64(5.0));
    assert!(find(&snapshot, "unset").is_none());
    bound.record(6.0);
    assert_eq!(number(&bench.collect(), "g"), Number::F64(6.0));
    assert_eq!(bench.registry.refused(), 0);
}

#[test]
fn bound_handles_refuse_what_instruments_refuse() {
    let bench = Bench::new();
    let counter = bind(&bench.meter.f64_counter("c").build(), &[]);
    counter.add(f64::NAN);
    counter.add(-1.0);
    counter.add(1.0);
    assert_eq!(number(&bench.collect(), "c"), Number::F64(1.0));
    assert_eq!(bench.registry.refused(), 2);
}

#[test]
fn zero_is_a_value() {
    let bench = Bench::new();
    bench.meter.u64_counter("c").build().add(0, &[]);
    bench.meter.i64_gauge("g").build().record(0, &[]);
    bench.meter.u64_histogram("h").build().record(0, &[]);
    let snapshot = bench.collect();
    assert_eq!(number(&snapshot, "c"), Number::U64(0));
    assert_eq!(number(&snapshot, "g"), Number::I64(0));
    assert_eq!(histogram_points(&snapshot, "h")[0].value.count(), 1);
}

#[test]
fn instruments_of_others_are_recorded_through_the_api() {
    use std::sync::{Arc, Mutex};

    use opentelemetry::metrics::{Counter, SyncInstrument};

    type Seen = Vec<(u64, Vec<KeyValue>)>;

    #[derive(Clone, Default)]
    struct Foreign(Arc<Mutex<Seen>>);

    impl SyncInstrument<u64> for Foreign {
        fn measure(&self, value: u64, attributes: &[KeyValue]) {
            if let Ok(mut seen) = self.0.lock() {
                seen.push((value, attributes.to_vec()));
            }
        }
    }

    let foreign = Foreign::default();
    let bound = bind(&Counter::new(Arc::new(foreign.clone())), &k("a"));
    bound.add(3);
    let seen = foreign
        .0
        .lock()
        .map(|seen| seen.clone())
        .unwrap_or_default();
    assert_eq!(seen, [(0, k("a").to_vec()), (3, k("a").to_vec())]);

    let noop = NoopMeterProvider::new().meter("nobody");
    bind(&noop.f64_histogram("h").build(), &[]).record(1.0);
}

#[test]
fn timers_record_seconds_when_they_end() {
    let bench = Bench::new();
    let histogram = bench.meter.f64_histogram("d").with_unit("s").build();
    let mut timed = Timer::with_clock(&histogram, k("a"), bench.clock.clone());
    bench.clock.advance(Duration::from_millis(1500));
    assert_eq!(timed.elapsed(), Duration::from_millis(1500));
    timed.attribute(KeyValue::new("ok", true));
    drop(timed);
    timer(&histogram, k("discarded")).discard();
    drop(timer(&histogram, []));
    let points = histogram_points(&bench.collect(), "d");
    assert_eq!(points.len(), 2);
    assert_eq!(points[0].value.count(), 1);
    assert!(points[0].value.sum < 1.0);
    assert_eq!(metrics_support::labels(&points[1]), "k=a,ok=true");
    assert_eq!(points[1].value.sum.to_bits(), 1.5_f64.to_bits());
}
