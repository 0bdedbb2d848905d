//! What a layer was told.

use std::fmt;
use std::sync::Arc;

use super::access_log::AccessLog;
use super::compensation::Compensation;
use super::correlation::Correlation;
use crate::headers::{Captured, Refused};
use crate::metrics::Instruments;
use crate::{
    Classify, DefaultClassify, KnownMethods, MatchedRoute, RequestHead, RouteExtractor,
    TrustedProxies,
};

/// A question about a request's head.
pub(super) type Predicate = dyn Fn(&RequestHead<'_>) -> bool + Send + Sync;

/// The settings of a [`ServerLayer`](super::ServerLayer), shared by its services.
///
/// What is off is `None` or `false`, and costs a request one look.
#[derive(Clone)]
pub(super) struct Options {
    pub(super) filter: Option<Arc<Predicate>>,
    pub(super) public: Option<Arc<Predicate>>,
    pub(super) route: Arc<dyn RouteExtractor>,
    pub(super) classify: Arc<dyn Classify>,
    pub(super) methods: KnownMethods,
    pub(super) instruments: Arc<Instruments>,
    pub(super) request_headers: Option<Captured>,
    pub(super) response_headers: Option<Captured>,
    pub(super) refused: Option<Arc<Refused>>,
    pub(super) proxies: Option<TrustedProxies>,
    pub(super) body_sizes: bool,
    pub(super) access_log: Option<AccessLog>,
    pub(super) correlation: Option<Correlation>,
    pub(super) compensation: Option<Compensation>,
    pub(super) server_timing: bool,
    pub(super) traceparent: bool,
}

impl Options {
    /// Whether a request gets a span.
    pub(super) fn traces(&self, head: &RequestHead<'_>) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter(head))
    }

    /// Whether a request comes from strangers.
    pub(super) fn is_public(&self, head: &RequestHead<'_>) -> bool {
        self.public.as_ref().is_some_and(|public| public(head))
    }

    /// Whether the response carries the ids of the request.
    pub(super) fn answers_ids(&self) -> bool {
        self.server_timing || self.traceparent
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            filter: None,
            public: None,
            route: Arc::new(MatchedRoute),
            classify: Arc::new(DefaultClassify),
            methods: KnownMethods::default(),
            instruments: Instruments::server(),
            request_headers: None,
            response_headers: None,
            refused: None,
            proxies: None,
            body_sizes: false,
            access_log: None,
            correlation: None,
            compensation: None,
            server_timing: false,
            traceparent: false,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("filters", &self.filter.is_some())
            .field("public", &self.public.is_some())
            .field("methods", &self.methods)
            .field("proxies", &self.proxies)
            .field("body_sizes", &self.body_sizes)
            .field("access_log", &self.access_log)
            .field("correlation", &self.correlation)
            .field("compensation", &self.compensation)
            .finish_non_exhaustive()
    }
}
