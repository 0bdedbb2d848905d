//! The OTLP `LogRecord` message.

use opentelemetry::trace::{SpanId, TraceFlags, TraceId};

use super::attributes::{AnyValueView, Encode, key_value};
use super::span::{small, span_id, trace_id};
use super::wire::{
    Fields, bytes_tag, fixed32_tag, message_len, put_bytes_field, put_fixed64_field, put_len,
    put_message, put_varint_field,
};

/// The parts of a log record, as they are when it is emitted.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "the fields of the OTLP message")]
pub struct LogParts<'a> {
    /// When it happened, in nanoseconds since the Unix epoch.
    pub unix_nanos: u64,
    /// When it was seen, in nanoseconds since the Unix epoch.
    pub observed_unix_nanos: u64,
    /// The severity.
    pub severity: Severity,
    /// The message; empty for none.
    pub body: &'a str,
    /// Encoded attributes, for [`Attributes::LOG`](super::Attributes::LOG).
    pub attributes: &'a [u8],
    /// Attributes refused by the limit.
    pub dropped_attributes: u32,
    /// The trace in which it happened, if any.
    pub trace_id: TraceId,
    /// The span in which it happened, if any.
    pub span_id: SpanId,
    /// The W3C trace flags.
    pub trace_flags: TraceFlags,
    /// The name of the event, for records that are events.
    pub event_name: &'a str,
}

/// The severity of a log record, with OTLP's numbers.
///
/// Source: <https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-severitynumber>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the severities of the specification that Rust programs use"
)]
#[repr(u8)]
pub enum Severity {
    /// `trace!`.
    Trace = 1,
    /// `debug!`.
    Debug = 5,
    /// `info!`.
    Info = 9,
    /// `warn!`.
    Warn = 13,
    /// `error!`.
    Error = 17,
    /// `fatal!`.
    Fatal = 21,
}

impl Severity {
    /// The name in upper case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
        }
    }
}

impl From<tracing_core::Level> for Severity {
    fn from(level: tracing_core::Level) -> Self {
        match level {
            tracing_core::Level::TRACE => Self::Trace,
            tracing_core::Level::DEBUG => Self::Debug,
            tracing_core::Level::INFO => Self::Info,
            tracing_core::Level::WARN => Self::Warn,
            tracing_core::Level::ERROR => Self::Error,
        }
    }
}

impl LogParts<'_> {
    /// Appends the `LogRecord` message.
    pub fn encode(&self, buffer: &mut Vec<u8>) {
        put_fixed64_field(buffer, 1, self.unix_nanos);
        put_varint_field(buffer, 2, u64::from(self.severity as u8));
        put_bytes_field(buffer, 3, self.severity.as_str().as_bytes());
        if !self.body.is_empty() {
            buffer.push(bytes_tag(5));
            put_len(buffer, message_len(self.body.len()));
            self.body.encode(buffer, u32::MAX);
        }
        buffer.extend_from_slice(self.attributes);
        put_varint_field(buffer, 7, u64::from(self.dropped_attributes));
        if self.trace_id != TraceId::INVALID {
            buffer.push(fixed32_tag(8));
            buffer.extend_from_slice(&u32::from(self.trace_flags.to_u8()).to_le_bytes());
            put_message(buffer, 9, &self.trace_id.to_bytes());
            if self.span_id != SpanId::INVALID {
                put_message(buffer, 10, &self.span_id.to_bytes());
            }
        }
        put_fixed64_field(buffer, 11, self.observed_unix_nanos);
        put_bytes_field(buffer, 12, self.event_name.as_bytes());
    }
}

/// An encoded `LogRecord`, read in place.
#[derive(Clone, Copy, Debug)]
pub struct LogView<'a> {
    bytes: &'a [u8],
    /// Everything but the attributes, which are read on demand.
    pub parts: LogParts<'a>,
}

impl<'a> LogView<'a> {
    /// Reads a `LogRecord` message.
    #[must_use]
    pub fn read(bytes: &'a [u8]) -> Self {
        let mut parts = LogParts::empty();
        for field in Fields::new(bytes) {
            let value = field.value;
            match field.number {
                1 => parts.unix_nanos = value.number(),
                2 => parts.severity = severity(value.number()),
                5 => {
                    if let AnyValueView::Str(text) = AnyValueView::read(value.bytes()) {
                        parts.body = text;
                    }
                }
                7 => parts.dropped_attributes = small(value.number()),
                8 => parts.trace_flags = TraceFlags::new(small(value.number()).to_le_bytes()[0]),
                9 => parts.trace_id = trace_id(value.bytes()),
                10 => parts.span_id = span_id(value.bytes()),
                11 => parts.observed_unix_nanos = value.number(),
                12 => parts.event_name = value.text(),
                _ => {}
            }
        }
        Self { bytes, parts }
    }

    /// The record's attributes in order.
    pub fn attributes(&self) -> impl Iterator<Item = (&'a str, AnyValueView<'a>)> + use<'a> {
        Fields::new(self.bytes)
            .filter(|field| field.number == 6)
            .map(|field| key_value(field.value.bytes()))
    }
}

impl LogParts<'_> {
    /// A record with nothing in it, at INFO.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            unix_nanos: 0,
            observed_unix_nanos: 0,
            severity: Severity::Info,
            body: "",
            attributes: &[],
            dropped_attributes: 0,
            trace_id: TraceId::INVALID,
            span_id: SpanId::INVALID,
            trace_flags: TraceFlags::NOT_SAMPLED,
            event_name: "",
        }
    }
}

fn severity(number: u64) -> Severity {
    match number {
        0..=4 => Severity::Trace,
        5..=8 => Severity::Debug,
        9..=12 => Severity::Info,
        13..=16 => Severity::Warn,
        17..=20 => Severity::Error,
        _ => Severity::Fatal,
    }
}
