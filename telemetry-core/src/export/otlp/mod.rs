//! OTLP: what goes to a collector, and what it answers.
//!
//! [`OtlpExporter`] sends one signal over gRPC, HTTP/protobuf or HTTP/JSON. It encodes and
//! compresses a batch once; each attempt sends the same bytes. Both transports share one way to
//! connect ([`tls`](TlsSettings), name resolution, one bound for both) and one way to say in words
//! what went wrong.
//!
//! Proxies (`HTTPS_PROXY` and the like) are not used and redirects are not followed: a telemetry
//! endpoint is configured, not discovered, and neither should receive its credentials.
//!
//! Source: <https://opentelemetry.io/docs/specs/otlp/>.
#![cfg_attr(
    not(any(feature = "otlp-grpc", feature = "otlp-http")),
    allow(dead_code, reason = "what transports share has no use without one")
)]

mod answer;
mod compress;
mod connect;
pub mod encode;
mod explain;
mod exporter;
#[cfg(feature = "otlp-grpc")]
mod grpc;
mod headers;
#[cfg(feature = "otlp-http")]
mod http;
pub mod response;
mod secrets;
mod settings;
mod target;
mod tls;

#[cfg(any(feature = "doctor", feature = "http-client"))]
pub(crate) use answer::Answer;
#[cfg(feature = "http-client")]
pub(crate) use answer::Cut;
#[cfg(any(feature = "doctor", feature = "http-client"))]
pub(crate) use connect::Connector;
#[cfg(any(feature = "doctor", feature = "http-client"))]
pub(crate) use explain::no_answer;
#[cfg(feature = "doctor")]
pub(crate) use explain::{chain, find};
#[cfg(feature = "doctor")]
pub(crate) use secrets::{hide, secrets};
#[cfg(any(feature = "doctor", feature = "http-client"))]
pub(crate) use target::Target;
#[cfg(any(feature = "doctor", feature = "http-client"))]
pub(crate) use tls::client_config;

pub use exporter::OtlpExporter;
pub use settings::{OtlpSettings, TlsSettings};
