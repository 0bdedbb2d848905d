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
//! | the service or the body fails | the type of the error | `Error`, with its message and what else its `Debug` says |
//! | the future or the body is dropped before its end | `cancelled` | `Error` |
//! | the service panics | `panic` | `Error` |
//!
//! A request that never became one, because its client left within the head, has no span. An outer
//! timeout and a client that leaves look the same from here: `cancelled`. Built with `panic = "abort"`
//! there is no outcome `panic`, since nothing runs after one.
//!
//! A gRPC call ends with its code, in the trailers or in the head of a response that is nothing else:
//! it has failed if [`GrpcCode::is_server_error`](crate::GrpcCode::is_server_error) says so, and
//! `error.type` is the code's name. A response that ends without a code has failed as `UNKNOWN`.

mod access_log;
pub(super) mod attributes;
pub(super) mod body;
mod compensation;
mod correlation;
pub(super) mod future;
mod layer;
pub(super) mod name;
pub(super) mod notes;
pub(super) mod operation;
pub(super) mod options;
mod outcome;
mod service;
mod start;
pub(super) mod surroundings;

pub use access_log::AccessLog;
pub use body::ResponseBody;
pub use compensation::Compensation;
pub use correlation::{Correlation, CorrelationId};
pub use future::ResponseFuture;
pub use layer::ServerLayer;
pub use outcome::Outcome;
pub use service::ServerService;

/// The target of the spans of server requests, at level INFO: what a filter names to hide them.
pub const TARGET: &str = "telemetry_tower::http::server";

/// The target of the lines of the [`AccessLog`].
pub const ACCESS_TARGET: &str = "telemetry_tower::access";
