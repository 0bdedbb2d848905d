//! What is counted and measured, in the registry of the process.

use std::sync::LazyLock;

use opentelemetry::metrics::{Counter, Histogram, Meter};
use opentelemetry::{InstrumentationScope, KeyValue};
use telemetry_core::metrics::Registry;

use crate::semconv;

/// From a hop within a host to an hour of backlog, in seconds: what comes from
/// <https://opentelemetry.io/docs/specs/semconv/messaging/messaging-metrics/> ends at 10 s.
const WAITS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 10.0, 60.0, 300.0, 900.0, 3600.0,
];

static SENT: LazyLock<Counter<u64>> =
    LazyLock::new(|| messages(semconv::METRIC_MESSAGING_CLIENT_SENT_MESSAGES));
static CONSUMED: LazyLock<Counter<u64>> =
    LazyLock::new(|| messages(semconv::METRIC_MESSAGING_CLIENT_CONSUMED_MESSAGES));
static DISCARDED: LazyLock<Counter<u64>> = LazyLock::new(|| {
    let meter = meter();
    let counter = meter.u64_counter(semconv::METRIC_TELEMETRY_QUEUE_CONTEXT_DISCARDED);
    counter.with_unit("{context}").build()
});
static WAIT: LazyLock<Histogram<f64>> = LazyLock::new(|| {
    let meter = meter();
    let histogram = meter.f64_histogram(semconv::METRIC_TELEMETRY_QUEUE_WAIT_DURATION);
    histogram
        .with_unit("s")
        .with_boundaries(WAITS.to_vec())
        .build()
});

/// A context that had no place; `reason` is one of few.
pub(crate) fn discarded(reason: &'static str) {
    DISCARDED.add(
        1,
        &[KeyValue::new(
            semconv::TELEMETRY_QUEUE_CONTEXT_REASON,
            reason,
        )],
    );
}

/// Messages that were sent, or were to be.
pub(crate) fn sent(messages: usize, labels: &[KeyValue]) {
    SENT.add(u64::try_from(messages).unwrap_or(u64::MAX), labels);
}

/// A message that was given to a consumer.
pub(crate) fn consumed(labels: &[KeyValue]) {
    CONSUMED.add(1, labels);
}

/// How long a message was under way, in seconds.
pub(crate) fn waited(seconds: f64, labels: &[KeyValue]) {
    WAIT.record(seconds, labels);
}

fn messages(name: &'static str) -> Counter<u64> {
    meter().u64_counter(name).with_unit("{message}").build()
}

fn meter() -> Meter {
    let scope = InstrumentationScope::builder(env!("CARGO_PKG_NAME"))
        .with_version(env!("CARGO_PKG_VERSION"))
        .build();
    Registry::global().meter(scope)
}
