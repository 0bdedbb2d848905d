//! What is a failure.

use http::{HeaderMap, StatusCode};

/// Says which responses and errors are failures.
///
/// One answer serves everything that asks: a failure sets the span's status to `Error` and its
/// `error.type`. The defaults are those of the conventions for servers: a status of 500 or more
/// is a failure, a status below is none (a 404 is the client's), and every error is one.
///
/// ```
/// use http::{HeaderMap, StatusCode};
/// use telemetry_tower::{Classify, Failure, ServerLayer};
///
/// #[derive(Debug)]
/// struct TooManyIsOurs;
///
/// impl Classify for TooManyIsOurs {
///     fn response(&self, status: StatusCode, _: &HeaderMap) -> Option<Failure> {
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
    fn response(&self, status: StatusCode, headers: &HeaderMap) -> Option<Failure> {
        let _ = headers;
        status.is_server_error().then(|| Failure::from(status))
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
    /// went away or the server gave up.
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

impl From<StatusCode> for Failure {
    fn from(status: StatusCode) -> Self {
        Self(Type::Status(status))
    }
}
