//! Metrics: recorded through OpenTelemetry's instruments into this process's registry.

use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry::metrics::Meter;
use telemetry_core::clock::Clock;
use telemetry_core::config::Plan;
use telemetry_core::diagnostics::Voice;
use telemetry_core::redact::Redaction;

pub use telemetry_core::metrics::*;

/// A standard OpenTelemetry meter: what makes counters, gauges and histograms.
///
/// It works before [`init`](crate::init) too, and keeps what it counted. (A meter of
/// `opentelemetry::global` does not: what it made and was touched before records nothing for
/// ever, by that crate's design.)
///
/// ```
/// use opentelemetry::KeyValue;
///
/// let orders = telemetry::meter("shop").u64_counter("shop.orders").build();
/// orders.add(1, &[KeyValue::new("state", "paid")]);
/// ```
#[must_use]
pub fn meter(name: &'static str) -> Meter {
    Registry::global().meter(InstrumentationScope::builder(name).build())
}

/// What the user decides about metrics that no variable of the specification does.
#[derive(Debug, Default)]
pub(crate) struct Choices {
    pub(crate) views: Vec<View>,
    pub(crate) cardinality_limit: Option<usize>,
    pub(crate) idle_expiry: Option<Duration>,
}

/// Lets go of what [`configure`] gave to the registry. It goes on recording.
pub(crate) fn release() {
    Registry::global().configure(RegistrySettings::default());
}

/// Sets the registry up by the plan. A program that has telemetry disabled measures nothing.
pub(crate) fn configure(
    choices: Choices,
    plan: &Plan,
    redaction: &Redaction,
    clock: &Clock,
    voice: &Voice,
) {
    let default = RegistrySettings::default();
    let settings = RegistrySettings {
        clock: clock.clone(),
        voice: Some(voice.clone()),
        exemplar_filter: plan.metrics.exemplar_filter,
        histogram_aggregation: plan.metrics.histogram_aggregation,
        cardinality_limit: choices
            .cardinality_limit
            .unwrap_or(default.cardinality_limit),
        idle_expiry: choices.idle_expiry,
        redaction: redaction.clone(),
        views: if plan.disabled {
            vec![View::of("*").drop()]
        } else {
            choices.views
        },
    };
    Registry::global().configure(settings);
}
