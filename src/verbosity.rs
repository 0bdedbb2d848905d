//! More lines where and while they are wanted.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
#[cfg(feature = "verbose-token")]
use telemetry_core::config::Plan;
use telemetry_core::diagnostics::{Level, Voice};
use telemetry_core::pipeline::Service;
use telemetry_log::{OverrideStatus, Verbosity};
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

/// The timer on the telemetry thread that takes away what has expired, and says what is in its way.
pub(crate) fn timer(verbosity: Verbosity, voice: Voice) -> Service {
    let changed = Arc::new(Notify::new());
    let wake = Arc::clone(&changed);
    verbosity.watch(move || wake.notify_one());
    Box::new(move || {
        Box::pin(async move {
            let mut said = None;
            loop {
                match verbosity.next_expiry() {
                    Some(left) => {
                        let timeout = tokio::time::sleep(left.min(LOOK_EVERY));
                        tokio::select! { () = timeout => {} () = changed.notified() => {} }
                    }
                    None => changed.notified().await,
                }
                verbosity.expire();
                let defeat = verbosity.defeated_by();
                if let Some(defeat) = defeat.filter(|it| said != Some(*it)) {
                    said = Some(defeat);
                    let what = "telemetry: the log was to be more verbose and is not";
                    voice.say(Level::Warn, format_args!("{what}: {defeat}"));
                }
            }
        })
    })
}

/// An override as the endpoint and the status show it.
pub(crate) fn shown(set: &OverrideStatus) -> Value {
    json!({
        "id": set.id.get(),
        "scope": set.scope.to_string(),
        "level": set.level.as_str().to_ascii_lowercase(),
        "targets": set.targets,
        "reason": set.reason,
        "source": set.source,
        "session": set.session,
        "remaining_seconds": set.remaining.as_secs_f64(),
    })
}
