//! What is kept of an open span.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::Context;
use opentelemetry::trace::SpanId;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use super::record::Record;
use super::table;
use crate::clock::Timestamp;
use crate::context::current::{Key, Marks, Slot};
use crate::context::{CurrentIds, RequestScope, SpanContext, TraceState};
use crate::otlp::AnyValueView;

/// An open span, kept in the registry beside the `tracing` span.
#[derive(Debug)]
pub struct SpanState {
    pub(super) ids: CurrentIds,
    pub(super) trace_state: TraceState,
    pub(super) parent_span_id: SpanId,
    pub(super) parent_is_remote: Option<bool>,
    /// When it started; not read for a span that is not sampled.
    pub(super) start: Timestamp,
    /// Whether somebody knows the ids: a child, a log line, a request that went out.
    pub(super) used: AtomicBool,
    /// The only thread that remembers the span, or [`table::SHARED`].
    pub(super) home: u32,
    /// Present exactly while the span is sampled and has not ended.
    pub(super) record: Option<Box<Record>>,
    /// The recording of lines that the span belongs to.
    pub(super) recording: Option<NonZeroU64>,
    /// An OpenTelemetry context with the baggage that was current when the span was made.
    pub(super) baggage: Option<Context>,
    /// What is known of the request that the span belongs to.
    pub(super) request: RequestScope,
}

/// The ids of an open span, for what names it without being within it, such as a log line with an
/// explicit parent. They can no longer be replaced afterwards.
#[must_use]
pub fn ids_of<'a, S: LookupSpan<'a>>(span: &SpanRef<'a, S>) -> Option<CurrentIds> {
    span.extensions().get::<SpanState>().map(SpanState::ids)
}

/// Whether a span that is sampled has this attribute. Numbers and booleans compare as they are written.
#[must_use]
pub fn attribute_is<'a, S: LookupSpan<'a>>(span: &SpanRef<'a, S>, key: &str, value: &str) -> bool {
    let extensions = span.extensions();
    let state = extensions.get::<SpanState>();
    let record = state.and_then(|state| state.record.as_deref());
    record.is_some_and(|record| {
        let mut attributes = record.attributes.iter();
        attributes.any(|(found, text)| found == key && is_text(&text, value))
    })
}

fn is_text(value: &AnyValueView<'_>, text: &str) -> bool {
    match value {
        AnyValueView::Str(value) => *value == text,
        AnyValueView::Bool(value) => value.to_string() == text,
        AnyValueView::Int(value) => value.to_string() == text,
        AnyValueView::Double(value) => value.to_string() == text,
        _ => false,
    }
}

impl SpanState {
    /// The span's ids. Whoever reads them is taken to pass them on: they are not replaced any
    /// more.
    #[must_use]
    pub fn ids(&self) -> CurrentIds {
        self.mark_used();
        self.ids
    }

    /// The span's identity, as others see it. Whoever reads it is taken to pass it on.
    #[must_use]
    pub fn span_context(&self) -> SpanContext {
        self.mark_used();
        SpanContext::new(self.ids.trace_id, self.ids.span_id, self.ids.trace_flags)
            .with_trace_state(self.trace_state.clone())
    }

    pub(super) fn mark_used(&self) {
        self.used.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_used(&self) -> bool {
        self.used.load(Ordering::Relaxed)
    }

    pub(super) fn is_local_root(&self) -> bool {
        self.parent_is_remote.is_none()
    }

    /// Says that the calling thread will remember the span.
    pub(super) fn remembered(&mut self) {
        if self.home != table::thread() {
            self.home = table::SHARED;
        }
    }

    pub(super) fn slot(&self, key: Key) -> Slot {
        Slot {
            key,
            recording: self.recording.map_or(0, NonZeroU64::get),
            request: self.request,
            ids: self.ids,
            marks: Marks::NONE
                .with_trace_state(!self.trace_state.is_empty())
                .with_baggage(self.baggage.is_some())
                .with_tracked_use(self.is_local_root() && !self.is_used()),
        }
    }
}
