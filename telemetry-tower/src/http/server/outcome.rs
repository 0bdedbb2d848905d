//! How a request ended.

use std::time::Duration;

use http::{Method, StatusCode};

use crate::{Failure, GrpcCode};

/// How a request ended, for [`AccessLog`](super::AccessLog) and
/// [`Compensation`](super::Compensation).
#[derive(Clone, Copy, Debug)]
pub struct Outcome<'a> {
    pub(super) method: &'a Method,
    pub(super) route: Option<&'a str>,
    pub(super) rpc_method: Option<&'a str>,
    pub(super) status: Option<StatusCode>,
    pub(super) grpc: Option<GrpcCode>,
    pub(super) failure: Option<&'a Failure>,
    pub(super) duration: Duration,
    pub(super) request_size: Option<u64>,
    pub(super) response_size: Option<u64>,
}

impl<'a> Outcome<'a> {
    /// The method, as it was sent.
    #[must_use]
    pub fn method(&self) -> &'a Method {
        self.method
    }

    /// The route, if it is known; of a gRPC call its path, `/package.Service/Method`.
    #[must_use]
    pub fn route(&self) -> Option<&'a str> {
        self.route
    }

    /// The status of the response; `None` if there was none.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.status
    }

    /// How a gRPC call ended; `None` if it did not, and for all that is not gRPC.
    #[must_use]
    pub fn grpc_code(&self) -> Option<GrpcCode> {
        self.grpc
    }

    /// Why it is a failure, by the layer's [`Classify`](crate::Classify); `None` if it is none.
    #[must_use]
    pub fn failure(&self) -> Option<&'a Failure> {
        self.failure
    }

    /// Whether the request was given up before its response was complete.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.failure == Some(&Failure::CANCELLED)
    }

    /// The time from the call of the service to now.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.duration
    }

    /// The bytes of the request's body, as far as they are known: with
    /// [`body_sizes`](super::ServerLayer::body_sizes).
    #[must_use]
    pub fn request_body_size(&self) -> Option<u64> {
        self.request_size
    }

    /// The bytes of the response's body that were handed to the server; `None` without a response.
    #[must_use]
    pub fn response_body_size(&self) -> Option<u64> {
        self.response_size
    }
}
