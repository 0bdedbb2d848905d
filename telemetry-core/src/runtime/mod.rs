//! Metrics of the process and of its tokio runtime.

mod process;
mod tokio;

pub use self::process::observe_process;
pub use self::tokio::observe_tokio;

use opentelemetry::metrics::Meter;

use crate::metrics::Registry;
use crate::semconv::{Metric, Observe};

/// Observes the process, and the tokio runtime of the caller if it is in one.
///
/// A process has one of each: call it once.
pub fn observe(registry: &Registry) {
    observe_process(registry);
    if let Ok(handle) = ::tokio::runtime::Handle::try_current() {
        observe_tokio(registry, "main", &handle);
    }
}

impl Metric {
    fn observe_seconds(&self, meter: &Meter, observe: impl Observe<f64>) {
        meter
            .f64_observable_counter(self.name)
            .with_unit(self.unit)
            .with_description(self.description)
            .with_callback(observe)
            .build();
    }

    fn observe_gauge(&self, meter: &Meter, observe: impl Observe<f64>) {
        meter
            .f64_observable_gauge(self.name)
            .with_unit(self.unit)
            .with_description(self.description)
            .with_callback(observe)
            .build();
    }
}
