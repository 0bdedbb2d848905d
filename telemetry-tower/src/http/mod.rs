//! HTTP, and gRPC over it.

pub mod client;
pub(crate) mod end;
pub mod server;
pub(crate) mod subject;
