//! How a registry is set up.

use std::time::Duration;

use super::View;
use crate::clock::Clock;
use crate::config::{ExemplarFilter, HistogramAggregation};
use crate::diagnostics::Voice;
use crate::redact::Redaction;

/// How a [`Registry`](super::Registry) is set up.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "settings, to be completed with `..Default::default()`"
)]
pub struct RegistrySettings {
    /// Where time is read.
    pub clock: Clock,
    /// Who is told what is wrong; with none, up to 64 messages wait for one to be configured.
    pub voice: Option<Voice>,
    /// Which measurements may become exemplars.
    pub exemplar_filter: ExemplarFilter,
    /// How histograms are aggregated that no view says anything about.
    pub histogram_aggregation: HistogramAggregation,
    /// The most series of one instrument; the measurements of all others go to the series with
    /// the attribute `otel.metric.overflow`. 2000 by default.
    ///
    /// Source: <https://opentelemetry.io/docs/specs/otel/metrics/sdk/#cardinality-limits>.
    pub cardinality_limit: usize,
    /// What is changed on the way from instruments to streams.
    pub views: Vec<View>,
    /// The time without a measurement after which a series is forgotten; never by default. Bound
    /// series stay while a handle is there, and an up-down counter stays until it is zero.
    pub idle_expiry: Option<Duration>,
    /// What is hidden in the attributes of exemplars.
    pub redaction: Redaction,
}

/// Source: <https://opentelemetry.io/docs/specs/otel/metrics/sdk/#cardinality-limits>.
const CARDINALITY_LIMIT: usize = 2000;

impl Default for RegistrySettings {
    fn default() -> Self {
        Self {
            clock: Clock::system(),
            voice: None,
            exemplar_filter: ExemplarFilter::default(),
            histogram_aggregation: HistogramAggregation::default(),
            cardinality_limit: CARDINALITY_LIMIT,
            views: Vec::new(),
            idle_expiry: None,
            redaction: Redaction::default(),
        }
    }
}
