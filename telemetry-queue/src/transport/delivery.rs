//! A message on its way to a consumer.

use super::Answer;
use crate::Message;

/// A message that was taken from a queue and is not settled. Dropped without it, the message comes
/// again.
#[derive(Debug)]
#[must_use = "a message that is not settled comes again"]
#[non_exhaustive]
pub struct Delivery {
    /// The message.
    pub message: Message,
    /// How often it has been delivered, this time included.
    pub attempt: u32,
    receipt: Box<dyn Receipt>,
}

/// What the consumer tells the broker about a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Settlement {
    /// It is done.
    Ack,
    /// It shall come again.
    Nack,
    /// It shall not come again, and be kept with a reason.
    DeadLetter(String),
}

/// What a transport gives with a message to settle it. Its drop must make the message come again.
pub trait Receipt: Send + Sync + std::fmt::Debug {
    /// Tells the broker.
    fn settle(self: Box<Self>, settlement: Settlement) -> Answer<'static, ()>;
}

impl Delivery {
    /// A message and what settles it.
    pub fn new(message: Message, attempt: u32, receipt: Box<dyn Receipt>) -> Self {
        Self {
            message,
            attempt,
            receipt,
        }
    }

    /// The message, and what settles it.
    #[must_use]
    pub fn into_parts(self) -> (Message, Box<dyn Receipt>) {
        (self.message, self.receipt)
    }

    /// Tells the broker.
    #[must_use]
    pub fn settle(self, settlement: Settlement) -> Answer<'static, ()> {
        self.receipt.settle(settlement)
    }
}

impl Settlement {
    /// The value of `telemetry.queue.settlement`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ack => "ack",
            Self::Nack => "nack",
            Self::DeadLetter(_) => "dead_letter",
        }
    }
}
