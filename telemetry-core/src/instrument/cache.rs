//! Caches.

use opentelemetry::KeyValue;

use super::kinds::{self, CacheLookup, CacheOperation, label};
use super::{Call, Label};
use crate::semconv;

/// A cache.
///
/// ```
/// use telemetry_core::instrument;
///
/// # async fn example() {
/// let session: Option<&str> = instrument::cache("sessions")
///     .get()
///     .run(async { Some("found") })
///     .await;
/// # }
/// ```
pub fn cache(name: impl Into<Label>) -> Cache {
    Cache {
        name: label(semconv::TELEMETRY_CACHE_NAME, name),
    }
}

/// A cache; see [`cache`].
#[derive(Clone, Debug)]
#[must_use = "nothing is measured until it is told what"]
pub struct Cache {
    name: KeyValue,
}

impl Cache {
    /// A look-up: an `Option`, or a `Result` of one. `None` is a miss.
    pub fn get(&self) -> Call<CacheLookup> {
        Call::new(self.labels("get"))
    }

    /// An entry is written.
    pub fn set(&self) -> Call<CacheOperation> {
        self.operation("set")
    }

    /// An entry is removed.
    pub fn delete(&self) -> Call<CacheOperation> {
        self.operation("delete")
    }

    /// Something else is done.
    pub fn operation(&self, name: impl Into<Label>) -> Call<CacheOperation> {
        Call::new(self.labels(name))
    }

    /// Counts a look-up alone, without a span and a duration: for caches in memory.
    pub fn looked_up(&self, hit: bool) {
        let result = if hit { "hit" } else { "miss" };
        let result = KeyValue::new(semconv::TELEMETRY_CACHE_RESULT, result);
        kinds::looked_up(&[self.name.clone(), result]);
    }

    fn labels(&self, operation: impl Into<Label>) -> Vec<KeyValue> {
        let operation = label(semconv::TELEMETRY_CACHE_OPERATION_NAME, operation);
        vec![self.name.clone(), operation]
    }
}
