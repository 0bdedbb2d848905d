//! A small per-thread table from span to ids, so that entering a span rarely asks the registry.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::context::current::{Key, Slot};

/// How many spans a thread remembers: more than the spans of the requests it works on at once.
const ENTRIES: usize = 64;

#[derive(Clone, Copy, Debug)]
struct Entry {
    epoch: Epoch,
    slot: Slot,
}

impl Entry {
    const NONE: Self = Self {
        epoch: Epoch(0),
        slot: Slot::NONE,
    };
}

/// A state of the place of a span, see [`epoch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Epoch(u32);

thread_local! {
    static TABLE: [Cell<Entry>; ENTRIES] = const { [const { Cell::new(Entry::NONE) }; ENTRIES] };
    static THREAD: Cell<u32> = const { Cell::new(SHARED) };
}

/// Counts, for each place of the table, the spans that have ended or changed their ids while
/// several threads knew them: what a thread remembers is right only while nothing has happened at
/// its place. The registry uses the number of an ended span again, sooner or later.
static EPOCHS: [Place; ENTRIES] = [const { Place(AtomicU32::new(0)) }; ENTRIES];

/// A cache line of its own, so that threads do not fight for it without need.
#[repr(align(64))]
struct Place(AtomicU32);

/// In place of a thread's number: more than one thread.
pub(super) const SHARED: u32 = 0;

/// The number of this thread, from 1.
#[inline]
pub(super) fn thread() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let number = THREAD.get();
    if number != SHARED {
        return number;
    }
    let number = NEXT.fetch_add(1, Ordering::Relaxed).max(1);
    THREAD.set(number);
    number
}

/// What this thread remembers of the span.
#[inline]
pub(super) fn get(key: Key) -> Option<Slot> {
    let entry = TABLE.with(|table| table[place(key.span)].get());
    (entry.slot.key == key && entry.epoch == epoch(key.span)).then_some(entry.slot)
}

/// The state of the place of `span`, to be read before the registry is asked about the span: what
/// is remembered is then found to be outdated if the span changes in between.
#[inline]
pub(super) fn epoch(span: u64) -> Epoch {
    Epoch(EPOCHS[place(span)].0.load(Ordering::Acquire))
}

/// Remembers a span that was as `slot` says at `epoch`.
#[inline]
pub(super) fn put(slot: Slot, epoch: Epoch) {
    TABLE.with(|table| table[place(slot.key.span)].set(Entry { epoch, slot }));
}

/// Makes this thread forget `span`.
#[inline]
pub(super) fn forget_here(span: u64) {
    TABLE.with(|table| table[place(span)].set(Entry::NONE));
}

/// Makes every thread forget `span`.
pub(super) fn forget(span: u64) {
    EPOCHS[place(span)].0.fetch_add(1, Ordering::AcqRel);
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
