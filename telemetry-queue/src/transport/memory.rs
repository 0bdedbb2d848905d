//! Queues within the process.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::{Answer, Delivery, QueueTransport, Receipt, Settlement, TransportError};
use crate::Message;

/// How many messages a queue has at most, unless it is told otherwise: those that wait, those that are
/// being processed, and its dead letters.
const CAPACITY: usize = 10_000;

/// Queues within the process: for tests, and for work that may be lost with the process. Clones are the
/// same queues.
#[derive(Clone, Debug)]
pub struct MemoryTransport(Arc<Shared>);

/// A message that no consumer could process.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeadLetter {
    /// The message, with its context.
    pub message: Message,
    /// How often it was delivered.
    pub attempts: u32,
    /// Why it is here.
    pub reason: String,
}

#[derive(Debug)]
struct Shared {
    capacity: usize,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    closed: bool,
    queues: HashMap<String, Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    in_flight: usize,
    dead: Vec<DeadLetter>,
}

#[derive(Debug)]
struct Waiting {
    message: Message,
    attempts: u32,
}

impl Default for MemoryTransport {
    fn default() -> Self {
        Self::with_capacity(CAPACITY)
    }
}

impl MemoryTransport {
    /// Queues of 10,000 messages each.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Queues with this many messages each, dead letters among them; beyond, publishing is refused.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self(Arc::new(Shared {
            capacity,
            state: Mutex::default(),
            changed: Notify::new(),
        }))
    }

    /// Takes the dead letters of a queue.
    #[must_use]
    pub fn take_dead_letters(&self, destination: &str) -> Vec<DeadLetter> {
        let mut state = self.0.state();
        let queue = state.queues.get_mut(destination);
        queue
            .map(|queue| std::mem::take(&mut queue.dead))
            .unwrap_or_default()
    }

    fn put(&self, destination: &str, messages: Vec<Message>) -> Result<(), TransportError> {
        let mut state = self.0.state();
        if state.closed {
            return Err(TransportError::Closed);
        }
        let queue = state.queues.entry(destination.to_owned()).or_default();
        if queue.len().saturating_add(messages.len()) > self.0.capacity {
            return Err(TransportError::Full);
        }
        let messages = messages.into_iter();
        queue.waiting.extend(messages.map(|message| Waiting {
            message,
            attempts: 0,
        }));
        drop(state);
        self.0.changed.notify_waiters();
        Ok(())
    }

    fn take(&self, destination: &str, most: usize) -> Result<Vec<Delivery>, TransportError> {
        let mut state = self.0.state();
        if state.closed {
            return Err(TransportError::Closed);
        }
        let Some(queue) = state.queues.get_mut(destination) else {
            return Ok(Vec::new());
        };
        let count = queue.waiting.len().min(most);
        queue.in_flight = queue.in_flight.saturating_add(count);
        let taken = queue.waiting.drain(..count);
        Ok(taken
            .map(|waiting| self.deliver(destination, waiting))
            .collect())
    }

    fn deliver(&self, destination: &str, waiting: Waiting) -> Delivery {
        let attempts = waiting.attempts.saturating_add(1);
        let message = waiting.message;
        let receipt = MemoryReceipt {
            shared: Arc::clone(&self.0),
            destination: destination.to_owned(),
            held: Some((message.clone(), attempts)),
        };
        Delivery::new(message, attempts, Box::new(receipt))
    }
}

impl QueueTransport for MemoryTransport {
    fn system(&self) -> &'static str {
        "memory"
    }

    fn publish<'a>(&'a self, destination: &'a str, message: Message) -> Answer<'a, ()> {
        Box::pin(async move { self.put(destination, vec![message]) })
    }

    fn publish_batch<'a>(&'a self, destination: &'a str, messages: Vec<Message>) -> Answer<'a, ()> {
        Box::pin(async move { self.put(destination, messages) })
    }

    fn consume<'a>(&'a self, destination: &'a str, most: usize) -> Answer<'a, Vec<Delivery>> {
        Box::pin(async move {
            loop {
                let mut changed = std::pin::pin!(self.0.changed.notified());
                // from here on no change is missed
                changed.as_mut().enable();
                let taken = self.take(destination, most)?;
                if !taken.is_empty() || most == 0 {
                    return Ok(taken);
                }
                changed.await;
            }
        })
    }

    fn depth<'a>(&'a self, destination: &'a str) -> Answer<'a, Option<u64>> {
        Box::pin(async move {
            let state = self.0.state();
            let waiting = state
                .queues
                .get(destination)
                .map_or(0, |queue| queue.waiting.len());
            Ok(u64::try_from(waiting).ok())
        })
    }

    fn close(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            self.0.state().closed = true;
            self.0.changed.notify_waiters();
            Ok(())
        })
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn len(&self) -> usize {
        self.waiting
            .len()
            .saturating_add(self.in_flight)
            .saturating_add(self.dead.len())
    }
}

/// What brings a message back, unless it is settled otherwise.
#[derive(Debug)]
struct MemoryReceipt {
    shared: Arc<Shared>,
    destination: String,
    held: Option<(Message, u32)>,
}

impl MemoryReceipt {
    fn end(&mut self, settlement: Settlement) {
        let Some((message, attempts)) = self.held.take() else {
            return;
        };
        let mut state = self.shared.state();
        let Some(queue) = state.queues.get_mut(&self.destination) else {
            return;
        };
        queue.in_flight = queue.in_flight.saturating_sub(1);
        match settlement {
            Settlement::Ack => {}
            Settlement::Nack => queue.waiting.push_back(Waiting { message, attempts }),
            Settlement::DeadLetter(reason) => queue.dead.push(DeadLetter {
                message,
                attempts,
                reason,
            }),
        }
        drop(state);
        self.shared.changed.notify_waiters();
    }
}

impl Receipt for MemoryReceipt {
    fn settle(mut self: Box<Self>, settlement: Settlement) -> Answer<'static, ()> {
        self.end(settlement);
        Box::pin(std::future::ready(Ok(())))
    }
}

impl Drop for MemoryReceipt {
    fn drop(&mut self) {
        self.end(Settlement::Nack);
    }
}
