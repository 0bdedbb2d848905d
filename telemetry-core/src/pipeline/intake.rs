//! Where finished items enter the pipeline.

use std::sync::Arc;

use super::Queue;
use crate::otlp::ScopeId;

/// The queues of all exporters of one signal. Cloning is cheap.
#[derive(Clone, Debug, Default)]
pub struct Intake {
    queues: Arc<[Arc<Queue>]>,
}

impl Intake {
    /// An intake for these queues.
    #[must_use]
    pub fn new(queues: impl IntoIterator<Item = Arc<Queue>>) -> Self {
        Self {
            queues: queues.into_iter().collect(),
        }
    }

    /// Whether anybody wants the items.
    #[must_use]
    pub fn is_active(&self) -> bool {
        !self.queues.is_empty()
    }

    /// Hands the item that `encode` writes to every exporter. Never blocks; what does not fit is
    /// counted.
    #[inline]
    pub fn push(&self, scope: ScopeId, encode: impl Fn(&mut Vec<u8>)) {
        for queue in self.queues.iter() {
            queue.push(scope, &encode);
        }
    }
}
