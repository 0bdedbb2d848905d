//! What a layer was told.

use std::fmt;
use std::sync::Arc;

use http::Uri;

use crate::http::subject::Protocol;
use crate::metrics::Instruments;
use crate::{
    Classify, DefaultClassify, KnownMethods, MatchedRoute, RequestHead, RouteExtractor, Side,
};

type Filter = dyn Fn(&RequestHead<'_>) -> bool + Send + Sync;

/// The settings of a layer, of a server's unless it says so, shared by its services.
#[derive(Clone)]
pub(in crate::http) struct Options {
    pub(in crate::http) side: Side,
    pub(in crate::http) protocol: Protocol,
    /// Where a client's requests go that name no host.
    pub(in crate::http) origin: Option<Uri>,
    pub(in crate::http) filter: Option<Arc<Filter>>,
    pub(in crate::http) route: Arc<dyn RouteExtractor>,
    pub(in crate::http) classify: Arc<dyn Classify>,
    pub(in crate::http) methods: KnownMethods,
    pub(in crate::http) instruments: Arc<Instruments>,
}

impl Options {
    /// Whether a request gets a span.
    pub(in crate::http) fn traces(&self, head: &RequestHead<'_>) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter(head))
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            side: Side::Server,
            protocol: Protocol::default(),
            origin: None,
            filter: None,
            route: Arc::new(MatchedRoute),
            classify: Arc::new(DefaultClassify),
            methods: KnownMethods::default(),
            instruments: Instruments::server(),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("protocol", &self.protocol)
            .field("filters", &self.filter.is_some())
            .field("methods", &self.methods)
            .finish_non_exhaustive()
    }
}
