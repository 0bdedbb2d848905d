//! What is put around a client.

use std::sync::Arc;

use http::Uri;
use opentelemetry::metrics::Meter;
use tower_layer::Layer;

use super::{ClientService, MatchedTemplate};
use crate::http::server::options::Options;
use crate::http::subject::Protocol;
use crate::metrics::Instruments;
use crate::{Classify, KnownMethods, RequestHead, RouteExtractor, Side};

/// Makes a span of each request that is sent through the service inside it, to the last byte of
/// the response, and writes its context into the headers by the configured propagators.
///
/// It records into the engine of the subscriber that is current when a request is sent, so it may
/// be made before telemetry is set up. Cloning is cheap.
///
/// ```
/// use telemetry_tower::ClientLayer;
/// use tower_layer::Layer;
///
/// # let transport = tower_layer::Identity::new();
/// let client = ClientLayer::new()
///     .filter(|head| head.path() != "/healthz")
///     .layer(transport);
/// # let _ = client;
/// ```
#[derive(Clone, Debug)]
pub struct ClientLayer {
    pub(super) options: Arc<Options>,
}

impl ClientLayer {
    /// A layer with the defaults: every request, the conventions' failures, and gRPC where the
    /// content type is `application/grpc`.
    #[must_use]
    pub fn new() -> Self {
        Self::following(Protocol::Recognised)
    }

    /// A layer that follows the conventions of HTTP even for requests that look like gRPC.
    #[must_use]
    pub fn http() -> Self {
        Self::following(Protocol::Http)
    }

    /// A layer that takes every request for a gRPC call, whatever its content type says.
    #[must_use]
    pub fn grpc() -> Self {
        Self::following(Protocol::Grpc)
    }

    fn following(protocol: Protocol) -> Self {
        Self {
            options: Arc::new(Options::of_client(protocol, Arc::new(MatchedTemplate))),
        }
    }

    /// Makes spans only of the requests for which `traces` returns true. The others carry the
    /// context of the caller.
    #[must_use]
    pub fn filter(
        mut self,
        traces: impl Fn(&RequestHead<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.options_mut().filter = Some(Arc::new(traces));
        self
    }

    /// Finds the templates of paths with `extractor` instead of [`MatchedTemplate`].
    #[must_use]
    pub fn template(mut self, extractor: impl RouteExtractor + 'static) -> Self {
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

    /// Records `http.request.body.size` and `http.response.body.size`, as attributes of spans and as
    /// the histograms `http.client.request.body.size` and `http.client.response.body.size`.
    ///
    /// The response is counted as it is read. The size of the request is that which its body knows
    /// exactly; with [`CountRequestBody`](crate::CountRequestBody) inside this layer it is counted.
    #[must_use]
    pub fn body_sizes(mut self) -> Self {
        self.options_mut().body_sizes = true;
        self
    }

    /// Says where requests go whose target names no host, such as those to a tonic channel, which
    /// adds it later.
    ///
    /// ```
    /// use http::Uri;
    /// use telemetry_tower::ClientLayer;
    ///
    /// let layer = ClientLayer::new().origin(Uri::from_static("http://stock.example:50052"));
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub fn origin(mut self, origin: Uri) -> Self {
        self.options_mut().origin = Some(origin);
        self
    }

    /// Measures requests with the instruments of this meter, instead of those of this process's
    /// registry.
    #[must_use]
    pub fn meter(mut self, meter: &Meter) -> Self {
        self.options_mut().instruments = Arc::new(Instruments::new(Side::Client, meter));
        self
    }

    fn options_mut(&mut self) -> &mut Options {
        Arc::make_mut(&mut self.options)
    }
}

impl Default for ClientLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for ClientLayer {
    type Service = ClientService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ClientService::new(inner, Arc::clone(&self.options))
    }
}
