//! What an HTTP status means for a batch.

use http::header::{CONTENT_TYPE, HeaderMap, LOCATION};
use http::response::Parts;

use crate::clock::Clock;
use crate::export::ExportError;
use crate::export::otlp::encode::Encoding;
use crate::export::otlp::response::Status;
use crate::export::otlp::target::Target;
use crate::otlp::attributes::truncate;
use crate::pipeline::Signal;

use super::retry_after;

const CHECK_ENDPOINT: &str = "Check OTEL_EXPORTER_OTLP_ENDPOINT";
const CHECK_HEADERS: &str = "Check OTEL_EXPORTER_OTLP_HEADERS";

/// The most that is told of an answer that is no `google.rpc.Status`, in characters.
const MAX_TEXT: u32 = 200;

/// Why the receiver refused, and whether it may take the batch later.
///
/// Source of what is retryable: <https://opentelemetry.io/docs/specs/otlp/#failures-1>.
pub(super) fn refusal(target: &Target, signal: Signal, head: &Parts, body: &[u8]) -> ExportError {
    let said = match said(&head.headers, body) {
        said if said.is_empty() => said,
        said => format!(": {said}"),
    };
    let status = head.status;
    if matches!(status.as_u16(), 429 | 502 | 503 | 504) {
        let after = retry_after::read(&head.headers, Clock::system().now().unix_nanos());
        return ExportError::retryable(format!("the receiver answered {status}{said}"), after);
    }
    let (message, remedy) = match status.as_u16() {
        300..=399 => redirect(target, head),
        401 | 403 => (
            format!("{status}: the receiver refused the credentials{said}"),
            Some(CHECK_HEADERS.into()),
        ),
        404 | 405 => (
            format!(
                "{}: this address serves no OTLP at {}",
                status.as_u16(),
                target.uri().path()
            ),
            Some(format!(
                "{CHECK_ENDPOINT}; a collector takes {signal} at /v1/{signal}"
            )),
        ),
        413 => (
            format!("{status}: the batch is too large for the receiver{said}"),
            Some("Lower OTEL_BSP_MAX_EXPORT_BATCH_SIZE or OTEL_BLRP_MAX_EXPORT_BATCH_SIZE".into()),
        ),
        415 => (
            format!("{status}: the receiver does not take this encoding{said}"),
            Some("Change OTEL_EXPORTER_OTLP_PROTOCOL or OTEL_EXPORTER_OTLP_COMPRESSION".into()),
        ),
        _ => (format!("the receiver answered {status}{said}"), None),
    };
    let error =
        ExportError::permanent(message).about_credentials(matches!(status.as_u16(), 401 | 403));
    match remedy {
        Some(remedy) => error.with_remedy(remedy),
        None => error,
    }
}

/// A success whose body is a web page: something else than a receiver listens here.
pub(super) fn page(target: &Target, signal: Signal) -> ExportError {
    let (base, path) = (target.base(), target.uri().path());
    ExportError::permanent(format!(
        "{base} answered with a web page: it serves no OTLP at {path}"
    ))
    .with_remedy(format!(
        "{CHECK_ENDPOINT}; a collector takes {signal} at /v1/{signal}"
    ))
}

pub(super) fn is_page(headers: &HeaderMap) -> bool {
    media_type(headers) == "text/html"
}

/// The encoding of an answer; `None` if it says none of ours.
pub(super) fn encoding(headers: &HeaderMap) -> Option<Encoding> {
    let media_type = media_type(headers);
    [Encoding::Protobuf, Encoding::Json]
        .into_iter()
        .find(|encoding| media_type == encoding.content_type())
}

fn media_type(headers: &HeaderMap) -> String {
    let value = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = value
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

fn redirect(target: &Target, head: &Parts) -> (String, Option<String>) {
    let (base, code) = (target.base(), head.status.as_u16());
    let Some(to) = head.headers.get(LOCATION).and_then(|to| to.to_str().ok()) else {
        return (format!("the receiver answered {}", head.status), None);
    };
    // what follows may be our own query, with a key in it, or a session's
    let to = to.split(['?', '#']).next().unwrap_or_default();
    let to = truncate(to, MAX_TEXT);
    (
        format!("{base} redirects ({code}) to {to}; redirects are not followed"),
        Some("Set OTEL_EXPORTER_OTLP_ENDPOINT to where it redirects, if you trust it".into()),
    )
}

/// The receiver's own words: the message of a `google.rpc.Status`, or the first line of a text.
fn said(headers: &HeaderMap, body: &[u8]) -> String {
    if let Some(encoding) = encoding(headers) {
        return Status::read(encoding, body).message;
    }
    if is_page(headers) {
        return String::new();
    }
    let line = String::from_utf8_lossy(body.get(..4 * 1024).unwrap_or(body));
    let line = line.trim().lines().next().unwrap_or_default();
    if line.contains(char::is_control) {
        return String::new();
    }
    truncate(line, MAX_TEXT).to_owned()
}
