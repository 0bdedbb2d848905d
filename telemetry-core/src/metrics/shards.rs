//! Values in several places, so that threads do not fight for one cache line.

use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;

use super::place::{PLACES, Place};

/// A value for each place, made when a thread there first needs it.
#[derive(Debug)]
pub(super) struct Shards<T> {
    /// Those of the first places, which are all that most programs use.
    first: [OnceLock<T>; FIRST],
    others: OnceLock<Box<[OnceLock<T>; PLACES - FIRST]>>,
}

const FIRST: usize = 4;

impl<T> Shards<T> {
    pub(super) const fn new() -> Self {
        Self {
            first: [const { OnceLock::new() }; FIRST],
            others: OnceLock::new(),
        }
    }

    /// The value of this place.
    #[inline]
    pub(super) fn at(&self, place: Place, make: impl FnOnce() -> T) -> &T {
        let shard = self.first.get(place.index());
        shard.unwrap_or_else(|| self.other(place)).get_or_init(make)
    }

    /// The value of the place that this thread has for itself, if it has used it before. Never calls
    /// a function, so that what only adds to it needs no stack.
    #[inline]
    pub(super) fn own(&self) -> Option<(Place, &T)> {
        let place = Place::own()?;
        let shard = match self.first.get(place.index()) {
            Some(shard) => shard,
            None => self.others.get()?.get(place.index() - FIRST)?,
        };
        Some((place, shard.get()?))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        let others = self.others.get().into_iter().flat_map(|others| &**others);
        self.first.iter().chain(others).filter_map(OnceLock::get)
    }

    #[inline(never)]
    fn other(&self, place: Place) -> &OnceLock<T> {
        let make = || Box::new([const { OnceLock::new() }; PLACES - FIRST]);
        &self.others.get_or_init(make)[place.index() - FIRST]
    }
}

/// A cache line of numbers.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(super) struct Line(pub(super) [AtomicU64; LINE]);

const LINE: usize = 8;

/// Numbers that share no cache line with others.
#[derive(Debug)]
pub(super) struct Lines(Box<[Line]>);

impl Lines {
    /// At least so many zeros, and one line of them.
    pub(super) fn new(numbers: usize) -> Self {
        let lines = numbers.div_ceil(LINE).max(1);
        Self((0..lines).map(|_| Line::default()).collect())
    }

    #[inline]
    pub(super) fn first(&self) -> &Line {
        &self.0[0]
    }

    #[inline]
    pub(super) fn get(&self, index: usize) -> Option<&AtomicU64> {
        Some(&self.0.get(index / LINE)?.0[index % LINE])
    }

    pub(super) fn at(&self, index: usize) -> &AtomicU64 {
        &self.0[index / LINE].0[index % LINE]
    }
}
