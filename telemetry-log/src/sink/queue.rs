//! The bounded queue between the application's threads and a sink's thread.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Thread;
use std::time::Duration;

use telemetry_core::otlp::Severity;
use telemetry_core::pipeline::{DropReason, Drops};

use super::{Overflow, SinkLimits};

/// How many independent locks the queue has: threads take one each in turn.
const SHARDS: usize = 8;

/// Lines wait in chunks of this size. The writer takes one of each shard at a time, so this
/// bounds what is lost in a write that never returns.
const CHUNK_BYTES: usize = 16 * 1024;

/// How many empty chunks a shard keeps for reuse: what a busy thread fills while the writer is
/// woken and writes.
const SPARE_CHUNKS: usize = 8;

/// The number of waiting bytes that wakes a writer that lingers.
const WAKE_BYTES: u64 = 64 * 1024;

/// How long a caller that waits for room sleeps before it looks again.
const BLOCK_SLICE: Duration = Duration::from_millis(20);

/// The head of a waiting line: its length (4 bytes), its severity (1) and its time (8).
const HEAD: usize = 13;

/// Lines on their way to one sink.
#[derive(Debug)]
pub(crate) struct Queue {
    shards: [Shard; SHARDS],
    limits: SinkLimits,
    overflow: Overflow,
    /// Lines in the upper 24 bits, bytes in the lower 40: admitted in one step.
    load: AtomicU64,
    closed: AtomicBool,
    /// Whether the writer sleeps until somebody wakes it.
    idle: AtomicBool,
    writer: std::sync::OnceLock<Thread>,
    room: (Mutex<()>, Condvar),
}

/// Two cache lines apart, because processors fetch lines in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard(Mutex<ShardState>);

#[derive(Debug, Default)]
struct ShardState {
    chunk: Chunk,
    full: VecDeque<Chunk>,
    spare: Vec<Chunk>,
    offered: [u64; 6],
    drops: Drops,
}

/// Lines with their heads; the first ones may have been taken out.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    bytes: Vec<u8>,
    start: usize,
}

const LINE: u64 = 1 << 40;

impl Queue {
    pub(crate) fn new(limits: SinkLimits, overflow: Overflow) -> Self {
        Self {
            shards: Default::default(),
            limits: SinkLimits {
                lines: limits.lines.clamp(1, (1 << 24) - 65_536),
                bytes: limits.bytes.min((1 << 40) - (1 << 36)),
            },
            overflow,
            load: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            idle: AtomicBool::new(false),
            writer: std::sync::OnceLock::new(),
            room: Default::default(),
        }
    }

    /// Adds a line, or counts why not. Waits only if the queue was told to.
    #[inline]
    pub(crate) fn push(&self, line: &[u8], severity: Severity, unix_nanos: u64) {
        let size = LINE + line.len() as u64;
        let shard = self.shard();
        let admitted = self.admit(size);
        if admitted.is_none() && !self.make_room(shard, size, severity) {
            return;
        }
        let mut state = shard.lock();
        state.offered[severity as usize / 4] += 1;
        if self.closed.load(Ordering::Relaxed) {
            state.drops.add(DropReason::Shutdown, 1);
            drop(state);
            self.settle(size);
            return;
        }
        state.append(line, severity, unix_nanos);
        drop(state);
        // `idle` is set before the load is read for the last time, and read after the load was
        // raised: one of the two sees the other
        let crossed = admitted.is_some_and(|load| {
            let after = bytes_of(load);
            after >= WAKE_BYTES && after - (line.len() as u64) < WAKE_BYTES
        });
        if crossed || self.idle.load(Ordering::SeqCst) {
            self.wake();
        }
    }

    /// Counts a line in; the load after it, unless that is too much.
    #[inline]
    fn admit(&self, size: u64) -> Option<u64> {
        let load = self.load.fetch_add(size, Ordering::SeqCst) + size;
        if self.exceeds(load) {
            self.load.fetch_sub(size, Ordering::SeqCst);
            return None;
        }
        Some(load)
    }

    #[inline]
    fn exceeds(&self, load: u64) -> bool {
        load >> 40 > self.limits.lines as u64 || bytes_of(load) > self.limits.bytes as u64
    }

    /// Does what the policy says about a full queue. True if the line was then counted in.
    #[cold]
    fn make_room(&self, shard: &Shard, size: u64, severity: Severity) -> bool {
        if self.exceeds(size) {
            return self.refuse(shard, severity, DropReason::TooLarge);
        }
        loop {
            if self.closed.load(Ordering::SeqCst) {
                return self.refuse(shard, severity, DropReason::Shutdown);
            }
            match self.overflow {
                Overflow::DropOldest if self.drop_oldest(shard) => {}
                Overflow::Block => self.wait_for_room(size),
                _ => return self.refuse(shard, severity, self.full_reason(size)),
            }
            if self.admit(size).is_some() {
                return true;
            }
        }
    }

    fn full_reason(&self, size: u64) -> DropReason {
        let lines = (self.load.load(Ordering::Relaxed) + size) >> 40;
        if lines > self.limits.lines as u64 {
            DropReason::QueueFull
        } else {
            DropReason::QueueBytes
        }
    }

    fn refuse(&self, shard: &Shard, severity: Severity, reason: DropReason) -> bool {
        let mut state = shard.lock();
        state.offered[severity as usize / 4] += 1;
        state.drops.add(reason, 1);
        false
    }

    /// Drops the oldest line of this shard, or of another one. False if none waits: then all are
    /// being written.
    fn drop_oldest(&self, own: &Shard) -> bool {
        let oldest = std::iter::once(own)
            .chain(&self.shards)
            .find_map(|shard| shard.lock().pop_front());
        if let Some(len) = oldest {
            self.settle(LINE + len as u64);
        }
        oldest.is_some()
    }

    fn wait_for_room(&self, size: u64) {
        self.wake();
        let (lock, condition) = &self.room;
        let guard = lock.lock().unwrap_or_else(PoisonError::into_inner);
        if self.exceeds(self.load.load(Ordering::SeqCst) + size)
            && !self.closed.load(Ordering::SeqCst)
        {
            drop(condition.wait_timeout(guard, BLOCK_SLICE));
        }
    }

    /// Takes what waits, at most one chunk of each shard, all as of one moment.
    pub(crate) fn drain(&self, into: &mut Vec<Chunk>) {
        for state in &mut self.shards.each_ref().map(Shard::lock) {
            if let Some(chunk) = state.full.pop_front() {
                into.push(chunk);
            } else if !state.chunk.is_empty() {
                into.push(state.next_chunk());
            }
        }
    }

    /// Gives the memory of chunks back for reuse.
    pub(crate) fn recycle(&self, chunks: &mut Vec<Chunk>) {
        for mut chunk in chunks.drain(..) {
            if chunk.bytes.capacity() > 2 * CHUNK_BYTES {
                continue;
            }
            chunk.bytes.clear();
            chunk.start = 0;
            for shard in &self.shards {
                let mut state = shard.lock();
                if state.offered != [0; 6] && state.spare.len() < SPARE_CHUNKS {
                    state.spare.push(chunk);
                    break;
                }
            }
        }
    }

    /// These lines have left the queue: their place is free.
    pub(crate) fn settle_lines(&self, lines: u64, bytes: u64) {
        self.settle(lines * LINE + bytes);
    }

    fn settle(&self, size: u64) {
        self.load.fetch_sub(size, Ordering::SeqCst);
        if self.overflow == Overflow::Block {
            self.room.1.notify_all();
        }
    }

    /// How many lines wait or are being written.
    pub(crate) fn lines(&self) -> u64 {
        self.load.load(Ordering::SeqCst) >> 40
    }

    /// Whether so much waits that the writer should not linger.
    pub(crate) fn is_busy(&self) -> bool {
        bytes_of(self.load.load(Ordering::SeqCst)) >= WAKE_BYTES
    }

    /// From now on, every line is dropped with reason `shutdown`.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        // whoever saw the queue open has a shard's lock: after this, all have left
        drop(self.shards.each_ref().map(Shard::lock));
        self.room.1.notify_all();
        self.wake();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Names the thread to wake.
    pub(crate) fn attach(&self, writer: Thread) {
        // one writer per queue: the first one stays
        drop(self.writer.set(writer));
    }

    pub(crate) fn wake(&self) {
        self.idle.store(false, Ordering::SeqCst);
        if let Some(writer) = self.writer.get() {
            writer.unpark();
        }
    }

    /// The writer is about to sleep until it is woken; see [`Queue::push`].
    pub(crate) fn set_idle(&self, idle: bool) {
        self.idle.store(idle, Ordering::SeqCst);
    }

    /// How many lines were offered by severity, and how many of them the queue refused and why.
    pub(crate) fn offered(&self) -> ([u64; 6], Drops) {
        let mut offered = [0; 6];
        let mut drops = Drops::default();
        for state in self.shards.each_ref().map(Shard::lock) {
            for (sum, count) in offered.iter_mut().zip(state.offered) {
                *sum += count;
            }
            drops.merge(&state.drops);
        }
        (offered, drops)
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

impl ShardState {
    #[inline]
    fn append(&mut self, line: &[u8], severity: Severity, unix_nanos: u64) {
        self.chunk.push(line, severity, unix_nanos);
        if self.chunk.bytes.len() >= CHUNK_BYTES {
            let full = self.next_chunk();
            self.full.push_back(full);
        }
    }

    /// Begins a new chunk and returns the one before.
    fn next_chunk(&mut self) -> Chunk {
        let next = self.spare.pop().unwrap_or_default();
        std::mem::replace(&mut self.chunk, next)
    }

    /// Drops the oldest line, counts it and returns its length.
    fn pop_front(&mut self) -> Option<usize> {
        while self.full.front().is_some_and(Chunk::is_empty) {
            self.full.pop_front();
        }
        let chunk = self.full.front_mut().unwrap_or(&mut self.chunk);
        let len = chunk.front()?.len();
        chunk.advance();
        if chunk.is_empty() {
            chunk.bytes.clear();
            chunk.start = 0;
        }
        self.drops.add(DropReason::QueueFull, 1);
        Some(len)
    }
}

impl Chunk {
    #[inline]
    fn push(&mut self, line: &[u8], severity: Severity, unix_nanos: u64) {
        if self.bytes.capacity() == 0 {
            self.bytes.reserve(CHUNK_BYTES + CHUNK_BYTES / 4);
        }
        let len = u32::try_from(line.len()).unwrap_or(u32::MAX);
        let mut head = [0; HEAD];
        head[..4].copy_from_slice(&len.to_le_bytes());
        head[4] = severity as u8;
        head[5..].copy_from_slice(&unix_nanos.to_le_bytes());
        self.bytes.extend_from_slice(&head);
        self.bytes.extend_from_slice(line);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.start >= self.bytes.len()
    }

    /// The oldest line.
    pub(crate) fn front(&self) -> Option<&[u8]> {
        let rest = self.bytes.get(self.start..)?;
        let (len, rest) = rest.split_first_chunk::<4>()?;
        let end = HEAD - 4 + usize::try_from(u32::from_le_bytes(*len)).ok()?;
        rest.get(HEAD - 4..end)
    }

    /// The oldest line's time.
    pub(crate) fn front_nanos(&self) -> Option<u64> {
        let nanos = self.bytes.get(self.start + 5..)?.first_chunk::<8>()?;
        Some(u64::from_le_bytes(*nanos))
    }

    /// Goes to the next line.
    pub(crate) fn advance(&mut self) {
        let len = self.front().map_or(0, <[u8]>::len);
        self.start += HEAD + len;
    }
}

fn bytes_of(load: u64) -> u64 {
    load & (LINE - 1)
}
