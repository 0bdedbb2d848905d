//! One exporter's way from its queue to its receiver.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::collection::{Collection, MetricSource};
use super::delivery::{Delivery, Outcome};
use super::exports::Exports;
use super::{Backoff, Batch, DropReason, Drops, Ledger, Queue, QueueLimits, Signal, until};
use crate::clock::{Clock, Timestamp};
use crate::diagnostics::{ExporterStatus, Health, Level, Voice};
use crate::export::{ExportError, Exporter};
use crate::metrics::Snapshot;
use crate::otlp::MetricMessages;

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
    /// The longest that an item waits for a batch to fill; of metrics, the time between two
    /// collections.
    pub schedule_delay: Duration,
    /// The time for a batch, all attempts and waits together; of metrics, also for a collection.
    pub export_timeout: Duration,
    /// The time for one attempt.
    pub attempt_timeout: Duration,
    /// The most items of a batch; of metrics, the data points after which it is full.
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
    source: Option<MetricSource>,
    collected: AtomicU64,
    in_motion: AtomicU64,
    exported: AtomicU64,
    exports: Exports,
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
    missed_collections: u64,
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
            source: None,
            collected: AtomicU64::new(0),
            in_motion: AtomicU64::new(0),
            exported: AtomicU64::new(0),
            exports: Exports::default(),
            drops: Mutex::default(),
            progress: Mutex::default(),
            clock,
            voice,
        }
    }

    /// The same lane, for metrics, which it collects from `source`: the first time after one
    /// interval, and on flush and shutdown.
    #[must_use]
    pub fn collecting(self, source: MetricSource) -> Self {
        Self {
            source: Some(source),
            ..self
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
            created: created + self.collected.load(Ordering::Relaxed),
            exported: self.exported.load(Ordering::Relaxed),
            dropped,
            pending: self.queue.len() as u64 + self.in_motion.load(Ordering::Relaxed),
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
                missed_collections: progress.missed_collections,
            },
            ledger: self.ledger(),
        }
    }

    pub(crate) fn exports(&self) -> &Exports {
        &self.exports
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

    /// Notes a collection for which not all callbacks have answered.
    pub(super) fn missed_collection(&self, what: &str) {
        let mut progress = self.progress();
        progress.missed_collections += 1;
        progress.last_error = Some(what.to_owned());
    }

    /// Notes that the exporter has panicked: nothing is taken for it any more.
    pub(super) fn ended(&self, panic: &str) {
        self.queue.close();
        let cause = format!("the exporter to {} panicked: {panic}", self.destination);
        let line = format!(
            "telemetry: {cause}; {} for it are lost until the program restarts",
            self.signal()
        );
        self.failed(&cause);
        self.voice.say(Level::Error, line);
    }

    /// Books data points that were collected.
    fn collected(&self, snapshot: &Snapshot) {
        let points = snapshot.metrics.iter().map(|metric| metric.points.len());
        let points = points.sum::<usize>() as u64;
        self.in_motion.fetch_add(points, Ordering::Relaxed);
        self.collected.fetch_add(points, Ordering::Relaxed);
    }

    /// Books a batch that has left.
    fn settle(&self, batch: &Batch, outcome: &Outcome) {
        let count = batch.weight() as u64;
        match outcome {
            Outcome::Delivered { rejected } => {
                let rejected = (*rejected).min(count);
                self.exported.fetch_add(count - rejected, Ordering::Relaxed);
                self.drops().add(DropReason::Rejected, rejected);
            }
            Outcome::Dropped(reason) => self.drops().add(*reason, count),
        }
        if self.source.is_some() {
            self.in_motion.fetch_sub(count, Ordering::Relaxed);
        } else {
            self.queue.settle(batch.len(), batch.size());
        }
    }

    /// Books data points that no message can carry.
    fn too_large(&self, points: usize) {
        self.drops().add(DropReason::TooLarge, points as u64);
        self.in_motion.fetch_sub(points as u64, Ordering::Relaxed);
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
    collection: Option<Collection>,
    taken: Vec<Batch>,
    batch: Batch,
}

impl Driver {
    pub(super) fn new(
        lane: Arc<Lane>,
        exporter: Box<dyn Exporter>,
        deadline: watch::Receiver<Option<Instant>>,
    ) -> Self {
        let source = lane.source.as_ref();
        let collection = source.map(|source| Collection::new(&lane, source));
        lane.exports.made(exporter.component_type());
        let delivery = Delivery::new(Arc::clone(&lane), exporter, deadline.clone());
        Self {
            lane,
            delivery,
            deadline,
            collection,
            taken: Vec::new(),
            batch: Batch::new(),
        }
    }

    /// 1. Waits until a batch is full, its oldest item has waited long enough, the next collection
    ///    is due, or somebody asks.
    /// 2. Takes or collects everything and sends it, batch by batch.
    /// 3. Answers who asked.
    pub(super) async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        loop {
            match self.wait(&mut commands).await {
                Wake::Export => {
                    self.export_all().await;
                    self.collection.iter_mut().for_each(Collection::advance);
                }
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
        let Some(collection) = &self.collection else {
            if queue.is_due() {
                return match commands.try_recv() {
                    Ok(command) => Wake::Asked(command),
                    Err(_) => Wake::Export,
                };
            }
            let tick = until(self.lane.settings.schedule_delay);
            return tokio::select! {
                biased;
                command = commands.recv() => command.map_or(Wake::Abandoned, Wake::Asked),
                () = queue.ready() => Wake::Export,
                () = sleep_until(tick) => Wake::Export,
            };
        };
        tokio::select! {
            biased;
            command = commands.recv() => command.map_or(Wake::Abandoned, Wake::Asked),
            () = sleep_until(collection.next()) => Wake::Export,
        }
    }

    async fn export_all(&mut self) {
        match &mut self.collection {
            Some(collection) => {
                let snapshot = collection.collect(self.deadline.clone()).await;
                self.lane.collected(&snapshot);
                self.export_collected(&snapshot).await;
            }
            None => self.export_waiting().await,
        }
    }

    async fn export_collected(&mut self, snapshot: &Snapshot) {
        let mut message = Vec::new();
        let most = self.lane.settings.batch_bytes;
        for metric in &snapshot.metrics {
            let mut messages = MetricMessages::new(metric, snapshot.unix_nanos);
            loop {
                message.clear();
                let points = messages.write_next(&mut message, most);
                if points == 0 {
                    break;
                }
                if message.len() > self.lane.settings.queue.item_bytes {
                    self.lane.too_large(points);
                    continue;
                }
                if self.is_full_for(message.len()) {
                    self.export().await;
                }
                let scope = metric.descriptor.scope;
                self.batch.push_weighed(scope, points, |buffer| {
                    buffer.extend_from_slice(&message);
                });
            }
        }
        self.export().await;
    }

    /// Whether the batch has to leave before an item of this size comes.
    fn is_full_for(&self, bytes: usize) -> bool {
        let settings = &self.lane.settings;
        self.batch.weight() >= settings.batch_items
            || self.batch.size().saturating_add(bytes) > settings.batch_bytes
    }

    async fn export_waiting(&mut self) {
        let mut taken = std::mem::take(&mut self.taken);
        self.lane.queue.drain(&mut taken);
        for chunk in taken.drain(..) {
            for item in chunk.items() {
                if self.is_full_for(item.message.len()) {
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
