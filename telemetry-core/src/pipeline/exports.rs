//! The exports of a lane, as telemetry's own metrics tell them.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::Histogram;

use super::DropReason;
use super::delivery::Outcome;
use super::lane::Lane;
use crate::semconv;

/// What is counted with each batch, not with each item.
#[derive(Debug, Default)]
pub(crate) struct Exports {
    component_type: OnceLock<&'static str>,
    observed: OnceLock<Observed>,
    submitted: AtomicU64,
    in_flight: AtomicU64,
    given_up: AtomicU64,
}

/// Which exporter of its signal it is, and where the time of exports is recorded.
#[derive(Debug)]
struct Observed {
    number: usize,
    durations: Histogram<f64>,
    /// Who exports; known with the first batch.
    exporter: OnceLock<Vec<KeyValue>>,
}

impl Exports {
    /// The exporter is there.
    pub(super) fn made(&self, component_type: &'static str) {
        // a lane has one exporter
        let _ = self.component_type.set(component_type);
    }

    /// Records the time of exports from now on, unless somebody does already.
    pub(crate) fn observe(&self, number: usize, durations: Histogram<f64>) {
        drop(self.observed.set(Observed {
            number,
            durations,
            exporter: OnceLock::new(),
        }));
    }

    pub(super) fn begin(&self, items: usize) {
        self.submitted.fetch_add(items as u64, Ordering::Relaxed);
        self.in_flight.store(items as u64, Ordering::Relaxed);
    }

    pub(super) fn end(&self, lane: &Lane, outcome: &Outcome, took: Duration) {
        let items = self.in_flight.swap(0, Ordering::Relaxed);
        if *outcome == Outcome::Dropped(DropReason::Unsent) {
            self.given_up.fetch_add(items, Ordering::Relaxed);
        }
        if let Some(observed) = self.observed.get() {
            let exporter = observed
                .exporter
                .get_or_init(|| self.attributes(lane).unwrap_or_default());
            let took = took.as_secs_f64();
            match error_of(outcome) {
                None => observed.durations.record(took, exporter),
                Some(reason) => {
                    let attributes = [exporter, &[error_type(reason)][..]].concat();
                    observed.durations.record(took, &attributes);
                }
            }
        }
    }

    /// How many items were handed to the exporter.
    pub(crate) fn submitted(&self) -> u64 {
        self.submitted.load(Ordering::Relaxed)
    }

    /// How many items are being exported.
    pub(crate) fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// How many of the lane's unsent items had been handed to the exporter.
    pub(crate) fn given_up(&self) -> u64 {
        self.given_up.load(Ordering::Relaxed)
    }

    /// Who exports, by the conventions; `None` until the exporter is there.
    ///
    /// Source: <https://opentelemetry.io/docs/specs/semconv/otel/sdk-metrics/>.
    pub(crate) fn attributes(&self, lane: &Lane) -> Option<Vec<KeyValue>> {
        let component_type = *self.component_type.get()?;
        let number = self.observed.get().map_or(0, |observed| observed.number);
        let mut attributes = component(component_type, number).to_vec();
        if let Some((address, port)) = server(lane.destination()) {
            attributes.push(KeyValue::new(semconv::SERVER_ADDRESS, address));
            attributes.push(KeyValue::new(semconv::SERVER_PORT, port));
        }
        Some(attributes)
    }
}

/// A part of the pipeline: what it is, and which of those.
pub(crate) fn component(component_type: &'static str, number: usize) -> [KeyValue; 2] {
    let name = format!("{component_type}/{number}");
    [
        KeyValue::new(semconv::OTEL_COMPONENT_NAME, name),
        KeyValue::new(semconv::OTEL_COMPONENT_TYPE, component_type),
    ]
}

/// Why an item did not arrive, as an attribute.
pub(crate) fn error_type(reason: DropReason) -> KeyValue {
    KeyValue::new(semconv::ERROR_TYPE, reason.as_str())
}

fn error_of(outcome: &Outcome) -> Option<DropReason> {
    match outcome {
        Outcome::Delivered { rejected: 0 } => None,
        Outcome::Delivered { .. } => Some(DropReason::Rejected),
        Outcome::Dropped(reason) => Some(*reason),
    }
}

fn server(destination: &str) -> Option<(String, i64)> {
    let uri: http::Uri = destination.parse().ok()?;
    let port = match uri.scheme_str()? {
        "https" => 443,
        _ => 80,
    };
    let port = uri.port_u16().unwrap_or(port);
    Some((uri.host()?.to_owned(), port.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_what_an_address_names() {
        let found = |destination| server(destination);
        let name = |address: &str, port| Some((address.to_owned(), port));
        assert_eq!(
            found("http://collector:4318/v1/traces"),
            name("collector", 4318)
        );
        assert_eq!(found("https://otlp.example"), name("otlp.example", 443));
        assert_eq!(found("http://[::1]:4317"), name("[::1]", 4317));
        assert_eq!(found("console"), None);
        assert_eq!(found("sdk exporter"), None);
    }
}
