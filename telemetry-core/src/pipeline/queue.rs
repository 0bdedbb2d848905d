//! The bounded queue between the application's threads and the telemetry thread.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::{Batch, DropReason, Drops};
use crate::otlp::ScopeId;

/// Items wait in chunks of this size, so that a queue that grows never copies more than this
/// while a request's thread holds its lock.
const CHUNK_BYTES: usize = 64 * 1024;

/// How many independent locks the queue has: threads take one each in turn.
const SHARDS: usize = 8;

/// How many empty chunks are kept for reuse.
const SPARE_CHUNKS: usize = 2;

/// The bounds of a queue.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "items and bytes, as every bound here"
)]
pub struct QueueLimits {
    /// The most items that wait.
    pub items: usize,
    /// The most bytes that wait.
    pub bytes: usize,
    /// The number of waiting items that wakes the telemetry thread.
    pub wake_at: usize,
    /// The largest item.
    pub item_bytes: usize,
}

/// Finished items on their way to one exporter. Never blocks beyond a short lock; what does not
/// fit is dropped (the newest) and counted.
#[derive(Debug)]
pub struct Queue {
    shards: [Shard; SHARDS],
    limits: QueueLimits,
    items: AtomicUsize,
    bytes: AtomicUsize,
    closed: AtomicBool,
    ready: Notify,
}

/// Two cache lines apart, because processors fetch lines in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard(Mutex<ShardState>);

#[derive(Debug, Default)]
struct ShardState {
    chunk: Batch,
    full: Vec<Batch>,
    spare: Vec<Batch>,
    created: u64,
    drops: Drops,
}

impl Queue {
    /// An empty queue.
    #[must_use]
    pub fn new(limits: QueueLimits) -> Self {
        Self {
            shards: Default::default(),
            limits,
            items: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            ready: Notify::new(),
        }
    }

    /// Adds the item that `encode` writes, or counts why not.
    #[inline]
    pub fn push(&self, scope: ScopeId, encode: impl FnOnce(&mut Vec<u8>)) {
        let mut shard = self.shard().lock();
        shard.created += 1;
        match self.admit() {
            Ok(waiting) => {
                self.append(&mut shard, scope, encode);
                drop(shard);
                if waiting == self.limits.wake_at {
                    self.ready.notify_one();
                }
            }
            Err(reason) => shard.drops.add(reason, 1),
        }
    }

    /// Counts an item in; the number of items that then wait, or why it may not.
    #[inline]
    fn admit(&self) -> Result<usize, DropReason> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(DropReason::Shutdown);
        }
        if self.bytes.load(Ordering::Relaxed) >= self.limits.bytes {
            return Err(DropReason::QueueBytes);
        }
        let waiting = self.items.fetch_add(1, Ordering::Relaxed) + 1;
        if waiting > self.limits.items {
            self.items.fetch_sub(1, Ordering::Relaxed);
            return Err(DropReason::QueueFull);
        }
        Ok(waiting)
    }

    #[inline]
    fn append(&self, shard: &mut ShardState, scope: ScopeId, encode: impl FnOnce(&mut Vec<u8>)) {
        let before = shard.chunk.size();
        shard.chunk.push(scope, encode);
        let added = shard.chunk.size() - before;
        if added > self.limits.item_bytes {
            shard.chunk.pop(before);
            shard.drops.add(DropReason::TooLarge, 1);
            self.items.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        let waiting = self.bytes.fetch_add(added, Ordering::Relaxed) + added;
        if waiting >= self.wake_bytes() && waiting - added < self.wake_bytes() {
            self.ready.notify_one();
        }
        if shard.chunk.size() >= CHUNK_BYTES {
            let spare = shard.spare.pop().unwrap_or_default();
            let full = std::mem::replace(&mut shard.chunk, spare);
            shard.full.push(full);
        }
    }

    /// Takes everything that waits, as of one moment: an item that was pushed before another one
    /// is never left behind it.
    pub(crate) fn drain(&self, into: &mut Vec<Batch>) {
        let mut shards = self.shards.each_ref().map(Shard::lock);
        for shard in &mut shards {
            into.append(&mut shard.full);
            if !shard.chunk.is_empty() {
                let spare = shard.spare.pop().unwrap_or_default();
                into.push(std::mem::replace(&mut shard.chunk, spare));
            }
        }
    }

    /// What was taken with [`Queue::drain`] has left: its place is free again.
    pub(crate) fn settle(&self, items: usize, bytes: usize) {
        self.items.fetch_sub(items, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Gives the memory of an emptied chunk back for reuse.
    pub(crate) fn recycle(&self, mut chunk: Batch) {
        if chunk.capacity() > 2 * CHUNK_BYTES {
            return;
        }
        chunk.clear();
        for shard in &self.shards {
            let mut shard = shard.lock();
            if shard.created > 0 && shard.spare.len() < SPARE_CHUNKS {
                shard.spare.push(chunk);
                return;
            }
        }
    }

    /// Waits until enough items or bytes wait for a batch.
    pub(crate) async fn ready(&self) {
        self.ready.notified().await;
    }

    /// Whether enough items or bytes wait for a batch.
    pub(crate) fn is_due(&self) -> bool {
        self.len() >= self.limits.wake_at || self.bytes.load(Ordering::Relaxed) >= self.wake_bytes()
    }

    /// Half of what may wait: large items must not fill the queue before their delay is over.
    #[inline]
    fn wake_bytes(&self) -> usize {
        self.limits.bytes / 2
    }

    /// From now on, every item is dropped with reason `shutdown`.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        // whoever saw the queue open has a shard's lock: after this, all have left
        drop(self.shards.each_ref().map(Shard::lock));
    }

    /// How many items wait or are being sent.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.load(Ordering::Relaxed)
    }

    /// Whether nothing waits or is being sent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bounds.
    #[must_use]
    pub fn limits(&self) -> QueueLimits {
        self.limits
    }

    /// Takes everything that waits, as an exporter would, and frees its place.
    #[cfg(feature = "testing")]
    #[doc(hidden)]
    #[must_use]
    pub fn take_all(&self) -> Vec<Batch> {
        let mut taken = Vec::new();
        self.drain(&mut taken);
        let items = taken.iter().map(Batch::len).sum();
        let bytes = taken.iter().map(Batch::size).sum();
        self.settle(items, bytes);
        taken
    }

    /// How many items were offered, and how many of them the queue refused and why.
    #[must_use]
    pub fn offered(&self) -> (u64, Drops) {
        let mut created = 0;
        let mut drops = Drops::default();
        for shard in self.shards.each_ref().map(Shard::lock) {
            created += shard.created;
            drops.merge(&shard.drops);
        }
        (created, drops)
    }

    #[inline]
    fn shard(&self) -> &Shard {
        thread_local! {
            static NUMBER: Cell<Option<usize>> = const { Cell::new(None) };
        }
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.get().unwrap_or_else(|| {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            NUMBER.set(Some(number));
            number
        });
        &self.shards[number % SHARDS]
    }
}

impl Shard {
    #[inline]
    fn lock(&self) -> MutexGuard<'_, ShardState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
