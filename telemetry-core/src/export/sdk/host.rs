//! The threads on which a foreign exporter lives.

use std::any::Any;
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{mpsc, oneshot};

use crate::export::{Accepted, ExportError};
use crate::pipeline::mark_own_thread;

/// What a foreign exporter can do.
pub(super) trait Foreign: 'static {
    /// What it takes in one call.
    type Load: Send + Sync + 'static;

    fn export(&self, load: Arc<Self::Load>) -> impl Future<Output = OTelSdkResult>;
    fn force_flush(&self) -> OTelSdkResult;
    fn shutdown(&self, deadline: Duration) -> OTelSdkResult;
}

/// A foreign exporter on its thread. Never joined: dropping this ends the thread after what it is
/// doing, or leaves it behind if that never ends.
#[derive(Debug)]
pub(super) struct Host<L> {
    commands: mpsc::Sender<Command<L>>,
    panics: Arc<AtomicU64>,
    name: String,
    load: Option<Arc<L>>,
    /// What the exporter will answer about the load, once it has been handed over.
    answer: Option<Answer>,
}

#[derive(Debug)]
enum Command<L> {
    Export(Arc<L>, Reply),
    Flush(Reply),
    Shutdown(Reply),
}

type Answer = oneshot::Receiver<Result<(), Failure>>;
type Reply = oneshot::Sender<Result<(), Failure>>;

/// Why a call of the foreign exporter did not succeed.
#[derive(Debug)]
enum Failure {
    Reported(OTelSdkError),
    Panicked(String),
}

/// What the exporter is told to take at most for its shutdown: the SDK's own default. Whoever
/// waits for it may give up earlier.
const SHUTDOWN: Duration = Duration::from_secs(5);

/// What may wait while the exporter works: one load, so that memory is bounded and a busy
/// exporter is seen at once.
const WAITING: usize = 1;

impl<L: Send + Sync + 'static> Host<L> {
    /// Makes the exporter on its thread.
    pub(super) fn start<F: Foreign<Load = L>>(
        name: &str,
        make: impl FnOnce() -> F + Send + 'static,
    ) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (alive, ended) = oneshot::channel();
        drive(name, runtime, ended)?;
        let (commands, received) = mpsc::channel(WAITING);
        let panics = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&panics);
        std::thread::Builder::new()
            .name(format!("{name}-exporter"))
            .spawn(move || {
                serve(make, received, &handle, &counter);
                drop(alive);
            })?;
        Ok(Self {
            commands,
            panics,
            name: name.to_owned(),
            load: None,
            answer: None,
        })
    }

    /// The name that was given.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// How often the exporter panicked.
    pub(super) fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }

    /// Puts a load where [`Host::export`] takes it.
    pub(super) fn prepare(&mut self, load: L) {
        self.answer = None;
        self.load = Some(Arc::new(load));
    }

    /// Lets go of the load. If the exporter has not begun with it, it never will.
    pub(super) fn release(&mut self) {
        self.answer = None;
        self.load = None;
    }

    /// Has the load exported. If this is dropped in between, calling it again waits for the same
    /// answer instead of sending twice.
    pub(super) async fn export(&mut self) -> Result<Accepted, ExportError> {
        let answer = match self.answer.take() {
            Some(answer) => answer,
            None => self.hand_over()?,
        };
        let answer = self.answer.insert(answer).await;
        self.answer = None;
        self.outcome(answer).map(|()| Accepted::all())
    }

    fn hand_over(&self) -> Result<Answer, ExportError> {
        let Some(load) = &self.load else {
            return Err(ExportError::permanent("nothing was prepared for export"));
        };
        let (reply, answer) = oneshot::channel();
        match self
            .commands
            .try_send(Command::Export(Arc::clone(load), reply))
        {
            Ok(()) => Ok(answer),
            Err(mpsc::error::TrySendError::Full(_)) => Err(self.busy()),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(self.ended()),
        }
    }

    /// Asks the exporter to flush.
    pub(super) async fn flush(&self) -> Result<(), ExportError> {
        self.ask(Command::Flush).await
    }

    /// Asks the exporter to end.
    pub(super) async fn shutdown(&self) -> Result<(), ExportError> {
        self.ask(Command::Shutdown).await
    }

    async fn ask(&self, command: impl FnOnce(Reply) -> Command<L>) -> Result<(), ExportError> {
        let (reply, answer) = oneshot::channel();
        match self.commands.send(command(reply)).await {
            Ok(()) => self.outcome(answer.await),
            Err(_) => Err(self.ended()),
        }
    }

    fn outcome(&self, answer: <Answer as Future>::Output) -> Result<(), ExportError> {
        let name = &self.name;
        match answer {
            Ok(Ok(())) => Ok(()),
            Ok(Err(Failure::Panicked(what))) => Err(ExportError::permanent(format!(
                "the exporter {name} panicked: {what}"
            ))),
            Ok(Err(Failure::Reported(error @ OTelSdkError::Timeout(_)))) => Err(
                ExportError::timeout(format!("the exporter {name} timed out")).with_source(error),
            ),
            Ok(Err(Failure::Reported(error))) => Err(ExportError::permanent(format!(
                "the exporter {name} failed"
            ))
            .with_source(error)),
            Err(_) => Err(self.ended()),
        }
    }

    fn busy(&self) -> ExportError {
        let message = format!("the exporter {} is still busy", self.name);
        ExportError::retryable(message, None)
            .with_remedy("it blocks: give it a timeout of its own, or use the OTLP exporter")
    }

    fn ended(&self) -> ExportError {
        ExportError::permanent(format!(
            "the thread of the exporter {} has ended",
            self.name
        ))
    }
}

/// Drives the timers and sockets of a runtime until `ended` is dropped.
fn drive(name: &str, runtime: Runtime, ended: oneshot::Receiver<()>) -> io::Result<()> {
    std::thread::Builder::new()
        .name(format!("{name}-runtime"))
        .spawn(move || {
            mark_own_thread();
            let _quiet = opentelemetry::Context::enter_telemetry_suppressed_scope();
            let _ = runtime.block_on(ended);
            // dropping it would wait for name resolution
            runtime.shutdown_background();
        })?;
    Ok(())
}

/// Serves commands until nobody can send any.
fn serve<F: Foreign>(
    make: impl FnOnce() -> F,
    mut commands: mpsc::Receiver<Command<F::Load>>,
    runtime: &Handle,
    panics: &AtomicU64,
) {
    // telemetry about sending telemetry would never end
    mark_own_thread();
    let _quiet = opentelemetry::Context::enter_telemetry_suppressed_scope();
    let _context = runtime.enter();
    let Ok(exporter) = guarded(panics, make) else {
        return;
    };
    while let Some(command) = commands.blocking_recv() {
        let (reply, outcome) = match command {
            // whoever sent it has given up and counted it
            Command::Export(_, reply) if reply.is_closed() => continue,
            Command::Export(load, reply) => {
                let export = || block_on(exporter.export(load));
                (reply, guarded(panics, export))
            }
            Command::Flush(reply) => (reply, guarded(panics, || exporter.force_flush())),
            Command::Shutdown(reply) => (reply, guarded(panics, || exporter.shutdown(SHUTDOWN))),
        };
        // whoever asked may have given up
        drop(reply.send(outcome.and_then(|done| done.map_err(Failure::Reported))));
    }
    drop(guarded(panics, || drop(exporter)));
}

/// Runs foreign code; a panic in it is counted and reported, and the thread goes on.
fn guarded<T>(panics: &AtomicU64, call: impl FnOnce() -> T) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|panic| {
        panics.fetch_add(1, Ordering::Relaxed);
        Failure::Panicked(panic_message(&*panic).to_owned())
    })
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

/// Runs a future on this thread, without becoming a runtime: a blocking HTTP client refuses to
/// work inside of one.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}
