//! How much one record may hold. Zero is a limit like any other: nothing is kept.
//!
//! Source of names, defaults and fallbacks: <https://opentelemetry.io/docs/specs/otel/common/#attribute-limits> and
//! <https://opentelemetry.io/docs/specs/otel/trace/sdk/#span-limits>.

use super::kind::{LENGTH, LIMIT};
use super::overrides::{LogLimitOverrides, SpanLimitOverrides};
use super::resolver::Resolver;
use crate::otlp::AttributeLimits;
use crate::trace::SpanLimits;

const ANY_COUNT: &str = "OTEL_ATTRIBUTE_COUNT_LIMIT";
const ANY_LENGTH: &str = "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT";

/// The limits of a span; the length of values holds for its events and links alike.
pub(crate) fn spans(r: &mut Resolver<'_>, code: &SpanLimitOverrides) -> SpanLimits {
    let default = SpanLimits::default();
    let value_length = r.value(
        &["OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", ANY_LENGTH],
        code.attribute_value_length,
        &LENGTH,
        default.attributes.value_length,
    );
    let mut attributes = |name, code, default: AttributeLimits| AttributeLimits {
        count: r.value(&[name, ANY_COUNT], code, &LIMIT, default.count),
        value_length,
    };
    SpanLimits {
        attributes: attributes(
            "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
            code.attribute_count,
            default.attributes,
        ),
        event_attributes: attributes(
            "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
            code.event_attribute_count,
            default.event_attributes,
        ),
        link_attributes: attributes(
            "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
            code.link_attribute_count,
            default.link_attributes,
        ),
        events: r.value(
            &["OTEL_SPAN_EVENT_COUNT_LIMIT"],
            code.event_count,
            &LIMIT,
            default.events,
        ),
        links: r.value(
            &["OTEL_SPAN_LINK_COUNT_LIMIT"],
            code.link_count,
            &LIMIT,
            default.links,
        ),
    }
}

/// The limits of a log record.
pub(crate) fn logs(r: &mut Resolver<'_>, code: &LogLimitOverrides) -> AttributeLimits {
    let default = AttributeLimits::default();
    let count = ["OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", ANY_COUNT];
    let length = ["OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", ANY_LENGTH];
    AttributeLimits {
        count: r.value(&count, code.attribute_count, &LIMIT, default.count),
        value_length: r.value(
            &length,
            code.attribute_value_length,
            &LENGTH,
            default.value_length,
        ),
    }
}
