//! Counts on the request's path, judges once a tick.

use std::sync::{Arc, PoisonError, RwLock};

use telemetry_core::metrics::Tally;

use crate::evaluator::Evaluator;
use crate::{
    AlertSeverity, Counts, Labels, Objective, Request, SloError, Status, Time, TransitionKind,
};

/// Tracks objectives: handles count events, ticks judge them.
///
/// Somebody calls [`tick_at`](Self::tick_at) every ten seconds, best at multiples of ten. Between
/// ticks it does nothing, and it never reads a clock.
///
/// ```
/// use telemetry_slo::{Objective, Time, Tracker, TransitionKind};
///
/// let mut tracker = Tracker::new(Time::from_secs(1_000));
/// let api = tracker.add(Objective::availability("api", "99.9%".parse()?))?;
/// for status in [503, 500, 503] {
///     api.record(status < 500);
/// }
/// let transitions = tracker.tick_at(Time::from_secs(1_060));
/// assert_eq!(transitions[0].kind, TransitionKind::Firing);
/// # Ok::<(), telemetry_slo::SloError>(())
/// ```
#[derive(Debug)]
pub struct Tracker {
    now: Time,
    objectives: Vec<Tracked>,
    jumps: ClockJumps,
    holding: bool,
}

/// How often the clock did not go its way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClockJumps {
    /// It went back. Time then stands still until the clock has caught up.
    pub back: u64,
    /// It went more than a minute ahead between two ticks, or the process was suspended.
    pub forward: u64,
}

/// From how many seconds between two ticks on the clock is said to have jumped.
const JUMP: u64 = 60;

#[derive(Debug)]
struct Tracked {
    handle: SloHandle,
    evaluator: Evaluator,
}

impl Tracker {
    /// Without objectives, from `start` on.
    #[must_use]
    pub fn new(start: Time) -> Self {
        Self {
            now: start,
            objectives: Vec::new(),
            jumps: ClockJumps::default(),
            holding: false,
        }
    }

    /// Tracks one more objective from the last tick on.
    ///
    /// # Errors
    ///
    /// [`SloError::Objective`] if the id is taken, the target is 100 %, the period is not from an
    /// hour to 366 days long, or a tier could never fire or looks further than the period.
    pub fn add(&mut self, objective: Objective) -> Result<SloHandle, SloError> {
        if self.handle(&objective.id).is_some() {
            return Err(SloError::Objective {
                id: objective.id,
                reason: "there is one of this id already: ids are unique".to_owned(),
            });
        }
        let tiers = objective.check()?;
        let evaluator = Evaluator::new(objective, tiers, self.now);
        let handle = SloHandle(Arc::new(Series {
            counts: Tally::new(),
            sli: evaluator.objective().sli,
            id: evaluator.objective().id.clone(),
            status: RwLock::new(Arc::new(evaluator.status(self.now, Counts::default()))),
        }));
        self.objectives.push(Tracked {
            handle: handle.clone(),
            evaluator,
        });
        Ok(handle)
    }

    /// The handle of an objective, if there is one of this id.
    #[must_use]
    pub fn handle(&self, slo_id: &str) -> Option<SloHandle> {
        self.find(slo_id).map(|tracked| tracked.handle.clone())
    }

    /// Judges all objectives at `now` and returns what happened to their alerts.
    ///
    /// A time before the last one is that last one: time stands still until the clock has caught
    /// up. After a gap, the events since the last tick belong to its end, and what came before
    /// stays known.
    pub fn tick_at(&mut self, now: Time) -> Vec<Transition> {
        self.follow(now);
        let mut transitions = Vec::new();
        for tracked in &mut self.objectives {
            tracked.tick(self.now, &mut transitions);
        }
        transitions
    }

    /// How an objective does at `now`, which is not before the last tick, without judging it.
    #[must_use]
    pub fn status_at(&self, slo_id: &str, now: Time) -> Option<Status> {
        let tracked = self.find(slo_id)?;
        Some(
            tracked
                .evaluator
                .status(now.max(self.now), tracked.handle.counts()),
        )
    }

    /// How often the clock did not go its way.
    #[must_use]
    pub fn clock_jumps(&self) -> ClockJumps {
        self.jumps
    }

    /// Bytes that the past of one objective takes: 36,928 for 30 days at the standard resolution.
    #[must_use]
    pub fn history_bytes(&self, slo_id: &str) -> Option<usize> {
        self.find(slo_id).map(|tracked| tracked.evaluator.bytes())
    }

    fn find(&self, slo_id: &str) -> Option<&Tracked> {
        self.objectives
            .iter()
            .find(|tracked| tracked.handle.id() == slo_id)
    }

    fn follow(&mut self, now: Time) {
        if now < self.now {
            self.jumps.back += u64::from(!self.holding);
        } else if now.since(self.now) > JUMP {
            self.jumps.forward += 1;
        }
        self.holding = now < self.now;
        self.now = now.max(self.now);
    }
}

impl Tracked {
    fn tick(&mut self, now: Time, transitions: &mut Vec<Transition>) {
        let steps = self.evaluator.tick(now, self.handle.counts());
        let status = Arc::new(self.evaluator.status(now, self.evaluator.latest()));
        transitions.extend(steps.into_iter().map(|(severity, step)| Transition {
            slo_id: self.handle.id().to_owned(),
            severity,
            labels: self.evaluator.objective().labels(severity),
            runbook_url: self.evaluator.objective().runbook_url(),
            kind: step.kind,
            at: now,
            fired_at: step.fired_at,
            notify: step.notify,
            status: Arc::clone(&status),
        }));
        *self
            .handle
            .0
            .status
            .write()
            .unwrap_or_else(PoisonError::into_inner) = status;
    }
}

/// Counts the events of one objective, from any thread.
#[derive(Clone, Debug)]
pub struct SloHandle(Arc<Series>);

#[derive(Debug)]
struct Series {
    counts: Tally<2>,
    sli: crate::Sli,
    id: String,
    status: RwLock<Arc<Status>>,
}

const GOOD: usize = 0;
const BAD: usize = 1;

impl SloHandle {
    /// The id of the objective.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// Counts one event. Takes a nanosecond or two, reads no clock and allocates nothing.
    #[inline]
    pub fn record(&self, good: bool) {
        if good {
            self.0.counts.add::<GOOD>(1);
        } else {
            self.0.counts.add::<BAD>(1);
        }
    }

    /// Counts many events.
    pub fn record_many(&self, events: Counts) {
        self.0.counts.add::<GOOD>(events.good);
        self.0.counts.add::<BAD>(events.bad);
    }

    /// Judges how a request ended, and counts it if it is valid.
    pub fn record_request(&self, request: &Request) {
        if let Some(good) = self.0.sli.judge(request) {
            self.record(good);
        }
    }

    /// All events so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let [good, bad] = self.0.counts.totals();
        Counts::new(good, bad)
    }

    /// How the objective did at the last tick.
    #[must_use]
    pub fn status(&self) -> Arc<Status> {
        let status = self.0.status.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&status)
    }
}

/// Something that happened to an alert.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Transition {
    /// Whose alert it is.
    pub slo_id: String,
    /// Which of its two alerts.
    pub severity: AlertSeverity,
    /// What the alert is known by.
    pub labels: Labels,
    /// Where it is written what to do, if it is.
    pub runbook_url: Option<String>,
    /// What happened.
    pub kind: TransitionKind,
    /// When.
    pub at: Time,
    /// When the alert fired: with the id and the severity it names the occurrence.
    pub fired_at: Time,
    /// Whether to tell people. Not while a page of the same objective fires, for tickets; and the
    /// end of an alert only if its beginning was told.
    pub notify: bool,
    /// How the objective does.
    pub status: Arc<Status>,
}
