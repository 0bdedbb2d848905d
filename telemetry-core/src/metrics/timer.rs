//! Durations.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::Histogram;

use crate::clock::{Clock, Timestamp};

/// Measures the time until the guard is dropped, and records it in seconds.
///
/// ```
/// use opentelemetry::{InstrumentationScope, KeyValue};
/// use telemetry_core::metrics::{Registry, timer};
///
/// let meter = Registry::global().meter(InstrumentationScope::builder("shop").build());
/// let durations = meter.f64_histogram("packing.duration").with_unit("s").build();
/// {
///     let _timer = timer(&durations, [KeyValue::new("box", "large")]);
///     // pack
/// }
/// ```
pub fn timer(histogram: &Histogram<f64>, attributes: impl IntoIterator<Item = KeyValue>) -> Timer {
    Timer::with_clock(histogram, attributes, Clock::system())
}

/// Records the time since it was made when it is dropped; see [`timer`].
#[derive(Debug)]
#[must_use = "it records when it is dropped, which would be now"]
pub struct Timer {
    histogram: Option<Histogram<f64>>,
    attributes: Vec<KeyValue>,
    clock: Clock,
    start: Timestamp,
}

impl Timer {
    /// A timer that reads another clock.
    pub fn with_clock(
        histogram: &Histogram<f64>,
        attributes: impl IntoIterator<Item = KeyValue>,
        clock: Clock,
    ) -> Self {
        Self {
            histogram: Some(histogram.clone()),
            attributes: attributes.into_iter().collect(),
            start: clock.now(),
            clock,
        }
    }

    /// Adds an attribute that was not known at the start, such as the outcome.
    pub fn attribute(&mut self, attribute: KeyValue) {
        self.attributes.push(attribute);
    }

    /// The time so far.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.clock.now().since(self.start)
    }

    /// Ends without recording.
    pub fn discard(mut self) {
        self.histogram = None;
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(histogram) = &self.histogram {
            histogram.record(self.elapsed().as_secs_f64(), &self.attributes);
        }
    }
}
