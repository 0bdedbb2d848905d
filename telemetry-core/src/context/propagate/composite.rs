//! Several formats as one.

use std::sync::Arc;

use super::{
    B3, B3Multi, Baggage, BaggageEntry, Carrier, CarrierMut, Extracted, Jaeger, Propagator,
    PropagatorKind, SpanContext, TraceContext, W3cBaggage,
};
use crate::redact::{Place, Redaction};

/// Propagators that apply in the order of their list.
///
/// All of them write. All of them read, and a later one that finds something valid overrides what
/// an earlier one found. Cloning does not copy them.
#[derive(Clone, Debug)]
pub struct Composite {
    propagators: Arc<[Box<dyn Propagator>]>,
    redaction: Redaction,
}

impl Composite {
    /// These propagators; none at all carries nothing.
    #[must_use]
    pub fn new(propagators: Vec<Box<dyn Propagator>>) -> Self {
        Self {
            propagators: propagators.into(),
            redaction: Redaction::none(),
        }
    }

    /// The propagators of these formats; what is listed twice counts once, where it is first.
    #[must_use]
    pub fn of(kinds: &[PropagatorKind]) -> Self {
        let is_first = |at: usize| !kinds[..at].contains(&kinds[at]);
        let firsts = (0..kinds.len()).filter(|at| is_first(*at));
        Self::new(firsts.map(|at| propagator(kinds[at])).collect())
    }

    /// Leaves entries of baggage behind that hold a secret: they would reach whoever is called.
    #[must_use]
    pub fn redacted_by(mut self, redaction: Redaction) -> Self {
        self.redaction = redaction;
        self
    }

    /// What a carrier has.
    #[must_use]
    pub fn extract(&self, carrier: &dyn Carrier) -> Extracted {
        let mut extracted = Extracted::default();
        for propagator in &*self.propagators {
            propagator.extract(carrier, &mut extracted);
        }
        extracted
    }

    /// Writes a span context and baggage to a carrier, in every format.
    pub fn inject(
        &self,
        span_context: &SpanContext,
        baggage: &Baggage,
        carrier: &mut dyn CarrierMut,
    ) {
        let open = self.without_secrets(baggage);
        for propagator in &*self.propagators {
            propagator.inject(span_context, open.as_ref().unwrap_or(baggage), carrier);
        }
    }

    /// The baggage that may leave, if it is not all of it.
    fn without_secrets(&self, baggage: &Baggage) -> Option<Baggage> {
        let is_secret = |entry: &&BaggageEntry| {
            let texts = [entry.value(), entry.metadata()];
            self.redaction.is_secret(entry.key())
                || texts.iter().any(|it| self.redaction.scrub(it).is_some())
        };
        let mut open = None;
        for secret in baggage.iter().filter(is_secret) {
            open.get_or_insert_with(|| baggage.clone())
                .remove(secret.key());
            self.redaction.count(Place::Baggage);
        }
        open
    }

    /// The headers that [`inject`](Self::inject) may set, as far as they are known before.
    pub fn fields(&self) -> impl Iterator<Item = &'static http::HeaderName> {
        self.propagators
            .iter()
            .flat_map(|propagator| propagator.fields())
    }
}

/// W3C Trace Context and W3C Baggage.
impl Default for Composite {
    fn default() -> Self {
        Self::of(&PropagatorKind::DEFAULT)
    }
}

fn propagator(kind: PropagatorKind) -> Box<dyn Propagator> {
    match kind {
        PropagatorKind::TraceContext => Box::new(TraceContext),
        PropagatorKind::Baggage => Box::new(W3cBaggage),
        PropagatorKind::B3 => Box::new(B3),
        PropagatorKind::B3Multi => Box::new(B3Multi),
        PropagatorKind::Jaeger => Box::new(Jaeger),
    }
}

#[cfg(test)]
mod tests;
