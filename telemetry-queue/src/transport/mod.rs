//! What brings messages from producers to consumers.

mod delivery;
mod error;
mod memory;

use std::pin::Pin;

pub use delivery::{Delivery, Receipt, Settlement};
pub use error::TransportError;
pub use memory::{DeadLetter, MemoryTransport};

use crate::Message;

/// What a transport's functions give.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, TransportError>> + Send + 'a>>;

/// Brings messages from producers to consumers, at least once each: what is delivered and not settled
/// comes again.
pub trait QueueTransport: Send + Sync + std::fmt::Debug {
    /// The `messaging.system`, such as `rabbitmq`.
    fn system(&self) -> &'static str;

    /// Sends a message.
    fn publish<'a>(&'a self, destination: &'a str, message: Message) -> Answer<'a, ()>;

    /// Sends messages: all of them, or none if the transport can tell.
    fn publish_batch<'a>(&'a self, destination: &'a str, messages: Vec<Message>) -> Answer<'a, ()>;

    /// Waits until there are messages and takes `most` of them at most; each is to be settled.
    fn consume<'a>(&'a self, destination: &'a str, most: usize) -> Answer<'a, Vec<Delivery>>;

    /// How many messages wait; `None` if the transport cannot tell.
    fn depth<'a>(&'a self, destination: &'a str) -> Answer<'a, Option<u64>>;

    /// Ends it: who publishes or waits gets [`TransportError::Closed`]. What was delivered can still be
    /// settled.
    fn close(&self) -> Answer<'_, ()>;
}
