//! The signals that ask a service to end.

use std::sync::OnceLock;

use tokio::sync::watch;

/// Completes when the process is asked to end: Ctrl-C (SIGINT) or SIGTERM.
///
/// Give it to `with_graceful_shutdown`. It works on every executor, because a thread of its own
/// listens, started by the first call. A second signal ends the process at once, with exit code
/// 130, for those who cannot wait.
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
            // the listener could not start: nothing will ever ask
            std::future::pending::<()>().await;
        }
    }
}

/// Starts the listener, once.
fn listen() -> Option<watch::Receiver<bool>> {
    static ASKED: OnceLock<Option<watch::Receiver<bool>>> = OnceLock::new();
    ASKED
        .get_or_init(|| {
            let (sender, receiver) = watch::channel(false);
            let thread = std::thread::Builder::new().name("telemetry-signal".to_owned());
            thread.spawn(move || wait(&sender)).ok().map(|_| receiver)
        })
        .clone()
}

fn wait(asked: &watch::Sender<bool>) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
    else {
        return;
    };
    runtime.block_on(async {
        if next().await {
            asked.send_replace(true);
            next().await;
            exit();
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

/// Waits for a signal; false if there can be none.
#[cfg(unix)]
async fn next() -> bool {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) else {
        return false;
    };
    tokio::select! {
        received = interrupt.recv() => received.is_some(),
        received = terminate.recv() => received.is_some(),
    }
}

/// Waits for a signal; false if there can be none.
#[cfg(not(unix))]
async fn next() -> bool {
    tokio::signal::ctrl_c().await.is_ok()
}
