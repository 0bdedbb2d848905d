//! What a layer was told.

use std::fmt;
use std::sync::Arc;

use http::Uri;

use super::access_log::AccessLog;
use super::compensation::Compensation;
use super::correlation::Correlation;
use crate::headers::{Captured, Refused};
use crate::http::subject::Protocol;
use crate::metrics::Instruments;
use crate::{
    Classify, DefaultClassify, KnownMethods, MatchedRoute, RequestHead, RouteExtractor, Side,
    TrustedProxies,
};

/// A question about a request's head.
pub(super) type Predicate = dyn Fn(&RequestHead<'_>) -> bool + Send + Sync;

/// The settings of a layer, of a server's unless it says so, shared by its services.
///
/// What is off is `None` or `false`, and costs a request one look.
#[derive(Clone)]
pub(in crate::http) struct Options {
    pub(in crate::http) side: Side,
    pub(in crate::http) protocol: Protocol,
    /// Where a client's requests go that name no host.
    pub(in crate::http) origin: Option<Uri>,
    pub(in crate::http) filter: Option<Arc<Predicate>>,
    pub(super) public: Option<Arc<Predicate>>,
    pub(in crate::http) route: Arc<dyn RouteExtractor>,
    pub(in crate::http) classify: Arc<dyn Classify>,
    pub(in crate::http) methods: KnownMethods,
    pub(in crate::http) instruments: Arc<Instruments>,
    pub(super) request_headers: Option<Captured>,
    pub(super) response_headers: Option<Captured>,
    pub(super) refused: Option<Arc<Refused>>,
    pub(super) proxies: Option<TrustedProxies>,
    pub(in crate::http) body_sizes: bool,
    pub(super) access_log: Option<AccessLog>,
    pub(super) correlation: Option<Correlation>,
    pub(super) compensation: Option<Compensation>,
    pub(super) server_timing: bool,
    pub(super) traceparent: bool,
}

impl Options {
    /// The defaults of a client.
    pub(in crate::http) fn of_client(protocol: Protocol, route: Arc<dyn RouteExtractor>) -> Self {
        Self {
            side: Side::Client,
            protocol,
            route,
            instruments: Instruments::client(),
            ..Self::default()
        }
    }

    /// Whether a request gets a span.
    pub(in crate::http) fn traces(&self, head: &RequestHead<'_>) -> bool {
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
            side: Side::Server,
            protocol: Protocol::default(),
            origin: None,
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
            .field("protocol", &self.protocol)
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
