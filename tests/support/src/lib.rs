//! What the tests of this workspace share: an independent OTLP receiver, Prometheus, its judges and Alertmanager, Redis,
//! certificates, children, and the quickstart as a process.
//!
//! ```
//! use std::time::Duration;
//! use test_support::{Options, Receiver};
//!
//! let Some(receiver) = Receiver::start(Options::default()) else { return };
//! // … send to receiver.grpc_endpoint() or receiver.http_endpoint(), then:
//! receiver.wait_for(|seen| seen.spans().is_empty(), Duration::from_secs(5));
//! receiver.set_mode("unavailable");
//! assert_eq!(receiver.errors(), Vec::<String>::new());
//! ```
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::disallowed_methods,
    reason = "only tests use it: they fail by panicking and wait in real time"
)]

mod alertmanager;
mod certs;
mod child;
mod control;
mod prometheus;
mod receiver;
mod redis;
mod service;
mod strict_json;

pub use alertmanager::Alertmanager;
pub use certs::Certs;
pub use child::{Child, Ended};
pub use prometheus::{Prometheus, metric_families, program, promtool};
pub use receiver::{Options, Receiver, attribute, python};
pub use redis::Redis;
pub use service::{Answer, Service, example, free_port};
pub use strict_json::strict_json;
