//! Good and bad events.

use crate::Ratio;

/// How many events were good and how many bad. Together they are the valid ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Counts {
    /// Events as they were promised.
    pub good: u64,
    /// Events that spend the error budget.
    pub bad: u64,
}

impl Counts {
    /// So many of each.
    #[must_use]
    pub const fn new(good: u64, bad: u64) -> Self {
        Self { good, bad }
    }

    /// All valid events.
    #[must_use]
    pub const fn total(self) -> u64 {
        self.good.saturating_add(self.bad)
    }

    /// The service level indicator, from 0 to 1: `good ÷ total`; `None` without events.
    #[must_use]
    pub fn sli(self) -> Option<f64> {
        (self.total() > 0).then(|| float(self.good) / float(self.total()))
    }

    /// The share of errors, from 0 to 1: `bad ÷ total`; `None` without events.
    #[must_use]
    pub fn error_ratio(self) -> Option<f64> {
        (self.total() > 0).then(|| float(self.bad) / float(self.total()))
    }

    /// How many times faster than allowed these spend an error budget: `bad ÷ total ÷ budget`;
    /// `None` without events, or without a budget.
    #[must_use]
    pub fn burn(self, budget: Ratio) -> Option<f64> {
        let errors = self.error_ratio().filter(|_| budget > Ratio::ZERO)?;
        Some(errors / budget.as_f64())
    }

    /// What was added since `earlier`. Both wrap.
    pub(crate) const fn since(self, earlier: Self) -> Self {
        Self {
            good: self.good.wrapping_sub(earlier.good),
            bad: self.bad.wrapping_sub(earlier.bad),
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "for people to read; decisions use whole numbers"
)]
pub(crate) fn float(number: u64) -> f64 {
    number as f64
}
