//! How fast an error budget is spent.

use std::fmt;
use std::time::Duration;

use crate::counts::Counts;
use crate::{Ratio, SloError};

/// How many times faster than allowed the error budget is spent, in exact thousandths.
///
/// Dimensionless: at 1 the whole budget is spent exactly at the end of the period, at 14.4 two
/// percent of that of 30 days are spent in one hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BurnRate {
    milli: u64,
}

impl BurnRate {
    /// The budget is spent exactly.
    pub const ONE: Self = Self { milli: 1000 };

    /// A number of thousandths: 14 400 is 14.4.
    #[must_use]
    pub const fn from_milli(milli: u64) -> Self {
        Self { milli }
    }

    /// The burn rate that spends `share` of the error budget within `window`, to the nearest thousandth.
    ///
    /// # Formula
    ///
    /// `share × period ÷ window`. Source: Google SRE Workbook, "Alerting on SLOs",
    /// <https://sre.google/workbook/alerting-on-slos/>. Two percent in 1 h of a 30-day period is 14.4.
    ///
    /// # Errors
    ///
    /// [`SloError::OutOfRange`] unless `0 < share <= 1` and `0 < window <= period`.
    pub fn spending(share: Ratio, window: Duration, period: Duration) -> Result<Self, SloError> {
        if share == Ratio::ZERO || window.is_zero() || window > period {
            return Err(SloError::OutOfRange(
                "a burn rate needs a share and a window greater than 0, and a period no shorter than the window",
            ));
        }
        let window = window.as_nanos().saturating_mul(1_000_000);
        let spent = u128::from(share.ppb()).saturating_mul(period.as_nanos());
        let milli = spent.saturating_add(window / 2) / window;
        Ok(Self {
            milli: u64::try_from(milli).unwrap_or(u64::MAX),
        })
    }

    /// Thousandths.
    #[must_use]
    pub const fn milli(self) -> u64 {
        self.milli
    }

    /// The nearest float.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "burn rates are far below 2⁵³ thousandths"
    )]
    pub fn as_f64(self) -> f64 {
        self.milli as f64 / 1000.0
    }

    /// Whether the events of a window burn `budget` faster than this. No events never do.
    ///
    /// With `history`, the time there were counts for, and a longer `window`, what is missing
    /// counts as traffic without errors.
    ///
    /// # Formula
    ///
    /// `bad ÷ total ÷ budget × min(1, history ÷ window) > self`, strictly, in whole numbers: a
    /// service exactly at its budget does not exceed 1.
    pub(crate) fn is_exceeded(self, counts: Counts, budget: Ratio, share: Share) -> bool {
        const UNITS: u128 = 1_000_000_000_000; // thousandths times billionths
        let product = |factors: [u64; 4]| {
            let mut factors = factors.into_iter().map(u128::from);
            factors.try_fold(1_u128, u128::checked_mul)
        };
        let burnt =
            product([counts.bad, share.known, 1, 1]).and_then(|burnt| burnt.checked_mul(UNITS));
        let allowed = product([self.milli, budget.ppb(), counts.total(), share.window]);
        match (burnt, allowed) {
            (Some(burnt), Some(allowed)) => burnt > allowed,
            // more than 2¹²⁸: no real traffic comes near, and a float is near enough
            _ => counts
                .burn(budget)
                .is_some_and(|burn| burn * share.as_f64() > self.as_f64()),
        }
    }
}

impl fmt::Display for BurnRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_f64())
    }
}

/// How much of a window is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    known: u64,
    window: u64,
}

impl Share {
    pub(crate) const ALL: Self = Self {
        known: 1,
        window: 1,
    };

    pub(crate) fn of(known: u64, window: u64) -> Self {
        if known >= window {
            Self::ALL
        } else {
            Self { known, window }
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "seconds of a window")]
    fn as_f64(self) -> f64 {
        self.known as f64 / self.window as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(text: &str) -> Ratio {
        text.parse().unwrap()
    }

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn the_factors_of_the_workbook_follow_from_their_shares() {
        let period = 720 * HOUR;
        for (share, hours, milli) in [
            ("2%", 1, 14_400),
            ("5%", 6, 6000),
            ("10%", 24, 3000),
            ("10%", 72, 1000),
        ] {
            let burn = BurnRate::spending(ratio(share), hours * HOUR, period).unwrap();
            assert_eq!(burn.milli(), milli);
        }
        assert!(BurnRate::spending(ratio("2%"), 721 * HOUR, period).is_err());
        assert!(BurnRate::spending(Ratio::ZERO, HOUR, period).is_err());
        assert!(BurnRate::spending(ratio("2%"), Duration::ZERO, period).is_err());
    }

    #[test]
    fn exactly_at_the_limit_is_not_over_it() {
        let budget = ratio("0.001");
        let one = BurnRate::ONE;
        assert!(!one.is_exceeded(Counts::new(999, 1), budget, Share::ALL));
        assert!(one.is_exceeded(Counts::new(998, 1), budget, Share::ALL));
        let quick = BurnRate::from_milli(14_400);
        assert!(!quick.is_exceeded(Counts::new(9856, 144), budget, Share::ALL));
        assert!(quick.is_exceeded(Counts::new(9855, 144), budget, Share::ALL));
        assert!(
            !BurnRate::from_milli(0).is_exceeded(Counts::default(), budget, Share::ALL),
            "no events"
        );
    }

    #[test]
    fn missing_history_counts_as_clean_traffic() {
        let outage = Counts::new(0, 100);
        let exceeded = |known| {
            BurnRate::from_milli(14_400).is_exceeded(outage, ratio("0.001"), Share::of(known, 3600))
        };
        assert!(
            !exceeded(51) && exceeded(52),
            "as an outage after clean traffic: 51.84 s"
        );
    }

    #[test]
    fn numbers_without_end_do_not_overflow() {
        let many = Counts::new(u64::MAX / 2, u64::MAX / 2);
        assert!(BurnRate::ONE.is_exceeded(many, ratio("0.1"), Share::of(100_000, 259_200)));
        assert!(!BurnRate::from_milli(u64::MAX).is_exceeded(
            many,
            ratio("0.1"),
            Share::of(1, 259_200)
        ));
    }
}
