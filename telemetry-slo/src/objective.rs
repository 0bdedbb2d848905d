//! What is promised.

use std::time::Duration;

use crate::pyramid::{self, Ladder};
use crate::sli::Sli;
use crate::{AlertSeverity, AlertTiming, Labels, Period, Ratio, SloError, Tier};

/// What alerts make of a window that is older than the counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cold {
    /// What is missing counts as traffic without errors: a blip after a start is no reason for a
    /// ticket, and an outage fires as quickly as ever.
    #[default]
    Scaled,
    /// The ratio is that of what was seen, as Prometheus has it.
    Observed,
}

/// How finely the past is kept. Where a window begins between two kept moments, it begins at the
/// earlier one, so an alert on a slow burn may come later by up to one step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Resolution {
    /// 10 s for an hour, a minute for 6 h, 5 min for 3 d, an hour for the period: 36,928 bytes for
    /// 30 days.
    #[default]
    Standard,
    /// 10 s for 6 h, a minute for 3 d, an hour for the period: 115,248 bytes for 30 days.
    Fine,
}

impl Resolution {
    pub(crate) const fn ladder(self) -> Ladder {
        match self {
            Self::Standard => pyramid::STANDARD,
            Self::Fine => pyramid::FINE,
        }
    }
}

/// A promise about a service: which share of which events is good over which time.
///
/// ```
/// use std::time::Duration;
/// use telemetry_slo::Objective;
///
/// let available = Objective::availability("api-availability", "99.9%".parse()?).service("api");
/// let quick = Objective::latency("api-latency", Duration::from_millis(250), "99%".parse()?);
/// # Ok::<(), telemetry_slo::SloError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Objective {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) service: String,
    pub(crate) sli: Sli,
    pub(crate) target: Ratio,
    pub(crate) period: Period,
    pub(crate) tiers: Option<Vec<Tier>>,
    pub(crate) min_bad: u64,
    pub(crate) cold: Cold,
    pub(crate) resolution: Resolution,
    pub(crate) page: AlertTiming,
    pub(crate) ticket: AlertTiming,
    pub(crate) runbook: String,
}

impl Objective {
    /// A share of requests gets an answer that is not the server's failure.
    pub fn availability(id: impl Into<String>, target: Ratio) -> Self {
        Self::new(id, Sli::availability(), target)
    }

    /// A share of requests that did not fail takes at most `threshold`.
    pub fn latency(id: impl Into<String>, threshold: Duration, target: Ratio) -> Self {
        Self::new(id, Sli::latency(threshold), target)
    }

    /// A share of the events that [`Sli`] names is good. The id must be unique in the process.
    pub fn new(id: impl Into<String>, sli: Sli, target: Ratio) -> Self {
        Self {
            id: id.into(),
            name: sli.name().to_owned(),
            service: String::new(),
            sli,
            target,
            period: Period::MONTH,
            tiers: None,
            min_bad: 1,
            cold: Cold::default(),
            resolution: Resolution::default(),
            page: AlertTiming::repeated_every(Duration::from_secs(3600)),
            ticket: AlertTiming::repeated_every(Duration::from_secs(24 * 3600)),
            runbook: String::new(),
        }
    }

    /// What it is called where the id is not enough.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Whose promise it is.
    #[must_use]
    pub fn service(mut self, service: impl Into<String>) -> Self {
        self.service = service.into();
        self
    }

    /// Over which time the target holds. The last 30 days by default.
    #[must_use]
    pub fn period(mut self, period: Period) -> Self {
        self.period = period;
        self
    }

    /// Alerts by other tiers than those of [`Tier::table`].
    #[must_use]
    pub fn tiers(mut self, tiers: impl IntoIterator<Item = Tier>) -> Self {
        self.tiers = Some(tiers.into_iter().collect());
        self
    }

    /// No alert with fewer bad events than this in the long window. 1 by default; 3 is better for
    /// less than about one request a second, where one error is a high ratio.
    #[must_use]
    pub fn min_bad(mut self, events: u64) -> Self {
        self.min_bad = events;
        self
    }

    /// What alerts make of windows older than the counts. [`Cold::Scaled`] by default.
    #[must_use]
    pub fn cold(mut self, cold: Cold) -> Self {
        self.cold = cold;
        self
    }

    /// How finely the past is kept. [`Resolution::Standard`] by default.
    #[must_use]
    pub fn resolution(mut self, resolution: Resolution) -> Self {
        self.resolution = resolution;
        self
    }

    /// How patient pages are.
    #[must_use]
    pub fn page(mut self, timing: AlertTiming) -> Self {
        self.page = timing;
        self
    }

    /// How patient tickets are.
    #[must_use]
    pub fn ticket(mut self, timing: AlertTiming) -> Self {
        self.ticket = timing;
        self
    }

    /// Where it is written what to do. `{slo_id}` in it becomes the id.
    #[must_use]
    pub fn runbook(mut self, url: impl Into<String>) -> Self {
        self.runbook = url.into();
        self
    }

    /// What its alert is known by.
    pub(crate) fn labels(&self, severity: AlertSeverity) -> Labels {
        Labels::new(severity, &self.id, &self.name, &self.service)
    }

    /// Where it is written what to do, if it is.
    pub(crate) fn runbook_url(&self) -> Option<String> {
        let url = self.runbook.replace("{slo_id}", &self.id);
        (!url.is_empty()).then_some(url)
    }

    /// Its tiers, once it is known that all of it can work.
    pub(crate) fn check(&self) -> Result<Vec<Tier>, SloError> {
        let wrong = |reason: String| SloError::Objective {
            id: self.id.clone(),
            reason,
        };
        if self.id.is_empty() {
            return Err(wrong("it needs an id".to_owned()));
        }
        if self.target == Ratio::ONE {
            return Err(wrong("a target of 100 % leaves no budget for errors, so its burn rate has no meaning: choose less, such as 99.99%".to_owned()));
        }
        self.period
            .check()
            .map_err(|error| wrong(error.to_string()))?;
        let length = self.period.length();
        let tiers = match &self.tiers {
            Some(tiers) => tiers.clone(),
            None => Tier::table(length).map_err(|error| wrong(error.to_string()))?,
        };
        let budget = self.target.complement();
        // where a calendar's period ends, errors are forgiven, but what burns burns on
        let reach = match self.period {
            Period::Rolling(_) => length,
            Period::Calendar { .. } => Duration::MAX,
        };
        match tiers.iter().find_map(|tier| tier.problem(budget, reach)) {
            Some(problem) => Err(wrong(problem)),
            None => Ok(tiers),
        }
    }
}
