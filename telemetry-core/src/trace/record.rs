//! What a sampled span has gathered so far.

use std::borrow::Cow;
use std::cell::RefCell;

use opentelemetry::KeyValue;

use super::exception::Exception;
use super::limits::SpanLimits;
use crate::context::SpanContext;
use crate::otlp::span::{put_event, put_link};
use crate::otlp::{Attributes, Kind, StatusCode};
use crate::redact::{Place, Redaction};

/// The open record of a sampled span: attributes, events and links, already encoded.
#[derive(Debug)]
pub struct Record {
    /// The span's attributes.
    pub attributes: Attributes,
    /// The span's kind.
    pub kind: Kind,
    name: String,
    /// Whether `name` replaces the name of the `tracing` span.
    named: bool,
    pub(super) status: StatusCode,
    pub(super) status_message: Cow<'static, str>,
    pub(super) events: Items,
    pub(super) links: Items,
    limits: SpanLimits,
    redaction: Redaction,
}

/// A bounded list of encoded events or links.
#[derive(Debug, Default)]
pub(super) struct Items {
    pub(super) bytes: Vec<u8>,
    count: u32,
    pub(super) dropped: u32,
}

/// The most bytes of events, and of links, that a span gathers: one that stays open for days must
/// not hold more than receivers take in one message (4 MiB, gRPC's default).
const MAX_ITEMS_BYTES: usize = 2 * 1024 * 1024;

/// How many records a thread keeps for reuse, and how large one may be: enough for a request's
/// spans, without keeping what one unusual span needed.
const POOLED_RECORDS: usize = 32;
const POOLED_BYTES: usize = 16 * 1024;

thread_local! {
    #[expect(clippy::vec_box, reason = "the boxes themselves are what is reused")]
    static POOL: RefCell<Vec<Box<Record>>> = const { RefCell::new(Vec::new()) };
}

impl Record {
    /// An empty record, from this thread's pool if it has one.
    #[must_use]
    pub(super) fn take(limits: &SpanLimits, redaction: &Redaction) -> Box<Self> {
        let pooled = POOL
            .try_with(|pool| pool.try_borrow_mut().ok()?.pop())
            .ok()
            .flatten();
        let Some(mut record) = pooled else {
            return Box::new(Self::new(limits, redaction));
        };
        record.reset(limits, redaction);
        record
    }

    /// Gives the record back to this thread's pool.
    pub(super) fn put_back(record: Box<Self>) {
        let size = record.name.capacity()
            + record.attributes.capacity()
            + record.events.bytes.capacity()
            + record.links.bytes.capacity();
        if size > POOLED_BYTES {
            return;
        }
        let _ = POOL.try_with(|pool| {
            if let Ok(mut pool) = pool.try_borrow_mut()
                && pool.len() < POOLED_RECORDS
            {
                pool.push(record);
            }
        });
    }

    fn new(limits: &SpanLimits, redaction: &Redaction) -> Self {
        Self {
            attributes: Attributes::new(Attributes::SPAN, limits.attributes).redacted_by(redaction),
            kind: Kind::Internal,
            name: String::new(),
            named: false,
            status: StatusCode::Unset,
            status_message: Cow::Borrowed(""),
            events: Items::default(),
            links: Items::default(),
            limits: *limits,
            redaction: redaction.clone(),
        }
    }

    fn reset(&mut self, limits: &SpanLimits, redaction: &Redaction) {
        if !self.redaction.is_same(redaction) {
            self.redaction.clone_from(redaction);
            self.attributes.set_redaction(redaction);
        }
        self.attributes.clear(limits.attributes);
        self.kind = Kind::Internal;
        self.name.clear();
        self.named = false;
        self.status = StatusCode::Unset;
        self.status_message = Cow::Borrowed("");
        self.events.clear();
        self.links.clear();
        self.limits = *limits;
    }

    /// The limits that hold for this span.
    #[must_use]
    pub fn limits(&self) -> &SpanLimits {
        &self.limits
    }

    /// An empty list for the attributes of an event of this span.
    #[must_use]
    pub fn event_attributes(&self) -> Attributes {
        Attributes::new(Attributes::EVENT, self.limits.event_attributes)
            .redacted_by(&self.redaction)
    }

    /// Replaces the span's name.
    pub fn set_name(&mut self, name: &str) {
        self.name.clear();
        self.name.push_str(&self.redaction.clean(name, Place::Span));
        self.named = true;
    }

    /// Sets the attributes of `other` that this record has not.
    pub(super) fn add_missing(&mut self, other: &Self) {
        self.attributes.add_missing(&other.attributes);
    }

    /// The name that was set, if any.
    pub(super) fn name(&self) -> Option<&str> {
        self.named.then_some(self.name.as_str())
    }

    /// Sets the status by the specification's rule: `Ok` is final, `Unset` changes nothing, and a
    /// message is kept only for errors.
    pub fn set_status(&mut self, status: StatusCode, message: impl Into<Cow<'static, str>>) {
        if self.status == StatusCode::Ok || status == StatusCode::Unset {
            return;
        }
        self.status = status;
        let message = message.into();
        if status != StatusCode::Error {
            self.status_message = Cow::Borrowed("");
        } else if !message.is_empty() {
            self.status_message = self.clean(message);
        }
    }

    /// Says more about a failure that was or will be stated by [`Record::set_status`].
    pub(super) fn describe_status(&mut self, message: Cow<'static, str>) {
        if self.status == StatusCode::Error || self.status == StatusCode::Unset {
            self.status_message = self.clean(message);
        }
    }

    fn clean(&self, text: Cow<'static, str>) -> Cow<'static, str> {
        match self.redaction.clean(&text, Place::Span) {
            Cow::Owned(clean) => Cow::Owned(clean),
            Cow::Borrowed(_) => text,
        }
    }

    /// Adds an event whose attributes are encoded for [`Attributes::EVENT`].
    pub fn add_event(&mut self, unix_nanos: u64, name: &str, attributes: &Attributes) {
        let size = name.len() + attributes.as_bytes().len();
        if self.events.admit(self.limits.events, size) {
            put_event(
                &mut self.events.bytes,
                unix_nanos,
                &self.redaction.clean(name, Place::Span),
                attributes.as_bytes(),
                attributes.dropped(),
            );
        }
    }

    /// Adds an exception event.
    pub(super) fn add_exception(&mut self, unix_nanos: u64, exception: &Exception) {
        let mut attributes = self.event_attributes();
        exception.set_on(&mut attributes);
        self.add_event(unix_nanos, "exception", &attributes);
    }

    /// Adds a link. One to nowhere that says nothing is left out.
    pub fn add_link(&mut self, to: &SpanContext, attributes: &[KeyValue]) {
        if !to.is_valid() && attributes.is_empty() && to.trace_state().is_empty() {
            return;
        }
        let size = to.trace_state().as_str().len();
        if !self.links.admit(self.limits.links, size) {
            return;
        }
        let mut encoded = Attributes::new(Attributes::LINK, self.limits.link_attributes)
            .redacted_by(&self.redaction);
        encoded.extend(
            attributes
                .iter()
                .map(|entry| (entry.key.as_str(), &entry.value)),
        );
        put_link(
            &mut self.links.bytes,
            to,
            encoded.as_bytes(),
            encoded.dropped(),
        );
    }
}

impl Items {
    fn admit(&mut self, limit: u32, size: usize) -> bool {
        let admitted = self.count < limit && self.bytes.len() + size <= MAX_ITEMS_BYTES;
        if admitted {
            self.count += 1;
        } else {
            self.dropped = self.dropped.saturating_add(1);
        }
        admitted
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.count = 0;
        self.dropped = 0;
    }
}
