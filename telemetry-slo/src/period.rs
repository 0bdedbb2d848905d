//! The time over which a target holds.

use std::time::Duration;

use crate::{SloError, Time};

/// The time over which a target holds, and whose errors the budget pays for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Period {
    /// The last so many seconds, at any time: an error is forgiven that long after it happened.
    Rolling(Duration),
    /// From one date to the next: all errors are forgiven there. The budget of what comes after
    /// `end` has the same length again.
    Calendar {
        /// The first second.
        start: Time,
        /// The first second of the next period.
        end: Time,
    },
}

impl Period {
    /// The last 30 days, which is the default.
    pub const MONTH: Self = Self::Rolling(Duration::from_secs(30 * 86_400));

    /// How long it is.
    #[must_use]
    pub const fn length(self) -> Duration {
        match self {
            Self::Rolling(length) => length,
            Self::Calendar { start, end } => Duration::from_secs(end.since(start)),
        }
    }

    /// Where the calendar's period around `now` begins.
    pub(crate) fn begins(self, now: Time) -> Option<Time> {
        match self {
            Self::Calendar { start, end } if now >= start && end > start => {
                let length = end.since(start);
                let passed = now.since(start);
                Some(Time::from_secs(start.as_secs() + passed - passed % length))
            }
            _ => None,
        }
    }

    /// # Errors
    ///
    /// [`SloError::OutOfRange`] unless it has an hour to a year of whole seconds.
    pub(crate) fn check(self) -> Result<(), SloError> {
        let length = self.length();
        let range = Duration::from_secs(3600)..=Duration::from_secs(366 * 86_400);
        if range.contains(&length) && length.subsec_nanos() == 0 {
            Ok(())
        } else {
            Err(SloError::OutOfRange(
                "a period is from one hour to 366 days long, in whole seconds",
            ))
        }
    }
}
