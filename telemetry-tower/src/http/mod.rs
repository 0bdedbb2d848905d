//! HTTP, and gRPC over it.

pub mod client;
mod end;
pub mod server;
mod subject;
