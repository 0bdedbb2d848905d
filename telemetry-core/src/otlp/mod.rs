//! OTLP, written once: a finished span or log record *is* its protobuf message, and so is a
//! metric once it is collected.
//!
//! Attributes are encoded when they are recorded, in the bytes that the wire wants; ending a span
//! adds the fixed fields around them, and an export copies whole messages. Everything else that
//! needs a span (console, tests, SDK exporters, JSON) reads those bytes through [`SpanView`] and
//! [`LogView`].
//!
//! Field numbers are those of opentelemetry-proto 1.x,
//! <https://github.com/open-telemetry/opentelemetry-proto>.

pub mod attributes;
mod key_index;
pub mod log;
pub mod metric;
mod scope;
pub mod span;
pub mod wire;

pub use attributes::{AnyValueView, AttributeLimits, Attributes, Encode};
pub use log::{LogParts, LogView, Severity};
pub use metric::MetricMessages;
pub use scope::{Scope, ScopeId};
pub use span::{EventView, Kind, LinkView, SpanParts, SpanView, StatusCode};
