//! What a gRPC status means for a batch.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::export::ExportError;
use crate::export::otlp::encode::Encoding;
use crate::export::otlp::response::Status;
use crate::export::otlp::target::{Target, percent_decode};
use crate::otlp::attributes::truncate;
use crate::pipeline::Signal;

/// The status of a call, from its trailers or, if there is no body, from its headers.
#[derive(Debug)]
pub(super) struct GrpcStatus {
    code: u32,
    message: String,
    retry_after: Option<Duration>,
}

/// The names of the codes: <https://grpc.github.io/grpc/core/md_doc_statuscodes.html>.
const NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

const OK: u32 = 0;
const CANCELLED: u32 = 1;
const UNKNOWN: u32 = 2;
const DEADLINE_EXCEEDED: u32 = 4;
const PERMISSION_DENIED: u32 = 7;
const RESOURCE_EXHAUSTED: u32 = 8;
const ABORTED: u32 = 10;
const OUT_OF_RANGE: u32 = 11;
const UNIMPLEMENTED: u32 = 12;
const INTERNAL: u32 = 13;
const UNAVAILABLE: u32 = 14;
const DATA_LOSS: u32 = 15;
const UNAUTHENTICATED: u32 = 16;

/// With and without padding: a sender may leave it out, a receiver must take both
/// (<https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#requests>).
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The most that is told of a receiver's message, in characters.
const MAX_MESSAGE: u32 = 1024;

impl GrpcStatus {
    /// `None` if there is no status.
    pub(super) fn read(headers: &HeaderMap) -> Option<Self> {
        let code = headers.get("grpc-status")?.to_str().ok();
        let details = headers
            .get("grpc-status-details-bin")
            .and_then(|details| BASE64.decode(details.as_bytes()).ok())
            .map(|details| Status::read(Encoding::Protobuf, &details))
            .unwrap_or_default();
        Some(Self {
            code: code.and_then(|code| code.parse().ok()).unwrap_or(UNKNOWN),
            message: headers.get("grpc-message").map_or(details.message, message),
            retry_after: details.retry_after,
        })
    }

    /// Success, or what follows from the failure.
    pub(super) fn outcome(self, target: &Target, signal: Signal) -> Result<(), ExportError> {
        if self.code == OK {
            return Ok(());
        }
        let error = if self.is_retryable() {
            ExportError::retryable(self.to_string(), self.retry_after)
        } else {
            ExportError::permanent(self.refusal(target, signal))
                .about_credentials(matches!(self.code, UNAUTHENTICATED | PERMISSION_DENIED))
        };
        Err(match self.remedy() {
            Some(remedy) => error.with_remedy(remedy),
            None => error,
        })
    }

    /// Source: <https://opentelemetry.io/docs/specs/otlp/#failures>.
    fn is_retryable(&self) -> bool {
        match self.code {
            CANCELLED | DEADLINE_EXCEEDED | ABORTED | OUT_OF_RANGE | UNAVAILABLE | DATA_LOSS => {
                true
            }
            RESOURCE_EXHAUSTED => self.retry_after.is_some(),
            _ => false,
        }
    }

    fn refusal(&self, target: &Target, signal: Signal) -> String {
        let (name, base, said) = (self.name(), target.base(), self.said());
        match self.code {
            UNAUTHENTICATED | PERMISSION_DENIED => {
                format!("{name}: the receiver refused the credentials{said}")
            }
            UNIMPLEMENTED => format!("{name}: {base} takes no OTLP {signal} over gRPC{said}"),
            _ => self.to_string(),
        }
    }

    fn remedy(&self) -> Option<&'static str> {
        match self.code {
            UNAUTHENTICATED | PERMISSION_DENIED => Some("Check OTEL_EXPORTER_OTLP_HEADERS"),
            UNIMPLEMENTED => {
                Some("Check OTEL_EXPORTER_OTLP_ENDPOINT; collectors take gRPC on port 4317")
            }
            RESOURCE_EXHAUSTED => {
                Some("Send smaller or fewer batches, or raise the receiver's limits")
            }
            _ => None,
        }
    }

    fn name(&self) -> &'static str {
        let index = usize::try_from(self.code).unwrap_or(usize::MAX);
        NAMES.get(index).copied().unwrap_or("an unknown status")
    }

    /// What the receiver said, to be appended.
    fn said(&self) -> String {
        match self.message.as_str() {
            "" => String::new(),
            message => format!(": {message}"),
        }
    }
}

impl fmt::Display for GrpcStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the receiver answered {}{}", self.name(), self.said())
    }
}

/// An answer of something before the receiver, such as a proxy.
/// Source: <https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md>.
pub(super) fn of_http(http: StatusCode, target: &Target, signal: Signal) -> ExportError {
    let code = match http.as_u16() {
        400 => INTERNAL,
        401 => UNAUTHENTICATED,
        403 => PERMISSION_DENIED,
        404 => UNIMPLEMENTED,
        429 | 502..=504 => UNAVAILABLE,
        _ => UNKNOWN,
    };
    let status = GrpcStatus {
        code,
        message: format!("HTTP {http} without a gRPC status"),
        retry_after: None,
    };
    match status.outcome(target, signal) {
        Err(error) => error,
        Ok(()) => missing(target),
    }
}

/// An answer that ends without a status: the connection or a proxy broke off.
pub(super) fn missing(target: &Target) -> ExportError {
    let base = target.base();
    ExportError::retryable(format!("{base} ended its answer without a status"), None)
}

/// `grpc-message` is percent-encoded UTF-8.
fn message(value: &HeaderValue) -> String {
    let text = std::str::from_utf8(value.as_bytes()).unwrap_or_default();
    let decoded = percent_decode(text);
    truncate(&String::from_utf8_lossy(&decoded), MAX_MESSAGE).to_owned()
}
