//! A small per-thread table from span to ids, so that entering a span rarely asks the registry.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::context::current::Slot;

/// How many spans a thread remembers: more than the spans of the requests it works on at once.
const ENTRIES: usize = 64;

#[derive(Clone, Copy, Debug)]
struct Entry {
    span: u64,
    epoch: u32,
    slot: Slot,
}

thread_local! {
    static TABLE: [Cell<Option<Entry>>; ENTRIES] = const { [const { Cell::new(None) }; ENTRIES] };
}

/// Counts, for each place of the table, the spans that have ended or changed their ids: what a
/// thread remembers is right only while nothing has happened at its place. The registry uses the
/// number of an ended span again, sooner or later.
static EPOCHS: [AtomicU32; ENTRIES] = [const { AtomicU32::new(0) }; ENTRIES];

/// The ids of `span` of the engine `engine`, if this thread remembers them.
#[inline]
pub(super) fn get(engine: u32, span: u64) -> Option<Slot> {
    let place = place(span);
    let entry = TABLE.with(|table| table[place].get())?;
    let right = entry.span == span
        && entry.slot.engine == engine
        && entry.epoch == EPOCHS[place].load(Ordering::Acquire);
    right.then_some(entry.slot)
}

#[inline]
pub(super) fn put(span: u64, slot: Slot) {
    let place = place(span);
    let epoch = EPOCHS[place].load(Ordering::Acquire);
    TABLE.with(|table| table[place].set(Some(Entry { span, epoch, slot })));
}

/// Makes every thread forget `span`.
#[inline]
pub(super) fn forget(span: u64) {
    EPOCHS[place(span)].fetch_add(1, Ordering::AcqRel);
}

/// The registry numbers spans by slot (low bits), thread and generation (high bits): fold them.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "only the low bits are kept"
)]
fn place(span: u64) -> usize {
    (span ^ (span >> 38)) as usize % ENTRIES
}
