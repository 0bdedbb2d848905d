//! How an objective does.

use std::time::Duration;

use crate::counts::float;
use crate::{AlertSeverity, AlertState, Counts, Period, Ratio, Time};

/// How an objective does at one moment.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Status {
    /// Which objective.
    pub slo_id: String,
    /// The moment.
    pub at: Time,
    /// What was promised.
    pub target: Ratio,
    /// The burn rate of each window that some tier looks at, shortest first, and of a rolling period.
    pub windows: Vec<WindowStatus>,
    /// Which tiers burn, in the order of their table.
    pub tiers: Vec<TierStatus>,
    /// What is left of the errors that were allowed.
    pub budget: Budget,
    /// The page, then the ticket.
    pub alerts: [AlertStatus; 2],
}

impl Status {
    /// The share of good events over the period so far, from 0 to 1; `None` without events.
    #[must_use]
    pub fn sli(&self) -> Option<f64> {
        self.budget.counts.sli()
    }

    /// Whether a deploy may go ahead: not when the period's budget is spent, to the last event.
    #[must_use]
    pub fn gate(&self) -> Gate {
        match self.budget.counts.total() {
            0 => Gate::Unknown,
            _ if self.budget.is_spent => Gate::Stop,
            _ => Gate::Go,
        }
    }

    /// Whether the promise is broken: fewer good events than the target over the period so far.
    #[must_use]
    pub fn is_violating(&self) -> bool {
        let Counts { bad, .. } = self.budget.counts;
        let allowed =
            u128::from(self.target.complement().ppb()) * u128::from(self.budget.counts.total());
        u128::from(bad) * 1_000_000_000 > allowed
    }
}

/// Whether a deploy may go ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Gate {
    /// There is budget left.
    Go,
    /// The budget is spent: [`Budget::consumed_period`] is 1 or more.
    Stop,
    /// There were no events.
    Unknown,
}

/// What happened in one window.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct WindowStatus {
    /// Its length.
    pub window: Duration,
    /// The events in it.
    pub counts: Counts,
    /// `bad ÷ total ÷ (1 − target)`, dimensionless; `None` without events.
    pub burn: Option<f64>,
}

/// Whether one tier burns.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TierStatus {
    /// Its name.
    pub id: String,
    /// The alert that it belongs to.
    pub severity: AlertSeverity,
    /// Whether both its windows exceed its factor.
    pub burning: bool,
}

/// One alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AlertStatus {
    /// Which of the two.
    pub severity: AlertSeverity,
    /// Where it is in its life.
    pub state: AlertState,
}

/// What is left of the errors that were allowed. Nothing is cut off at zero: −1.34 of a budget left
/// says how far it was overspent.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Budget {
    /// The events of the period so far.
    pub counts: Counts,
    /// How many bad events were allowed among so many: `(1 − target) × total`, in events.
    pub allowed_bad: f64,
    /// Which share of what was allowed so far is spent: `bad ÷ allowed_bad`. `None` without events.
    pub consumed_observed: Option<f64>,
    /// Which share of the whole period's budget is spent, if traffic goes on like this:
    /// `consumed_observed × coverage`. `None` without events.
    pub consumed_period: Option<f64>,
    /// How much of the period has been seen, from 0 to 1: `min(1, age ÷ period)`; of a calendar's
    /// period, how much has passed.
    pub coverage: f64,
    /// Seconds of total outage that are left: `(1 − consumed_period) × (1 − target) × period`.
    pub remaining_seconds: Option<f64>,
    /// When it will be spent if it burns on as now: `max(0, 1 − consumed_period) × period ÷ burn`.
    /// `None` if nothing burns. For a rolling period it is the least, because old errors are
    /// forgiven meanwhile.
    pub exhaustion: Option<Duration>,
    is_spent: bool,
}

impl Budget {
    /// What `counts` over the first `passed` of a period spend, and when the rest will be spent at `burn`.
    pub(crate) fn new(
        counts: Counts,
        target: Ratio,
        period: Period,
        passed: Duration,
        burn: Option<f64>,
    ) -> Self {
        let passed = passed.min(period.length());
        let coverage = passed.div_duration_f64(period.length());
        let budget = target.complement();
        let length = period.length().as_secs_f64();
        let consumed_observed = counts.burn(budget);
        let consumed_period = consumed_observed.map(|consumed| consumed * coverage);
        let left = consumed_period.map(|consumed| 1.0 - consumed);
        let exhausted =
            |burn: f64| Duration::try_from_secs_f64(left?.max(0.0) * length / burn).ok();
        Self {
            counts,
            allowed_bad: budget.as_f64() * float(counts.total()),
            consumed_observed,
            consumed_period,
            coverage,
            remaining_seconds: left.map(|left| left * budget.as_f64() * length),
            exhaustion: match left {
                Some(left) if left <= 0.0 => Some(Duration::ZERO),
                _ => burn.filter(|burn| *burn > 0.0).and_then(exhausted),
            },
            is_spent: is_spent(counts, budget, passed, period.length()),
        }
    }

    /// What is left as a share of the whole period's budget; negative when overspent.
    #[must_use]
    pub fn remaining_ratio(&self) -> Option<f64> {
        self.consumed_period.map(|consumed| 1.0 - consumed)
    }
}

/// Whether `bad ÷ total ÷ budget × passed ÷ length` is 1 or more, in whole numbers.
fn is_spent(counts: Counts, budget: Ratio, passed: Duration, length: Duration) -> bool {
    let product = |a: u64, b: u64, c: u64| u128::from(a) * u128::from(b) * u128::from(c);
    let spent = product(counts.bad, 1_000_000_000, passed.as_secs());
    counts.bad > 0 && spent >= product(budget.ppb(), counts.total(), length.as_secs())
}
