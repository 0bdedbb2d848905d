//! The part of a span that others may know.

use opentelemetry::trace::{SpanId, TraceFlags, TraceId};

use super::TraceState;

/// The identity of a span as it crosses processes: ids, flags and tracestate.
///
/// The same information as [`opentelemetry::trace::SpanContext`], to and from which it converts;
/// a clone of this one does not allocate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpanContext {
    trace_id: TraceId,
    span_id: SpanId,
    trace_flags: TraceFlags,
    is_remote: bool,
    is_debug: bool,
    trace_state: TraceState,
}

impl SpanContext {
    /// No span: both ids zero.
    pub const NONE: Self = Self {
        trace_id: TraceId::INVALID,
        span_id: SpanId::INVALID,
        trace_flags: TraceFlags::NOT_SAMPLED,
        is_remote: false,
        is_debug: false,
        trace_state: TraceState::EMPTY,
    };

    /// A span context from its parts.
    #[must_use]
    pub fn new(trace_id: TraceId, span_id: SpanId, trace_flags: TraceFlags) -> Self {
        Self {
            trace_id,
            span_id,
            trace_flags,
            ..Self::NONE
        }
    }

    /// The same context, marked as received from another process.
    #[must_use]
    pub fn remote(mut self) -> Self {
        self.is_remote = true;
        self
    }

    /// The same context, sampled and marked for debugging: the trace was asked for by hand.
    ///
    /// Only B3 and Jaeger headers know the mark, in which it has to be passed on,
    /// <https://opentelemetry.io/docs/specs/otel/context/api-propagators/#b3-extract>.
    #[must_use]
    pub fn debug(mut self) -> Self {
        self.is_debug = true;
        self.with_sampled(true)
    }

    /// The same context with this sampling decision.
    #[must_use]
    pub fn with_sampled(mut self, sampled: bool) -> Self {
        self.trace_flags = self.trace_flags.with_sampled(sampled);
        self
    }

    /// The same context with this tracestate.
    #[must_use]
    pub fn with_trace_state(mut self, trace_state: TraceState) -> Self {
        self.trace_state = trace_state;
        self
    }

    /// The trace's id.
    #[must_use]
    pub fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// The span's id.
    #[must_use]
    pub fn span_id(&self) -> SpanId {
        self.span_id
    }

    /// The W3C trace flags.
    #[must_use]
    pub fn trace_flags(&self) -> TraceFlags {
        self.trace_flags
    }

    /// Whether the trace is sampled.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.trace_flags.is_sampled()
    }

    /// Whether it came from another process.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        self.is_remote
    }

    /// Whether the trace was asked for by hand.
    #[must_use]
    pub fn is_debug(&self) -> bool {
        self.is_debug
    }

    /// The W3C tracestate.
    #[must_use]
    pub fn trace_state(&self) -> &TraceState {
        &self.trace_state
    }

    /// Whether both ids are non-zero.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.trace_id != TraceId::INVALID && self.span_id != SpanId::INVALID
    }
}

impl From<&SpanContext> for opentelemetry::trace::SpanContext {
    fn from(context: &SpanContext) -> Self {
        Self::new(
            context.trace_id,
            context.span_id,
            context.trace_flags,
            context.is_remote,
            context.trace_state.to_opentelemetry(),
        )
    }
}

impl From<&opentelemetry::trace::SpanContext> for SpanContext {
    fn from(context: &opentelemetry::trace::SpanContext) -> Self {
        Self {
            trace_id: context.trace_id(),
            span_id: context.span_id(),
            trace_flags: context.trace_flags(),
            is_remote: context.is_remote(),
            is_debug: false,
            trace_state: TraceState::from_opentelemetry(context.trace_state()),
        }
    }
}
