//! How much a span may hold.

use crate::otlp::AttributeLimits;

/// The limits of a span.
///
/// Defaults are 128 of everything, as in <https://opentelemetry.io/docs/specs/otel/trace/sdk/#span-limits>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the limits of the specification")]
pub struct SpanLimits {
    /// The span's own attributes.
    pub attributes: AttributeLimits,
    /// The number of events.
    pub events: u32,
    /// The number of links.
    pub links: u32,
    /// The attributes of an event.
    pub event_attributes: AttributeLimits,
    /// The attributes of a link.
    pub link_attributes: AttributeLimits,
}

impl SpanLimits {
    /// The same lengths for any number of attributes, for fields on their way into a span.
    pub(super) fn without_count(mut self) -> Self {
        self.attributes.count = u32::MAX;
        self
    }
}

impl Default for SpanLimits {
    fn default() -> Self {
        let attributes = AttributeLimits::default();
        Self {
            attributes,
            events: 128,
            links: 128,
            event_attributes: attributes,
            link_attributes: attributes,
        }
    }
}
