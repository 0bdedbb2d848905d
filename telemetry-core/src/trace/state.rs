//! What is kept of an open span.

use opentelemetry::Context;
use opentelemetry::trace::{SpanId, TraceContextExt};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use super::record::Record;
use super::table;
use crate::clock::Timestamp;
use crate::context::current::Slot;
use crate::context::{CurrentIds, SpanContext, TraceState};

/// An open span, kept in the registry beside the `tracing` span.
#[derive(Debug)]
pub struct SpanState {
    pub(super) ids: CurrentIds,
    pub(super) trace_state: TraceState,
    pub(super) parent_span_id: SpanId,
    pub(super) parent_is_remote: Option<bool>,
    pub(super) start: Timestamp,
    /// Whether somebody knows the ids: a child, a log line, a request that went out.
    pub(super) used: bool,
    /// Present exactly while the span is sampled and has not ended.
    pub(super) record: Option<Box<Record>>,
    /// The OpenTelemetry context of the span, made when it is first needed.
    pub(super) context: Option<Context>,
}

/// The ids of an open span, for what names it without being within it, such as a log line with an
/// explicit parent. They can no longer be replaced afterwards.
#[must_use]
pub fn ids_of<'a, S: LookupSpan<'a>>(span: &SpanRef<'a, S>) -> Option<CurrentIds> {
    if let Some(state) = span.extensions().get::<SpanState>()
        && state.used
    {
        return Some(state.ids);
    }
    let mut extensions = span.extensions_mut();
    let state = extensions.get_mut::<SpanState>()?;
    state.used = true;
    table::forget(span.id().into_u64());
    Some(state.ids)
}

impl SpanState {
    /// The span's ids.
    #[must_use]
    pub fn ids(&self) -> CurrentIds {
        self.ids
    }

    /// The span's identity, as others see it.
    #[must_use]
    pub fn span_context(&self) -> SpanContext {
        SpanContext::new(self.ids.trace_id, self.ids.span_id, self.ids.trace_flags)
            .with_trace_state(self.trace_state.clone())
    }

    pub(super) fn is_local_root(&self) -> bool {
        self.parent_is_remote.is_none()
    }

    pub(super) fn slot(&self, engine: u32) -> Slot {
        Slot {
            ids: self.ids,
            engine,
            has_trace_state: !self.trace_state.is_empty(),
            tracks_use: self.is_local_root() && !self.used,
        }
    }

    /// The OpenTelemetry context in which this span is current, on top of `outer`.
    pub(super) fn opentelemetry_context(&mut self, outer: &Context) -> Context {
        let span = || {
            (&SpanContext::new(self.ids.trace_id, self.ids.span_id, self.ids.trace_flags)
                .with_trace_state(self.trace_state.clone()))
                .into()
        };
        self.context
            .get_or_insert_with(|| outer.with_remote_span_context(span()))
            .clone()
    }
}
