//! The telemetry thread: one private runtime that drives every exporter.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinSet, LocalSet, spawn_local};
use tokio::time::Instant;

use super::collection::panic_message;
use super::lane::{Command, Done, Driver, ExporterFactory, Lane};
use super::report::{FlushError, ShutdownReport};
use super::{Batch, mark_own_thread, until};
use crate::export::{Accepted, ExportError, ExportFuture, Exporter};

/// Everything that leaves the process, driven by one thread.
///
/// Its runtime is its own, so that no export depends on the application's runtime. Flush and
/// shutdown wait on a channel with a deadline; what cannot finish is left behind and counted.
pub struct Pipeline {
    lanes: Vec<Arc<Lane>>,
    commands: Vec<mpsc::UnboundedSender<Command>>,
    deadline: watch::Sender<Option<Instant>>,
    thread: ThreadId,
    stage: Mutex<Stage>,
    ended: Condvar,
}

#[derive(Debug, Default)]
enum Stage {
    #[default]
    Up,
    Ending,
    Down(ShutdownReport),
}

/// How long before a caller's deadline the telemetry thread gives up, so that the books are
/// closed when the caller reads them; at most a twentieth of the time.
const ANSWER_TIME: Duration = Duration::from_millis(50);

impl Pipeline {
    /// Starts the thread with these lanes. A process that forks, such as a daemon, starts it after
    /// that: only the thread that forks lives on in the child, where this one's queues would fill
    /// and nothing leave.
    ///
    /// # Errors
    ///
    /// The operating system has no thread, or no means to wait for the network, to give.
    pub fn start(lanes: Vec<(Arc<Lane>, ExporterFactory)>) -> io::Result<Self> {
        Self::start_with(lanes, Vec::new())
    }

    /// Starts the thread with these lanes and services; the services end at shutdown.
    ///
    /// # Errors
    ///
    /// As [`Pipeline::start`].
    pub fn start_with(
        lanes: Vec<(Arc<Lane>, ExporterFactory)>,
        services: Vec<Service>,
    ) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (deadline, deadlines) = watch::channel(None);
        let mut commands = Vec::new();
        let mut drivers = Vec::new();
        let mut shared = Vec::new();
        for (lane, factory) in lanes {
            let (sender, receiver) = mpsc::unbounded_channel();
            commands.push(sender);
            shared.push(Arc::clone(&lane));
            drivers.push(Driven {
                lane,
                factory,
                commands: receiver,
            });
        }
        let mut hosted = Vec::new();
        for service in services {
            let (sender, receiver) = mpsc::unbounded_channel();
            commands.push(sender);
            hosted.push((service, receiver));
        }
        let thread = std::thread::Builder::new()
            .name("telemetry".to_owned())
            .spawn(move || {
                // what the transports trace and log must not come back as telemetry; a thread-local
                // subscriber would do it too, and make every other thread look for one
                mark_own_thread();
                LocalSet::new().block_on(&runtime, drive(drivers, hosted, deadlines));
                // dropping the runtime would wait for name resolution
                runtime.shutdown_background();
            })?;
        Ok(Self {
            lanes: shared,
            commands,
            deadline,
            thread: thread.thread().id(),
            stage: Mutex::default(),
            ended: Condvar::new(),
        })
    }

    /// The lanes, to read their status.
    #[must_use]
    pub fn lanes(&self) -> &[Arc<Lane>] {
        &self.lanes
    }

    /// Waits until everything recorded so far is exported or given up, at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`FlushError::Timeout`] if that takes longer; the export goes on.
    /// [`FlushError::OwnThread`] if the telemetry thread itself asks.
    /// [`FlushError::Ended`] if an exporter is no more; the others have flushed.
    pub fn flush(&self, timeout: Duration) -> Result<(), FlushError> {
        if self.is_own_thread() {
            return Err(FlushError::OwnThread);
        }
        wait_for(&self.ask(Command::Flush), until(timeout))
    }

    /// Exports what waits, at most for `timeout`, and ends. The first caller's shutdown is
    /// everybody's: whoever calls again gets the same report, and whoever calls meanwhile waits
    /// for it, at most for a timeout of its own. A shorter timeout becomes everybody's.
    pub fn shutdown(&self, timeout: Duration) -> ShutdownReport {
        let began = Instant::now();
        self.set_deadline(until(
            timeout.saturating_sub((timeout / 20).min(ANSWER_TIME)),
        ));
        if self.is_own_thread() {
            // waiting for oneself would never end: the export goes on until the deadline
            drop(self.ask(Command::Shutdown));
            return self.report(began);
        }
        if let Some(report) = self.join_shutdown(began, timeout) {
            return report;
        }
        // the report says what did not end well
        let _ = wait_for(&self.ask(Command::Shutdown), until(timeout));
        for lane in &self.lanes {
            lane.queue().close();
        }
        let report = self.report(began);
        *self.stage() = Stage::Down(report.clone());
        self.ended.notify_all();
        report
    }

    /// The report of a shutdown that somebody else has begun; `None` if this is the first.
    fn join_shutdown(&self, began: Instant, timeout: Duration) -> Option<ShutdownReport> {
        let mut stage = self.stage();
        if let Stage::Up = &*stage {
            *stage = Stage::Ending;
            return None;
        }
        let ending = |stage: &mut Stage| matches!(stage, Stage::Ending);
        let (stage, _) = self
            .ended
            .wait_timeout_while(stage, timeout, ending)
            .unwrap_or_else(PoisonError::into_inner);
        match &*stage {
            Stage::Down(report) => Some(report.clone()),
            _ => Some(self.report(began)),
        }
    }

    fn set_deadline(&self, at: Instant) {
        self.deadline.send_if_modified(|deadline| {
            let sooner = deadline.is_none_or(|set| at < set);
            if sooner {
                *deadline = Some(at);
            }
            sooner
        });
    }

    fn is_own_thread(&self) -> bool {
        std::thread::current().id() == self.thread
    }

    fn ask(&self, command: impl Fn(Done) -> Command) -> Vec<Receiver<()>> {
        let ask = |lane: &mpsc::UnboundedSender<Command>| {
            let (done, answer) = sync_channel(1);
            drop(lane.send(command(done)));
            answer
        };
        self.commands.iter().map(ask).collect()
    }

    fn report(&self, began: Instant) -> ShutdownReport {
        ShutdownReport::new(
            self.lanes.iter().map(|lane| lane.status()).collect(),
            began.elapsed(),
        )
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline")
            .field("lanes", &self.lanes)
            .finish_non_exhaustive()
    }
}

struct Driven {
    lane: Arc<Lane>,
    factory: ExporterFactory,
    commands: mpsc::UnboundedReceiver<Command>,
}

/// Something that runs on the telemetry thread beside the exporters, until shutdown.
///
/// It must not block: the exporters wait for it.
pub type Service = Box<dyn FnOnce() -> ServiceFuture + Send>;

/// What a [`Service`] does.
pub type ServiceFuture = Pin<Box<dyn Future<Output = ()>>>;

async fn drive(
    lanes: Vec<Driven>,
    services: Vec<(Service, mpsc::UnboundedReceiver<Command>)>,
    deadline: watch::Receiver<Option<Instant>>,
) {
    let mut tasks = JoinSet::new();
    for (service, commands) in services {
        tasks.spawn_local(host(service, commands));
    }
    for driven in lanes {
        tasks.spawn_local(driven.watch(deadline.clone()));
    }
    while tasks.join_next().await.is_some() {}
}

impl Driven {
    /// Drives the lane, and says so at once if its exporter, or what makes it, panics.
    async fn watch(self, deadline: watch::Receiver<Option<Instant>>) {
        let lane = Arc::clone(&self.lane);
        if let Err(error) = spawn_local(self.run(deadline)).await
            && let Ok(panic) = error.try_into_panic()
        {
            lane.ended(panic_message(&*panic));
        }
    }

    async fn run(self, deadline: watch::Receiver<Option<Instant>>) {
        let Self {
            lane,
            factory,
            commands,
        } = self;
        let exporter = factory().unwrap_or_else(|error| Box::new(Unusable::new(&lane, error)));
        Driver::new(lane, exporter, deadline).run(commands).await;
    }
}

/// Lets a service run until shutdown.
async fn host(service: Service, mut commands: mpsc::UnboundedReceiver<Command>) {
    let service = spawn_local(service());
    loop {
        match commands.recv().await {
            Some(Command::Flush(done)) => {
                let _ = done.try_send(());
            }
            Some(Command::Shutdown(done)) => {
                service.abort();
                drop(service.await);
                let _ = done.try_send(());
                return;
            }
            None => return service.abort(),
        }
    }
}

/// Waits for all answers, whatever becomes of one of them: an exporter that has ended must not take
/// the others' time. Says the first thing that went wrong.
fn wait_for(answers: &[Receiver<()>], until: Instant) -> Result<(), FlushError> {
    let mut outcome = Ok(());
    for answer in answers {
        let left = until.saturating_duration_since(Instant::now());
        let answered = answer.recv_timeout(left).map_err(|error| match error {
            RecvTimeoutError::Timeout => FlushError::Timeout,
            RecvTimeoutError::Disconnected => FlushError::Ended,
        });
        outcome = outcome.and(answered);
    }
    outcome
}

/// Stands in for an exporter that could not be made, and says why for each batch.
struct Unusable {
    destination: String,
    error: ExportError,
}

impl Unusable {
    fn new(lane: &Lane, error: ExportError) -> Self {
        Self {
            destination: lane.destination().to_owned(),
            error,
        }
    }
}

impl Exporter for Unusable {
    fn destination(&self) -> String {
        self.destination.clone()
    }

    fn prepare(&mut self, _: &Batch) -> Result<(), ExportError> {
        let error = ExportError::permanent(self.error.to_string());
        Err(match self.error.remedy() {
            Some(remedy) => error.with_remedy(remedy),
            None => error,
        })
    }

    fn attempt(&mut self) -> ExportFuture<'_, Result<Accepted, ExportError>> {
        Box::pin(std::future::ready(Ok(Accepted::all())))
    }
}
