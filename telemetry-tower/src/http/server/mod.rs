//! The server side of HTTP and gRPC: [`ServerLayer`] makes one span for each request.
//!
//! ```text
//! Request ─► ServerService::call ─► ResponseFuture ─► Response<ResponseBody>
//!            parent, filter,        polls the        polls the body inside the span,
//!            route, span            service inside   ends it with the last byte
//!                                   the span
//! ```
//!
//! A span ends with the first of these:
//!
//! | what happens | `error.type` | status |
//! |---|---|---|
//! | the last byte of the body was handed to the server | none, or `500` to `599` | `Error` for 5xx, else unset |
//! | there is no body to send (`HEAD`, 204, 304, empty), or the connection is upgraded | the same | the same |
//! | the service or the body fails | the type of the error | `Error`, with its message |
//! | the future or the body is dropped before its end | `cancelled` | `Error` |
//! | the service panics | `panic` | `Error` |
//!
//! A gRPC call ends with its code, in the trailers or in the head of a response that is nothing else:
//! it has failed if [`GrpcCode::is_server_error`](crate::GrpcCode::is_server_error) says so, and
//! `error.type` is the code's name. A response that ends without a code has failed as `UNKNOWN`.

pub(super) mod attributes;
pub(super) mod body;
pub(super) mod future;
mod layer;
pub(super) mod name;
pub(super) mod operation;
pub(super) mod options;
mod service;
mod start;
pub(super) mod surroundings;

pub use body::ResponseBody;
pub use future::ResponseFuture;
pub use layer::ServerLayer;
pub use service::ServerService;

/// The target of the spans of server requests, at level INFO: what a filter names to hide them.
pub const TARGET: &str = "telemetry_tower::http";
