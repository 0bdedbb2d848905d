//! HTTP.

pub mod server;
