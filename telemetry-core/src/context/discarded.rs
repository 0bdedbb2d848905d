//! What arrived and was not used.

use std::sync::atomic::{AtomicU64, Ordering};

/// How much of what arrived from other processes was not used, since the process started.
///
/// Bad input makes a new root or is cut to its valid part; these counters are where it shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Discarded {
    /// Trace headers of a known format that named no valid parent.
    pub parents: u64,
    /// Tracestates that were malformed or too large.
    pub trace_states: u64,
    /// Baggage entries that were malformed or beyond the limits.
    pub baggage_entries: u64,
}

/// What has been discarded so far.
#[must_use]
pub fn discarded() -> Discarded {
    Discarded {
        parents: PARENTS.load(Ordering::Relaxed),
        trace_states: TRACE_STATES.load(Ordering::Relaxed),
        baggage_entries: BAGGAGE_ENTRIES.load(Ordering::Relaxed),
    }
}

static PARENTS: AtomicU64 = AtomicU64::new(0);
static TRACE_STATES: AtomicU64 = AtomicU64::new(0);
static BAGGAGE_ENTRIES: AtomicU64 = AtomicU64::new(0);

pub(super) fn count_parent() {
    PARENTS.fetch_add(1, Ordering::Relaxed);
}

pub(super) fn count_trace_state() {
    TRACE_STATES.fetch_add(1, Ordering::Relaxed);
}

pub(super) fn count_baggage_entries(entries: usize) {
    if entries > 0 {
        let entries = u64::try_from(entries).unwrap_or(u64::MAX);
        BAGGAGE_ENTRIES.fetch_add(entries, Ordering::Relaxed);
    }
}
