//! A thread that owns a writer, so that a stuck terminal, pipe or disk stops nobody else.

use std::fmt;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::pipeline::mark_own_thread;

/// How much may wait in front of a writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a queue has these two bounds")]
pub struct WriterLimits {
    /// Texts that wait. Default 1024: each is a trace or a batch of lines.
    pub items: usize,
    /// Bytes that wait. Default 4 MiB: a terminal paused for a coffee, not for lunch.
    pub bytes: usize,
}

impl Default for WriterLimits {
    fn default() -> Self {
        Self {
            items: 1024,
            bytes: 4 << 20,
        }
    }
}

/// A named thread that owns a writer, behind a bounded queue.
///
/// [`WriterThread::write`] never blocks. The thread is never joined: dropping this ends the
/// thread once it has written what waits, and leaves it behind if its writer is stuck.
#[derive(Debug)]
pub struct WriterThread {
    commands: mpsc::Sender<Command>,
    shared: Arc<Shared>,
    limit_bytes: usize,
}

/// Why a text was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteError {
    /// As much waits as may wait; the text can be offered again.
    Full {
        /// What was offered.
        text: Vec<u8>,
    },
    /// The writer is gone for good: a closed pipe, or it panicked.
    Gone {
        /// What happened to it.
        cause: String,
    },
}

/// Why a flush did not end well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FlushError {
    /// The writer is stuck or slow: the deadline passed before everything was written.
    Timeout,
    /// The writer is gone for good.
    Gone,
}

#[derive(Debug)]
enum Command {
    Write(Vec<u8>),
    Flush(oneshot::Sender<()>),
    FlushBlocking(std::sync::mpsc::SyncSender<()>),
}

#[derive(Debug, Default)]
struct Shared {
    waiting_bytes: AtomicUsize,
    refused: AtomicU64,
    lost: AtomicU64,
    gone: AtomicBool,
    first_error: Mutex<Option<String>>,
    reported: AtomicBool,
}

impl WriterThread {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// The operating system has no thread to give.
    pub fn spawn(
        name: impl Into<String>,
        writer: Box<dyn Write + Send>,
        limits: WriterLimits,
    ) -> io::Result<Self> {
        let (commands, received) = mpsc::channel(limits.items.max(1));
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        std::thread::Builder::new()
            .name(name.into())
            .spawn(move || {
                mark_own_thread();
                run(writer, received, &theirs);
            })?;
        Ok(Self {
            commands,
            shared,
            limit_bytes: limits.bytes,
        })
    }

    /// Hands `text` to the thread. A text that is larger than the bound passes if nothing waits.
    ///
    /// # Errors
    ///
    /// [`WriteError::Full`] gives the text back, [`WriteError::Gone`] says that no text will be
    /// taken any more. Both are counted in [`WriterThread::refused`].
    pub fn write(&self, text: Vec<u8>) -> Result<(), WriteError> {
        let len = text.len();
        let waiting = self.shared.waiting_bytes.fetch_add(len, Ordering::AcqRel);
        let sent = if waiting > 0 && waiting.saturating_add(len) > self.limit_bytes {
            Err(WriteError::Full { text })
        } else {
            self.commands
                .try_send(Command::Write(text))
                .map_err(|error| self.refusal(error))
        };
        if sent.is_err() {
            self.shared.waiting_bytes.fetch_sub(len, Ordering::AcqRel);
            self.shared.refused.fetch_add(1, Ordering::Relaxed);
        }
        sent
    }

    /// Waits until everything handed over so far is written and flushed, at most `deadline`.
    ///
    /// # Errors
    ///
    /// [`FlushError::Timeout`] if the writer is stuck, [`FlushError::Gone`] if it is no more.
    pub async fn flush(&self, deadline: Duration) -> Result<(), FlushError> {
        let (done, written) = oneshot::channel();
        let flushed = async {
            self.commands.send(Command::Flush(done)).await.ok()?;
            written.await.ok()
        };
        match tokio::time::timeout(deadline, flushed).await {
            Ok(Some(())) => Ok(()),
            Ok(None) => Err(FlushError::Gone),
            Err(_) => Err(FlushError::Timeout),
        }
    }

    /// Waits like [`WriterThread::flush`], blocking the calling thread.
    ///
    /// # Errors
    ///
    /// As [`WriterThread::flush`].
    pub fn flush_blocking(&self, deadline: Duration) -> Result<(), FlushError> {
        let (done, written) = std::sync::mpsc::sync_channel(1);
        // a full queue is one that nobody empties in time
        self.commands
            .try_send(Command::FlushBlocking(done))
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => FlushError::Timeout,
                mpsc::error::TrySendError::Closed(_) => FlushError::Gone,
            })?;
        written.recv_timeout(deadline).map_err(|error| match error {
            std::sync::mpsc::RecvTimeoutError::Timeout => FlushError::Timeout,
            std::sync::mpsc::RecvTimeoutError::Disconnected => FlushError::Gone,
        })
    }

    /// How many texts were not taken.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.shared.refused.load(Ordering::Relaxed)
    }

    /// How many texts were taken and then lost because the writer failed.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }

    /// What the writer's first failure was; `None` when there was none or it was asked before,
    /// so that whoever asks can report it once.
    #[must_use]
    pub fn take_error(&self) -> Option<String> {
        let error = self.shared.error()?;
        (!self.shared.reported.swap(true, Ordering::Relaxed)).then_some(error)
    }

    fn refusal(&self, error: mpsc::error::TrySendError<Command>) -> WriteError {
        match error {
            mpsc::error::TrySendError::Full(Command::Write(text)) => WriteError::Full { text },
            _ => WriteError::Gone {
                cause: self
                    .shared
                    .error()
                    .unwrap_or_else(|| "its thread has ended".to_owned()),
            },
        }
    }
}

impl Shared {
    fn error(&self) -> Option<String> {
        self.first_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn failed(&self, error: &io::Error) {
        let mut first = self
            .first_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert_with(|| error.to_string());
        if error.kind() == io::ErrorKind::BrokenPipe {
            self.gone.store(true, Ordering::Release);
        }
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { .. } => f.write_str("the writer does not keep up: its queue is full"),
            Self::Gone { cause } => write!(f, "the writer is gone: {cause}"),
        }
    }
}

impl std::error::Error for WriteError {}

impl fmt::Display for FlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Timeout => "the writer did not finish in time",
            Self::Gone => "the writer is gone",
        })
    }
}

impl std::error::Error for FlushError {}

fn run(mut writer: Box<dyn Write + Send>, mut commands: mpsc::Receiver<Command>, shared: &Shared) {
    while let Some(command) = commands.blocking_recv() {
        match command {
            Command::Write(text) => {
                if !guarded(shared, || write_all(&mut *writer, &text)) {
                    shared.lost.fetch_add(1, Ordering::Relaxed);
                }
                shared.waiting_bytes.fetch_sub(text.len(), Ordering::AcqRel);
                if commands.is_empty() {
                    guarded(shared, || writer.flush());
                }
            }
            Command::Flush(done) => {
                guarded(shared, || writer.flush());
                let _ = done.send(());
            }
            Command::FlushBlocking(done) => {
                guarded(shared, || writer.flush());
                let _ = done.try_send(());
            }
        }
        if shared.gone.load(Ordering::Acquire) {
            return count_lost(commands, shared);
        }
    }
}

/// Runs a piece of the writer's code and says whether it went well; a panic in it is a broken
/// writer, nothing more.
fn guarded(shared: &Shared, work: impl FnOnce() -> io::Result<()>) -> bool {
    let outcome = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(io::Error::new(
            io::ErrorKind::BrokenPipe,
            "the writer panicked",
        ))
    });
    if let Err(error) = &outcome {
        shared.failed(error);
    }
    outcome.is_ok()
}

/// What a non-blocking descriptor is given to become writable again. The standard streams are
/// non-blocking when some other process that shares the terminal made them so.
const WOULD_BLOCK_PAUSE: Duration = Duration::from_millis(2);

fn write_all(writer: &mut dyn Write, mut text: &[u8]) -> io::Result<()> {
    while !text.is_empty() {
        match writer.write(text) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => text = text.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                std::thread::sleep(WOULD_BLOCK_PAUSE);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn count_lost(mut commands: mpsc::Receiver<Command>, shared: &Shared) {
    commands.close();
    while let Ok(command) = commands.try_recv() {
        if let Command::Write(text) = command {
            shared.waiting_bytes.fetch_sub(text.len(), Ordering::AcqRel);
            shared.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests;
