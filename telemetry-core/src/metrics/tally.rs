//! Counts that any thread adds to in a nanosecond or two.

use std::sync::atomic::Ordering;

use super::place::Place;
use super::shards::{Line, Shards};

/// Counts `N` kinds of events, at most eight.
///
/// Most threads have a place of their own in it, so adding is no atomic read-modify-write and no
/// two cores fight for a cache line. A place takes memory when the first thread adds there.
///
/// Counts only grow, and wrap at 2⁶⁴.
///
/// ```
/// use telemetry_core::metrics::Tally;
///
/// let doors = Tally::<2>::new();
/// doors.add::<0>(1);
/// doors.add::<1>(3);
/// assert_eq!(doors.totals(), [1, 3]);
/// ```
#[derive(Debug)]
pub struct Tally<const N: usize> {
    shards: Shards<Line>,
}

impl<const N: usize> Tally<N> {
    /// All counts are zero.
    #[must_use]
    pub const fn new() -> Self {
        const { assert!(N <= 8, "a place is one cache line of eight counts") };
        Self {
            shards: Shards::new(),
        }
    }

    /// Adds to the count of kind `KIND`, which must be less than `N`.
    #[inline]
    pub fn add<const KIND: usize>(&self, events: u64) {
        const { assert!(KIND < N, "there is no such kind") };
        match self.shards.own() {
            Some((place, line)) => place.add(&line.0[KIND], events),
            None => self.add_elsewhere(KIND, events),
        }
    }

    /// The counts. An event that another thread is adding is in these totals or in the next: none
    /// is lost and none counts twice.
    #[must_use]
    pub fn totals(&self) -> [u64; N] {
        let mut totals = [0_u64; N];
        for line in self.shards.iter() {
            for (total, number) in totals.iter_mut().zip(&line.0) {
                *total = total.wrapping_add(number.load(Ordering::Relaxed));
            }
        }
        totals
    }

    #[inline(never)]
    fn add_elsewhere(&self, kind: usize, events: u64) {
        let place = Place::mine();
        let line = self.shards.at(place, Line::default);
        place.add(&line.0[kind], events);
    }
}

impl<const N: usize> Default for Tally<N> {
    fn default() -> Self {
        Self::new()
    }
}
