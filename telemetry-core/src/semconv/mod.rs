//! The names of what telemetry measures: those of OpenTelemetry's semantic conventions 1.42, and
//! our own where those have none.

#[expect(
    dead_code,
    reason = "it has the names of all features, and of what readers emit"
)]
mod generated;

use opentelemetry::InstrumentationScope;
use opentelemetry::metrics::{AsyncInstrument, Counter, Histogram, Meter};

use crate::metrics::Registry;

pub(crate) use generated::*;

/// What a metric is called and measures.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) description: &'static str,
}

/// What tells the numbers of an observable instrument to a collection.
pub(crate) trait Observe<T>: Fn(&dyn AsyncInstrument<T>) + Send + Sync + 'static {}

impl<T, F: Fn(&dyn AsyncInstrument<T>) + Send + Sync + 'static> Observe<T> for F {}

macro_rules! instruments {
    ($($method:ident($builder:ident) -> $instrument:ty),+ $(,)?) => {
        $(pub(crate) fn $method(&self, meter: &Meter) -> $instrument {
            meter
                .$builder(self.name)
                .with_unit(self.unit)
                .with_description(self.description)
                .build()
        })+
    };
}

macro_rules! observables {
    ($($method:ident($builder:ident, $number:ty)),+ $(,)?) => {
        $(pub(crate) fn $method(&self, meter: &Meter, observe: impl Observe<$number>) {
            meter
                .$builder(self.name)
                .with_unit(self.unit)
                .with_description(self.description)
                .with_callback(observe)
                .build();
        })+
    };
}

impl Metric {
    instruments! {
        counter(u64_counter) -> Counter<u64>,
    }

    observables! {
        observe_counter(u64_observable_counter, u64),
        observe_up_down_counter(i64_observable_up_down_counter, i64),
    }

    /// A histogram with these boundaries.
    pub(crate) fn histogram(&self, meter: &Meter, boundaries: &[f64]) -> Histogram<f64> {
        meter
            .f64_histogram(self.name)
            .with_unit(self.unit)
            .with_description(self.description)
            .with_boundaries(boundaries.to_vec())
            .build()
    }
}

/// The boundaries of durations that the conventions give no others, in seconds.
///
/// Source: <https://opentelemetry.io/docs/specs/semconv/http/http-metrics/#metric-httpserverrequestduration>.
pub(crate) const SECONDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// The meter of this crate in a registry.
pub(crate) fn meter(registry: &Registry) -> Meter {
    let scope = InstrumentationScope::builder(env!("CARGO_PKG_NAME"))
        .with_version(env!("CARGO_PKG_VERSION"))
        .build();
    registry.meter(scope)
}

/// A number as the signed one of an up-down counter.
pub(crate) fn signed(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}
