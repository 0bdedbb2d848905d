//! What an outgoing call carries.

use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::TraceContextExt;

use super::{Baggage, CarrierMut, SpanContext, current, propagate};
use crate::trace::SpanExt;

/// The current span's identity, as the receiver of a call should see its caller.
#[must_use]
pub fn current_span_context() -> Option<SpanContext> {
    let Some(theirs) = opentelemetry_span_context() else {
        return own_span_context();
    };
    // the API refuses keys of a tracestate that level 2 of the specification allows
    let own = own_span_context()
        .filter(|own| own.span_id() == theirs.span_id() && own.trace_id() == theirs.trace_id());
    Some(own.unwrap_or(theirs))
}

/// Writes the current span's identity and the current baggage to the headers of a request or
/// message, in the formats of `OTEL_PROPAGATORS`.
///
/// Without a current span only the baggage is written, if there is any.
///
/// ```
/// let mut request = http::Request::new(());
/// telemetry_core::context::inject(request.headers_mut());
/// ```
pub fn inject(carrier: &mut dyn CarrierMut) {
    let span_context = current_span_context().unwrap_or(SpanContext::NONE);
    propagate::inject(&span_context, &current_baggage(), carrier);
}

/// The current baggage; its place is the OpenTelemetry context. Empty unless somebody uses those.
#[must_use]
pub fn current_baggage() -> Baggage {
    let read = |context: &Context| Baggage::from(context.baggage());
    let armed = current::is_armed().then(|| current::with_opentelemetry(read));
    armed.flatten().unwrap_or(Baggage::EMPTY)
}

/// Whether the current baggage has an entry with this value.
#[must_use]
pub fn baggage_is(key: &str, value: &str) -> bool {
    let read = |context: &Context| {
        let entry = context.baggage().get(key);
        entry.is_some_and(|found| found.as_str() == value)
    };
    current::is_armed() && current::with_opentelemetry(read).unwrap_or(false)
}

fn opentelemetry_span_context() -> Option<SpanContext> {
    if !current::is_armed() {
        return None;
    }
    current::with_opentelemetry(|context| {
        let span = context.span();
        let span = span.span_context();
        span.is_valid().then(|| SpanContext::from(span))
    })?
}

fn own_span_context() -> Option<SpanContext> {
    let slot = current::slot()?;
    current::mark_used();
    if slot.key.layer == 0 {
        return Some(current::entered_span_context(slot));
    }
    let ids = slot.ids;
    let bare = SpanContext::new(ids.trace_id, ids.span_id, ids.trace_flags);
    if !slot.marks.has_trace_state() {
        return Some(bare);
    }
    // the tracestate is too large for the thread-local: ask the span
    let whole = tracing::Span::current().span_context();
    Some(
        whole
            .filter(|whole| whole.span_id() == ids.span_id)
            .unwrap_or(bare),
    )
}
