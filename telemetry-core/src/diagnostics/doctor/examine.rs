//! The doctor at work.

use std::path::PathBuf;
use std::time::Duration;

use super::backend::{self, Backends};
use super::destination;
use super::diagnosis::Diagnosis;
use super::finding::Finding;
use super::linked;
use super::settings;
use super::trial::Trial;
use super::walk::{walk, was_accepted};
use crate::config::{Plan, Report};
use crate::pipeline::mark_own_thread;

/// Examines a configuration and the way to its collector.
#[derive(Clone, Debug)]
#[must_use = "it does nothing before run()"]
pub struct Doctor {
    plan: Plan,
    report: Report,
    outside: bool,
    lock: Option<PathBuf>,
    executable: Option<PathBuf>,
    backends: Backends,
    step_timeout: Duration,
    arrival_timeout: Duration,
}

/// As long as connecting takes at most in an export.
const STEP_TIMEOUT: Duration = Duration::from_secs(5);

/// A collector batches, a backend indexes, and Prometheus reads every 15 s by many a configuration.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(20);

/// What is wrong with instruments that nobody can see from here.
const EARLY_INSTRUMENTS: &str = "an instrument that opentelemetry::global::meter gave out, or a \
    tracer of opentelemetry::global::tracer, records nothing if it was touched before init(); \
    telemetry::meter and tracing spans do";

const SETTINGS_IN_CODE: &str = "settings made in code: this is another process; call \
    telemetry.doctor() or its route in the program itself";

impl Doctor {
    /// A doctor for a resolved configuration, called by the program that has it.
    pub fn new(plan: &Plan, report: &Report) -> Self {
        Self {
            plan: plan.clone(),
            report: report.clone(),
            outside: false,
            lock: None,
            executable: None,
            backends: Backends::default(),
            step_timeout: STEP_TIMEOUT,
            arrival_timeout: ARRIVAL_TIMEOUT,
        }
    }

    /// Says that the program which is examined is another one, whose code is not seen.
    pub fn from_outside(mut self) -> Self {
        self.outside = true;
        self
    }

    /// Lists the versions of `opentelemetry` in this `Cargo.lock`.
    pub fn lock(mut self, path: impl Into<PathBuf>) -> Self {
        self.lock = Some(path.into());
        self
    }

    /// Lists the versions of `opentelemetry` that left their name in this executable.
    pub fn executable(mut self, path: impl Into<PathBuf>) -> Self {
        self.executable = Some(path.into());
        self
    }

    /// Asks these backends whether the test data has arrived.
    pub fn query(mut self, backends: Backends) -> Self {
        self.backends = backends;
        self
    }

    /// Sets how long one step may take. Default: 5 s.
    pub fn step_timeout(mut self, timeout: Duration) -> Self {
        self.step_timeout = timeout;
        self
    }

    /// Sets how long the test data may take to arrive at a backend. Default: 20 s.
    pub fn arrival_timeout(mut self, timeout: Duration) -> Self {
        self.arrival_timeout = timeout;
        self
    }

    /// Examines, and returns when all is known: at the latest when each step has used up its time.
    ///
    /// It blocks, on a thread and a runtime of its own; asynchronous code calls it through its
    /// runtime's `spawn_blocking`.
    #[must_use]
    pub fn run(&self) -> Diagnosis {
        let thread = std::thread::Builder::new().name("telemetry-doctor".to_owned());
        let examined = std::thread::scope(|scope| {
            let handle = thread.spawn_scoped(scope, || self.examine()).ok()?;
            handle.join().ok()
        });
        examined.unwrap_or_else(|| self.unable())
    }

    fn examine(&self) -> Diagnosis {
        // what the transports trace and log must not come back as telemetry
        mark_own_thread();
        let mut diagnosis = self.look();
        if self.plan.disabled {
            return diagnosis;
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let Ok(runtime) = runtime else {
            return self.unable();
        };
        runtime.block_on(self.try_out(&mut diagnosis));
        // dropping the runtime would wait for name resolution
        runtime.shutdown_background();
        diagnosis
    }

    /// What needs no network.
    fn look(&self) -> Diagnosis {
        let lock = self.lock.as_deref().map(linked::in_lock);
        let executable = self.executable.as_deref().map(linked::in_executable);
        let mut blind_spots = Vec::new();
        if self.outside {
            blind_spots.push(SETTINGS_IN_CODE.to_owned());
        }
        blind_spots.push(EARLY_INSTRUMENTS.to_owned());
        Diagnosis {
            service_name: self.plan.service_name(),
            settings: self.plan.settings.clone(),
            blind_spots,
            findings: settings::findings(&self.plan, &self.report),
            destinations: Vec::new(),
            linked: lock.into_iter().chain(executable).collect(),
            asked: Vec::new(),
            trace_id: None,
        }
    }

    async fn try_out(&self, diagnosis: &mut Diagnosis) {
        let trial = Trial::new();
        for destination in destination::all(&self.plan) {
            let walked = walk(&destination, &trial, &self.plan.resource, self.step_timeout);
            diagnosis.destinations.push(walked.await);
        }
        if diagnosis.destinations.is_empty() {
            return;
        }
        let mut signals = destination::signals(&self.plan).into_iter();
        let accepted = signals.any(|(signal, ..)| was_accepted(&diagnosis.destinations, signal));
        diagnosis.trace_id = accepted.then(|| trial.trace_id.to_string());
        let asking = backend::ask(
            &self.backends,
            &trial,
            &diagnosis.service_name,
            &diagnosis.destinations,
            self.arrival_timeout,
        );
        diagnosis.asked = asking.await;
    }

    fn unable(&self) -> Diagnosis {
        let mut diagnosis = self.look();
        diagnosis.findings.push(
            Finding::problem(
                "the doctor could not start a thread or a runtime, so nothing was tried",
            )
            .remedy("Check the limits of processes, threads and files"),
        );
        diagnosis
    }
}
