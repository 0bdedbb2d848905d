//! Who is told when the sessions of an app change.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::session::{App, Session};
use crate::store::{Store, StoreError};

/// Wakes those who wait for an app's sessions to change. Clones share what they know.
///
/// There is an entry for each app that somebody waits for, and no other.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    topics: Arc<Mutex<HashMap<App, Topic>>>,
    /// Counts who asks and who reads, in the order in which they do.
    order: Arc<AtomicU64>,
}

#[derive(Debug)]
struct Topic {
    told: watch::Sender<()>,
    last_read: LastRead,
}

type LastRead = Arc<tokio::sync::Mutex<Option<Read>>>;

/// What the store said to somebody, and when that was asked.
#[derive(Clone, Debug)]
struct Read {
    order: u64,
    sessions: Result<Arc<[Session]>, StoreError>,
}

/// A place in the line of those who are told about one app.
pub struct Subscription {
    app: App,
    receiver: watch::Receiver<()>,
    last_read: LastRead,
    changes: Changes,
}

impl Changes {
    /// Takes a place: every change from now on is told. Read the store after this, not before it.
    #[must_use]
    pub fn subscribe(&self, app: &App) -> Subscription {
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        let topic = topics.entry(app.clone()).or_insert_with(Topic::new);
        Subscription {
            app: app.clone(),
            receiver: topic.told.subscribe(),
            last_read: Arc::clone(&topic.last_read),
            changes: self.clone(),
        }
    }

    /// The sessions of this app have changed.
    pub fn tell(&self, app: &App) {
        let topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(topic) = topics.get(app) {
            topic.told.send_replace(());
        }
    }

    /// Any of them may have changed: news may have been lost.
    pub fn tell_all(&self) {
        let topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        for topic in topics.values() {
            topic.told.send_replace(());
        }
    }
}

impl Subscription {
    /// Waits for the next change.
    pub async fn changed(&mut self) {
        // the sender lives in the table until the last receiver has gone
        drop(self.receiver.changed().await);
    }

    /// The app's sessions as the store has them now. Of thousands who ask at once, one reads for all:
    /// an answer that was asked for after this call began is as good as one's own.
    pub(crate) async fn read(&self, store: &dyn Store) -> Result<Arc<[Session]>, StoreError> {
        let asked = self.changes.order.fetch_add(1, Ordering::Relaxed);
        let mut last = self.last_read.lock().await;
        if let Some(read) = last.as_ref().filter(|read| read.order > asked) {
            return read.sessions.clone();
        }
        let order = self.changes.order.fetch_add(1, Ordering::Relaxed);
        let sessions = store.sessions(&self.app).await.map(Arc::from);
        *last = Some(Read {
            order,
            sessions: sessions.clone(),
        });
        sessions
    }
}

impl Topic {
    fn new() -> Self {
        Self {
            told: watch::channel(()).0,
            last_read: LastRead::default(),
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("app", &self.app)
            .finish_non_exhaustive()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let topics = &self.changes.topics;
        let mut topics = topics.lock().unwrap_or_else(PoisonError::into_inner);
        if topics
            .get(&self.app)
            .is_some_and(|topic| topic.told.receiver_count() <= 1)
        {
            topics.remove(&self.app);
        }
    }
}

#[cfg(test)]
mod tests {
    use telemetry::Clock;

    use super::*;
    use crate::MemoryStore;

    #[tokio::test]
    async fn who_asks_later_gets_what_is_read_later() {
        let app = App {
            name: "shop".to_owned(),
            environment: "production".to_owned(),
        };
        let store = MemoryStore::new(Clock::system());
        let subscription = store.changes().subscribe(&app);
        let one = subscription.read(&store).await.unwrap();
        let two = subscription.read(&store).await.unwrap();
        assert!(!Arc::ptr_eq(&one, &two));

        let busy = subscription.last_read.lock().await;
        let mut first = Box::pin(subscription.read(&store));
        let mut second = Box::pin(subscription.read(&store));
        for asked in [&mut first, &mut second] {
            let waits = std::future::poll_fn(|context| {
                std::task::Poll::Ready(asked.as_mut().poll(context).is_pending())
            });
            assert!(waits.await);
        }
        drop(busy);
        let (first, second) = (first.await.unwrap(), second.await.unwrap());
        assert!(Arc::ptr_eq(&first, &second), "one read for both");
    }

    #[test]
    fn the_table_holds_only_those_who_wait() {
        let app = App {
            name: "shop".to_owned(),
            environment: "production".to_owned(),
        };
        let changes = Changes::default();
        let (one, two) = (changes.subscribe(&app), changes.subscribe(&app));
        let topics = || changes.topics.lock().unwrap().len();
        assert_eq!(topics(), 1);
        drop(one);
        assert_eq!(topics(), 1);
        drop(two);
        assert_eq!(topics(), 0);
    }
}
