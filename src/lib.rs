#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg_attr(not(feature = "autolog-client"), path = "no_autolog.rs")]
mod autolog;
mod builder;
#[cfg(feature = "doctor")]
mod doctor_handle;
mod error;
mod exporters;
mod handle;
mod init;
#[cfg_attr(not(feature = "log"), path = "no_lines.rs")]
mod lines;
#[cfg(all(feature = "log", feature = "tower"))]
mod loggers;
pub mod metrics;
#[cfg_attr(not(feature = "prometheus"), path = "no_page.rs")]
mod page;
mod panic_hook;
#[cfg(feature = "tower")]
mod routes;
mod signal;
mod status;
#[cfg(feature = "log")]
mod verbosity;
mod voice;

pub use builder::{Builder, builder, init, layers};
pub use error::InitError;
pub use handle::{Shutdown, Telemetry};
pub use metrics::meter;
pub use signal::shutdown_signal;
pub use status::Status;

pub use telemetry_core::clock::Clock;
pub use telemetry_core::config;
pub use telemetry_core::context;
pub use telemetry_core::context::{CurrentIds, SpanContext, current, inject};
#[cfg(feature = "doctor")]
pub use telemetry_core::diagnostics::doctor;
pub use telemetry_core::diagnostics::{Distribution, ExporterStatus};
pub use telemetry_core::export;
pub use telemetry_core::instrument;
pub use telemetry_core::pipeline::{DropReason, FlushError, Ledger, ShutdownReport, Signal};
pub use telemetry_core::redact;
#[cfg(feature = "runtime")]
pub use telemetry_core::runtime;
#[cfg(feature = "testing")]
pub use telemetry_core::testing;
pub use telemetry_core::trace;
pub use telemetry_core::trace::{SetParentError, SpanExt, with_remote_parent};

/// Structured logs: sinks, formats, keys and levels.
#[cfg(feature = "log")]
pub use telemetry_log as logs;
/// The same by another name: `telemetry::log::scope`.
#[cfg(feature = "log")]
#[doc(no_inline)]
pub use telemetry_log as log;
#[cfg(feature = "log")]
pub use telemetry_log::{at_base_level, event, fatal};

/// Trace context in messages of queues.
#[cfg(feature = "queue")]
pub use telemetry_queue as queue;

/// HTTP middleware.
#[cfg(feature = "tower")]
pub use telemetry_tower as http;

/// The layer around an axum router, a tonic server or any other `tower` service over `http` types: a
/// span for each request.
///
/// It may be made before [`init`]; it records from when that has run.
///
/// ```
/// let app: axum::Router = axum::Router::new().layer(telemetry::server_layer());
/// ```
#[cfg(feature = "tower")]
#[must_use]
pub fn server_layer() -> telemetry_tower::ServerLayer {
    telemetry_tower::ServerLayer::new()
}

/// The layer around a client of HTTP or gRPC: a span for each request, whose headers carry the context.
///
/// It fits every `tower` service over `http` types: hyper-util's client, tonic's channel; with feature
/// `reqwest` it is a middleware of `reqwest-middleware`, too. It may be made before [`init`]; it records
/// from when that has run.
///
/// ```
/// use tower::Layer;
///
/// # let transport = tower::layer::util::Identity::new();
/// let layer = telemetry::client_layer().filter(|head| head.path() != "/healthz");
/// let client = layer.layer(transport);
/// # let _ = client;
/// ```
#[cfg(feature = "tower")]
#[must_use]
pub fn client_layer() -> telemetry_tower::ClientLayer {
    telemetry_tower::ClientLayer::new()
}

/// Puts [`client_layer`] around a client.
///
/// ```
/// use tonic::transport::Endpoint;
///
/// # let runtime = tokio::runtime::Runtime::new().unwrap();
/// # let _entered = runtime.enter();
/// let channel = Endpoint::from_static("http://127.0.0.1:50052").connect_lazy();
/// let channel = telemetry::client(channel); // give it to any generated client
/// # let _ = channel;
/// ```
#[cfg(feature = "tower")]
pub fn client<S>(service: S) -> telemetry_tower::ClientService<S> {
    telemetry_tower::client(service)
}
