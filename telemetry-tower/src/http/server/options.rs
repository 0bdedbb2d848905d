//! What a layer was told.

use std::fmt;
use std::sync::Arc;

use crate::metrics::Instruments;
use crate::{Classify, DefaultClassify, KnownMethods, MatchedRoute, RequestHead, RouteExtractor};

type Filter = dyn Fn(&RequestHead<'_>) -> bool + Send + Sync;

/// The settings of a [`ServerLayer`](super::ServerLayer), shared by its services.
#[derive(Clone)]
pub(super) struct Options {
    pub(super) filter: Option<Arc<Filter>>,
    pub(super) route: Arc<dyn RouteExtractor>,
    pub(super) classify: Arc<dyn Classify>,
    pub(super) methods: KnownMethods,
    pub(super) instruments: Arc<Instruments>,
}

impl Options {
    /// Whether a request gets a span.
    pub(super) fn traces(&self, head: &RequestHead<'_>) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter(head))
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
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
            .field("filters", &self.filter.is_some())
            .field("methods", &self.methods)
            .finish_non_exhaustive()
    }
}
