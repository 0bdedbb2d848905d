//! Asking for metrics: when, and what if a callback of the program does not answer.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use opentelemetry::Context;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep_until};

use super::lane::Lane;
use super::warning::Warnings;
use super::{mark_own_thread, until};
use crate::config::Temporality;
use crate::metrics::{MetricReader, Producer, Snapshot};

/// Where the metrics of a lane come from, and what their values count from.
#[derive(Clone)]
#[expect(
    clippy::exhaustive_structs,
    reason = "plain settings, built by the facade"
)]
pub struct MetricSource {
    /// Who is asked.
    pub producer: Arc<dyn Producer>,
    /// What exported values count from.
    pub temporality: Temporality,
}

impl std::fmt::Debug for MetricSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MetricSource")
            .field("temporality", &self.temporality)
            .finish_non_exhaustive()
    }
}

/// The collections of one lane, one after the other.
pub(super) struct Collection {
    lane: Arc<Lane>,
    producer: Arc<dyn Producer>,
    reader: MetricReader,
    collector: Collector,
    warnings: Warnings,
    next: Instant,
}

/// What a collection gave: a snapshot, or what a callback said when it panicked.
type Answer = Result<Snapshot, String>;

/// Why a collection has no snapshot.
enum Missed {
    Late(Duration),
    Panicked(String),
    NoThread(io::Error),
}

impl Collection {
    pub(super) fn new(lane: &Arc<Lane>, source: &MetricSource) -> Self {
        Self {
            lane: Arc::clone(lane),
            producer: Arc::clone(&source.producer),
            reader: MetricReader::new(source.temporality),
            collector: Collector::default(),
            warnings: Warnings::default(),
            next: until(lane.settings().schedule_delay),
        }
    }

    /// When the next one is due: one interval after the last, however long that took.
    pub(super) fn next(&self) -> Instant {
        self.next
    }

    /// The interval has passed.
    pub(super) fn advance(&mut self) {
        let interval = self.lane.settings().schedule_delay;
        self.next = (self.next + interval).max(Instant::now());
    }

    /// What was recorded, as the lane's reader sees it. A callback that blocks or panics costs
    /// what callbacks observe, until it returns; everything else is there, if the producer has it.
    pub(super) async fn collect(&mut self, deadline: watch::Receiver<Option<Instant>>) -> Snapshot {
        let timeout = self.lane.settings().export_timeout;
        let asked = tokio::select! {
            biased;
            answer = self.collector.ask(&self.producer) => answer,
            () = cut_off(timeout, deadline) => Err(Missed::Late(timeout)),
        };
        match asked {
            Ok(snapshot) => self.reader.read(snapshot),
            Err(missed) => {
                let what = missed.in_words();
                self.lane.missed_collection(&what);
                self.warnings.collection(&self.lane, &what);
                let part = self.producer.without_callbacks();
                part.map_or_else(Snapshot::default, |part| self.reader.read_part(part))
            }
        }
    }
}

impl Missed {
    fn in_words(&self) -> String {
        match self {
            Self::Late(timeout) => format!(
                "a callback of an observable instrument has not returned within {timeout:?} or before shutdown"
            ),
            Self::Panicked(message) => {
                format!("a callback of an observable instrument panicked: {message}")
            }
            Self::NoThread(error) => format!("there is no thread to run callbacks: {error}"),
        }
    }
}

/// Ends when a collection must: after `timeout`, or when half of the time that is left until the
/// deadline of shutdown has passed, so that what there is can still be sent.
async fn cut_off(timeout: Duration, mut deadline: watch::Receiver<Option<Instant>>) {
    let end = until(timeout);
    loop {
        let now = Instant::now();
        let end = match *deadline.borrow_and_update() {
            Some(at) => end.min(now + at.saturating_duration_since(now) / 2),
            None => end,
        };
        tokio::select! {
            () = sleep_until(end) => return,
            changed = deadline.changed() => if changed.is_err() { return sleep_until(end).await },
        }
    }
}

/// A thread that runs callbacks, started when first needed. One that is stuck in a callback stays
/// behind, and nothing is asked of it until it returns.
#[derive(Default)]
struct Collector {
    thread: Option<SyncSender<Request>>,
    running: Option<oneshot::Receiver<Answer>>,
}

struct Request {
    producer: Arc<dyn Producer>,
    reply: oneshot::Sender<Answer>,
}

impl Collector {
    /// Asks the producer. May be dropped while it waits: the next question waits until that one is
    /// answered, because collections do not overlap, and forgets the answer, which is of the past.
    async fn ask(&mut self, producer: &Arc<dyn Producer>) -> Result<Snapshot, Missed> {
        if let Some(late) = &mut self.running {
            drop(late.await);
            self.running = None;
        }
        let (reply, answer) = oneshot::channel();
        let request = Request {
            producer: Arc::clone(producer),
            reply,
        };
        // there is room: no other request is under way
        drop(self.thread()?.try_send(request));
        let answer = self.running.insert(answer).await;
        self.running = None;
        match answer {
            Ok(Ok(snapshot)) => Ok(snapshot),
            Ok(Err(panic)) => Err(Missed::Panicked(panic)),
            Err(_) => {
                self.thread = None;
                Err(Missed::Panicked("its thread has ended".to_owned()))
            }
        }
    }

    fn thread(&mut self) -> Result<&SyncSender<Request>, Missed> {
        if self.thread.is_none() {
            let (requests, received) = sync_channel(1);
            std::thread::Builder::new()
                .name("telemetry-metrics".to_owned())
                .spawn(move || serve(&received))
                .map_err(Missed::NoThread)?;
            self.thread = Some(requests);
        }
        let gone = || Missed::NoThread(io::ErrorKind::BrokenPipe.into());
        self.thread.as_ref().ok_or_else(gone)
    }
}

fn serve(requests: &Receiver<Request>) {
    // what callbacks trace and log is not telemetry about the program's work
    mark_own_thread();
    let _quiet = Context::enter_telemetry_suppressed_scope();
    while let Ok(Request { producer, reply }) = requests.recv() {
        let answer = catch_unwind(AssertUnwindSafe(|| producer.collect()));
        // whoever asked may have given up
        drop(reply.send(answer.map_err(|panic| panic_message(&*panic).to_owned())));
    }
}

/// What a panic said.
pub(super) fn panic_message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
