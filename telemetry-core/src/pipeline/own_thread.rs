//! Threads whose own events never enter the pipeline: what they say would make them say more.

use std::cell::Cell;

thread_local! {
    static OWN: Cell<bool> = const { Cell::new(false) };
}

/// Marks this thread as one that carries telemetry away: its events are not telemetry, or a
/// failing export would report about itself for ever.
pub fn mark_own_thread() {
    OWN.set(true);
}

/// Whether this thread carries telemetry away, see [`mark_own_thread`].
#[inline]
#[must_use]
pub fn is_own_thread() -> bool {
    OWN.get()
}
