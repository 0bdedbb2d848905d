//! Deadlines that any wait may have.

use std::time::Duration;

use tokio::time::Instant;

/// As good as for ever, and what every clock can add to its time.
const FOREVER: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// The moment in which `wait` has passed. A wait is whatever a caller or a receiver says, so it
/// may be more than a clock can count.
#[must_use]
pub fn until(wait: Duration) -> Instant {
    Instant::now() + wait.min(FOREVER)
}
