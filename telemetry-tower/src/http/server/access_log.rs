//! One line for each request.

use std::fmt;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use http::{HeaderValue, Uri, Version, header};
use tracing::Level;

use super::attributes::{self, cut};
use super::options::Predicate;
use super::{ACCESS_TARGET, Outcome};
use crate::{RequestHead, query, semconv};

type Choice = dyn Fn(&Outcome<'_>) -> Option<Level> + Send + Sync;

/// Writes one log line when a request has ended, sampled or not.
///
/// It is a `tracing` event of target [`ACCESS_TARGET`] inside the request's span, with the names of
/// the span's attributes, and `http.server.request.duration` in seconds. A filter of levels sees it
/// as any other: `RUST_LOG=info,telemetry_tower::access=warn`. Requests that
/// [`filter`](super::ServerLayer::filter) leaves out have none.
///
/// Its level is ERROR for a failure, WARN for a cancelled request, and else INFO.
///
/// ```
/// use telemetry_tower::{AccessLog, ServerLayer};
/// use tracing::Level;
///
/// let log = AccessLog::new()
///     .filter(|head| !head.path().starts_with("/assets/"))
///     .level(|outcome| match outcome.status() {
///         Some(status) if status.is_success() => None, // no line
///         Some(status) if status.is_client_error() => Some(Level::WARN),
///         _ => AccessLog::default_level(outcome),
///     });
/// let layer = ServerLayer::new().access_log(log);
/// # let _ = layer;
/// ```
#[derive(Clone, Default)]
pub struct AccessLog {
    level: Option<Arc<Choice>>,
    filter: Option<Arc<Predicate>>,
}

impl AccessLog {
    /// A line for each request.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Chooses the level by the outcome; `None` writes no line. If it panics, the line has the
    /// [`default_level`](Self::default_level).
    #[must_use]
    pub fn level(
        mut self,
        choose: impl Fn(&Outcome<'_>) -> Option<Level> + Send + Sync + 'static,
    ) -> Self {
        self.level = Some(Arc::new(choose));
        self
    }

    /// Writes lines only of the requests for which `wants` returns true.
    #[must_use]
    pub fn filter(
        mut self,
        wants: impl Fn(&RequestHead<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.filter = Some(Arc::new(wants));
        self
    }

    /// The level unless [`level`](Self::level) says otherwise.
    #[must_use]
    pub fn default_level(outcome: &Outcome<'_>) -> Option<Level> {
        Some(match outcome.failure() {
            None => Level::INFO,
            Some(_) if outcome.is_cancelled() => Level::WARN,
            Some(_) => Level::ERROR,
        })
    }

    /// What the line needs of the head; `None` if there will be no line.
    pub(super) fn entry(&self, head: RequestHead<'_>, client: Option<IpAddr>) -> Option<Entry> {
        let wanted = self.filter.as_ref().is_none_or(|wants| wants(&head));
        wanted.then(|| Entry {
            uri: head.uri().clone(),
            version: head.version(),
            user_agent: head.headers().get(header::USER_AGENT).cloned(),
            client,
        })
    }

    /// Writes the line.
    pub(super) fn write(&self, entry: &Entry, method: &str, outcome: &Outcome<'_>) {
        let level = match &self.level {
            None => Self::default_level(outcome),
            // a panic must not reach the server, nor a thread that is unwinding already
            Some(choose) => catch_unwind(AssertUnwindSafe(|| choose(outcome)))
                .unwrap_or_else(|_| Self::default_level(outcome)),
        };
        match level {
            None => {}
            Some(Level::ERROR) => entry.write_error(method, outcome),
            Some(Level::WARN) => entry.write_warn(method, outcome),
            Some(Level::INFO) => entry.write_info(method, outcome),
            Some(Level::DEBUG) => entry.write_debug(method, outcome),
            Some(Level::TRACE) => entry.write_trace(method, outcome),
        }
    }
}

impl fmt::Debug for AccessLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessLog").finish_non_exhaustive()
    }
}

/// The head of a request, kept for its line. Nothing in it is copied.
#[derive(Debug)]
pub(super) struct Entry {
    uri: Uri,
    version: Version,
    user_agent: Option<HeaderValue>,
    client: Option<IpAddr>,
}

/// A callsite has one level, so there is one for each.
macro_rules! writer {
    ($name:ident, $level:expr) => {
        fn $name(&self, method: &str, outcome: &Outcome<'_>) {
            let query = self.uri.query().map(query::redact);
            let agent = self.user_agent.as_ref().map(attributes::text);
            tracing::event!(
                target: ACCESS_TARGET,
                $level,
                http.request.method = method,
                http.route = outcome.route.filter(|_| outcome.rpc_method.is_none()),
                rpc.method = outcome.rpc_method,
                rpc.response.status_code = outcome.grpc.map(crate::GrpcCode::as_str),
                http.response.status_code = outcome.status.map(|status| status.as_u16()),
                error.type = outcome.failure.map(crate::Failure::error_type),
                url.path = cut(self.uri.path()),
                url.query = query.as_deref().map(cut),
                http.request.body.size = outcome.request_size,
                http.response.body.size = outcome.response_size,
                http.server.request.duration = outcome.duration.as_secs_f64(),
                network.protocol.version = attributes::version(self.version),
                client.address = self.client.map(tracing::field::display),
                user_agent.original = agent.as_deref().map(cut),
                "request"
            );
        }
    };
}

impl Entry {
    writer!(write_error, Level::ERROR);
    writer!(write_warn, Level::WARN);
    writer!(write_info, Level::INFO);
    writer!(write_debug, Level::DEBUG);
    writer!(write_trace, Level::TRACE);
}

/// The method as it is recorded.
pub(super) fn method_name(known: Option<&str>) -> &str {
    known.unwrap_or(semconv::METHOD_OTHER)
}
