//! How much one record may hold. Zero is a limit like any other: nothing is kept.
//!
//! Source of names, defaults and fallbacks: <https://opentelemetry.io/docs/specs/otel/common/#attribute-limits> and
//! <https://opentelemetry.io/docs/specs/otel/trace/sdk/#span-limits>.

use super::kind::{LIMIT, OPTIONAL_LIMIT};
use super::overrides::{LogLimitOverrides, SpanLimitOverrides};
use super::resolver::Resolver;

/// The specification's default for every count.
const COUNT: usize = 128;

const ANY_COUNT: &str = "OTEL_ATTRIBUTE_COUNT_LIMIT";
const ANY_LENGTH: &str = "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT";

/// The limits of a span, its events and its links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpanLimits {
    /// Attributes of a span.
    pub attribute_count: usize,
    /// Characters of a text value, of spans, events and links alike; `None` for no limit.
    pub attribute_value_length: Option<usize>,
    /// Events of a span.
    pub event_count: usize,
    /// Links of a span.
    pub link_count: usize,
    /// Attributes of an event.
    pub event_attribute_count: usize,
    /// Attributes of a link.
    pub link_attribute_count: usize,
}

/// The limits of a log record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogLimits {
    /// Attributes of a log record.
    pub attribute_count: usize,
    /// Characters of a text value; `None` for no limit.
    pub attribute_value_length: Option<usize>,
}

impl Default for SpanLimits {
    fn default() -> Self {
        Self {
            attribute_count: COUNT,
            attribute_value_length: None,
            event_count: COUNT,
            link_count: COUNT,
            event_attribute_count: COUNT,
            link_attribute_count: COUNT,
        }
    }
}

impl Default for LogLimits {
    fn default() -> Self {
        Self {
            attribute_count: COUNT,
            attribute_value_length: None,
        }
    }
}

pub(crate) fn spans(r: &mut Resolver<'_>, code: &SpanLimitOverrides) -> SpanLimits {
    let mut count = |names: &[&'static str], code| r.value(names, code, &LIMIT, COUNT);
    let limits = SpanLimits {
        attribute_count: count(
            &["OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", ANY_COUNT],
            code.attribute_count,
        ),
        attribute_value_length: None,
        event_count: count(&["OTEL_SPAN_EVENT_COUNT_LIMIT"], code.event_count),
        link_count: count(&["OTEL_SPAN_LINK_COUNT_LIMIT"], code.link_count),
        event_attribute_count: count(
            &["OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", ANY_COUNT],
            code.event_attribute_count,
        ),
        link_attribute_count: count(
            &["OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", ANY_COUNT],
            code.link_attribute_count,
        ),
    };
    let names = ["OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", ANY_LENGTH];
    let length = code.attribute_value_length.map(Some);
    SpanLimits {
        attribute_value_length: r.value(&names, length, &OPTIONAL_LIMIT, None),
        ..limits
    }
}

pub(crate) fn logs(r: &mut Resolver<'_>, code: &LogLimitOverrides) -> LogLimits {
    let count = ["OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", ANY_COUNT];
    let length = ["OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", ANY_LENGTH];
    LogLimits {
        attribute_count: r.value(&count, code.attribute_count, &LIMIT, COUNT),
        attribute_value_length: r.value(
            &length,
            code.attribute_value_length.map(Some),
            &OPTIONAL_LIMIT,
            None,
        ),
    }
}
