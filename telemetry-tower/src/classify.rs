//! What is a failure.

use http::{HeaderMap, StatusCode};

use crate::{GrpcCode, Side};

/// Says which responses and errors are failures.
///
/// One answer serves everything that asks: a failure sets the span's status to `Error` and its
/// `error.type`. The defaults are those of the conventions:
///
/// | | server | client |
/// |---|---|---|
/// | status of HTTP | 500 and more: a 404 is the client's failure | 400 and more |
/// | code of gRPC | [`GrpcCode::is_server_error`] | all but `OK` |
/// | error of the service or the body | every one | every one |
///
/// ```
/// use http::{HeaderMap, StatusCode};
/// use telemetry_tower::{Classify, Failure, ServerLayer, Side};
///
/// #[derive(Debug)]
/// struct TooManyIsOurs;
///
/// impl Classify for TooManyIsOurs {
///     fn response(&self, _: Side, status: StatusCode, _: &HeaderMap) -> Option<Failure> {
///         let failed = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
///         failed.then(|| Failure::from(status))
///     }
/// }
///
/// let layer = ServerLayer::new().classify(TooManyIsOurs);
/// # let _ = layer;
/// ```
pub trait Classify: Send + Sync {
    /// Whether a response is a failure.
    fn response(&self, side: Side, status: StatusCode, headers: &HeaderMap) -> Option<Failure> {
        let _ = headers;
        let failed = match side {
            Side::Server => status.is_server_error(),
            Side::Client => status.is_server_error() || status.is_client_error(),
        };
        failed.then(|| Failure::from(status))
    }

    /// Whether a gRPC call that ended with this code is a failure.
    fn grpc(&self, side: Side, code: GrpcCode) -> Option<Failure> {
        let failed = match side {
            Side::Server => code.is_server_error(),
            Side::Client => code != GrpcCode::Ok,
        };
        failed.then(|| Failure::from(code))
    }

    /// Whether it is a failure that the service, or the body of its response, ended with an error
    /// of the type that has this name.
    fn error(&self, type_name: &'static str) -> Option<Failure> {
        Some(Failure::new(type_name))
    }
}

/// The default answers.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "it has no settings")]
pub struct DefaultClassify;

impl Classify for DefaultClassify {}

/// A failure, by what `error.type` says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(Type);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Type {
    Name(&'static str),
    Status(StatusCode),
}

impl Failure {
    /// The service or the body was dropped before the response was complete, because the client
    /// went away or the server gave up. To a client, the body of an answer is no part of this.
    pub const CANCELLED: Self = Self::new("cancelled");
    /// The service panicked.
    pub const PANIC: Self = Self::new("panic");

    /// A failure of this type. There must be few types: a message is none.
    #[must_use]
    pub const fn new(error_type: &'static str) -> Self {
        Self(Type::Name(error_type))
    }

    /// The value of `error.type`.
    #[must_use]
    pub fn error_type(&self) -> &str {
        match &self.0 {
            Type::Name(name) => name,
            Type::Status(status) => status.as_str(),
        }
    }
}

impl From<GrpcCode> for Failure {
    fn from(code: GrpcCode) -> Self {
        Self::new(code.as_str())
    }
}

impl From<StatusCode> for Failure {
    fn from(status: StatusCode) -> Self {
        Self(Type::Status(status))
    }
}
