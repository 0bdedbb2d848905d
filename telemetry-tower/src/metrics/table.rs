//! What a thread has used before.

use std::cell::RefCell;

/// Finds the last `SIZE` series that a thread has used without asking the registry.
pub(super) struct Table<L, S, const SIZE: usize>(RefCell<Vec<Option<Entry<L, S>>>>);

struct Entry<L, S> {
    /// Which instruments it belongs to.
    instruments: u64,
    labels: L,
    series: S,
}

impl<L, S, const SIZE: usize> Table<L, S, SIZE> {
    pub(super) const fn new() -> Self {
        Self(RefCell::new(Vec::new()))
    }

    /// Calls `use_it` with the series of the labels that `is_it` knows, or else with the one that
    /// `make` makes. Returns whether it did: not within itself.
    #[inline]
    pub(super) fn with(
        &self,
        instruments: u64,
        hash: u64,
        is_it: impl FnOnce(&L) -> bool,
        make: impl FnOnce() -> (L, S),
        use_it: impl FnOnce(&S),
    ) -> bool {
        let Ok(mut entries) = self.0.try_borrow_mut() else {
            return false;
        };
        if entries.is_empty() {
            entries.resize_with(SIZE, || None);
        }
        let spread = (hash ^ instruments).wrapping_mul(SPREAD) >> u32::BITS;
        let index = usize::try_from(spread).unwrap_or_default() % SIZE;
        let Some(slot) = entries.get_mut(index) else {
            return false;
        };
        let found = slot
            .as_ref()
            .is_some_and(|it| it.instruments == instruments && is_it(&it.labels));
        if !found {
            let (labels, series) = make();
            *slot = Some(Entry {
                instruments,
                labels,
                series,
            });
        }
        slot.as_ref().map(|entry| use_it(&entry.series)).is_some()
    }
}

/// Multiplying by it spreads what differs in few bits over all: 2^64 divided by the golden ratio.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// The length, the first and the last four bytes: equality has the last word.
#[inline]
pub(super) fn weak_hash(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let word = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(0_u64, |word, byte| word << 8 | u64::from(*byte))
    };
    let first = &bytes[..bytes.len().min(4)];
    let last = &bytes[bytes.len().saturating_sub(4)..];
    word(first) ^ word(last).rotate_left(32) ^ (bytes.len() as u64).rotate_left(17)
}
