//! The client side of HTTP and gRPC: [`ClientLayer`] makes one span for each request that is sent,
//! and lets its headers name it as the parent.
//!
//! ```text
//! Request ─► ClientService::call ─► ResponseFuture ─► Response<ResponseBody>
//!            span, then headers     polls the         polls the body inside the span,
//!                                   client inside     ends it with the last byte
//!                                   the span
//! ```
//!
//! It ends as that of a [server](crate::http::server) does, except that 400 to 499 and each code of
//! gRPC but `OK` are failures, too. A future that is dropped before the answer has come is
//! `cancelled`. A body that is dropped before its end is not: the caller has its answer and did not
//! want the rest. A call of gRPC is, as long as it has not told its code.
//!
//! # The span
//!
//! Its name is the method, `GET`, or with a [`UrlTemplate`] `GET /users/{id}`; that of a gRPC call is
//! `package.Service/Method`. Its kind is client, its level INFO, its target [`TARGET`]; its parent
//! is what is current.
//!
//! | attribute | value |
//! |---|---|
//! | `http.request.method`, `http.request.method_original` | as on the server |
//! | `url.full` | the target; user and password, and the values of the keys that `url.query` of a server hides, are replaced by `REDACTED` |
//! | `url.template` | the [`UrlTemplate`], if there is one |
//! | `server.address`, `server.port` | of the target, of the `Host` header or of [`ClientLayer::origin`]; the port is that of the scheme if none is named |
//! | `http.request.resend_count` | the [`ResendCount`], if it is not 0 |
//! | `network.protocol.version` | of the response |
//! | `http.response.status_code`, `error.type` | as on the server |
//!
//! A gRPC call has `rpc.system.name`, `rpc.method` and `rpc.response.status_code` instead of what
//! begins with `http` and `url`.
//!
//! # Around what
//!
//! Any service over `http` types, such as hyper-util's client or a tonic channel. One span is one call
//! of the service: put the layer inside a retry and each try has its span, around it and all have
//! one. A policy that sends a request again says so by [`ResendCount::add_one`].
#![cfg_attr(feature = "reqwest", doc = "")]
#![cfg_attr(feature = "reqwest", doc = include_str!("for_reqwest/README.md"))]

mod attributes;
#[cfg(feature = "reqwest")]
mod for_reqwest;
mod hints;
mod layer;
mod service;
mod start;
mod url;

#[cfg(feature = "reqwest")]
pub use for_reqwest::ReqwestFuture;
pub use hints::{MatchedTemplate, ResendCount, UrlTemplate};
pub use layer::ClientLayer;
pub use service::{ClientService, client};

/// The target of the spans of client requests, at level INFO: what a filter names to hide them.
pub const TARGET: &str = "telemetry_tower::http::client";
