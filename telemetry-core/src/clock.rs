//! Time as a value that tests can step.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A point in time, read once: wall time for people, monotonic time for durations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp {
    unix_nanos: u64,
    monotonic_nanos: u64,
}

impl Timestamp {
    /// In place of a time that nobody needs.
    pub(crate) const NONE: Self = Self {
        unix_nanos: 0,
        monotonic_nanos: 0,
    };

    /// Nanoseconds since the Unix epoch, UTC.
    #[must_use]
    pub fn unix_nanos(self) -> u64 {
        self.unix_nanos
    }

    /// Nanoseconds since an arbitrary point, never going back.
    #[must_use]
    pub fn monotonic_nanos(self) -> u64 {
        self.monotonic_nanos
    }

    /// The time that has passed since `earlier`; zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.monotonic_nanos.saturating_sub(earlier.monotonic_nanos))
    }

    /// The same reading with another wall time, and monotonic time moved by as much.
    #[must_use]
    pub(crate) fn shifted_to(self, unix_nanos: u64) -> Self {
        let monotonic_nanos = self
            .monotonic_nanos
            .saturating_add(unix_nanos)
            .saturating_sub(self.unix_nanos);
        Self {
            unix_nanos,
            monotonic_nanos,
        }
    }

    /// The wall time of `self` as seen from `start`: the start's wall time plus what has passed
    /// on the monotonic clock, so that a clock that is set back never makes a negative duration.
    #[must_use]
    pub fn unix_nanos_from(self, start: Self) -> u64 {
        let elapsed = self.monotonic_nanos.saturating_sub(start.monotonic_nanos);
        start.unix_nanos.saturating_add(elapsed)
    }
}

/// Where time is read from. Cloning is cheap.
#[derive(Clone, Debug, Default)]
pub struct Clock(Source);

#[derive(Clone, Debug, Default)]
enum Source {
    #[default]
    System,
    Manual(Arc<AtomicU64>),
}

impl Clock {
    /// The clock of the machine.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at `unix_nanos` until [`Clock::advance`] moves it.
    #[must_use]
    pub fn manual(unix_nanos: u64) -> Self {
        Self(Source::Manual(Arc::new(AtomicU64::new(unix_nanos))))
    }

    /// Moves a manual clock; the system clock ignores it.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(now) = &self.0 {
            now.fetch_add(saturating_nanos(by), Ordering::Relaxed);
        }
    }

    /// Reads the clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => system_now(),
            Source::Manual(now) => {
                let nanos = now.load(Ordering::Relaxed);
                Timestamp {
                    unix_nanos: nanos,
                    monotonic_nanos: nanos,
                }
            }
        }
    }
}

/// How long a reading of the wall clock serves before it is taken again. The wall clock may be
/// slewed or set while the process runs; within one second the difference is not worth the
/// second clock read of every span.
const ANCHOR_LIFE_NANOS: u64 = 1_000_000_000;

/// Where monotonic time begins: more than a wall clock shows, so that a start which somebody gives
/// as any wall time since 1970 has a place on it.
const MONOTONIC_BASE: u64 = 1 << 62;

/// `monotonic - unix` at the last reading of both clocks, and when that was.
struct Anchor {
    epoch: Instant,
    unix_at_epoch: AtomicU64,
    renewed_at: AtomicU64,
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the machine's clocks"
)]
fn system_now() -> Timestamp {
    static ANCHOR: OnceLock<Anchor> = OnceLock::new();
    let anchor = ANCHOR.get_or_init(|| Anchor {
        epoch: Instant::now(),
        unix_at_epoch: AtomicU64::new(unix_now()),
        renewed_at: AtomicU64::new(0),
    });
    let monotonic = saturating_nanos(anchor.epoch.elapsed());
    let renewed = anchor.renewed_at.load(Ordering::Relaxed);
    if monotonic.saturating_sub(renewed) > ANCHOR_LIFE_NANOS {
        anchor
            .unix_at_epoch
            .store(unix_now().saturating_sub(monotonic), Ordering::Relaxed);
        anchor.renewed_at.store(monotonic, Ordering::Relaxed);
    }
    let unix = anchor
        .unix_at_epoch
        .load(Ordering::Relaxed)
        .saturating_add(monotonic);
    Timestamp {
        unix_nanos: unix,
        monotonic_nanos: MONOTONIC_BASE.saturating_add(monotonic),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the machine's clocks"
)]
fn unix_now() -> u64 {
    saturating_nanos(
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default(),
    )
}

pub(crate) fn saturating_nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = Clock::manual(5);
        let start = clock.now();
        assert_eq!(clock.now(), start);
        clock.advance(Duration::from_nanos(7));
        assert_eq!(clock.now().unix_nanos(), 12);
        assert_eq!(clock.now().since(start), Duration::from_nanos(7));
    }

    #[test]
    fn an_end_is_never_before_its_start() {
        let clock = Clock::system();
        let start = clock.now();
        let end = clock.now();
        assert!(end.unix_nanos_from(start) >= start.unix_nanos());
    }

    #[test]
    fn system_time_is_this_century() {
        assert!(Clock::system().now().unix_nanos() > 1_700_000_000_000_000_000);
    }
}
