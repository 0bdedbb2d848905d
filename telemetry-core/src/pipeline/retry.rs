//! When to try again.

use std::time::Duration;

/// How long to wait between attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the parameters of exponential backoff"
)]
pub struct Backoff {
    /// Before the second attempt. Default 500 ms: a restarting collector is back in seconds.
    pub initial: Duration,
    /// The longest wait. Default 5 s, as the exporters of other languages have it.
    pub max: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            initial: Duration::from_millis(500),
            max: Duration::from_secs(5),
        }
    }
}

impl Backoff {
    /// The wait after `failures` failed attempts: doubled each time, then spread evenly over half
    /// to the whole of it, so that the clients of one collector do not return together. `random`
    /// is any number.
    ///
    /// # Formula
    ///
    /// `min(max, initial × 2^(failures − 1)) × u`, `u` in `[0.5, 1]`: "equal jitter",
    /// <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>.
    #[must_use]
    pub fn wait(&self, failures: u32, random: u64) -> Duration {
        let doubled = self
            .initial
            .saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)));
        let whole = doubled.min(self.max);
        let half = whole / 2;
        let share = u32::try_from(random % 1024).unwrap_or(0);
        half + half.saturating_mul(share) / 1023
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let backoff = Backoff::default();
        assert_eq!(backoff.wait(1, 1023), Duration::from_millis(500));
        assert_eq!(backoff.wait(2, 1023), Duration::from_secs(1));
        assert_eq!(backoff.wait(40, 1023), Duration::from_secs(5));
    }

    #[test]
    fn jitter_keeps_at_least_half() {
        let backoff = Backoff::default();
        for random in 0..2048 {
            let wait = backoff.wait(3, random);
            assert!(
                wait >= Duration::from_secs(1) && wait <= Duration::from_secs(2),
                "{wait:?}"
            );
        }
    }
}
