//! A finished span that owns its memory.

use std::sync::Arc;
use std::time::Duration;

use super::value::{CapturedAttributes, CapturedValue};
use crate::context::{SpanId, TraceFlags, TraceId};
use crate::otlp::{EventView, Kind, LinkView, Scope, SpanView, StatusCode};
use crate::pipeline::Item;

/// A finished span, decoded.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CapturedSpan {
    /// Its trace.
    pub trace_id: TraceId,
    /// Its own id.
    pub span_id: SpanId,
    /// Its parent; `None` for a root.
    pub parent_span_id: Option<SpanId>,
    /// Whether the parent is in another process.
    pub parent_is_remote: bool,
    /// The W3C trace flags.
    pub trace_flags: TraceFlags,
    /// The W3C tracestate.
    pub trace_state: String,
    /// The name.
    pub name: String,
    /// The kind.
    pub kind: Kind,
    /// Start, in nanoseconds since the Unix epoch.
    pub start_unix_nanos: u64,
    /// End, in nanoseconds since the Unix epoch.
    pub end_unix_nanos: u64,
    /// The attributes.
    pub attributes: CapturedAttributes,
    /// Attributes refused by the limit.
    pub dropped_attributes: u32,
    /// The events.
    pub events: Vec<CapturedEvent>,
    /// Events refused by the limit.
    pub dropped_events: u32,
    /// The links.
    pub links: Vec<CapturedLink>,
    /// Links refused by the limit.
    pub dropped_links: u32,
    /// The status.
    pub status: StatusCode,
    /// What the status says.
    pub status_message: String,
    /// Who made it.
    pub scope: Arc<Scope>,
}

/// An event of a span.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CapturedEvent {
    /// Nanoseconds since the Unix epoch.
    pub unix_nanos: u64,
    /// The name.
    pub name: String,
    /// The attributes.
    pub attributes: CapturedAttributes,
    /// Attributes refused by the limit.
    pub dropped_attributes: u32,
}

/// A link of a span to another.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CapturedLink {
    /// The linked trace.
    pub trace_id: TraceId,
    /// The linked span.
    pub span_id: SpanId,
    /// The linked span's tracestate.
    pub trace_state: String,
    /// The linked span's W3C flags.
    pub trace_flags: TraceFlags,
    /// Whether the linked span is in another process.
    pub is_remote: bool,
    /// The attributes.
    pub attributes: CapturedAttributes,
    /// Attributes refused by the limit.
    pub dropped_attributes: u32,
}

impl CapturedSpan {
    /// Decodes an item of a batch of spans.
    #[must_use]
    pub fn read(item: Item<'_>) -> Self {
        let view = SpanView::read(item.message);
        let parts = view.parts;
        let parent = parts.parent_span_id;
        Self {
            trace_id: parts.trace_id,
            span_id: parts.span_id,
            parent_span_id: (parent != SpanId::INVALID).then_some(parent),
            parent_is_remote: parts.parent_is_remote == Some(true),
            trace_flags: parts.trace_flags,
            trace_state: parts.trace_state.to_owned(),
            name: parts.name.to_owned(),
            kind: parts.kind,
            start_unix_nanos: parts.start_unix_nanos,
            end_unix_nanos: parts.end_unix_nanos,
            attributes: CapturedAttributes::read(view.attributes()),
            dropped_attributes: parts.dropped_attributes,
            events: view.events().map(CapturedEvent::read).collect(),
            dropped_events: parts.dropped_events,
            links: view.links().map(CapturedLink::read).collect(),
            dropped_links: parts.dropped_links,
            status: parts.status,
            status_message: parts.status_message.to_owned(),
            scope: item.scope.scope(),
        }
    }

    /// How long it took; zero if it ended before it started.
    #[must_use]
    pub fn duration(&self) -> Duration {
        Duration::from_nanos(self.end_unix_nanos.saturating_sub(self.start_unix_nanos))
    }

    /// Whether this process has no span above it: it has no parent, or a remote one.
    #[must_use]
    pub fn is_local_root(&self) -> bool {
        self.parent_span_id.is_none() || self.parent_is_remote
    }

    /// Whether its status is an error.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.status == StatusCode::Error
    }

    /// The value of an attribute, if it is set.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<&CapturedValue> {
        self.attributes.get(key)
    }

    /// The first event of this name.
    #[must_use]
    pub fn event(&self, name: &str) -> Option<&CapturedEvent> {
        self.events.iter().find(|event| event.name == name)
    }
}

impl CapturedEvent {
    fn read(view: EventView<'_>) -> Self {
        Self {
            unix_nanos: view.unix_nanos,
            name: view.name.to_owned(),
            attributes: CapturedAttributes::read(view.attributes()),
            dropped_attributes: view.dropped_attributes,
        }
    }

    /// The value of an attribute, if it is set.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<&CapturedValue> {
        self.attributes.get(key)
    }
}

impl CapturedLink {
    fn read(view: LinkView<'_>) -> Self {
        Self {
            trace_id: view.trace_id,
            span_id: view.span_id,
            trace_state: view.trace_state.to_owned(),
            trace_flags: view.trace_flags,
            is_remote: view.is_remote,
            attributes: CapturedAttributes::read(view.attributes()),
            dropped_attributes: view.dropped_attributes,
        }
    }
}
