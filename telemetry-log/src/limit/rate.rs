//! So many lines in a second.

use std::time::Duration;

/// A number of lines in each second, and how many may come at once.
///
/// ```
/// use telemetry_log::Rate;
///
/// let rate = Rate::per_second(100).burst(1_000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    per_second: u32,
    burst: u32,
}

impl Rate {
    /// So many lines in a second, which may come at once. Zero is taken for one.
    #[must_use]
    pub fn per_second(lines: u32) -> Self {
        let lines = lines.max(1);
        Self {
            per_second: lines,
            burst: lines,
        }
    }

    /// How many lines may come at once after a silence. Zero is taken for one.
    #[must_use]
    pub fn burst(mut self, lines: u32) -> Self {
        self.burst = lines.max(1);
        self
    }

    /// The time that one line stands for, in nanoseconds.
    pub(super) fn interval(self) -> u64 {
        1_000_000_000 / u64::from(self.per_second)
    }

    /// The time that a burst stands for, in nanoseconds.
    pub(super) fn reserve(self) -> u64 {
        self.interval().saturating_mul(u64::from(self.burst))
    }
}

pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
