//! Writing a context into a message and reading it again, within a limit.

use std::cell::Cell;
use std::ops::ControlFlow;

use http::HeaderName;
use telemetry_core::context::propagate::{self, Composite, Extracted};
use telemetry_core::context::{self, Baggage, Carrier, SpanContext};

use super::outcome::count_ignored;
use super::{Fields, Injected, MessageCarrier, MessageCarrierMut};

/// The most bytes that a context takes of a message: the limits of W3C's formats (55 for the parent,
/// 2,048 here for the tracestate, 8,192 for baggage) with their names, and room for a second format.
pub const MAX_BYTES: usize = 16 << 10;

/// In which formats a context goes into messages, and how large it may be.
#[derive(Clone, Debug)]
pub struct Propagation {
    composite: Option<Composite>,
    max_bytes: usize,
}

/// Writes the current span's identity and the current baggage into a message, in the formats of
/// `OTEL_PROPAGATORS`.
pub fn inject(message: &mut (impl MessageCarrierMut + ?Sized)) -> Injected {
    let span_context = context::current_span_context().unwrap_or(SpanContext::NONE);
    Propagation::default().inject(&span_context, &context::current_baggage(), message)
}

/// The context of a message, in the formats of `OTEL_PROPAGATORS`. Never fails: what is malformed is
/// as if it were not there.
#[must_use]
pub fn extract(message: &(impl MessageCarrier + ?Sized)) -> Extracted {
    Propagation::default().extract(message)
}

impl Default for Propagation {
    fn default() -> Self {
        Self {
            composite: None,
            max_bytes: MAX_BYTES,
        }
    }
}

impl Propagation {
    /// These formats instead of those of the process.
    #[must_use]
    pub fn formats(mut self, composite: Composite) -> Self {
        self.composite = Some(composite);
        self
    }

    /// The most bytes of names and values that are written, and of values of one name that are read;
    /// [`MAX_BYTES`] unless set.
    #[must_use]
    pub fn max_bytes(mut self, max_bytes: usize) -> Self {
        self.max_bytes = max_bytes;
        self
    }

    /// Writes a context into a message.
    ///
    /// If it has no place as a whole, its baggage is left out, then its tracestate; then it is
    /// refused. Each is counted in [`counts`](super::counts).
    pub fn inject(
        &self,
        span_context: &SpanContext,
        baggage: &Baggage,
        message: &mut (impl MessageCarrierMut + ?Sized),
    ) -> Injected {
        let mut fields = Fields::of(self.composite(), span_context, baggage);
        if fields.is_empty() {
            return Injected::Nothing;
        }
        let mut refused = None;
        loop {
            let written = if fields.bytes() > self.max_bytes {
                Err(super::Refusal::TooLarge)
            } else {
                message.write(&fields)
            };
            let Err(refusal) = written else {
                return refused.map_or(Injected::Whole, Injected::Trimmed).counted();
            };
            let first = *refused.get_or_insert(refusal);
            if !fields.trim() || fields.is_empty() {
                return Injected::Refused(first).counted();
            }
        }
    }

    /// The context of a message: that of the first place that has one.
    #[must_use]
    pub fn extract(&self, message: &(impl MessageCarrier + ?Sized)) -> Extracted {
        let mut extracted = Extracted::default();
        let _ = message.places(&mut |place| {
            let found = self.composite().extract(&Limited {
                place,
                max_bytes: self.max_bytes,
            });
            if found == extracted {
                return ControlFlow::Continue(());
            }
            extracted = found;
            ControlFlow::Break(())
        });
        extracted
    }

    fn composite(&self) -> &Composite {
        self.composite
            .as_ref()
            .unwrap_or_else(|| propagate::global())
    }
}

/// A carrier without the values that are too large.
struct Limited<'c> {
    place: &'c dyn Carrier,
    max_bytes: usize,
}

impl Carrier for Limited<'_> {
    fn get_all<'a>(&'a self, name: &HeaderName, visit: &mut dyn FnMut(&'a str)) {
        let left = Cell::new(self.max_bytes);
        self.place.get_all(
            name,
            &mut |value| match left.get().checked_sub(value.len()) {
                Some(rest) => {
                    left.set(rest);
                    visit(value);
                }
                None => count_ignored(),
            },
        );
    }

    /// What is too large here belongs to somebody else, most likely, and is not counted.
    fn each<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a str)) {
        self.place.each(&mut |name, value| {
            if value.len() <= self.max_bytes {
                visit(name, value);
            }
        });
    }
}
