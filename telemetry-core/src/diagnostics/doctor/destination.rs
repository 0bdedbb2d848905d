//! Where OTLP goes: each place once, with the signals that go there.

use super::step::Step;
use crate::config::{ExporterKind, OtlpPlan, Plan};
use crate::pipeline::Signal;

/// An OTLP destination and the steps that led there, or not.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Walked {
    /// Scheme, host and port.
    pub endpoint: String,
    /// What is spoken there: `grpc`, `http/protobuf` or `http/json`.
    pub protocol: String,
    /// The signals that go there: `traces`, `logs`, `metrics`.
    pub signals: Vec<&'static str>,
    /// The steps, in order.
    pub steps: Vec<Step>,
}

/// The signals that share one way.
#[derive(Debug)]
pub(super) struct Destination {
    /// Never empty; the first one's plan speaks for all until the requests differ.
    pub(super) signals: Vec<(Signal, OtlpPlan)>,
}

/// The exporters and the OTLP plan of each signal.
pub(super) fn signals(plan: &Plan) -> [(Signal, &[ExporterKind], &OtlpPlan); 3] {
    let (traces, logs, metrics) = (&plan.traces, &plan.logs, &plan.metrics);
    [
        (Signal::Traces, &*traces.exporters, &traces.otlp),
        (Signal::Logs, &*logs.exporters, &logs.otlp),
        (Signal::Metrics, &*metrics.exporters, &metrics.otlp),
    ]
}

/// Every place where OTLP goes, once.
pub(super) fn all(plan: &Plan) -> Vec<Destination> {
    let mut destinations: Vec<Destination> = Vec::new();
    for (signal, exporters, otlp) in signals(plan) {
        if !exporters.contains(&ExporterKind::Otlp) {
            continue;
        }
        let known = destinations
            .iter_mut()
            .find(|known| known.signals.iter().all(|(_, other)| is_same(other, otlp)));
        match known {
            Some(known) => known.signals.push((signal, otlp.clone())),
            None => destinations.push(Destination {
                signals: vec![(signal, otlp.clone())],
            }),
        }
    }
    destinations
}

/// Whether the way is the same up to the path of the request.
fn is_same(a: &OtlpPlan, b: &OtlpPlan) -> bool {
    let base = |plan: &OtlpPlan| {
        let (scheme, rest) = plan.endpoint.as_str().split_once("://")?;
        let authority = rest.split(['/', '?']).next()?;
        Some(format!("{scheme}://{authority}"))
    };
    base(a) == base(b) && a.protocol == b.protocol && a.headers == b.headers && a.tls == b.tls
}

#[cfg(test)]
#[cfg(all(feature = "otlp-grpc", feature = "otlp-http"))]
mod tests {
    use super::*;
    use crate::config::{Env, Overrides};

    fn places(pairs: &[(&str, &str)]) -> Vec<Vec<&'static str>> {
        let env = Env::from_pairs(pairs.iter().copied());
        let (plan, _) = Plan::resolve(&Overrides::default(), &env);
        let names = |place: &Destination| place.signals.iter().map(|(s, _)| s.as_str()).collect();
        all(&plan).iter().map(names).collect()
    }

    #[test]
    fn equal_places_are_walked_once() {
        assert_eq!(places(&[]), [vec!["traces", "logs", "metrics"]]);
        let own = ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://logs:4318/x");
        assert_eq!(places(&[own]), [vec!["traces", "metrics"], vec!["logs"]]);
        let token = ("OTEL_EXPORTER_OTLP_LOGS_HEADERS", "k=v");
        assert_eq!(places(&[token]), [vec!["traces", "metrics"], vec!["logs"]]);
        let none = ("OTEL_TRACES_EXPORTER", "none");
        assert_eq!(places(&[none]), [vec!["logs", "metrics"]]);
    }
}
