#![doc = include_str!("../README.md")]
//!
//! # Example
//!
//! ```
//! use telemetry_queue::transport::MemoryTransport;
//! use telemetry_queue::{Consumer, Message, Outcome, Producer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let queue = MemoryTransport::new();
//! let orders = Producer::new(queue.clone(), "orders");
//! orders.send(Message::new("seven")).await?; // a span `send orders`, whose context the message carries
//!
//! let worker = Consumer::new(queue, "orders");
//! for delivery in worker.receive(10).await? {
//!     let work = |message: Message| async move {
//!         let order = String::from_utf8(message.body.to_vec())?; // in a span `process orders`
//!         tracing::info!(order, "shipped");
//!         Ok::<_, std::string::FromUtf8Error>(())
//!     };
//!     let outcome = worker.process(delivery, work).await?;
//!     assert!(matches!(outcome, Outcome::Done(())));
//! }
//! # Ok(()) }
//! ```
//!
//! Without any transport of ours, [`carriers`] put a context into a message and take it out again.

pub mod carriers;
mod consumer;
mod message;
mod metrics;
mod outcome;
mod producer;
pub mod semconv;
pub mod transport;

pub use consumer::{Consumer, Relation};
pub use message::Message;
pub use outcome::Outcome;
pub use producer::Producer;

#[cfg(doctest)]
#[doc = include_str!("../../docs/queues.md")]
mod page {}
