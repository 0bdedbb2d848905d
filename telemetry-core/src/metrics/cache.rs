//! The series that a thread has used, so that finding one again takes no lock.

use std::cell::RefCell;
use std::sync::Arc;

use super::hash::{self, Pairs};
use super::series::Series;

/// How many pairs of series a thread remembers, as a power of two: 512 series are enough for a busy
/// service's handlers, at 8 KB a thread.
const BITS: u32 = 8;

/// Series whose hashes lead to one place. There are two, because among a few dozen series some
/// meet, and would push each other out with each measurement.
type Pair = [Option<Entry>; 2];

/// A series, and the hash by which it was found.
#[derive(Clone)]
struct Entry {
    hash: u64,
    series: Arc<Series>,
}

thread_local! {
    static TABLE: RefCell<Vec<Pair>> = const { RefCell::new(Vec::new()) };
}

/// Uses the series of these attributes, if this thread remembers it. Returns whether it does.
#[inline]
pub(super) fn with(stream: u64, pairs: Pairs<'_>, hash: u64, act: impl FnOnce(&Series)) -> bool {
    let found = TABLE.try_with(|table| {
        let Ok(table) = table.try_borrow() else {
            return false;
        };
        let Some([first, second]) = table.get(place(hash, stream)) else {
            return false;
        };
        let is_it = |entry: &&Entry| entry.hash == hash && entry.series.is(stream, pairs);
        let found = first.as_ref().filter(is_it);
        match found.or_else(|| second.as_ref().filter(is_it)) {
            Some(Entry { series, .. }) if series.touch() => {
                act(series);
                true
            }
            _ => false,
        }
    });
    // the thread may be ending
    found.unwrap_or(false)
}

/// Remembers a series.
pub(super) fn put(stream: u64, hash: u64, series: Arc<Series>) {
    // the one that it replaces is dropped outside of the borrow
    let _replaced = TABLE.try_with(|table| {
        let mut table = table.try_borrow_mut().ok()?;
        if table.is_empty() {
            table.resize(1 << BITS, [None, None]);
        }
        let [first, second] = table.get_mut(place(hash, stream))?;
        let entry = Entry { hash, series };
        std::mem::replace(second, first.replace(entry))
    });
}

#[inline]
fn place(hash: u64, stream: u64) -> usize {
    usize::try_from(hash::spread(hash, stream) >> (u64::BITS - BITS)).unwrap_or(0)
}
