//! The OTLP `Span` message: written once when a span ends, read in place by everyone else.

use opentelemetry::trace::{SpanId, SpanKind, TraceFlags, TraceId};

use super::attributes::{AnyValueView, key_value};
use super::wire::{
    Fields, bytes_field_len, bytes_tag, close, fixed32_tag, open, put_bytes_field,
    put_fixed64_field, put_len, put_message, put_varint_field,
};

/// What of a span is known only at its end, beside the encoded attributes, events and links.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "the fields of the OTLP message")]
pub struct SpanParts<'a> {
    /// Its trace.
    pub trace_id: TraceId,
    /// Its own id.
    pub span_id: SpanId,
    /// Its parent; invalid for a root.
    pub parent_span_id: SpanId,
    /// Whether the parent is in another process; `None` for a root.
    pub parent_is_remote: Option<bool>,
    /// The W3C trace flags.
    pub trace_flags: TraceFlags,
    /// The W3C tracestate.
    pub trace_state: &'a str,
    /// The name.
    pub name: &'a str,
    /// The kind.
    pub kind: Kind,
    /// Start, in nanoseconds since the Unix epoch.
    pub start_unix_nanos: u64,
    /// End, in nanoseconds since the Unix epoch.
    pub end_unix_nanos: u64,
    /// Encoded attributes.
    pub attributes: &'a [u8],
    /// Attributes refused by the limit.
    pub dropped_attributes: u32,
    /// Encoded events.
    pub events: &'a [u8],
    /// Events refused by the limit.
    pub dropped_events: u32,
    /// Encoded links.
    pub links: &'a [u8],
    /// Links refused by the limit.
    pub dropped_links: u32,
    /// The status.
    pub status: StatusCode,
    /// What the status says; kept only with [`StatusCode::Error`].
    pub status_message: &'a str,
}

/// The kind of a span, with OTLP's numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the kinds of the specification")]
#[repr(u8)]
pub enum Kind {
    /// An operation within the application.
    #[default]
    Internal = 1,
    /// Handles a request.
    Server = 2,
    /// Makes a request.
    Client = 3,
    /// Makes a message.
    Producer = 4,
    /// Handles a message.
    Consumer = 5,
}

/// The status code of a span, with OTLP's numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the codes of the specification")]
#[repr(u8)]
pub enum StatusCode {
    /// Nothing was said.
    #[default]
    Unset = 0,
    /// Somebody said that it went well.
    Ok = 1,
    /// It failed.
    Error = 2,
}

impl Kind {
    /// The kind in lower case, as `otel.kind` has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Server => "server",
            Self::Client => "client",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }

    /// The kind that `text` names, in any case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [
            Self::Internal,
            Self::Server,
            Self::Client,
            Self::Producer,
            Self::Consumer,
        ]
        .into_iter()
        .find(|kind| kind.as_str().eq_ignore_ascii_case(text))
    }
}

impl From<&SpanKind> for Kind {
    fn from(kind: &SpanKind) -> Self {
        match kind {
            SpanKind::Client => Self::Client,
            SpanKind::Server => Self::Server,
            SpanKind::Producer => Self::Producer,
            SpanKind::Consumer => Self::Consumer,
            SpanKind::Internal => Self::Internal,
        }
    }
}

impl From<Kind> for SpanKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Client => Self::Client,
            Kind::Server => Self::Server,
            Kind::Producer => Self::Producer,
            Kind::Consumer => Self::Consumer,
            Kind::Internal => Self::Internal,
        }
    }
}

/// Flag bits of `Span.flags` beyond the W3C ones: "parent is remote" is known, and its value.
const HAS_IS_REMOTE: u32 = 0x100;
const IS_REMOTE: u32 = 0x200;
/// The two-byte tag of field 16, fixed 32-bit.
const FLAGS_TAG: [u8; 2] = [0x85, 0x01];

impl SpanParts<'_> {
    /// Appends the `Span` message.
    pub fn encode(&self, buffer: &mut Vec<u8>) {
        put_message(buffer, 1, &self.trace_id.to_bytes());
        put_message(buffer, 2, &self.span_id.to_bytes());
        put_bytes_field(buffer, 3, self.trace_state.as_bytes());
        if self.parent_span_id != SpanId::INVALID {
            put_message(buffer, 4, &self.parent_span_id.to_bytes());
        }
        put_bytes_field(buffer, 5, self.name.as_bytes());
        put_varint_field(buffer, 6, u64::from(self.kind as u8));
        put_fixed64_field(buffer, 7, self.start_unix_nanos);
        put_fixed64_field(buffer, 8, self.end_unix_nanos);
        buffer.extend_from_slice(self.attributes);
        put_varint_field(buffer, 10, u64::from(self.dropped_attributes));
        buffer.extend_from_slice(self.events);
        put_varint_field(buffer, 12, u64::from(self.dropped_events));
        buffer.extend_from_slice(self.links);
        put_varint_field(buffer, 14, u64::from(self.dropped_links));
        self.encode_status(buffer);
        buffer.extend_from_slice(&FLAGS_TAG);
        buffer.extend_from_slice(&self.flags().to_le_bytes());
    }

    fn encode_status(&self, buffer: &mut Vec<u8>) {
        if self.status == StatusCode::Unset {
            return;
        }
        // only a failure may say something:
        // https://opentelemetry.io/docs/specs/otel/trace/api/#set-status
        let message = match self.status {
            StatusCode::Error => self.status_message.as_bytes(),
            _ => &[],
        };
        buffer.push(bytes_tag(15));
        put_len(buffer, bytes_field_len(message.len()) + 2);
        put_bytes_field(buffer, 2, message);
        put_varint_field(buffer, 3, u64::from(self.status as u8));
    }

    /// The bits of `Span.flags`: the W3C flags, and whether the parent is remote.
    #[must_use]
    pub fn flags(&self) -> u32 {
        flags(self.trace_flags, self.parent_is_remote == Some(true))
    }
}

/// An encoded `Span`, read in place.
#[derive(Clone, Copy, Debug)]
pub struct SpanView<'a> {
    bytes: &'a [u8],
    /// Everything but attributes, events and links, which are read on demand.
    pub parts: SpanParts<'a>,
}

impl<'a> SpanView<'a> {
    /// Reads a `Span` message.
    #[must_use]
    pub fn read(bytes: &'a [u8]) -> Self {
        let mut parts = SpanParts::empty();
        for field in Fields::new(bytes) {
            let value = field.value;
            match field.number {
                1 => parts.trace_id = trace_id(value.bytes()),
                2 => parts.span_id = span_id(value.bytes()),
                3 => parts.trace_state = value.text(),
                4 => parts.parent_span_id = span_id(value.bytes()),
                5 => parts.name = value.text(),
                6 => parts.kind = kind(value.number()),
                7 => parts.start_unix_nanos = value.number(),
                8 => parts.end_unix_nanos = value.number(),
                10 => parts.dropped_attributes = small(value.number()),
                12 => parts.dropped_events = small(value.number()),
                14 => parts.dropped_links = small(value.number()),
                15 => (parts.status, parts.status_message) = status(value.bytes()),
                16 => parts.set_flags(small(value.number())),
                _ => {}
            }
        }
        Self { bytes, parts }
    }

    /// The span's attributes in order.
    pub fn attributes(&self) -> impl Iterator<Item = (&'a str, AnyValueView<'a>)> + use<'a> {
        self.messages(9).map(key_value)
    }

    /// The span's events in order.
    pub fn events(&self) -> impl Iterator<Item = EventView<'a>> + use<'a> {
        self.messages(11).map(EventView::read)
    }

    /// The span's links in order.
    pub fn links(&self) -> impl Iterator<Item = LinkView<'a>> + use<'a> {
        self.messages(13).map(LinkView::read)
    }

    fn messages(&self, number: u64) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        Fields::new(self.bytes)
            .filter(move |field| field.number == number)
            .map(|field| field.value.bytes())
    }
}

impl SpanParts<'_> {
    fn empty() -> Self {
        Self {
            trace_id: TraceId::INVALID,
            span_id: SpanId::INVALID,
            parent_span_id: SpanId::INVALID,
            parent_is_remote: None,
            trace_flags: TraceFlags::NOT_SAMPLED,
            trace_state: "",
            name: "",
            kind: Kind::Internal,
            start_unix_nanos: 0,
            end_unix_nanos: 0,
            attributes: &[],
            dropped_attributes: 0,
            events: &[],
            dropped_events: 0,
            links: &[],
            dropped_links: 0,
            status: StatusCode::Unset,
            status_message: "",
        }
    }

    fn set_flags(&mut self, flags: u32) {
        self.trace_flags = TraceFlags::new(flags.to_le_bytes()[0]);
        let has_parent = self.parent_span_id != SpanId::INVALID;
        self.parent_is_remote = has_parent.then_some(flags & IS_REMOTE != 0);
    }
}

/// An encoded event of a span, read in place.
#[derive(Clone, Copy, Debug)]
pub struct EventView<'a> {
    bytes: &'a [u8],
    /// Nanoseconds since the Unix epoch.
    pub unix_nanos: u64,
    /// The event's name.
    pub name: &'a str,
    /// Attributes refused by the limit.
    pub dropped_attributes: u32,
}

impl<'a> EventView<'a> {
    fn read(bytes: &'a [u8]) -> Self {
        let mut view = Self {
            bytes,
            unix_nanos: 0,
            name: "",
            dropped_attributes: 0,
        };
        for field in Fields::new(bytes) {
            match field.number {
                1 => view.unix_nanos = field.value.number(),
                2 => view.name = field.value.text(),
                4 => view.dropped_attributes = small(field.value.number()),
                _ => {}
            }
        }
        view
    }

    /// The event's attributes in order.
    pub fn attributes(&self) -> impl Iterator<Item = (&'a str, AnyValueView<'a>)> + use<'a> {
        Fields::new(self.bytes)
            .filter(|field| field.number == 3)
            .map(|field| key_value(field.value.bytes()))
    }
}

/// An encoded link of a span, read in place.
#[derive(Clone, Copy, Debug)]
pub struct LinkView<'a> {
    bytes: &'a [u8],
    /// The linked trace.
    pub trace_id: TraceId,
    /// The linked span.
    pub span_id: SpanId,
    /// The linked span's tracestate.
    pub trace_state: &'a str,
    /// The linked span's W3C flags.
    pub trace_flags: TraceFlags,
    /// Whether the linked span is in another process.
    pub is_remote: bool,
    /// Attributes refused by the limit.
    pub dropped_attributes: u32,
}

impl<'a> LinkView<'a> {
    fn read(bytes: &'a [u8]) -> Self {
        let mut view = Self {
            bytes,
            trace_id: TraceId::INVALID,
            span_id: SpanId::INVALID,
            trace_state: "",
            trace_flags: TraceFlags::NOT_SAMPLED,
            is_remote: false,
            dropped_attributes: 0,
        };
        for field in Fields::new(bytes) {
            let value = field.value;
            match field.number {
                1 => view.trace_id = trace_id(value.bytes()),
                2 => view.span_id = span_id(value.bytes()),
                3 => view.trace_state = value.text(),
                5 => view.dropped_attributes = small(value.number()),
                6 => {
                    view.trace_flags = TraceFlags::new(small(value.number()).to_le_bytes()[0]);
                    view.is_remote = value.number() & u64::from(IS_REMOTE) != 0;
                }
                _ => {}
            }
        }
        view
    }

    /// The bits of `Link.flags`: the W3C flags, and whether the linked span is remote.
    #[must_use]
    pub fn flags(&self) -> u32 {
        flags(self.trace_flags, self.is_remote)
    }

    /// The link's attributes in order.
    pub fn attributes(&self) -> impl Iterator<Item = (&'a str, AnyValueView<'a>)> + use<'a> {
        Fields::new(self.bytes)
            .filter(|field| field.number == 4)
            .map(|field| key_value(field.value.bytes()))
    }
}

/// Appends an encoded event field to `events`. `attributes` are encoded for
/// [`Attributes::EVENT`](super::Attributes::EVENT).
pub fn put_event(
    events: &mut Vec<u8>,
    unix_nanos: u64,
    name: &str,
    attributes: &[u8],
    dropped: u32,
) {
    let event = open(events, 11);
    put_fixed64_field(events, 1, unix_nanos);
    put_bytes_field(events, 2, name.as_bytes());
    events.extend_from_slice(attributes);
    put_varint_field(events, 4, u64::from(dropped));
    close(events, event);
}

/// Appends an encoded link field to `links`. `attributes` are encoded for
/// [`Attributes::LINK`](super::Attributes::LINK).
pub fn put_link(
    links: &mut Vec<u8>,
    to: &crate::context::SpanContext,
    attributes: &[u8],
    dropped: u32,
) {
    let link = open(links, 13);
    put_message(links, 1, &to.trace_id().to_bytes());
    put_message(links, 2, &to.span_id().to_bytes());
    put_bytes_field(links, 3, to.trace_state().as_str().as_bytes());
    links.extend_from_slice(attributes);
    put_varint_field(links, 5, u64::from(dropped));
    links.push(fixed32_tag(6));
    links.extend_from_slice(&flags(to.trace_flags(), to.is_remote()).to_le_bytes());
    close(links, link);
}

fn flags(trace_flags: TraceFlags, is_remote: bool) -> u32 {
    let remote = if is_remote { IS_REMOTE } else { 0 };
    u32::from(trace_flags.to_u8()) | HAS_IS_REMOTE | remote
}

pub(crate) fn trace_id(bytes: &[u8]) -> TraceId {
    bytes
        .try_into()
        .map_or(TraceId::INVALID, TraceId::from_bytes)
}

pub(crate) fn span_id(bytes: &[u8]) -> SpanId {
    bytes.try_into().map_or(SpanId::INVALID, SpanId::from_bytes)
}

pub(super) fn small(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn kind(number: u64) -> Kind {
    match number {
        2 => Kind::Server,
        3 => Kind::Client,
        4 => Kind::Producer,
        5 => Kind::Consumer,
        _ => Kind::Internal,
    }
}

fn status(bytes: &[u8]) -> (StatusCode, &str) {
    let mut status = (StatusCode::Unset, "");
    for field in Fields::new(bytes) {
        match (field.number, field.value.number()) {
            (2, _) => status.1 = field.value.text(),
            (3, 1) => status.0 = StatusCode::Ok,
            (3, 2) => status.0 = StatusCode::Error,
            _ => {}
        }
    }
    status
}
