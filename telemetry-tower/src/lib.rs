//! One tower layer for HTTP servers: the span of each request, right to its last byte.

mod authority;
mod classify;
mod head;
pub mod http;
mod method;
mod query;
mod route;
pub mod semconv;

pub use crate::http::server::{ServerBody, ServerFuture, ServerLayer, ServerService};
pub use classify::{Classify, DefaultClassify, Failure};
pub use head::RequestHead;
pub use method::KnownMethods;
pub use route::{MatchedRoute, Route, RouteExtractor};
