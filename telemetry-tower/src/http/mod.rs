//! HTTP, and gRPC over it.

pub mod client;
pub(crate) mod end;
mod error_text;
pub mod server;
pub(crate) mod subject;
