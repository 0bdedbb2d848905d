//! Judges one objective at each tick.

use std::time::Duration;

use crate::alert::{Alert, Step};
use crate::burn_rate::Share;
use crate::pyramid::Pyramid;
use crate::status::{AlertStatus, Budget, Status, TierStatus, WindowStatus};
use crate::{AlertSeverity, Cold, Counts, Objective, Period, Ratio, Tier, Time};

/// The window whose burn rate foretells when the budget is spent, if no tier burns.
const OUTLOOK: Duration = Duration::from_secs(3600);

#[derive(Debug)]
pub(crate) struct Evaluator {
    objective: Objective,
    tiers: Vec<Judged>,
    windows: Vec<Duration>,
    history: Pyramid,
    /// Where the calendar's period began, and what had been counted there.
    begun: Option<(Time, Counts)>,
    page: Alert,
    ticket: Alert,
}

#[derive(Debug)]
struct Judged {
    tier: Tier,
    burning: bool,
}

impl Evaluator {
    pub(crate) fn new(objective: Objective, tiers: Vec<Tier>, start: Time) -> Self {
        let mut windows: Vec<_> = tiers
            .iter()
            .flat_map(|tier| [tier.long, tier.short])
            .collect();
        if let Period::Rolling(period) = objective.period {
            windows.push(period);
        }
        windows.sort_unstable();
        windows.dedup();
        let reach = windows
            .iter()
            .copied()
            .chain([objective.period.length()])
            .max();
        let reach = reach.unwrap_or(OUTLOOK).as_secs();
        let judged = |tier| Judged {
            tier,
            burning: false,
        };
        Self {
            tiers: tiers.into_iter().map(judged).collect(),
            windows,
            history: Pyramid::new(
                objective.resolution.ladder(),
                reach,
                start,
                Counts::default(),
            ),
            begun: objective
                .period
                .begins(start)
                .map(|begin| (begin, Counts::default())),
            page: Alert::new(objective.page),
            ticket: Alert::new(objective.ticket),
            objective,
        }
    }

    pub(crate) fn objective(&self) -> &Objective {
        &self.objective
    }

    pub(crate) fn latest(&self) -> Counts {
        self.history.latest()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.history.bytes()
    }

    /// Takes what has been counted by `now`, and lives on.
    pub(crate) fn tick(&mut self, now: Time, counts: Counts) -> Vec<(AlertSeverity, Step)> {
        self.begun = self.begun_at(now, counts);
        self.history.tick(now, counts);
        let burning: Vec<_> = self
            .tiers
            .iter()
            .map(|judged| self.burns(judged, now, counts))
            .collect();
        for (judged, burning) in self.tiers.iter_mut().zip(burning) {
            judged.burning = burning;
        }
        let burns = |severity| {
            self.tiers
                .iter()
                .any(|judged| judged.burning && judged.tier.severity == severity)
        };
        let page = self.page.advance(now, burns(AlertSeverity::Page), false);
        let inhibited = self.page.state().is_firing();
        let ticket = self
            .ticket
            .advance(now, burns(AlertSeverity::Ticket), inhibited);
        let page = page.map(|step| (AlertSeverity::Page, step));
        let ticket = ticket.map(|step| (AlertSeverity::Ticket, step));
        page.into_iter().chain(ticket).collect()
    }

    /// How the objective does if it is `now` and so much has been counted.
    pub(crate) fn status(&self, now: Time, counts: Counts) -> Status {
        let alert = |severity, alert: &Alert| AlertStatus {
            severity,
            state: alert.state(),
        };
        Status {
            slo_id: self.objective.id.clone(),
            at: now,
            target: self.objective.target,
            windows: self
                .windows
                .iter()
                .map(|window| self.window(now, *window, counts))
                .collect(),
            tiers: self.tiers.iter().map(Judged::status).collect(),
            budget: self.budget(now, counts),
            alerts: [
                alert(AlertSeverity::Page, &self.page),
                alert(AlertSeverity::Ticket, &self.ticket),
            ],
        }
    }

    fn window(&self, now: Time, window: Duration, counts: Counts) -> WindowStatus {
        let counts = self.history.window(now, window.as_secs(), counts);
        WindowStatus {
            window,
            counts,
            burn: counts.burn(self.allowed()),
        }
    }

    fn budget(&self, now: Time, counts: Counts) -> Budget {
        let Objective { period, target, .. } = self.objective;
        let length = period.length();
        let (seen, passed) = match (period, self.begun_at(now, counts)) {
            (Period::Rolling(_), _) => (
                self.history.window(now, length.as_secs(), counts),
                self.age(now),
            ),
            (Period::Calendar { .. }, Some((begin, before))) => {
                (counts.since(before), now.since(begin))
            }
            (Period::Calendar { .. }, None) => (Counts::default(), 0),
        };
        let passed = Duration::from_secs(passed);
        let worst = self.tiers.iter().find(|judged| judged.burning);
        let outlook = worst.map_or(OUTLOOK, |judged| judged.tier.long);
        let burn = self.window(now, outlook, counts).burn;
        Budget::new(seen, target, period, passed, burn)
    }

    /// The calendar's period at `now`, and what had been counted when it began.
    fn begun_at(&self, now: Time, counts: Counts) -> Option<(Time, Counts)> {
        let begin = self.objective.period.begins(now)?;
        match self.begun {
            Some(begun) if begun.0 == begin => Some(begun),
            _ if begin < self.history.start() => Some((begin, Counts::default())),
            _ if begin == now => Some((begin, counts)),
            _ => Some((begin, self.history.latest())),
        }
    }

    fn burns(&self, judged: &Judged, now: Time, counts: Counts) -> bool {
        let tier = &judged.tier;
        let factor = if judged.burning {
            tier.exit_factor
        } else {
            tier.factor
        };
        let exceeded = |window: Duration| {
            let window = window.as_secs();
            let share = match self.objective.cold {
                Cold::Scaled => Share::of(self.age(now), window),
                Cold::Observed => Share::ALL,
            };
            let counts = self.history.window(now, window, counts);
            factor
                .is_exceeded(counts, self.allowed(), share)
                .then_some(counts.bad)
        };
        let enough = exceeded(tier.long).is_some_and(|bad| bad >= self.objective.min_bad);
        enough && exceeded(tier.short).is_some()
    }

    fn allowed(&self) -> Ratio {
        self.objective.target.complement()
    }

    fn age(&self, now: Time) -> u64 {
        now.since(self.history.start())
    }
}

impl Judged {
    fn status(&self) -> TierStatus {
        TierStatus {
            id: self.tier.id.clone().into_owned(),
            severity: self.tier.severity,
            burning: self.burning,
        }
    }
}
