//! OpenTelemetry contexts around `tracing` spans, once that API is in use in the process.

use std::cell::RefCell;
use std::mem::ManuallyDrop;

use opentelemetry::baggage::{Baggage, BaggageExt, KeyValueMetadata};
use opentelemetry::trace::{SpanContext as ApiSpanContext, TraceContextExt};
use opentelemetry::{Context, ContextGuard};
use tracing_core::Subscriber;
use tracing_core::span::Id;
use tracing_subscriber::registry::LookupSpan;

use super::state::SpanState;
use crate::context::SpanContext;
use crate::context::current::{self, Key, Slot};

thread_local! {
    /// What is left when the thread ends is not dropped: the API's stack may be gone by then.
    static GUARDS: RefCell<Vec<(Key, ManuallyDrop<ContextGuard>)>> = const { RefCell::new(Vec::new()) };
}

/// Makes the span, which has just become current, so for the OpenTelemetry API too, on top of
/// what the current context holds now.
#[cold]
pub(super) fn enter<S>(context: &tracing_subscriber::layer::Context<'_, S>)
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let Some(slot) = current::slot() else { return };
    current::mark_used();
    let key = slot.key;
    let ids = slot.ids;
    let (entered, baggage) = if slot.marks.has_trace_state() || slot.marks.has_baggage() {
        let Some(span) = context.span(&Id::from_u64(key.span)) else {
            return;
        };
        let extensions = span.extensions();
        let Some(state) = extensions.get::<SpanState>() else {
            return;
        };
        (state.span_context(), state.baggage.clone())
    } else {
        let entered = SpanContext::new(ids.trace_id, ids.span_id, ids.trace_flags);
        (entered, None)
    };
    let inner = current::with_opentelemetry(|outer| {
        let inner = outer.with_remote_span_context((&entered).into());
        match baggage {
            Some(baggage) if outer.baggage().is_empty() => {
                inner.with_baggage(copy(baggage.baggage()))
            }
            _ => inner,
        }
    });
    let Some(guard) = inner.map(Context::attach) else {
        return;
    };
    let _ = GUARDS.try_with(|guards| {
        guards
            .try_borrow_mut()
            .map(|mut guards| guards.push((key, ManuallyDrop::new(guard))))
    });
}

fn copy(baggage: &Baggage) -> Baggage {
    let entries = baggage.iter().map(|(key, (value, metadata))| {
        KeyValueMetadata::new(key.clone(), value.clone(), metadata.clone())
    });
    Baggage::from_iter(entries)
}

/// Ends what [`enter`] began.
pub(super) fn exit(key: Key) {
    let guard = GUARDS.try_with(|guards| {
        let mut guards = guards.try_borrow_mut().ok()?;
        let index = guards.iter().rposition(|(entered, _)| *entered == key)?;
        Some(guards.remove(index).1)
    });
    if let Ok(Some(guard)) = guard
        && current::with_opentelemetry(|_| ()).is_some()
    {
        drop(ManuallyDrop::into_inner(guard));
    }
}

/// The baggage that a span which is made now takes along when it is entered elsewhere, such as in
/// a task of its own.
pub(super) fn baggage() -> Option<Context> {
    if !current::is_armed() {
        return None;
    }
    current::with_opentelemetry(|context| {
        // without the span, which would otherwise stay open as long as this one
        (!context.baggage().is_empty())
            .then(|| context.with_remote_span_context(ApiSpanContext::NONE))
    })?
}

/// The current span of the OpenTelemetry API, if it is another one than `slot`.
pub(super) fn foreign_parent(slot: Option<Slot>) -> Option<SpanContext> {
    if !current::is_armed() {
        return None;
    }
    current::with_opentelemetry(|context| {
        if !context.has_active_span() {
            return None;
        }
        let span = context.span();
        let span = span.span_context();
        let ours = slot.is_some_and(|slot| {
            slot.ids.span_id == span.span_id() && slot.ids.trace_id == span.trace_id()
        });
        (span.is_valid() && !ours).then(|| SpanContext::from(span))
    })?
}
