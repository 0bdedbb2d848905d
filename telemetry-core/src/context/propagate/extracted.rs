//! What came in.

use super::{Baggage, SpanContext};

/// What a carrier had.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Extracted {
    /// The remote parent; none makes a new root.
    pub span_context: Option<SpanContext>,
    /// The sampling decision that came, with a parent (whose flag then says the same) or without
    /// one, as B3's `0`. None leaves the decision to this process, even if there is a parent: B3
    /// can defer it.
    pub sampled: Option<bool>,
    /// Whether the trace was asked for by hand (B3's `d`, Jaeger's debug flag).
    pub debug: bool,
    /// The baggage.
    pub baggage: Baggage,
}

impl Extracted {
    /// Takes a valid parent and the decision that came with it, in place of an earlier one.
    ///
    /// If both are of one trace the earlier one's tracestate stays: the sender wrote its
    /// identity in two formats, only one of which has a tracestate.
    pub fn set_parent(&mut self, parent: SpanContext, sampled: Option<bool>) {
        let parent = parent.with_sampled(sampled.unwrap_or(false));
        let earlier = self.span_context.take();
        let trace_state = earlier
            .filter(|earlier| earlier.trace_id() == parent.trace_id())
            .map(|earlier| earlier.trace_state().clone());
        self.debug = parent.is_debug();
        self.sampled = sampled;
        self.span_context = Some(match trace_state {
            Some(state) if parent.trace_state().is_empty() => parent.with_trace_state(state),
            _ => parent,
        });
    }

    /// Takes a decision that came without ids, in place of an earlier one.
    pub fn set_decision(&mut self, sampled: bool, debug: bool) {
        self.sampled = Some(sampled);
        self.debug = debug;
        self.span_context = self.span_context.take().map(|parent| match debug {
            true => parent.debug(),
            false => parent.with_sampled(sampled),
        });
    }
}
