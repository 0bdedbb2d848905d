//! A log record that owns its memory.

use std::sync::Arc;

use super::value::{CapturedAttributes, CapturedValue};
use crate::context::{SpanId, TraceFlags, TraceId};
use crate::otlp::{LogView, Scope, Severity};
use crate::pipeline::Item;

/// A log record, decoded.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CapturedLog {
    /// When it happened, in nanoseconds since the Unix epoch.
    pub unix_nanos: u64,
    /// When it was seen, in nanoseconds since the Unix epoch.
    pub observed_unix_nanos: u64,
    /// The severity.
    pub severity: Severity,
    /// The message.
    pub message: String,
    /// The name of the event; empty for a record that is none.
    pub event_name: String,
    /// The attributes.
    pub attributes: CapturedAttributes,
    /// Attributes refused by the limit.
    pub dropped_attributes: u32,
    /// The trace in which it happened.
    pub trace_id: Option<TraceId>,
    /// The span in which it happened.
    pub span_id: Option<SpanId>,
    /// The W3C trace flags.
    pub trace_flags: TraceFlags,
    /// Who made it.
    pub scope: Arc<Scope>,
}

impl CapturedLog {
    /// Decodes an item of a batch of log records.
    #[must_use]
    pub fn read(item: Item<'_>) -> Self {
        let view = LogView::read(item.message);
        let parts = view.parts;
        Self {
            unix_nanos: parts.unix_nanos,
            observed_unix_nanos: parts.observed_unix_nanos,
            severity: parts.severity,
            message: parts.body.to_owned(),
            event_name: parts.event_name.to_owned(),
            attributes: CapturedAttributes::read(view.attributes()),
            dropped_attributes: parts.dropped_attributes,
            trace_id: (parts.trace_id != TraceId::INVALID).then_some(parts.trace_id),
            span_id: (parts.span_id != SpanId::INVALID).then_some(parts.span_id),
            trace_flags: parts.trace_flags,
            scope: item.scope.scope(),
        }
    }

    /// The value of an attribute, if it is set.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<&CapturedValue> {
        self.attributes.get(key)
    }
}
