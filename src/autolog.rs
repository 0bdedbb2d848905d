//! The client of the auto-log service, with feature `autolog-client`.

use telemetry_core::clock::Clock;
use telemetry_core::config::Plan;
use telemetry_core::diagnostics::{Level, Voice};
use telemetry_core::pipeline::Service;
use telemetry_log::{Autolog, AutologStatus, BaseFilter};

use crate::lines::Lines;

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

    /// Has the errors of these lines reported.
    pub(crate) fn count(&self, lines: &Lines) {
        if let Some(client) = &self.0 {
            let log = lines.handle().clone();
            client.count_errors(move || log.records());
        }
    }

    pub(crate) fn status(&self) -> Option<AutologStatus> {
        self.0.as_ref().map(Autolog::status)
    }
}
