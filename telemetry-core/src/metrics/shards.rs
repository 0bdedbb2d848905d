//! Values in several places, so that threads do not fight for one cache line.

use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// How many places there are: with more, reading and memory cost more than fighting does.
const SHARDS: usize = 4;

/// A value for each of a few groups of threads, made when one of the group first needs it.
#[derive(Debug)]
pub(super) struct Shards<T>([OnceLock<T>; SHARDS]);

impl<T> Shards<T> {
    pub(super) const fn new() -> Self {
        Self([const { OnceLock::new() }; SHARDS])
    }

    /// The value of this thread's group.
    #[inline]
    pub(super) fn mine(&self, make: impl FnOnce() -> T) -> &T {
        self.0[thread_number() % SHARDS].get_or_init(make)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().filter_map(OnceLock::get)
    }
}

/// A cache line of numbers.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(super) struct Line([AtomicU64; LINE]);

const LINE: usize = 8;

/// Numbers that share no cache line with others.
#[derive(Debug)]
pub(super) struct Lines(Box<[Line]>);

impl Lines {
    /// At least so many zeros.
    pub(super) fn new(numbers: usize) -> Self {
        let lines = numbers.div_ceil(LINE);
        Self((0..lines).map(|_| Line::default()).collect())
    }

    #[inline]
    pub(super) fn at(&self, index: usize) -> &AtomicU64 {
        &self.0[index / LINE].0[index % LINE]
    }
}

/// The number of this thread, from 1.
#[inline]
pub(super) fn thread_number() -> usize {
    thread_local! {
        static NUMBER: Cell<usize> = const { Cell::new(0) };
    }
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    let number = NUMBER.get();
    if number != 0 {
        return number;
    }
    let number = NEXT.fetch_add(1, Ordering::Relaxed).max(1);
    NUMBER.set(number);
    number
}
