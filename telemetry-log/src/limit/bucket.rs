//! A bucket of tokens in one number.

use std::sync::atomic::{AtomicU64, Ordering};

use super::rate::Rate;

/// Tokens that come at a rate, up to a burst.
#[derive(Debug)]
pub(super) struct Bucket {
    rate: Rate,
    level: Level,
}

/// When the bucket will be full again, on the monotonic clock in nanoseconds: how far that lies
/// ahead is how much was taken. It is the "theoretical arrival time" of the generic cell rate
/// algorithm, ITU-T I.371 annex A, which decides as a bucket of tokens does.
#[derive(Debug, Default)]
pub(super) struct Level(AtomicU64);

impl Bucket {
    pub(super) fn new(rate: Rate) -> Self {
        Self {
            rate,
            level: Level::default(),
        }
    }

    pub(super) fn take(&self, now: u64) -> bool {
        self.level.take(self.rate, now)
    }
}

impl Level {
    /// Takes a token, if there is one.
    pub(super) fn take(&self, rate: Rate, now: u64) -> bool {
        let mut full = self.0.load(Ordering::Relaxed);
        loop {
            let next = full.max(now).saturating_add(rate.interval());
            if next - now > rate.reserve() {
                return false;
            }
            let swapped =
                self.0
                    .compare_exchange_weak(full, next, Ordering::Relaxed, Ordering::Relaxed);
            match swapped {
                Ok(_) => return true,
                Err(other) => full = other,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_burst_then_the_rate() {
        let bucket = Bucket::new(Rate::per_second(10).burst(3));
        let taken = |now| (0..100).filter(|_| bucket.take(now)).count();
        assert_eq!(taken(5 * SECOND), 3);
        assert_eq!(taken(5 * SECOND + SECOND / 20), 0);
        assert_eq!(taken(5 * SECOND + SECOND / 10), 1);
        assert_eq!(taken(60 * SECOND), 3);
    }

    proptest! {
        /// Over any time no more than the burst and what the time brings.
        #[test]
        fn never_more_than_promised(
            per_second in 1_u32..2_000, burst in 1_u32..50,
            steps in prop::collection::vec(0_u64..SECOND, 1..200),
        ) {
            let rate = Rate::per_second(per_second).burst(burst);
            let bucket = Bucket::new(rate);
            let (mut now, mut taken) = (SECOND, 0_u64);
            for step in steps {
                now += step;
                taken += u64::from(bucket.take(now));
                let brought = (now - SECOND) / rate.interval() + u64::from(burst);
                prop_assert!(taken <= brought, "{taken} of {brought}");
            }
        }
    }
}
