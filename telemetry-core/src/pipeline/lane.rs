//! One exporter's way from its queue to its receiver.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::delivery::{Delivery, Outcome};
use super::{Backoff, Batch, DropReason, Drops, Ledger, Queue, QueueLimits, Signal, until};
use crate::clock::{Clock, Timestamp};
use crate::diagnostics::{ExporterStatus, Health, Voice};
use crate::export::{ExportError, Exporter};

/// How one exporter is driven.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "plain settings, built by the facade"
)]
pub struct LaneSettings {
    /// What is exported.
    pub signal: Signal,
    /// The bounds of the queue.
    pub queue: QueueLimits,
    /// The longest that an item waits for a batch to fill.
    pub schedule_delay: Duration,
    /// The time for a batch, all attempts and waits together.
    pub export_timeout: Duration,
    /// The time for one attempt.
    pub attempt_timeout: Duration,
    /// The most items of a batch.
    pub batch_items: usize,
    /// The most bytes of a batch; one larger item goes alone.
    pub batch_bytes: usize,
    /// The waits between attempts.
    pub backoff: Backoff,
}

/// Makes an exporter; called on the telemetry thread, within its runtime.
pub type ExporterFactory = Box<dyn FnOnce() -> Result<Box<dyn Exporter>, ExportError> + Send>;

/// What the outside knows of a lane.
#[derive(Debug)]
pub struct Lane {
    settings: LaneSettings,
    destination: String,
    queue: Arc<Queue>,
    exported: AtomicU64,
    drops: Mutex<Drops>,
    progress: Mutex<Progress>,
    clock: Clock,
    voice: Voice,
}

#[derive(Debug, Default)]
struct Progress {
    last_success: Option<Timestamp>,
    last_error: Option<String>,
    failed_attempts: u64,
}

/// Where a lane answers; the asker may have gone.
pub(super) type Done = std::sync::mpsc::SyncSender<()>;

/// What a lane is asked to do; each is answered when it is done.
#[derive(Debug)]
pub(super) enum Command {
    Flush(Done),
    Shutdown(Done),
}

impl Lane {
    /// A lane to `destination`, not yet driven.
    #[must_use]
    pub fn new(
        settings: LaneSettings,
        destination: impl Into<String>,
        clock: Clock,
        voice: Voice,
    ) -> Self {
        Self {
            settings,
            destination: destination.into(),
            queue: Arc::new(Queue::new(settings.queue)),
            exported: AtomicU64::new(0),
            drops: Mutex::default(),
            progress: Mutex::default(),
            clock,
            voice,
        }
    }

    /// What is exported.
    #[must_use]
    pub fn signal(&self) -> Signal {
        self.settings.signal
    }

    /// Where to.
    #[must_use]
    pub fn destination(&self) -> &str {
        &self.destination
    }

    /// The queue in front of the exporter.
    #[must_use]
    pub fn queue(&self) -> &Arc<Queue> {
        &self.queue
    }

    /// Where every item went. Exact while nothing is in motion and after shutdown.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        let (created, mut dropped) = self.queue.offered();
        dropped.merge(&self.drops());
        Ledger {
            created,
            exported: self.exported.load(Ordering::Relaxed),
            dropped,
            pending: self.queue.len() as u64,
        }
    }

    /// How it is doing.
    #[must_use]
    pub fn status(&self) -> ExporterStatus {
        let progress = self.progress();
        let now = self.clock.now();
        ExporterStatus {
            signal: self.settings.signal,
            destination: self.destination.clone(),
            health: Health {
                last_success: progress.last_success.map(|at| now.since(at)),
                last_error: progress.last_error.clone(),
                failed_attempts: progress.failed_attempts,
            },
            ledger: self.ledger(),
        }
    }

    pub(super) fn settings(&self) -> &LaneSettings {
        &self.settings
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(super) fn voice(&self) -> &Voice {
        &self.voice
    }

    /// Notes a failed attempt.
    pub(super) fn failed(&self, error: &str) {
        let mut progress = self.progress();
        progress.failed_attempts += 1;
        progress.last_error = Some(error.to_owned());
    }

    /// Notes a success. Returns how many attempts had failed before it.
    pub(super) fn succeeded(&self) -> u64 {
        let mut progress = self.progress();
        progress.last_success = Some(self.clock.now());
        progress.last_error = None;
        std::mem::take(&mut progress.failed_attempts)
    }

    /// Books a batch that has left.
    fn settle(&self, batch: &Batch, outcome: &Outcome) {
        let count = batch.len() as u64;
        match outcome {
            Outcome::Delivered { rejected } => {
                let rejected = (*rejected).min(count);
                self.exported.fetch_add(count - rejected, Ordering::Relaxed);
                self.drops().add(DropReason::Rejected, rejected);
            }
            Outcome::Dropped(reason) => self.drops().add(*reason, count),
        }
        self.queue.settle(batch.len(), batch.size());
    }

    fn drops(&self) -> MutexGuard<'_, Drops> {
        self.drops.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Drives a lane on the telemetry thread.
pub(super) struct Driver {
    lane: Arc<Lane>,
    delivery: Delivery,
    deadline: watch::Receiver<Option<Instant>>,
    taken: Vec<Batch>,
    batch: Batch,
}

impl Driver {
    pub(super) fn new(
        lane: Arc<Lane>,
        exporter: Box<dyn Exporter>,
        deadline: watch::Receiver<Option<Instant>>,
    ) -> Self {
        let delivery = Delivery::new(Arc::clone(&lane), exporter, deadline.clone());
        Self {
            lane,
            delivery,
            deadline,
            taken: Vec::new(),
            batch: Batch::new(),
        }
    }

    /// 1. Waits until a batch is full, its oldest item has waited long enough, or somebody asks.
    /// 2. Takes everything and sends it, batch by batch.
    /// 3. Answers who asked.
    pub(super) async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        loop {
            match self.wait(&mut commands).await {
                Wake::Export => self.export_all().await,
                Wake::Asked(Command::Flush(done)) => {
                    self.export_all().await;
                    self.delivery.flush().await;
                    let _ = done.try_send(());
                }
                Wake::Asked(Command::Shutdown(done)) => {
                    self.lane.queue.close();
                    self.export_all().await;
                    self.delivery.shutdown().await;
                    let _ = done.try_send(());
                    return;
                }
                Wake::Abandoned => return,
            }
        }
    }

    async fn wait(&self, commands: &mut mpsc::UnboundedReceiver<Command>) -> Wake {
        let queue = &self.lane.queue;
        if queue.is_due() {
            return match commands.try_recv() {
                Ok(command) => Wake::Asked(command),
                Err(_) => Wake::Export,
            };
        }
        let tick = until(self.lane.settings.schedule_delay);
        tokio::select! {
            biased;
            command = commands.recv() => command.map_or(Wake::Abandoned, Wake::Asked),
            () = queue.ready() => Wake::Export,
            () = sleep_until(tick) => Wake::Export,
        }
    }

    async fn export_all(&mut self) {
        let mut taken = std::mem::take(&mut self.taken);
        self.lane.queue.drain(&mut taken);
        for chunk in taken.drain(..) {
            for item in chunk.items() {
                let full = self.batch.len() >= self.lane.settings.batch_items
                    || self.batch.size() + item.message.len() > self.lane.settings.batch_bytes;
                if full {
                    self.export().await;
                }
                self.batch.push_item(item);
            }
            self.lane.queue.recycle(chunk);
        }
        self.export().await;
        self.taken = taken;
    }

    async fn export(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let past = self
            .deadline
            .borrow()
            .is_some_and(|deadline| deadline <= Instant::now());
        let outcome = if past {
            Outcome::Dropped(DropReason::Unsent)
        } else {
            self.delivery.deliver(&self.batch).await
        };
        self.lane.settle(&self.batch, &outcome);
        self.batch.clear();
        self.batch.shrink();
    }
}

enum Wake {
    Export,
    Asked(Command),
    /// Nobody can ask any more.
    Abandoned,
}
