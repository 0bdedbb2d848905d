//! The difference between two values of one series.

use crate::metrics::{Buckets, ExponentialHistogram, Histogram, Number};

/// A value whose change can be told.
pub(super) trait Change: Clone {
    /// What came since `earlier`; `None` if the value cannot have come from it, because the
    /// series began anew.
    fn since(&self, earlier: Self) -> Option<Self>;

    /// Whether this change is none.
    fn is_none(&self) -> bool;
}

impl Change for Number {
    fn since(&self, earlier: Self) -> Option<Self> {
        match (*self, earlier) {
            (Self::U64(now), Self::U64(then)) => now.checked_sub(then).map(Self::U64),
            (Self::I64(now), Self::I64(then)) if now >= then => {
                now.checked_sub(then).map(Self::I64)
            }
            (Self::F64(now), Self::F64(then)) if now >= then => Some(Self::F64(now - then)),
            _ => None,
        }
    }

    fn is_none(&self) -> bool {
        match self {
            Self::U64(value) => *value == 0,
            Self::I64(value) => *value == 0,
            Self::F64(value) => *value == 0.0,
        }
    }
}

impl Change for Histogram {
    fn since(&self, mut earlier: Self) -> Option<Self> {
        if self.bounds != earlier.bounds || self.counts.len() != earlier.counts.len() {
            return None;
        }
        for (then, now) in earlier.counts.iter_mut().zip(&self.counts) {
            *then = now.checked_sub(*then)?;
        }
        Some(Self {
            sum: self.sum - earlier.sum,
            range: None,
            ..earlier
        })
    }

    fn is_none(&self) -> bool {
        self.counts.iter().all(|count| *count == 0)
    }
}

impl Change for ExponentialHistogram {
    fn since(&self, earlier: Self) -> Option<Self> {
        let coarser = u32::try_from(earlier.scale.checked_sub(self.scale)?).ok()?;
        Some(Self {
            scale: self.scale,
            zero_count: self.zero_count.checked_sub(earlier.zero_count)?,
            positive: difference(&self.positive, &earlier.positive, coarser)?,
            negative: difference(&self.negative, &earlier.negative, coarser)?,
            sum: self.sum - earlier.sum,
            range: None,
        })
    }

    fn is_none(&self) -> bool {
        self.count() == 0
    }
}

/// The buckets of `now` less those of `then`, whose scale is greater by `coarser`: there, `2^coarser`
/// buckets are one of ours, <https://opentelemetry.io/docs/specs/otel/metrics/data-model/#exponential-scale>.
fn difference(now: &Buckets, then: &Buckets, coarser: u32) -> Option<Buckets> {
    let mut counts = now.counts.clone();
    let filled = (then.offset..)
        .zip(&then.counts)
        .filter(|(_, count)| **count > 0);
    for (index, count) in filled {
        // an index has 32 bits: a shift by as many leaves its sign, as one by 31 does
        let index = index >> coarser.min(31);
        let at = usize::try_from(i64::from(index) - i64::from(now.offset)).ok()?;
        let slot = counts.get_mut(at)?;
        *slot = slot.checked_sub(*count)?;
    }
    Some(trimmed(now.offset, &counts))
}

/// The buckets without the empty ones at both ends.
fn trimmed(offset: i32, counts: &[u64]) -> Buckets {
    let first = counts.iter().position(|count| *count > 0);
    let last = counts.iter().rposition(|count| *count > 0);
    let (Some(first), Some(last)) = (first, last) else {
        return Buckets::default();
    };
    Buckets {
        offset: offset.saturating_add(i32::try_from(first).unwrap_or(i32::MAX)),
        counts: counts.get(first..=last).unwrap_or_default().to_vec(),
    }
}
