//! Several formats as one.

use std::sync::Arc;

use super::{
    B3, B3Multi, Baggage, Carrier, CarrierMut, Extracted, Jaeger, Propagator, PropagatorKind,
    SpanContext, TraceContext, W3cBaggage,
};

/// Propagators that apply in the order of their list.
///
/// All of them write. All of them read, and a later one that finds something valid overrides what
/// an earlier one found. Cloning does not copy them.
#[derive(Clone, Debug)]
pub struct Composite(Arc<[Box<dyn Propagator>]>);

impl Composite {
    /// These propagators; none at all carries nothing.
    #[must_use]
    pub fn new(propagators: Vec<Box<dyn Propagator>>) -> Self {
        Self(propagators.into())
    }

    /// The propagators of these formats; what is listed twice counts once, where it is first.
    #[must_use]
    pub fn of(kinds: &[PropagatorKind]) -> Self {
        let is_first = |at: usize| !kinds[..at].contains(&kinds[at]);
        let firsts = (0..kinds.len()).filter(|at| is_first(*at));
        Self(firsts.map(|at| propagator(kinds[at])).collect())
    }

    /// What a carrier has.
    #[must_use]
    pub fn extract(&self, carrier: &dyn Carrier) -> Extracted {
        let mut extracted = Extracted::default();
        for propagator in &*self.0 {
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
        for propagator in &*self.0 {
            propagator.inject(span_context, baggage, carrier);
        }
    }

    /// The headers that [`inject`](Self::inject) may set, as far as they are known before.
    pub fn fields(&self) -> impl Iterator<Item = &'static http::HeaderName> {
        self.0.iter().flat_map(|propagator| propagator.fields())
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
