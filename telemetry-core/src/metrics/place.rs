//! The places of threads: most have one of their own, so that adding needs no atomic instruction.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// How many threads may have a place of their own at a time: more would let a series take more
/// memory than a crowd of threads saves time.
const OWN: usize = 16;
/// How many places all other threads have together.
const SHARED: usize = 4;
/// How many places there are.
pub(super) const PLACES: usize = OWN + SHARED;

/// Where the current thread adds to its numbers. Only for the numbers of this place, and not to be
/// kept: a thread may lose its place when it ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place(usize);

const NONE: usize = usize::MAX;

thread_local! {
    /// Without a destructor, so that it can be read to the very end of the thread.
    static MINE: Cell<usize> = const { Cell::new(NONE) };
    static LEASE: Lease = Lease::take();
}

impl Place {
    /// The place of this thread.
    #[inline]
    pub(super) fn mine() -> Self {
        let mine = MINE.get();
        if mine == NONE { lease() } else { Self(mine) }
    }

    /// The place of this thread, if it has one of its own and was there before.
    #[inline]
    pub(super) fn own() -> Option<Self> {
        let mine = Self(MINE.get());
        mine.is_own().then_some(mine)
    }

    #[inline]
    pub(super) fn index(self) -> usize {
        self.0
    }

    /// Adds to a number of this place; it wraps.
    #[inline]
    pub(super) fn add(self, number: &AtomicU64, by: u64) {
        if self.is_own() {
            let old = number.load(Ordering::Relaxed);
            number.store(old.wrapping_add(by), Ordering::Relaxed);
        } else {
            number.fetch_add(by, Ordering::Relaxed);
        }
    }

    /// Replaces the floating-point number behind the bits.
    #[inline]
    pub(super) fn update(self, number: &AtomicU64, new: impl Fn(f64) -> f64) {
        let new = |old| new(f64::from_bits(old)).to_bits();
        if self.is_own() {
            number.store(new(number.load(Ordering::Relaxed)), Ordering::Relaxed);
        } else {
            update_shared(number, new);
        }
    }

    /// Whether no other thread writes there. Then loading and storing is as good as one atomic
    /// instruction: nobody comes between. Readers only load, and see each number go its way.
    #[inline]
    fn is_own(self) -> bool {
        self.0 < OWN
    }
}

fn update_shared(number: &AtomicU64, new: impl Fn(u64) -> u64) {
    // it is always replaced
    let _ = number.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |old| Some(new(old)));
}

#[cold]
fn lease() -> Place {
    let mine = LEASE.try_with(|lease| lease.0);
    let mine = mine.unwrap_or_else(|_| shared());
    MINE.set(mine);
    Place(mine)
}

/// A place of one's own until the thread ends, or one that is shared.
struct Lease(usize);

/// A bit for each place of one's own that somebody has.
///
/// Who takes a place acquires what the one who gave it back released, and so adds to the numbers
/// that the other has left there: what several threads add one after the other is as if one had
/// added it. The changes of other bits in between are part of the release sequence, because all
/// are read-modify-write operations.
static TAKEN: AtomicU32 = AtomicU32::new(0);

impl Lease {
    fn take() -> Self {
        let take = |taken| Some(taken | 1 << free(taken)?);
        let before = TAKEN.fetch_update(Ordering::Acquire, Ordering::Relaxed, take);
        Self(before.ok().and_then(free).unwrap_or_else(shared))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.0 < OWN {
            // what the thread still records, in other destructors, it shares
            MINE.set(shared());
            TAKEN.fetch_and(!(1 << self.0), Ordering::Release);
        }
    }
}

fn free(taken: u32) -> Option<usize> {
    (0..OWN).find(|place| taken & 1 << place == 0)
}

/// One of the shared places; they take turns.
fn shared() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    OWN + NEXT.fetch_add(1, Ordering::Relaxed) % SHARED
}
