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
    trace_state: TraceState,
}

impl SpanContext {
    /// A span context from its parts.
    #[must_use]
    pub fn new(trace_id: TraceId, span_id: SpanId, trace_flags: TraceFlags) -> Self {
        Self {
            trace_id,
            span_id,
            trace_flags,
            is_remote: false,
            trace_state: TraceState::default(),
        }
    }

    /// The same context, marked as received from another process.
    #[must_use]
    pub fn remote(mut self) -> Self {
        self.is_remote = true;
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
            trace_state: TraceState::from_opentelemetry(context.trace_state()),
        }
    }
}
