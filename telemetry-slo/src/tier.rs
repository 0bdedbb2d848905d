//! Which burn rates over which windows are worth an alert.

use std::borrow::Cow;
use std::time::Duration;

use crate::{BurnRate, Ratio, SloError};

/// How urgent an alert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "an alert wakes somebody up, or it waits for the morning"
)]
pub enum AlertSeverity {
    /// Somebody must act now.
    Page,
    /// Somebody must act in the next days.
    Ticket,
}

impl AlertSeverity {
    /// `page` or `ticket`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Ticket => "ticket",
        }
    }
}

/// One line of the table of alerts: the burn rate over a long and over a short window must be
/// greater than `factor`.
///
/// The long window says that it matters, the short one that it still goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tier {
    /// Its name in status and logs.
    pub id: Cow<'static, str>,
    /// The alert that it belongs to.
    pub severity: AlertSeverity,
    /// The long window, whole seconds.
    pub long: Duration,
    /// The short window, whole seconds; a twelfth of the long one in the table.
    pub short: Duration,
    /// The burn rate that both windows must exceed. Dimensionless.
    pub factor: BurnRate,
    /// The burn rate that both must still exceed for it to last: at most `factor`, which it is
    /// unless set.
    pub exit_factor: BurnRate,
}

/// The step of the finest level, times as many as make a short window a window.
const SHORTEST: u64 = 60;
const DAY: u64 = 86_400;
/// The period that the table is made for.
const MONTH: u64 = 30 * DAY;
/// Share of the budget of 30 days in percent, long window in seconds, factor in thousandths.
const TABLE: [(&str, AlertSeverity, u64, u64, u64); 4] = [
    ("page_quick", AlertSeverity::Page, 2, 3600, 14_400),
    ("page_slow", AlertSeverity::Page, 5, 6 * 3600, 6000),
    ("ticket_quick", AlertSeverity::Ticket, 10, DAY, 3000),
    ("ticket_slow", AlertSeverity::Ticket, 10, 3 * DAY, 1000),
];

impl Tier {
    /// A tier of one's own.
    #[must_use]
    pub fn new(
        id: impl Into<Cow<'static, str>>,
        severity: AlertSeverity,
        long: Duration,
        short: Duration,
        factor: BurnRate,
    ) -> Self {
        Self {
            id: id.into(),
            severity,
            long,
            short,
            factor,
            exit_factor: factor,
        }
    }

    /// The four tiers of the Workbook for a period.
    ///
    /// For 30 days: page at 14.4 over 1 h and 5 min, and at 6 over 6 h and 30 min; ticket at 3 over
    /// 1 d and 2 h, and at 1 over 3 d and 6 h.
    ///
    /// # Formula
    ///
    /// From 28 days on the windows stay and the factors are `share × period ÷ long`, at least 1.
    /// Shorter periods keep the factors, and the windows are `long × period ÷ 30 d` to the nearest
    /// minute, `short = max(60 s, long ÷ 12)`. Source: Google SRE Workbook, "Alerting on SLOs",
    /// <https://sre.google/workbook/alerting-on-slos/>.
    ///
    /// # Errors
    ///
    /// [`SloError::OutOfRange`] if the period is so short that a long window is no longer than its short one.
    pub fn table(period: Duration) -> Result<Vec<Self>, SloError> {
        TABLE
            .into_iter()
            .map(|line| Self::line(line, period))
            .collect()
    }

    fn line(
        (id, severity, percent, long, milli): (&'static str, AlertSeverity, u64, u64, u64),
        period: Duration,
    ) -> Result<Self, SloError> {
        let seconds = Duration::from_secs;
        if period >= seconds(28 * DAY) {
            let share = Ratio::from_ppb(percent * 10_000_000).unwrap_or(Ratio::ONE);
            let factor = BurnRate::spending(share, seconds(long), period)?.max(BurnRate::ONE);
            return Ok(Self::new(
                id,
                severity,
                seconds(long),
                seconds(long / 12),
                factor,
            ));
        }
        let minutes = (long * period.as_secs() + 30 * MONTH) / (60 * MONTH);
        let long = minutes * 60;
        let short = (long / 12).max(SHORTEST);
        if short >= long {
            return Err(SloError::OutOfRange(
                "the period is too short for the table of alerts: use one of a day or more, or tiers of your own",
            ));
        }
        Ok(Self::new(
            id,
            severity,
            seconds(long),
            seconds(short),
            BurnRate::from_milli(milli),
        ))
    }

    /// Lets the tier last until a burn rate lower than the one that started it.
    #[must_use]
    pub const fn exit_factor(mut self, factor: BurnRate) -> Self {
        self.exit_factor = factor;
        self
    }

    /// Why this tier cannot work with a budget and a period that its windows end in, if it cannot.
    pub(crate) fn problem(&self, budget: Ratio, period: Duration) -> Option<String> {
        let Self {
            id,
            long,
            short,
            factor,
            exit_factor,
            ..
        } = self;
        if short >= long {
            Some(format!(
                "tier {id}: its short window of {short:?} must be shorter than its long one of {long:?}"
            ))
        } else if *long > period {
            Some(format!(
                "tier {id}: its long window of {long:?} must not exceed the period of {period:?}"
            ))
        } else if *short < Duration::from_secs(SHORTEST) {
            Some(format!(
                "tier {id}: its short window of {short:?} must be at least {SHORTEST} s, six ticks"
            ))
        } else if long.subsec_nanos() != 0 || short.subsec_nanos() != 0 {
            Some(format!("tier {id}: windows are whole seconds"))
        } else if exit_factor > factor {
            Some(format!(
                "tier {id}: its exit factor {exit_factor} must not exceed its factor {factor}"
            ))
        } else if u128::from(factor.milli()) * u128::from(budget.ppb()) >= 1_000_000_000_000 {
            let most = 1.0 / budget.as_f64();
            Some(format!(
                "tier {id} can never fire: even if every request fails, the burn rate is {most:.3}, which is not more than {factor}; choose a higher target or tiers with factors less than {most:.3}"
            ))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(days: u64) -> Vec<(u64, u64, u64)> {
        let table = Tier::table(Duration::from_secs(days * DAY)).unwrap();
        let line = |tier: Tier| {
            (
                tier.long.as_secs(),
                tier.short.as_secs(),
                tier.factor.milli(),
            )
        };
        table.into_iter().map(line).collect()
    }

    #[test]
    fn thirty_days_are_the_table_of_the_workbook() {
        let expected = [
            (3600, 300, 14_400),
            (21_600, 1800, 6000),
            (86_400, 7200, 3000),
            (259_200, 21_600, 1000),
        ];
        assert_eq!(lines(30), expected);
    }

    #[test]
    fn long_periods_keep_windows_and_scale_factors_but_never_below_one() {
        let factors = |days| {
            lines(days)
                .into_iter()
                .map(|line| line.2)
                .collect::<Vec<_>>()
        };
        assert_eq!(factors(28), [13_440, 5600, 2800, 1000]);
        assert_eq!(factors(90), [43_200, 18_000, 9000, 3000]);
    }

    #[test]
    fn short_periods_keep_factors_and_scale_windows() {
        let expected = [
            (840, 70, 14_400),
            (5040, 420, 6000),
            (20_160, 1680, 3000),
            (60_480, 5040, 1000),
        ];
        assert_eq!(lines(7), expected);
        assert!(Tier::table(Duration::from_secs(3600)).is_err());
    }
}
