//! Stands in for `autolog.rs` without feature `autolog-client`: no service is asked.

use telemetry_core::clock::Clock;
use telemetry_core::config::Plan;
use telemetry_core::diagnostics::{Level, Voice};
use telemetry_core::pipeline::Service;

#[derive(Debug)]
pub(crate) struct Client;

impl Client {
    pub(crate) fn of<F>(plan: &Plan, _: &F, _: &Clock, voice: &Voice) -> Self {
        if plan.autolog.url.is_some() {
            let why = "this program is built without feature autolog-client";
            voice.say(
                Level::Warn,
                format_args!("telemetry: AUTOLOG_URL has no effect: {why}"),
            );
        }
        Self
    }

    #[expect(clippy::unused_self, reason = "it stands in for the client")]
    pub(crate) fn service(&self) -> Option<Service> {
        None
    }
}
