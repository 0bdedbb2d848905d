//! The thread that serves one sink.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use telemetry_core::clock::{Clock, Timestamp};
use telemetry_core::pipeline::{DropReason, Drops, Ledger, mark_own_thread};

use super::queue::Chunk;
use super::{Diagnostics, LogSink, Queue};

/// How long the writer lets lines gather after a batch: the first line after a silence is
/// written at once, and a busy program wakes the writer at most this often.
const LINGER: Duration = Duration::from_millis(10);

/// A sink is flushed at least this often while lines come.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// A sink is flushed at least after this many bytes.
const FLUSH_BYTES: usize = 64 * 1024;

/// Losses are reported at most this often.
const REPORT_EVERY: Duration = Duration::from_secs(10);

/// One sink's queue and the state of its thread.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) name: String,
    pub(crate) queue: Queue,
    progress: Mutex<Progress>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Progress {
    written: u64,
    drops: Drops,
    last_error: Option<String>,
    /// The last flush that was asked for, and the last one that is done.
    asked: u64,
    done: u64,
    exited: bool,
}

impl Writer {
    /// Starts the sink's thread.
    pub(crate) fn start(
        name: String,
        queue: Queue,
        sink: Box<dyn LogSink>,
        diagnostics: Diagnostics,
    ) -> io::Result<Arc<Self>> {
        let writer = Arc::new(Self {
            name,
            queue,
            progress: Mutex::default(),
            changed: Condvar::new(),
        });
        let thread = thread::Builder::new().name("telemetry-log".to_owned());
        let shared = Arc::clone(&writer);
        let thread = thread.spawn(move || {
            mark_own_thread();
            Loop::new(shared, sink, diagnostics).run();
        })?;
        // the thread is never joined: a write that does not return must not hold the process
        writer.queue.attach(thread.thread().clone());
        Ok(writer)
    }

    /// Asks for everything offered so far to be written; the ticket says when it is.
    pub(crate) fn ask_flush(&self) -> u64 {
        let mut progress = self.lock();
        progress.asked += 1;
        let ticket = progress.asked;
        drop(progress);
        self.queue.wake();
        ticket
    }

    /// Waits until the flush is done. False if it was not in time.
    pub(crate) fn await_flush(&self, ticket: u64, within: Duration) -> bool {
        self.wait(within, |progress| {
            progress.done >= ticket || progress.exited
        })
    }

    /// Waits until the thread has written everything and ended. False if it was not in time.
    pub(crate) fn await_exit(&self, within: Duration) -> bool {
        self.wait(within, |progress| progress.exited)
    }

    fn wait(&self, within: Duration, ready: impl Fn(&Progress) -> bool) -> bool {
        let progress = self.lock();
        let (progress, _) = self
            .changed
            .wait_timeout_while(progress, within, |progress| !ready(progress))
            .unwrap_or_else(PoisonError::into_inner);
        ready(&progress)
    }

    /// The balance of the sink's lines.
    pub(crate) fn ledger(&self) -> Ledger {
        let (offered, mut dropped) = self.queue.offered();
        let progress = self.lock();
        dropped.merge(&progress.drops);
        let mut ledger = Ledger::default();
        ledger.created = offered.iter().sum();
        ledger.exported = progress.written;
        ledger.dropped = dropped;
        ledger.pending = self.queue.lines();
        ledger
    }

    pub(crate) fn last_error(&self) -> Option<String> {
        self.lock().last_error.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the thread itself knows.
struct Loop {
    writer: Arc<Writer>,
    sink: Box<dyn LogSink>,
    diagnostics: Diagnostics,
    clock: Clock,
    chunks: Vec<Chunk>,
    batch: Vec<u8>,
    unflushed: usize,
    flushed_at: Timestamp,
    reported: u64,
    reported_at: Option<Timestamp>,
}

impl Loop {
    fn new(writer: Arc<Writer>, sink: Box<dyn LogSink>, diagnostics: Diagnostics) -> Self {
        let clock = Clock::system();
        Self {
            writer,
            sink,
            diagnostics,
            flushed_at: clock.now(),
            clock,
            chunks: Vec::new(),
            batch: Vec::new(),
            unflushed: 0,
            reported: 0,
            reported_at: None,
        }
    }

    fn run(&mut self) {
        loop {
            let closed = self.writer.queue.is_closed();
            let asked = self.writer.lock().asked;
            let mut wrote = false;
            while self.write_batch() {
                wrote = true;
            }
            if self.unflushed > 0 {
                self.flush();
            }
            self.answer(asked);
            self.report(closed);
            if closed {
                break;
            }
            self.rest(wrote);
        }
        self.writer.lock().exited = true;
        self.writer.changed.notify_all();
    }

    /// Writes what waits, at most one chunk of each shard. False if nothing waited.
    fn write_batch(&mut self) -> bool {
        let queue = &self.writer.queue;
        queue.drain(&mut self.chunks);
        if self.chunks.is_empty() {
            return false;
        }
        let lines = merge(&mut self.chunks, &mut self.batch);
        queue.recycle(&mut self.chunks);
        let written = guarded(|| self.sink.write(&self.batch));
        let size = self.batch.len();
        self.count(lines, written);
        self.writer.queue.settle_lines(lines, size as u64);
        self.unflushed += size;
        let due = self.clock.now().since(self.flushed_at) >= FLUSH_EVERY;
        if self.unflushed >= FLUSH_BYTES || due {
            self.flush();
        }
        if self.batch.capacity() > 1024 * 1024 {
            self.batch = Vec::new();
        }
        true
    }

    fn count(&self, lines: u64, written: io::Result<()>) {
        let mut progress = self.writer.lock();
        match written {
            Ok(()) => progress.written += lines,
            Err(error) => {
                progress.drops.add(DropReason::Refused, lines);
                progress.last_error = Some(error.to_string());
            }
        }
    }

    fn flush(&mut self) {
        self.unflushed = 0;
        self.flushed_at = self.clock.now();
        if let Err(error) = guarded(|| self.sink.flush()) {
            self.writer.lock().last_error = Some(error.to_string());
        }
    }

    fn answer(&self, asked: u64) {
        let mut progress = self.writer.lock();
        if progress.done < asked {
            progress.done = asked;
            drop(progress);
            self.writer.changed.notify_all();
        }
    }

    /// Sleeps: a moment after a batch, so that lines gather; else until a line comes.
    fn rest(&self, wrote: bool) {
        let queue = &self.writer.queue;
        if wrote {
            if !queue.is_busy() {
                thread::park_timeout(LINGER);
            }
            return;
        }
        queue.set_idle(true);
        // what came before `idle` was set woke nobody
        let asked = self.writer.lock();
        let waiting = queue.lines() > 0 || queue.is_closed() || asked.done < asked.asked;
        drop(asked);
        if waiting {
            // a line that is counted may take its thread a moment to arrive
            thread::yield_now();
        } else {
            match self.reported_at {
                // losses that were too fresh to report
                Some(_) if self.lost() > self.reported => thread::park_timeout(REPORT_EVERY),
                _ => thread::park(),
            }
        }
        queue.set_idle(false);
    }

    fn lost(&self) -> u64 {
        self.writer.ledger().dropped.total()
    }

    /// Says how many lines were lost since it was last said.
    fn report(&mut self, closed: bool) {
        let now = self.clock.now();
        let fresh = |at: Timestamp| now.since(at) < REPORT_EVERY;
        if !closed && self.reported_at.is_some_and(fresh) {
            return;
        }
        let ledger = self.writer.ledger();
        let lost = ledger.dropped.total() - self.reported;
        if lost == 0 {
            return;
        }
        self.reported += lost;
        self.reported_at = Some(now);
        let mut message = format!(
            "telemetry: {lost} lines dropped on their way to {} (in all: {})",
            self.writer.name, ledger.dropped
        );
        if let Some(error) = self.writer.last_error() {
            message.push_str("; last error: ");
            message.push_str(&error);
        }
        let tell = AssertUnwindSafe(|| (self.diagnostics.0)(&message));
        // a hook that panics has said what it could
        drop(catch_unwind(tell));
    }
}

/// Joins the lines of several threads in the order of their times; lines of one thread stay in
/// their order even if the clock went back.
fn merge(chunks: &mut [Chunk], batch: &mut Vec<u8>) -> u64 {
    batch.clear();
    let mut lines = 0;
    while let Some(first) = chunks
        .iter_mut()
        .filter(|chunk| !chunk.is_empty())
        .min_by_key(|chunk| chunk.front_nanos())
    {
        let Some(line) = first.front() else { break };
        batch.extend_from_slice(line);
        first.advance();
        lines += 1;
    }
    lines
}

/// Runs foreign code; a panic is an error.
fn guarded(call: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| {
        let reason = panic
            .downcast_ref::<&str>()
            .map(|reason| (*reason).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_default();
        Err(io::Error::other(format!("the sink panicked: {reason}")))
    })
}
