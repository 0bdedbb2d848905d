//! The signals that ask a service to end.

use std::io;
use std::sync::OnceLock;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

/// Completes when the process is asked to end: Ctrl-C (SIGINT) or SIGTERM.
///
/// Give it to `with_graceful_shutdown`. It works on every executor, because a thread of its own
/// listens from the first call on. A second signal ends the process at once, with exit code 130,
/// for those who cannot wait.
///
/// ```
/// # async fn serve(shutdown: impl Future<Output = ()>) {}
/// # async fn run() {
/// serve(telemetry::shutdown_signal()).await;
/// # }
/// ```
#[must_use = "a future does nothing unless it is awaited"]
pub fn shutdown_signal() -> impl Future<Output = ()> + Send + 'static {
    let asked = listen();
    async move {
        let Some(mut asked) = asked else {
            return std::future::pending().await;
        };
        if asked.wait_for(|asked| *asked).await.is_err() {
            // the listener has ended: nothing will ever ask
            std::future::pending::<()>().await;
        }
    }
}

/// Starts the listener, once. No signal that comes after it has returned is missed.
fn listen() -> Option<watch::Receiver<bool>> {
    static ASKED: OnceLock<Option<watch::Receiver<bool>>> = OnceLock::new();
    ASKED.get_or_init(|| start().ok()).clone()
}

fn start() -> io::Result<watch::Receiver<bool>> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let signals = {
        let _context = runtime.enter();
        Signals::catch()?
    };
    let (sender, receiver) = watch::channel(false);
    std::thread::Builder::new()
        .name("telemetry-signal".to_owned())
        .spawn(move || wait(&runtime, signals, &sender))?;
    Ok(receiver)
}

fn wait(runtime: &Runtime, mut signals: Signals, asked: &watch::Sender<bool>) {
    runtime.block_on(async {
        if signals.next().await {
            asked.send_replace(true);
            if signals.next().await {
                exit();
            }
        }
    });
}

#[expect(
    clippy::exit,
    reason = "the second signal means now; the first one was the polite one"
)]
fn exit() {
    std::process::exit(130);
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn catch() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for a signal; false if there can be none.
    async fn next(&mut self) -> bool {
        tokio::select! {
            received = self.interrupt.recv() => received.is_some(),
            received = self.terminate.recv() => received.is_some(),
        }
    }
}

#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    fn catch() -> io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    /// Waits for a signal; false if there can be none.
    async fn next(&mut self) -> bool {
        self.0.recv().await.is_some()
    }
}

#[cfg(not(any(unix, windows)))]
struct Signals;

#[cfg(not(any(unix, windows)))]
impl Signals {
    fn catch() -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn next(&mut self) -> bool {
        false
    }
}
