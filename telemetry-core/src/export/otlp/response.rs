//! What a receiver answers: partial success, and errors as `google.rpc.Status`.
//!
//! An answer is foreign input: whatever cannot be read counts as not said.

use std::time::Duration;

use serde_json::Value;

use crate::export::Accepted;
use crate::otlp::attributes::truncate;
use crate::otlp::wire::{Field, Fields};

use super::encode::Encoding;

/// Reads `ExportTraceServiceResponse`, `ExportLogsServiceResponse` or
/// `ExportMetricsServiceResponse`.
///
/// No partial success, or an answer that cannot be read, means that everything was accepted, as
/// in <https://opentelemetry.io/docs/specs/otlp/#full-success>.
#[must_use]
pub fn accepted(encoding: Encoding, body: &[u8]) -> Accepted {
    match encoding {
        Encoding::Protobuf => accepted_protobuf(body),
        Encoding::Json => accepted_json(body),
    }
}

/// The error answer of gRPC and of OTLP over HTTP: `google.rpc.Status`.
///
/// Source: <https://github.com/googleapis/googleapis/blob/master/google/rpc/status.proto>.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// The gRPC status code; 0 if the receiver said none.
    pub code: u32,
    /// What went wrong, in the receiver's words; at most 1024 characters of it.
    pub message: String,
    /// How long to wait before another try, from `google.rpc.RetryInfo`.
    pub retry_after: Option<Duration>,
}

/// The most that is kept of what a receiver says, so that a page of HTML does not fill the log.
const MAX_MESSAGE: u32 = 1024;

impl Status {
    /// Reads the message: the body of an HTTP error, or the trailer `grpc-status-details-bin`.
    #[must_use]
    pub fn read(encoding: Encoding, body: &[u8]) -> Self {
        match encoding {
            Encoding::Protobuf => Self::from_protobuf(body),
            Encoding::Json => Self::from_json(body).unwrap_or_default(),
        }
    }

    fn from_protobuf(body: &[u8]) -> Self {
        let mut status = Self::default();
        for field in Fields::new(body) {
            match field.number {
                1 => status.code = u32::try_from(field.value.number()).unwrap_or(0),
                2 => status.message = shortened(field.value.text()),
                3 => status.retry_after = status.retry_after.or(retry_info(field.value.bytes())),
                _ => {}
            }
        }
        status
    }

    fn from_json(body: &[u8]) -> Option<Self> {
        let status: Value = serde_json::from_slice(body).ok()?;
        Some(Self {
            code: number(&status, &["code"])
                .and_then(|code| u32::try_from(code).ok())
                .unwrap_or(0),
            message: text(&status, &["message"]),
            retry_after: status
                .get("details")
                .and_then(Value::as_array)
                .and_then(|details| details.iter().find_map(retry_info_json)),
        })
    }
}

fn accepted_protobuf(body: &[u8]) -> Accepted {
    let mut accepted = Accepted::all();
    let fields = Fields::new(body).filter(|field| field.number == 1);
    for Field { number, value } in fields.flat_map(|field| Fields::new(field.value.bytes())) {
        match number {
            1 => accepted.rejected = not_negative(value.number().cast_signed()),
            2 => accepted.message = shortened(value.text()),
            _ => {}
        }
    }
    accepted
}

fn accepted_json(body: &[u8]) -> Accepted {
    let response: Value = serde_json::from_slice(body).unwrap_or_default();
    let Some(partial) = field(&response, &["partialSuccess", "partial_success"]) else {
        return Accepted::all();
    };
    let names = [
        "rejectedSpans",
        "rejectedLogRecords",
        "rejectedDataPoints",
        "rejected_spans",
        "rejected_log_records",
        "rejected_data_points",
    ];
    let rejected = number(partial, &names).map_or(0, not_negative);
    Accepted::partly(rejected, text(partial, &["errorMessage", "error_message"]))
}

/// Reads a `google.protobuf.Any` that holds a `google.rpc.RetryInfo`.
fn retry_info(any: &[u8]) -> Option<Duration> {
    let mut fields = Fields::new(any);
    let type_url = fields.clone().find(|field| field.number == 1)?;
    if !is_retry_info(type_url.value.text()) {
        return None;
    }
    let info = fields.find(|field| field.number == 2)?.value.bytes();
    let delay = Fields::new(info).find(|field| field.number == 1)?;
    let (mut seconds, mut nanos) = (0, 0);
    for field in Fields::new(delay.value.bytes()) {
        match field.number {
            1 => seconds = not_negative(field.value.number().cast_signed()),
            2 => nanos = not_negative(field.value.number().cast_signed()),
            _ => {}
        }
    }
    Some(Duration::from_secs(seconds).saturating_add(Duration::from_nanos(nanos)))
}

fn retry_info_json(detail: &Value) -> Option<Duration> {
    if !is_retry_info(detail.get("@type")?.as_str()?) {
        return None;
    }
    let delay = field(detail, &["retryDelay", "retry_delay"])?.as_str()?;
    let seconds = delay.strip_suffix('s')?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

fn is_retry_info(type_url: &str) -> bool {
    type_url.rsplit('/').next() == Some("google.rpc.RetryInfo")
}

/// The first of the names that is there: JSON in OTLP has camel case, and readers of protobuf's
/// JSON take the original names too.
fn field<'a>(object: &'a Value, names: &[&str]) -> Option<&'a Value> {
    names.iter().find_map(|name| object.get(name))
}

/// A 64-bit number, which JSON may carry as text.
fn number(object: &Value, names: &[&str]) -> Option<i64> {
    let value = field(object, names)?;
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

fn text(object: &Value, names: &[&str]) -> String {
    field(object, names)
        .and_then(Value::as_str)
        .map_or_else(String::new, shortened)
}

fn not_negative(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

fn shortened(message: &str) -> String {
    truncate(message, MAX_MESSAGE).to_owned()
}

#[cfg(test)]
mod tests;
