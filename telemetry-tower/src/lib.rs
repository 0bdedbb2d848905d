//! One tower layer for HTTP and gRPC, servers and clients: the span of each request, right to its
//! last byte.
//!
//! ```no_run
//! use std::net::SocketAddr;
//!
//! use axum::{Router, extract::Path, routing::get};
//! use telemetry_tower::ServerLayer;
//!
//! async fn hello(Path(name): Path<String>) -> String {
//!     tracing::info!("greeting"); // carries the ids of the request's span
//!     format!("hello {name}\n")
//! }
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let app = Router::new()
//!     .route("/hello/{name}", get(hello))
//!     .route("/healthz", get(|| async { "ok" }))
//!     .layer(ServerLayer::new().filter(|head| head.path() != "/healthz"));
//! let socket = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
//! let app = app.into_make_service_with_connect_info::<SocketAddr>(); // for client.address
//! axum::serve(socket, app).await?;
//! # Ok(())
//! # }
//! ```
//!
//! The layer is a plain [`tower_layer::Layer`] over `http` types, so it fits around any such
//! service; nothing is boxed. It records into the engine of the current `tracing` subscriber. An
//! application that uses the facade `telemetry` takes `telemetry::server_layer()` and needs nothing
//! else.
//!
//! # The span
//!
//! Its parent is what the configured propagators find in the headers. Its name is the method and
//! the route, `GET /hello/{name}`; without a route it is the method alone, because clients choose
//! paths, and a name must be one of few. Its kind is server, its level INFO, its target
//! [`TARGET`](http::server::TARGET).
//!
//! | attribute | value |
//! |---|---|
//! | `http.request.method` | the method, or `_OTHER` if it is not one of [`KnownMethods`]; then `http.request.method_original` is what was sent |
//! | `http.route` | what the [`RouteExtractor`] finds, by default axum's `MatchedPath` |
//! | `http.response.status_code` | the status |
//! | `error.type` | for a failure, see [`Classify`]: the status, the type of the error, `cancelled` or `panic`, unless the handler has set it |
//! | `url.scheme`, `url.path` | of the target; the scheme is `http` if the target has none |
//! | `url.query` | the query, with the values of keys that sign, authorise or have a word such as `token`, `key` or `password` replaced by `REDACTED` |
//! | `server.address`, `server.port` | of the target, or of the `Host` header if it is valid |
//! | `client.address` | the peer's, if the server put axum's `ConnectInfo<SocketAddr>` or a `SocketAddr` into the extensions; with [`TrustedProxies`] the client's in front of them |
//! | `network.protocol.version` | `1.0`, `1.1`, `2` or `3` |
//! | `user_agent.original` | the header; bytes that are not UTF-8 become U+FFFD |
//!
//! Texts that a client chose are cut at 8000 characters. No other header is recorded.
//!
//! # Options
//!
//! All are off, and then cost nothing.
//!
//! | option | what it does |
//! |---|---|
//! | [`public_endpoint`](ServerLayer::public_endpoint) | a trace of its own with a link to the caller, and no baggage, for requests of strangers |
//! | [`request_headers`](ServerLayer::request_headers), [`response_headers`](ServerLayer::response_headers) | `http.request.header.<name>`, `http.response.header.<name>`; never those with secrets |
//! | [`body_sizes`](ServerLayer::body_sizes) | `http.request.body.size`, `http.response.body.size`; see [`CountRequestBody`] |
//! | [`trusted_proxies`](ServerLayer::trusted_proxies) | `client.address` from `X-Forwarded-For` or `Forwarded` |
//! | [`access_log`](ServerLayer::access_log) | one line for each request, with a level by its outcome |
//! | [`correlation_id`](ServerLayer::correlation_id) | an id in the response, the span, the baggage and each line |
//! | [`server_timing`](ServerLayer::server_timing), [`response_traceparent`](ServerLayer::response_traceparent) | the ids of the span in the response |
//! | [`compensation`](ServerLayer::compensation) | a hook that undoes a failed request of an idempotent route |
//!
//! # gRPC
//!
//! A `POST` whose content type is `application/grpc` is a call: [`ServerLayer::http`] and
//! [`ServerLayer::grpc`] say otherwise. Its name is that of its method, `package.Service/Method`.
//! It has `server.*`, `client.address` and `network.protocol.version` as above, and instead of the
//! rest:
//!
//! | attribute | value |
//! |---|---|
//! | `rpc.system.name` | `grpc` |
//! | `rpc.method` | the method; `_OTHER` if the path names none, or if the server answered `UNIMPLEMENTED` or not in gRPC, so that scanners make up no names; then `rpc.method_original` is what was sent, and the span's name is `grpc` |
//! | `rpc.response.status_code` | the code's name, such as `NOT_FOUND`: from the trailers, from the head of a response that is nothing else, or what stands for a status of HTTP other than 200 |
//! | `error.type` | for a failure, see [`Classify`]: the code's name, the type of the error, `cancelled` or `panic` |
//!
//! What a caller can still name: a call that is dropped before any answer, and a path that something
//! inside answers in gRPC without looking for the method, such as a layer that refuses all who are
//! not signed in. Put that inside the routes, or give a server without gRPC [`ServerLayer::http`].
//!
//! [`request_headers`](ServerLayer::request_headers), [`body_sizes`](ServerLayer::body_sizes) and the
//! other options do for a call what they do for a request. The text of `grpc-message` is the message of a failed span. gRPC-Web counts as HTTP.
//!
//! # Clients
//!
//! [`ClientLayer`] goes around what sends requests: see [`http::client`].
//!
//! # Its end
//!
//! The span covers the body: a stream of an hour is a span of an hour, and a client that leaves
//! ends it as `cancelled`. [`http::server`] has the table. Jobs that a handler leaves behind do not
//! make it longer. The service, its body, and what they drop run inside the span.
//!
//! # Metrics
//!
//! Recorded into the registry of this process, or by [`ServerLayer::meter`] and
//! [`ClientLayer::meter`], whether the trace is sampled or not. Durations have the span of a sampled
//! request as their exemplar.
//!
//! | instrument | attributes |
//! |---|---|
//! | `http.server.request.duration`, a histogram in seconds, to the end of the span | `http.request.method`, `url.scheme`, `http.route`, `network.protocol.version`, `http.response.status_code`, `error.type` |
//! | `http.server.active_requests`, an up-down counter that is zero again whatever happens | `http.request.method`, `url.scheme` |
//! | `http.client.request.duration`, the same of a client | `http.request.method`, `server.address`, `server.port`, `url.scheme`, `url.template`, `network.protocol.version`, `http.response.status_code`, `error.type` |
//! | `http.client.active_requests`, the same of a client | `http.request.method`, `server.address`, `server.port`, `url.scheme`, `url.template` |
//! | `rpc.server.call.duration`, of gRPC | `rpc.system.name`, `rpc.method`, `rpc.response.status_code`, `error.type` |
//! | `rpc.client.call.duration`, of gRPC | the same, `server.address`, `server.port` |
//!
//! `http.request.method` and `rpc.method` are `_OTHER` where they are so on the span; a URL is in none
//! of them. The registry limits what else there are many of, such as servers that a client talks to.
//!
//! # Without a span
//!
//! A request that the sampler refuses keeps its ids, for logs and outgoing calls. If a level or
//! target filter hides the span, its ids are still current in the request's task; without any
//! telemetry engine, those of the caller are. Only [`ServerLayer::filter`] leaves a request out.
//!
//! # Features
//!
//! | feature | default | what it does |
//! |---|---|---|
//! | `axum` | yes | reads the matched route and the peer address from axum |
//! | `reqwest` | no | [`ClientLayer`] around reqwest 0.13: a middleware of `reqwest-middleware` 0.5, and a `tower` layer |

mod authority;
mod classify;
mod grpc;
mod head;
mod headers;
pub mod http;
mod method;
mod metrics;
mod proxies;
mod query;
mod request_body;
mod route;
mod secrets;
pub mod semconv;
mod side;

#[cfg(feature = "reqwest")]
pub use crate::http::client::ReqwestFuture;
pub use crate::http::client::{
    ClientLayer, ClientService, MatchedTemplate, ResendCount, UrlTemplate, client,
};
pub use crate::http::server::{
    AccessLog, Compensation, Correlation, CorrelationId, Outcome, ResponseBody, ResponseFuture,
    ServerLayer, ServerService,
};
pub use classify::{Classify, DefaultClassify, Failure};
pub use grpc::GrpcCode;
pub use head::RequestHead;
pub use method::KnownMethods;
pub use proxies::{InvalidNetwork, TrustedProxies};
pub use request_body::{CountRequestBody, CountRequestBodyService, CountedBody};
pub use route::{MatchedRoute, Route, RouteExtractor};
pub use side::Side;
