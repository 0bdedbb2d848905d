//! The client of the auto-log service, with feature `autolog-client`.

use telemetry_core::clock::Clock;
use telemetry_core::config::Plan;
use telemetry_core::diagnostics::{Level, Voice};
use telemetry_core::pipeline::Service;
use telemetry_log::{Autolog, AutologStatus, BaseFilter};

/// The client, if there is a service to ask.
#[derive(Debug)]
pub(crate) struct Client(Option<Autolog>);

impl Client {
    pub(crate) fn of(plan: &Plan, filter: &BaseFilter, clock: &Clock, voice: &Voice) -> Self {
        if plan.disabled {
            return Self(None);
        }
        let (verbosity, clock) = (filter.verbosity(), clock.clone());
        let client = Autolog::new(&plan.autolog, verbosity, clock, voice.clone());
        Self(client.unwrap_or_else(|error| {
            let told = "telemetry: the auto-log service is not asked";
            voice.say(Level::Error, format_args!("{told}: {error}"));
            None
        }))
    }

    /// What asks the service on the telemetry thread.
    pub(crate) fn service(&self) -> Option<Service> {
        self.0.as_ref().map(Autolog::service)
    }

    pub(crate) fn status(&self) -> Option<AutologStatus> {
        self.0.as_ref().map(Autolog::status)
    }
}
