//! What telemetry says about itself.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};
use telemetry_core::diagnostics::{Distribution, ExporterStatus};
use telemetry_core::metrics::{Producer, Quantile, Registry};
#[cfg(feature = "autolog-client")]
use telemetry_log::AutologStatus;

use crate::handle::{Parts, Telemetry};

/// How telemetry itself is doing, and what it has measured. It serialises as
/// [`to_json`](Self::to_json).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Status {
    /// Each exporter: its balance, its last success and its last error.
    pub exporters: Vec<ExporterStatus>,
    /// Log lines that were written.
    pub lines: u64,
    /// Log lines that were dropped.
    pub lost_lines: u64,
    /// What makes the log more verbose at the moment.
    #[cfg(feature = "log")]
    pub overrides: Vec<telemetry_log::OverrideStatus>,
    /// What keeps overrides from having an effect, if anything does.
    #[cfg(feature = "log")]
    pub verbosity_defeated_by: Option<telemetry_log::Defeat>,
    /// Log lines that a rate limit, a budget or sampling has held back.
    pub suppressed_lines: u64,
    /// The distributions of this process, such as the durations of the requests of each route.
    pub distributions: Vec<Distribution>,
    /// Measurements that were refused: NaN, infinities, and negative ones of counters.
    pub refused_measurements: u64,
    /// The client of the auto-log service, if there is one to ask.
    #[cfg(feature = "autolog-client")]
    pub autolog: Option<AutologStatus>,
}

impl Telemetry {
    /// How telemetry itself is doing, and what it has measured.
    #[must_use]
    pub fn status(&self) -> Status {
        self.parts().status()
    }
}

impl Parts {
    pub(crate) fn status(&self) -> Status {
        let lanes = self.pipeline.iter().flat_map(|pipeline| pipeline.lanes());
        let registry = Registry::global();
        // callbacks of the program may block, and they observe no distributions
        let measured = registry.without_callbacks();
        Status {
            exporters: lanes.map(|lane| lane.status()).collect(),
            lines: self.lines.written(),
            lost_lines: self.lines.dropped(),
            #[cfg(feature = "log")]
            overrides: self.lines.verbosity().overrides(),
            #[cfg(feature = "log")]
            verbosity_defeated_by: self.lines.verbosity().defeated_by(),
            suppressed_lines: self.lines.suppressed(),
            distributions: measured.as_ref().map(Distribution::all).unwrap_or_default(),
            refused_measurements: registry.refused(),
            #[cfg(feature = "autolog-client")]
            autolog: self.autolog.status(),
        }
    }
}

impl Status {
    /// The status as JSON. Quantiles are numbers in the unit of their instrument, or texts like
    /// `>10` where they lie in the last, open bucket.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let exporters: Vec<Value> = self.exporters.iter().map(exporter).collect();
        let distributions: Vec<Value> = self.distributions.iter().map(distribution).collect();
        #[cfg_attr(
            not(feature = "log"),
            expect(unused_mut, reason = "without lines it is whole")
        )]
        let mut status = json!({
            "exporters": exporters,
            "lines": {
                "written": self.lines,
                "dropped": self.lost_lines,
                "suppressed": self.suppressed_lines,
            },
            "distributions": distributions,
            "refused_measurements": self.refused_measurements,
        });
        #[cfg(feature = "log")]
        {
            let overrides: Vec<_> = self.overrides.iter().map(crate::verbosity::shown).collect();
            let defeat = self.verbosity_defeated_by.map(|defeat| defeat.to_string());
            status["verbosity"] = json!({ "overrides": overrides, "defeated_by": defeat });
        }
        #[cfg(feature = "autolog-client")]
        if let Some(autolog) = &self.autolog {
            status["autolog"] = shown(autolog);
        }
        status
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

fn exporter(status: &ExporterStatus) -> Value {
    let dropped = status.ledger.dropped.iter();
    let dropped: Map<_, _> = dropped
        .map(|(reason, count)| (reason.as_str().to_owned(), count.into()))
        .collect();
    json!({
        "signal": status.signal.as_str(),
        "destination": status.destination,
        "created": status.ledger.created,
        "exported": status.ledger.exported,
        "pending": status.ledger.pending,
        "dropped": dropped,
        "last_success_seconds_ago": status.health.last_success.map(|ago| ago.as_secs_f64()),
        "last_error": status.health.last_error,
        "failed_attempts": status.health.failed_attempts,
        "missed_collections": status.health.missed_collections,
    })
}

#[cfg(feature = "autolog-client")]
fn shown(autolog: &AutologStatus) -> Value {
    let sessions = autolog.sessions.iter().map(|session| {
        json!({
            "id": session.id,
            "endpoint": session.endpoint,
            "level": session.level.as_str().to_ascii_lowercase(),
            "reason": session.reason,
            "remaining_seconds": session.remaining.as_secs_f64(),
        })
    });
    json!({
        "url": autolog.url,
        "connected": autolog.connected,
        "holds_requests": autolog.holds_requests,
        "last_success_seconds_ago": autolog.last_success.map(|ago| ago.as_secs_f64()),
        "last_error": autolog.last_error,
        "failed_attempts": autolog.failed_attempts,
        "bad_answers": autolog.bad_answers,
        "refused_sessions": autolog.refused_sessions,
        "refused_because": autolog.refused_because,
        "reported_errors": autolog.reported_errors,
        "unreported_errors": autolog.unreported_errors,
        "last_report_error": autolog.last_report_error,
        "sessions": sessions.collect::<Vec<_>>(),
    })
}

fn distribution(distribution: &Distribution) -> Value {
    let attributes = distribution.attributes.iter();
    let attributes: Map<_, _> = attributes
        .map(|(key, value)| (key.clone(), value.as_str().into()))
        .collect();
    json!({
        "name": distribution.name,
        "unit": distribution.unit,
        "attributes": attributes,
        "count": distribution.count,
        "p50": quantile(distribution.p50),
        "p95": quantile(distribution.p95),
        "p99": quantile(distribution.p99),
    })
}

fn quantile(quantile: Quantile) -> Value {
    match quantile {
        Quantile::At(value) => value.into(),
        Quantile::Above(bound) => format!(">{bound}").into(),
    }
}
