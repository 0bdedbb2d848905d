//! One alert: whether it fires, since when, and what is said about it.

use std::time::Duration;

use crate::Time;

/// Where an alert is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AlertState {
    /// Nothing burns.
    #[default]
    Inactive,
    /// It burns, but not yet for long enough.
    Pending {
        /// When it began to burn.
        since: Time,
    },
    /// Somebody should act.
    Firing {
        /// When it fired.
        since: Time,
        /// Since when it does not burn any more, if so.
        calm_since: Option<Time>,
    },
    /// It is over, for not longer than 15 minutes.
    Resolved {
        /// When it had fired.
        fired_at: Time,
        /// When it ended.
        resolved_at: Time,
    },
}

impl AlertState {
    /// `inactive`, `pending`, `firing` or `resolved`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Pending { .. } => "pending",
            Self::Firing { .. } => "firing",
            Self::Resolved { .. } => "resolved",
        }
    }

    /// Whether it fires.
    #[must_use]
    pub const fn is_firing(self) -> bool {
        matches!(self, Self::Firing { .. })
    }
}

/// How patient an alert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AlertTiming {
    /// How long it must burn without a break before it fires. Zero by default, which the Workbook
    /// advises: the short window is the filter.
    pub fire_after: Duration,
    /// How long it must not burn before it resolves. Zero by default; five minutes are a good
    /// choice for pages, thirty for tickets.
    pub keep_firing_for: Duration,
    /// After how long it is said again while it fires; never if zero. An hour for pages, a day for
    /// tickets.
    pub repeat_interval: Duration,
}

impl AlertTiming {
    /// Fires and resolves at once, and says it again after the interval.
    #[must_use]
    pub const fn repeated_every(interval: Duration) -> Self {
        Self {
            fire_after: Duration::ZERO,
            keep_firing_for: Duration::ZERO,
            repeat_interval: interval,
        }
    }
}

/// What happened to an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransitionKind {
    /// It fires now: once for each occurrence.
    Firing,
    /// It has ended: once for each [`Firing`](Self::Firing).
    Resolved,
    /// It still fires, after the repeat interval.
    Repeated,
    /// It still fires, and what kept it from being told has ended.
    Released,
}

/// What happened, since when, and whether to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) kind: TransitionKind,
    pub(crate) fired_at: Time,
    pub(crate) notify: bool,
}

/// For how long an alert that has ended is shown as resolved, as Prometheus does.
const RESOLVED_RETENTION: Duration = Duration::from_secs(15 * 60);

#[derive(Debug)]
pub(crate) struct Alert {
    timing: AlertTiming,
    state: AlertState,
    /// When somebody was last told that it fires, in this occurrence.
    told: Option<Time>,
}

impl Alert {
    pub(crate) fn new(timing: AlertTiming) -> Self {
        Self {
            timing,
            state: AlertState::Inactive,
            told: None,
        }
    }

    pub(crate) fn state(&self) -> AlertState {
        self.state
    }

    /// Lives on to `now`, at which it burns or does not. While `inhibited`, it lives untold.
    pub(crate) fn advance(&mut self, now: Time, burning: bool, inhibited: bool) -> Option<Step> {
        let before = self.state;
        self.state = self.next(now, burning);
        match (before, self.state) {
            (AlertState::Firing { since, .. }, AlertState::Resolved { .. }) => {
                let notify = self.told.take().is_some();
                Some(step(TransitionKind::Resolved, since, notify))
            }
            (AlertState::Firing { .. }, AlertState::Firing { since, .. }) if !inhibited => {
                let kind = self.reminder(now)?;
                self.told = Some(now);
                Some(step(kind, since, true))
            }
            (AlertState::Firing { .. }, _) => None,
            (_, AlertState::Firing { since, .. }) => {
                self.told = (!inhibited).then_some(now);
                Some(step(TransitionKind::Firing, since, !inhibited))
            }
            _ => None,
        }
    }

    fn next(&self, now: Time, burning: bool) -> AlertState {
        match self.state {
            AlertState::Inactive | AlertState::Resolved { .. } if burning => {
                self.burns_since(now, now)
            }
            AlertState::Pending { since } if burning => self.burns_since(since, now),
            AlertState::Firing { since, .. } if burning => AlertState::Firing {
                since,
                calm_since: None,
            },
            AlertState::Firing { since, calm_since } => {
                self.calms(since, calm_since.unwrap_or(now), now)
            }
            AlertState::Resolved { resolved_at, .. }
                if !lasted(resolved_at, now, RESOLVED_RETENTION) =>
            {
                self.state
            }
            _ => AlertState::Inactive,
        }
    }

    fn burns_since(&self, since: Time, now: Time) -> AlertState {
        if lasted(since, now, self.timing.fire_after) {
            AlertState::Firing {
                since: now,
                calm_since: None,
            }
        } else {
            AlertState::Pending { since }
        }
    }

    fn calms(&self, fired_at: Time, calm_since: Time, now: Time) -> AlertState {
        if lasted(calm_since, now, self.timing.keep_firing_for) {
            AlertState::Resolved {
                fired_at,
                resolved_at: now,
            }
        } else {
            AlertState::Firing {
                since: fired_at,
                calm_since: Some(calm_since),
            }
        }
    }

    fn reminder(&self, now: Time) -> Option<TransitionKind> {
        let Some(told) = self.told else {
            return Some(TransitionKind::Released);
        };
        let interval = self.timing.repeat_interval;
        let due = !interval.is_zero() && lasted(told, now, interval);
        due.then_some(TransitionKind::Repeated)
    }
}

fn step(kind: TransitionKind, fired_at: Time, notify: bool) -> Step {
    Step {
        kind,
        fired_at,
        notify,
    }
}

fn lasted(since: Time, now: Time, time: Duration) -> bool {
    Duration::from_secs(now.since(since)) >= time
}

#[cfg(test)]
mod tests;
