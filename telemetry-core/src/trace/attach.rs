//! OpenTelemetry contexts around `tracing` spans, once that API is in use in the process.

use std::cell::RefCell;

use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, ContextGuard};
use tracing_core::Subscriber;
use tracing_core::span::Id;
use tracing_subscriber::registry::LookupSpan;

use super::state::SpanState;
use super::table;
use crate::context::SpanContext;
use crate::context::current::Slot;

thread_local! {
    static GUARDS: RefCell<Vec<(u64, ContextGuard)>> = const { RefCell::new(Vec::new()) };
}

/// Makes the span current for the OpenTelemetry API too.
pub(super) fn enter<S>(key: u64, id: &Id, context: &tracing_subscriber::layer::Context<'_, S>)
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let Some(span) = context.span(id) else { return };
    let outer = Context::current();
    let inner = {
        let mut extensions = span.extensions_mut();
        let Some(state) = extensions.get_mut::<SpanState>() else {
            return;
        };
        if !state.used {
            state.used = true;
            table::forget(id.into_u64());
        }
        state.opentelemetry_context(&outer)
    };
    let guard = inner.attach();
    let _ = GUARDS.try_with(|guards| {
        guards
            .try_borrow_mut()
            .map(|mut guards| guards.push((key, guard)))
    });
}

/// Ends what [`enter`] began.
pub(super) fn exit(key: u64) {
    let guard = GUARDS.try_with(|guards| {
        let mut guards = guards.try_borrow_mut().ok()?;
        let index = guards.iter().rposition(|(entered, _)| *entered == key)?;
        Some(guards.remove(index))
    });
    drop(guard);
}

/// The current span of the OpenTelemetry API, if it is another one than `slot`.
pub(super) fn foreign_parent(slot: Option<Slot>) -> Option<SpanContext> {
    if !crate::context::current::is_armed() {
        return None;
    }
    Context::map_current(|context| {
        if !context.has_active_span() {
            return None;
        }
        let span = context.span();
        let span = span.span_context();
        let ours = slot.is_some_and(|slot| {
            slot.ids.span_id == span.span_id() && slot.ids.trace_id == span.trace_id()
        });
        (span.is_valid() && !ours).then(|| SpanContext::from(span))
    })
}
