//! Who is told when the sessions of an app change.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::session::App;

/// Wakes those who wait for an app's sessions to change. Clones share what they know.
///
/// There is an entry for each app that somebody waits for, and no other.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    topics: Arc<Mutex<HashMap<App, watch::Sender<()>>>>,
}

/// A place in the line of those who are told about one app.
#[derive(Debug)]
pub struct Subscription {
    app: App,
    receiver: watch::Receiver<()>,
    changes: Changes,
}

impl Changes {
    /// Takes a place: every change from now on is told. Read the store after this, not before it.
    #[must_use]
    pub fn subscribe(&self, app: &App) -> Subscription {
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        let topic = topics
            .entry(app.clone())
            .or_insert_with(|| watch::channel(()).0);
        Subscription {
            app: app.clone(),
            receiver: topic.subscribe(),
            changes: self.clone(),
        }
    }

    /// The sessions of this app have changed.
    pub fn tell(&self, app: &App) {
        let topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(topic) = topics.get(app) {
            topic.send_replace(());
        }
    }

    /// Any of them may have changed: news may have been lost.
    pub fn tell_all(&self) {
        let topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        for topic in topics.values() {
            topic.send_replace(());
        }
    }
}

impl Subscription {
    /// Waits for the next change.
    pub async fn changed(&mut self) {
        // the sender lives in the table until the last receiver has gone
        drop(self.receiver.changed().await);
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let topics = &self.changes.topics;
        let mut topics = topics.lock().unwrap_or_else(PoisonError::into_inner);
        if topics
            .get(&self.app)
            .is_some_and(|topic| topic.receiver_count() <= 1)
        {
            topics.remove(&self.app);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
