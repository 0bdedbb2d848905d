//! What is put around a service.

use std::sync::Arc;

use opentelemetry::metrics::Meter;
use tower_layer::Layer;

use super::options::Options;
use super::{AccessLog, Compensation, Correlation, ServerService};
use crate::headers::{Captured, Refused};
use crate::http::subject::Protocol;
use crate::metrics::Instruments;
use crate::{Classify, KnownMethods, RequestHead, RouteExtractor, Side, TrustedProxies, semconv};

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
    /// with its sampled flag cleared, so that spans made inside do not record them either; one
    /// without a parent gets ids of its own.
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
        self.options_mut().instruments = Arc::new(Instruments::new(Side::Server, meter));
        self
    }

    /// Takes the requests for which `is_public` returns true for those of strangers: each begins a
    /// trace of its own, by this server's own sampling, and links to the caller's span. Their baggage
    /// is dropped; a [`correlation_id`](Self::correlation_id) in its header is accepted.
    ///
    /// ```
    /// use telemetry_tower::ServerLayer;
    ///
    /// let layer = ServerLayer::new().public_endpoint(|head| !head.path().starts_with("/internal/"));
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub fn public_endpoint(
        mut self,
        is_public: impl Fn(&RequestHead<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.options_mut().public = Some(Arc::new(is_public));
        self
    }

    /// Records these headers of requests, as lists in `http.request.header.<name>`.
    ///
    /// Those that carry secrets (`authorization`, `cookie` and every other whose name has a word
    /// such as `token`, `key` or `session`) are never recorded, nor is a value that is marked as
    /// sensitive: asking for one is a warning with the first request. Values are cut at 8192
    /// characters.
    ///
    /// ```
    /// use telemetry_tower::ServerLayer;
    ///
    /// let layer = ServerLayer::new()
    ///     .request_headers(["content-type", "x-tenant"])
    ///     .response_headers(["content-type"]);
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub fn request_headers<N: AsRef<str>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        let (captured, refused) = Captured::new(semconv::HTTP_REQUEST_HEADER, names);
        self.refuse(refused);
        self.options_mut().request_headers = Some(captured);
        self
    }

    /// Records these headers of responses, as lists in `http.response.header.<name>`; see
    /// [`request_headers`](Self::request_headers).
    #[must_use]
    pub fn response_headers<N: AsRef<str>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        let (captured, refused) = Captured::new(semconv::HTTP_RESPONSE_HEADER, names);
        self.refuse(refused);
        self.options_mut().response_headers = Some(captured);
        self
    }

    /// Records `http.request.body.size` and `http.response.body.size`, as attributes of spans and as
    /// the histograms `http.server.request.body.size` and `http.server.response.body.size`.
    ///
    /// The response is counted as it passes. The size of the request is what it declares; with
    /// [`CountRequestBody`](crate::CountRequestBody) inside this layer it is counted, too.
    #[must_use]
    pub fn body_sizes(mut self) -> Self {
        self.options_mut().body_sizes = true;
        self
    }

    /// Believes these proxies what they say about `client.address`.
    #[must_use]
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.options_mut().proxies = Some(proxies);
        self
    }

    /// Writes a log line when a request has ended.
    #[must_use]
    pub fn access_log(mut self, log: AccessLog) -> Self {
        self.options_mut().access_log = Some(log);
        self
    }

    /// Gives each request a correlation id.
    #[must_use]
    pub fn correlation_id(mut self, correlation: Correlation) -> Self {
        self.options_mut().correlation = Some(correlation);
        self
    }

    /// Calls a hook when a request has failed whose route is marked as idempotent.
    #[must_use]
    pub fn compensation(mut self, compensation: Compensation) -> Self {
        self.options_mut().compensation = Some(compensation);
        self
    }

    /// Adds `Server-Timing: traceparent;desc="…"` to responses, where scripts in a browser find the
    /// ids of the trace.
    ///
    /// Across origins they need `Timing-Allow-Origin`, too.
    #[must_use]
    pub fn server_timing(mut self) -> Self {
        self.options_mut().server_timing = true;
        self
    }

    /// Adds the `traceparent` of the request's span to responses.
    #[must_use]
    pub fn response_traceparent(mut self) -> Self {
        self.options_mut().traceparent = true;
        self
    }

    fn refuse(&mut self, names: Vec<String>) {
        let options = self.options_mut();
        options.refused = Refused::with(options.refused.as_ref(), names);
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
