//! What is put around a service.

use std::sync::Arc;

use opentelemetry::metrics::Meter;
use tower_layer::Layer;

use super::ServerService;
use super::options::Options;
use crate::http::subject::Protocol;
use crate::metrics::Instruments;
use crate::{Classify, KnownMethods, RequestHead, RouteExtractor};

/// Makes a span of each request that the service inside it handles, from the parent that the
/// headers name, to the last byte of the response.
///
/// It records into the engine of the subscriber that is current when a request comes, so it may
/// be made before telemetry is set up. Cloning is cheap.
///
/// ```
/// use axum::{Router, routing::get};
/// use telemetry_tower::ServerLayer;
///
/// let app: Router = Router::new()
///     .route("/users/{id}", get(|| async { "ada" }))
///     .route("/healthz", get(|| async { "ok" }))
///     .layer(ServerLayer::new().filter(|head| head.path() != "/healthz"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct ServerLayer {
    options: Arc<Options>,
}

impl ServerLayer {
    /// A layer with the defaults: every request, axum's routes, the conventions' failures, and
    /// gRPC where the content type is `application/grpc`.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A layer that follows the conventions of HTTP even for requests that look like gRPC.
    #[must_use]
    pub fn http() -> Self {
        let mut layer = Self::default();
        layer.options_mut().protocol = Protocol::Http;
        layer
    }

    /// A layer that takes every request for a gRPC call, whatever its content type says.
    #[must_use]
    pub fn grpc() -> Self {
        let mut layer = Self::default();
        layer.options_mut().protocol = Protocol::Grpc;
        layer
    }

    /// Makes spans only of the requests for which `traces` returns true, and measures only those.
    ///
    /// The others, usually health checks, pass without a span of ours. Their parent stays current
    /// with its sampled flag cleared, so that spans made inside do not record them either.
    #[must_use]
    pub fn filter(
        mut self,
        traces: impl Fn(&RequestHead<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.options_mut().filter = Some(Arc::new(traces));
        self
    }

    /// Finds routes with `extractor` instead of [`MatchedRoute`](crate::MatchedRoute).
    #[must_use]
    pub fn route(mut self, extractor: impl RouteExtractor + 'static) -> Self {
        self.options_mut().route = Arc::new(extractor);
        self
    }

    /// Lets `classify` say what is a failure, instead of [`DefaultClassify`](crate::DefaultClassify).
    #[must_use]
    pub fn classify(mut self, classify: impl Classify + 'static) -> Self {
        self.options_mut().classify = Arc::new(classify);
        self
    }

    /// Records these methods by name, and all others as `_OTHER`.
    #[must_use]
    pub fn known_methods(mut self, methods: KnownMethods) -> Self {
        self.options_mut().methods = methods;
        self
    }

    /// Measures requests with the instruments of this meter, instead of those of this process's
    /// registry.
    #[must_use]
    pub fn meter(mut self, meter: &Meter) -> Self {
        self.options_mut().instruments = Arc::new(Instruments::server_of(meter));
        self
    }

    fn options_mut(&mut self) -> &mut Options {
        Arc::make_mut(&mut self.options)
    }
}

impl<S> Layer<S> for ServerLayer {
    type Service = ServerService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ServerService::new(inner, Arc::clone(&self.options))
    }
}
