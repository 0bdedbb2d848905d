//! How a call ended.

use std::borrow::Cow;

use http::{HeaderMap, StatusCode, Version};
use telemetry_core::otlp::{AnyValueView, StatusCode as SpanStatus};
use telemetry_core::trace::Record;

use super::server::attributes::{cut, version};
use super::subject::{Call, Subject};
use crate::{Classify, Failure, GrpcCode, Side, grpc, semconv};

/// What is known of the end of a call so far; at the end, all of it.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) subject: Subject,
    pub(crate) status: Option<StatusCode>,
    pub(crate) code: Option<GrpcCode>,
    pub(crate) failure: Option<Failure>,
    pub(crate) message: Option<String>,
    version: Option<Version>,
    /// Whether the answer was one of gRPC.
    spoke_grpc: bool,
}

impl End {
    pub(crate) fn of(subject: Subject) -> Self {
        Self {
            subject,
            status: None,
            code: None,
            failure: None,
            message: None,
            version: None,
            spoke_grpc: false,
        }
    }

    /// Notes the head of the response.
    pub(crate) fn response(
        &mut self,
        status: StatusCode,
        headers: &HeaderMap,
        classify: &dyn Classify,
    ) {
        self.status = Some(status);
        self.spoke_grpc = grpc::is_call(headers);
        if !self.subject.is_grpc() {
            self.failure = classify.response(self.subject.side, status, headers);
        } else if GrpcCode::of(headers).is_some() {
            self.trailers(headers, classify);
        } else if status != StatusCode::OK {
            self.ended_with(GrpcCode::of_http(status), classify);
        }
    }

    /// Notes over which version of HTTP the response came: a client's request does not know yet.
    pub(crate) fn answered_over(&mut self, version: Version) {
        if self.subject.side == Side::Client {
            self.version = Some(version);
        }
    }

    /// The version of HTTP of the response, if only that tells.
    #[inline]
    pub(crate) fn version(&self) -> Option<&'static str> {
        self.version.and_then(version)
    }

    /// Notes the trailers, or the headers of a response that has only trailers.
    pub(crate) fn trailers(&mut self, trailers: &HeaderMap, classify: &dyn Classify) {
        if let Some(code) = GrpcCode::of(trailers).filter(|_| self.subject.is_grpc()) {
            self.spoke_grpc = true;
            self.ended_with(code, classify);
            if self.failure.is_some() {
                self.message = grpc::message(trailers).map(|text| cut(&text).to_owned());
            }
        }
    }

    /// Notes that the body has ended: a gRPC call must have told its code by now.
    pub(crate) fn complete(&mut self, classify: &dyn Classify) {
        let silent = self.code.is_none() && self.failure.is_none() && self.status.is_some();
        if silent && self.subject.is_grpc() {
            self.ended_with(GrpcCode::Unknown, classify);
            self.message = Some("the response ended without grpc-status".to_owned());
        }
    }

    fn ended_with(&mut self, code: GrpcCode, classify: &dyn Classify) {
        self.code = Some(code);
        self.failure = classify.grpc(self.subject.side, code);
    }

    /// Writes it to the record of the span.
    ///
    /// The sizes are those of the bodies of the request and the response, if they are wanted.
    pub(crate) fn write(&mut self, record: &mut Record, sizes: [Option<u64>; 2]) {
        match &self.subject.call {
            Call::Http { .. } => {
                if let Some(status) = self.status {
                    let code = i64::from(status.as_u16());
                    record
                        .attributes
                        .set(semconv::HTTP_RESPONSE_STATUS_CODE, code);
                }
            }
            Call::Grpc { .. } => {
                if let Some(code) = self.code {
                    record
                        .attributes
                        .set(semconv::RPC_RESPONSE_STATUS_CODE, code.as_str());
                }
                if self.is_unknown_method() {
                    forget_method(record);
                }
            }
        }
        for (key, size) in SIZES.into_iter().zip(sizes) {
            if let Some(size) = size.and_then(|size| i64::try_from(size).ok()) {
                record.attributes.set(key, size);
            }
        }
        if let Some(version) = self.version() {
            record
                .attributes
                .set(semconv::NETWORK_PROTOCOL_VERSION, version);
        }
        if let Some(failure) = &self.failure {
            fail(record, failure, self.message.take());
        }
    }

    /// Forgets a name that the caller has made up: it must not be that of a series.
    pub(crate) fn forget_unknown_method(&mut self) {
        if self.is_unknown_method() {
            self.subject.call = Call::Grpc { method: None };
        }
    }

    /// Whether the server has no such method, so that the caller has made its name up: it said so, or
    /// it answered, and not in gRPC.
    fn is_unknown_method(&self) -> bool {
        let unimplemented = self.code == Some(GrpcCode::Unimplemented);
        let is_answered = self.code.is_some() || self.status.is_some();
        self.subject.is_grpc()
            && self.subject.side == Side::Server
            && (unimplemented || (is_answered && !self.spoke_grpc))
    }
}

const SIZES: [&str; 2] = [
    semconv::HTTP_REQUEST_BODY_SIZE,
    semconv::HTTP_RESPONSE_BODY_SIZE,
];

/// A name that a caller can choose must not be that of a span.
fn forget_method(record: &mut Record) {
    let Some(AnyValueView::Str(method)) = record.attributes.get(semconv::RPC_METHOD) else {
        return;
    };
    if method == semconv::METHOD_OTHER {
        return;
    }
    let original = method.to_owned();
    record.set_name(grpc::SYSTEM);
    let attributes = &mut record.attributes;
    attributes.set(semconv::RPC_METHOD, semconv::METHOD_OTHER);
    attributes.set(semconv::RPC_METHOD_ORIGINAL, original.as_str());
}

fn fail(record: &mut Record, failure: &Failure, message: Option<String>) {
    // what the handler has said itself is more precise
    if record.attributes.get(semconv::ERROR_TYPE).is_none() {
        record
            .attributes
            .push(semconv::ERROR_TYPE, failure.error_type());
    }
    let message = message.map_or(Cow::Borrowed(""), Cow::Owned);
    record.set_status(SpanStatus::Error, message);
}
