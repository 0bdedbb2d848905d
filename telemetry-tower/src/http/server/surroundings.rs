//! What is current while a request is handled, beside its span.

use opentelemetry::baggage::{Baggage, BaggageExt};
use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, ContextGuard};
use telemetry_core::context::propagate::Extracted;
use telemetry_core::context::{
    CurrentIds, EnteredIds, RequestScope, SpanContext, enter_request, otel,
};

/// The identity and the OpenTelemetry context to make current on each poll.
#[derive(Debug, Default)]
pub(in crate::http) struct Surroundings {
    identity: Option<SpanContext>,
    context: Option<Context>,
    request: RequestScope,
}

impl Surroundings {
    /// What goes around a span that makes its own ids current: the baggage, if any came.
    pub(in crate::http) fn with_span(incoming: &Extracted) -> Self {
        Self {
            identity: None,
            context: baggage(incoming),
            request: RequestScope::NONE,
        }
    }

    /// What stands in for a span that is filtered out, or that nobody records: its identity, or
    /// that of the caller, and the baggage.
    pub(in crate::http) fn without_span(
        identity: Option<&SpanContext>,
        incoming: &Extracted,
        request: RequestScope,
    ) -> Self {
        let baggage = baggage(incoming);
        let Some(identity) = identity else {
            return Self {
                identity: None,
                context: baggage,
                request,
            };
        };
        let context = otel::is_armed().then(|| {
            let context = baggage.unwrap_or_else(Context::current);
            context.with_remote_span_context(identity.into())
        });
        Self {
            identity: Some(identity.clone()),
            context,
            request,
        }
    }

    /// Attaches the OpenTelemetry context: before a span is entered, whose own goes on top of it.
    #[inline]
    pub(in crate::http) fn attach(&self) -> Option<ContextGuard> {
        self.context.clone().map(Context::attach)
    }

    /// Makes the identity current: after a span is entered.
    #[inline]
    pub(in crate::http) fn enter(&self) -> Option<EnteredIds> {
        let identity = self.identity.as_ref()?;
        Some(enter_request(identity, self.request))
    }
}

/// The current context with the baggage that came.
fn baggage(incoming: &Extracted) -> Option<Context> {
    if incoming.baggage.is_empty() {
        return None;
    }
    otel::arm();
    Some(Context::current_with_baggage(Baggage::from(
        &incoming.baggage,
    )))
}

pub(in crate::http) fn ids(context: &SpanContext) -> CurrentIds {
    CurrentIds {
        trace_id: context.trace_id(),
        span_id: context.span_id(),
        trace_flags: context.trace_flags(),
    }
}
