//! Threads whose own events never enter the log: what they say would only make them say more.

use std::cell::Cell;

thread_local! {
    static SUPPRESSED: Cell<bool> = const { Cell::new(false) };
}

/// Keeps the events of this thread out of the logs from now on.
///
/// For threads that carry telemetry away, such as the one that exports it: a failing export must
/// not log about itself for ever.
pub fn suppress_current_thread() {
    SUPPRESSED.set(true);
}

/// Whether events of this thread are kept out.
#[inline]
pub(crate) fn is_suppressed() -> bool {
    SUPPRESSED.get()
}

/// Whether the target belongs to the OpenTelemetry crates, whose events are about telemetry.
#[inline]
pub(crate) fn is_own_target(target: &str) -> bool {
    target.starts_with("opentelemetry")
}
