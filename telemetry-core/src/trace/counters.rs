//! How many sampled spans were started and ended.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// How many cells share the counting, so that threads do not fight for one cache line.
const CELLS: usize = 8;

/// Counts of sampled spans; `started - ended` are open.
#[derive(Debug, Default)]
pub struct SpanCounters {
    cells: [Cells; CELLS],
    late_parents: AtomicU64,
}

#[derive(Debug, Default)]
#[repr(align(128))]
struct Cells {
    started: AtomicU64,
    ended: AtomicU64,
}

impl SpanCounters {
    #[inline]
    pub(crate) fn started(&self) {
        self.mine().started.fetch_add(1, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn ended(&self) {
        self.mine().ended.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn parent_too_late(&self) {
        self.late_parents.fetch_add(1, Ordering::Relaxed);
    }

    /// How often a parent came after the ids were used, and became a link.
    #[must_use]
    pub fn late_parents(&self) -> u64 {
        self.late_parents.load(Ordering::Relaxed)
    }

    /// The sampled spans that have started.
    #[must_use]
    pub fn total(&self) -> u64 {
        let cells = self.cells.iter();
        cells.map(|it| it.started.load(Ordering::Relaxed)).sum()
    }

    /// The sampled spans that have started and not yet ended.
    #[must_use]
    pub fn open(&self) -> u64 {
        let ended: u64 = self
            .cells
            .iter()
            .map(|cells| cells.ended.load(Ordering::Relaxed))
            .sum();
        self.total().saturating_sub(ended)
    }

    #[inline]
    fn mine(&self) -> &Cells {
        thread_local! {
            static NUMBER: Cell<usize> = const { Cell::new(usize::MAX) };
        }
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let mut number = NUMBER.get();
        if number == usize::MAX {
            number = NEXT.fetch_add(1, Ordering::Relaxed) % CELLS;
            NUMBER.set(number);
        }
        &self.cells[number % CELLS]
    }
}
