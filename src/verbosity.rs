//! More lines where and while they are wanted.

use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "verbose-token")]
use telemetry_core::config::Plan;
use telemetry_core::pipeline::Service;
use telemetry_log::Verbosity;
use tokio::sync::Notify;

use crate::handle::Telemetry;

/// How often the timer looks while an override is set: the clock of a test may stand or leap.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Telemetry {
    /// Makes the log more verbose, in one place and for a while, while the program runs.
    ///
    /// ```
    /// use std::time::Duration;
    /// use telemetry::logs::{Override, Scope};
    /// use tracing::Level;
    ///
    /// let telemetry = telemetry::init()?;
    /// let wish = Override::new(Scope::Route("/pay".into()), Level::DEBUG, Duration::from_secs(600));
    /// telemetry.verbosity().set(wish.reason("refunds fail"))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn verbosity(&self) -> Verbosity {
        self.parts().lines.verbosity().clone()
    }
}

/// Accepts the tokens of verbose requests, if the plan has a secret for them.
#[cfg(feature = "verbose-token")]
pub(crate) fn accept(verbosity: &Verbosity, plan: &Plan) {
    let verbose = &plan.verbose;
    let Some(secret) = &verbose.secret else {
        return;
    };
    // the plan has checked its length
    if let Ok(tokens) = telemetry_log::Tokens::new(secret.reveal().as_bytes()) {
        let hosts = verbose.hosts.iter().cloned();
        verbosity.accept(tokens.header(verbose.header.clone()).hosts(hosts));
    }
}

/// The timer on the telemetry thread that takes away what has expired.
pub(crate) fn timer(verbosity: Verbosity) -> Service {
    let changed = Arc::new(Notify::new());
    let wake = Arc::clone(&changed);
    verbosity.watch(move || wake.notify_one());
    Box::new(move || {
        Box::pin(async move {
            loop {
                match verbosity.next_expiry() {
                    Some(left) => {
                        let timeout = tokio::time::sleep(left.min(LOOK_EVERY));
                        tokio::select! { () = timeout => {} () = changed.notified() => {} }
                    }
                    None => changed.notified().await,
                }
                verbosity.expire();
            }
        })
    })
}
