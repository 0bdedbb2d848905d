//! Measurements with every instrument.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Gauge, Histogram, Meter, UpDownCounter};
use proptest::prelude::*;

/// One measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recording {
    instrument: usize,
    set: usize,
    value: u16,
}

/// How many instruments there are for ordinary measurements.
pub(crate) const INSTRUMENTS: usize = 17;
pub(crate) const EXPONENTIAL: usize = 9;
/// An instrument that measures more than fits into the protocol's signed integers.
pub(crate) const LARGE: usize = 17;

/// The first instrument whose values are asked for.
const OBSERVED: usize = 10;

impl Recording {
    pub(crate) fn new(instrument: usize, set: usize, value: u16) -> Self {
        Self {
            instrument,
            set,
            value,
        }
    }

    fn attributes(self) -> Vec<KeyValue> {
        match self.set {
            0 => Vec::new(),
            1 => vec![KeyValue::new("a", 1)],
            _ => vec![KeyValue::new("b", true), KeyValue::new("a", "x")],
        }
    }

    /// Quarters, whose sums are exact in any order.
    fn quarters(self) -> f64 {
        f64::from(self.value) / 4.0
    }

    fn signed(self) -> i64 {
        i64::from(self.value) - 500
    }
}

pub(crate) fn any() -> impl Strategy<Value = Recording> {
    (0..INSTRUMENTS, 0..3_usize, 1..1000_u16)
        .prop_map(|(instrument, set, value)| Recording::new(instrument, set, value))
}

/// What observable instruments report: for each of them and each set, the sum and the last value.
type Observed = Arc<Mutex<BTreeMap<(usize, usize), (u64, Recording)>>>;

/// One instrument of each kind and number type.
pub(crate) struct Instruments {
    counters: (Counter<u64>, Counter<f64>),
    up_down: (UpDownCounter<i64>, UpDownCounter<f64>),
    gauges: (Gauge<u64>, Gauge<i64>, Gauge<f64>),
    histograms: (Histogram<u64>, Histogram<f64>, Histogram<f64>),
    observed: Observed,
}

impl Instruments {
    pub(crate) fn new(meter: &Meter) -> Self {
        let observed = Observed::default();
        observables(meter, &observed);
        let large = meter
            .f64_histogram("sizes")
            .with_boundaries(vec![10.0, 100.0]);
        Self {
            counters: (
                meter.u64_counter("c.u64").with_unit("{order}").build(),
                meter.f64_counter("c.f64").with_description("hi").build(),
            ),
            up_down: (
                meter.i64_up_down_counter("u.i64").build(),
                meter.f64_up_down_counter("u.f64").build(),
            ),
            gauges: (
                meter.u64_gauge("g.u64").build(),
                meter.i64_gauge("g.i64").build(),
                meter.f64_gauge("g.f64").build(),
            ),
            histograms: (
                meter.u64_histogram("h.u64").build(),
                large.build(),
                meter.f64_histogram("exponential").build(),
            ),
            observed,
        }
    }

    pub(crate) fn record(&self, recordings: &[Recording]) {
        for recording in recordings {
            self.record_one(*recording, &recording.attributes());
        }
    }

    fn record_one(&self, of: Recording, attributes: &[KeyValue]) {
        match of.instrument {
            0 => self.counters.0.add(of.value.into(), attributes),
            1 => self.counters.1.add(of.quarters(), attributes),
            2 => self.up_down.0.add(of.signed(), attributes),
            3 => self.up_down.1.add(of.quarters() - 100.0, attributes),
            4 => self.gauges.0.record(of.value.into(), attributes),
            5 => self.gauges.1.record(of.signed(), attributes),
            6 => self.gauges.2.record(of.quarters(), attributes),
            7 => self.histograms.0.record(of.value.into(), attributes),
            8 => self.histograms.1.record(of.quarters(), attributes),
            EXPONENTIAL => self.histograms.2.record(of.quarters(), attributes),
            LARGE => self.gauges.0.record(u64::MAX, attributes),
            observable => {
                let mut observed = self.observed.lock().unwrap();
                let seen = observed.entry((observable, of.set)).or_insert((0, of));
                *seen = (seen.0 + u64::from(of.value), of);
            }
        }
    }
}

/// What is observed of one instrument.
fn each(observed: &Observed, instrument: usize, mut report: impl FnMut(u64, Recording)) {
    for ((of, _), (sum, last)) in observed.lock().unwrap().iter() {
        if *of == instrument {
            report(*sum, *last);
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn observables(meter: &Meter, observed: &Observed) {
    macro_rules! observable {
        ($make:ident, $name:literal, $instrument:expr, $value:expr) => {
            let seen = Arc::clone(observed);
            let _instrument = meter
                .$make($name)
                .with_callback(move |observer| {
                    each(&seen, $instrument, |sum, last| {
                        observer.observe($value(sum, last), &last.attributes());
                    });
                })
                .build();
        };
    }
    observable!(u64_observable_counter, "oc.u64", OBSERVED, |sum, _| sum);
    observable!(f64_observable_counter, "oc.f64", 11, |sum, _| sum as f64
        / 4.0);
    observable!(
        i64_observable_up_down_counter,
        "ou.i64",
        12,
        |_, last: Recording| last.signed()
    );
    observable!(
        f64_observable_up_down_counter,
        "ou.f64",
        13,
        |_, last: Recording| last.quarters()
    );
    observable!(u64_observable_gauge, "og.u64", 14, |sum, _| sum);
    observable!(i64_observable_gauge, "og.i64", 15, |_, last: Recording| {
        last.signed()
    });
    observable!(f64_observable_gauge, "og.f64", 16, |_, last: Recording| {
        last.quarters()
    });
}
