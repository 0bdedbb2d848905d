//! The series that a thread has used, so that finding one again takes no lock.

use std::cell::RefCell;
use std::sync::Arc;

use super::hash::{self, Pairs};
use super::series::Series;

/// How many series a thread remembers, as a power of two: enough for a busy service's handlers at
/// 4 KB a thread.
const BITS: u32 = 9;

thread_local! {
    static TABLE: RefCell<Vec<Option<Arc<Series>>>> = const { RefCell::new(Vec::new()) };
}

/// Uses the series of these attributes, if this thread remembers it. Returns whether it does.
#[inline]
pub(super) fn with(stream: u64, pairs: Pairs<'_>, hash: u64, act: impl FnOnce(&Series)) -> bool {
    let found = TABLE.try_with(|table| {
        let Ok(table) = table.try_borrow() else {
            return false;
        };
        match table.get(place(hash, stream)) {
            Some(Some(series)) if series.is(stream, pairs) && series.touch() => {
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
            table.resize(1 << BITS, None);
        }
        table.get_mut(place(hash, stream))?.replace(series)
    });
}

#[inline]
fn place(hash: u64, stream: u64) -> usize {
    usize::try_from(hash::spread(hash, stream) >> (u64::BITS - BITS)).unwrap_or(0)
}
