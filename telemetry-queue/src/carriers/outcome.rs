//! How much of a context found its place.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::metrics;

/// What became of a context that was to be written into a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "part of the context may have had no place"]
pub enum Injected {
    /// There was no context: the message is as it was.
    Nothing,
    /// All of it was written.
    Whole,
    /// The baggage, or the baggage and the tracestate, had no place.
    Trimmed(Refusal),
    /// It had no place: the message is as it was.
    Refused(Refusal),
}

/// Why a context has no place in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// It has more bytes than it may have: raise `Propagation::max_bytes`, or carry less baggage.
    TooLarge,
    /// The message has as many entries as its broker allows.
    Full,
    /// The payload is no JSON object, or its member for the context is none: wrap it into an
    /// `Envelope`, or choose another key.
    NotAnObject,
    /// None of its names is allowed there: use W3C's formats.
    Unnameable,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "the context is larger than the limit: raise max_bytes, or carry less baggage",
            Self::Full => "the message has as many attributes as its broker allows: use fewer, or a body that is a JSON object",
            Self::Unnameable => {
                "none of the names of the context is allowed there: use W3C's formats"
            }
            Self::NotAnObject => "the payload is no JSON object, or its member for the context is none: wrap it into an envelope, or choose another key",
        })
    }
}

impl std::error::Error for Refusal {}

/// How often a context did not find its whole place, since the process started. The same is the metric
/// `telemetry.queue.context.discarded`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CarrierCounts {
    /// Contexts that were written without their baggage, or without that and their tracestate.
    pub trimmed: u64,
    /// Contexts that were not written because they were too large.
    pub too_large: u64,
    /// Contexts that were not written because the message had as many entries as it may have.
    pub full: u64,
    /// Contexts that were not written because the payload had no place for them.
    pub not_an_object: u64,
    /// Contexts that were not written because no name of theirs is allowed there.
    pub unnameable: u64,
    /// Values that were not read because they were too large.
    pub ignored: u64,
}

/// What has been counted so far.
#[must_use]
pub fn counts() -> CarrierCounts {
    CarrierCounts {
        trimmed: TRIMMED.load(Ordering::Relaxed),
        too_large: TOO_LARGE.load(Ordering::Relaxed),
        full: FULL.load(Ordering::Relaxed),
        not_an_object: NOT_AN_OBJECT.load(Ordering::Relaxed),
        unnameable: UNNAMEABLE.load(Ordering::Relaxed),
        ignored: IGNORED.load(Ordering::Relaxed),
    }
}

static TRIMMED: AtomicU64 = AtomicU64::new(0);
static TOO_LARGE: AtomicU64 = AtomicU64::new(0);
static FULL: AtomicU64 = AtomicU64::new(0);
static NOT_AN_OBJECT: AtomicU64 = AtomicU64::new(0);
static UNNAMEABLE: AtomicU64 = AtomicU64::new(0);
static IGNORED: AtomicU64 = AtomicU64::new(0);

impl Injected {
    pub(super) fn counted(self) -> Self {
        let (counter, reason) = match self {
            Self::Nothing | Self::Whole => return self,
            Self::Trimmed(_) => (&TRIMMED, "trimmed"),
            Self::Refused(Refusal::TooLarge) => (&TOO_LARGE, "too_large"),
            Self::Refused(Refusal::Full) => (&FULL, "full"),
            Self::Refused(Refusal::NotAnObject) => (&NOT_AN_OBJECT, "not_an_object"),
            Self::Refused(Refusal::Unnameable) => (&UNNAMEABLE, "unnameable"),
        };
        count(counter, reason);
        self
    }
}

pub(super) fn count_ignored() {
    count(&IGNORED, "ignored");
}

fn count(counter: &AtomicU64, reason: &'static str) {
    counter.fetch_add(1, Ordering::Relaxed);
    metrics::discarded(reason);
}
