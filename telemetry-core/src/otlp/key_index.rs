//! Which keys a list of attributes already has.

use std::cell::Cell;
use std::ops::Range;

use super::attributes::entry_at;

/// A hash index over the keys of an encoded list. It holds offsets, not text, and one per thread
/// is reused, so that indexing allocates nothing in steady state.
#[derive(Debug, Default)]
pub(super) struct KeyIndex {
    /// Offset + 1 of the entry whose key hashes here, or 0.
    slots: Vec<u32>,
    used: usize,
}

/// Enough for the default limit of 128 attributes at half load.
const INITIAL_SLOTS: usize = 256;

/// What a thread keeps between uses: 64 KiB, enough for 8192 attributes.
const MAX_KEPT_SLOTS: usize = 16_384;

thread_local! {
    static INDEX: Cell<Option<KeyIndex>> = const { Cell::new(None) };
}

impl KeyIndex {
    pub(super) fn take() -> Self {
        INDEX
            .try_with(Cell::take)
            .ok()
            .flatten()
            .unwrap_or_default()
    }

    pub(super) fn put_back(self) {
        if self.slots.len() <= MAX_KEPT_SLOTS {
            // the thread may be ending
            let _ = INDEX.try_with(|index| index.set(Some(self)));
        }
    }

    pub(super) fn insert(&mut self, bytes: &[u8], key: Range<usize>, offset: usize) {
        if (self.used + 1) * 2 > self.slots.len() {
            self.grow(bytes);
        }
        let Some(key) = bytes.get(key) else { return };
        let slot = self.slot(bytes, key);
        if let Some(slot) = self.slots.get_mut(slot) {
            if *slot == 0 {
                self.used += 1;
            }
            *slot = u32::try_from(offset + 1).unwrap_or(0);
        }
    }

    /// Where the entry with this key is.
    pub(super) fn get(&self, bytes: &[u8], key: &[u8]) -> Option<usize> {
        if self.slots.is_empty() {
            return None;
        }
        let offset = *self.slots.get(self.slot(bytes, key))?;
        (offset as usize).checked_sub(1)
    }

    /// Indexes a list, and forgets what was indexed before.
    pub(super) fn rebuild(&mut self, bytes: &[u8]) {
        self.clear();
        let mut offset = 0;
        while let Some((key, end)) = entry_at(bytes, offset) {
            self.insert(bytes, key, offset);
            offset = end;
        }
    }

    fn clear(&mut self) {
        self.slots.fill(0);
        self.used = 0;
    }

    fn grow(&mut self, bytes: &[u8]) {
        let size = (self.slots.len() * 2).max(INITIAL_SLOTS);
        let old = std::mem::replace(&mut self.slots, vec![0; size]);
        self.used = 0;
        for offset in old
            .into_iter()
            .filter(|slot| *slot != 0)
            .map(|slot| slot as usize - 1)
        {
            if let Some((key, _)) = entry_at(bytes, offset) {
                self.insert(bytes, key, offset);
            }
        }
    }

    /// The slot of `key`: the one that holds it, or the free one where it belongs.
    fn slot(&self, bytes: &[u8], key: &[u8]) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = hash(key) & mask;
        loop {
            let offset = self.slots.get(slot).copied().unwrap_or(0) as usize;
            if offset == 0 {
                return slot;
            }
            let found = entry_at(bytes, offset - 1).and_then(|(range, _)| bytes.get(range));
            if found == Some(key) {
                return slot;
            }
            slot = (slot + 1) & mask;
        }
    }
}

/// Multiplies eight bytes at a time and folds the high half, which every byte reaches, onto the low
/// one, which picks the slot. No secret: a list is bounded, so collisions cost little.
fn hash(key: &[u8]) -> usize {
    let mix = |hash: u64, word: u64| {
        let product = (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        product ^ product >> 32
    };
    let (words, rest) = key.as_chunks::<8>();
    let hash = words.iter().fold(key.len() as u64, |hash, word| {
        mix(hash, u64::from_le_bytes(*word))
    });
    let tail = rest
        .iter()
        .fold(0, |tail, byte| tail << 8 | u64::from(*byte));
    usize::try_from(mix(hash, tail) & 0xffff_ffff).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Numbered keys are what large lists have: they must not meet in a few slots.
    #[test]
    fn numbered_keys_spread_over_the_slots() {
        for suffix in ["", ".id", ".description"] {
            let keys = (0..512).map(|number| format!("shop.order.line.{number:03}{suffix}"));
            let slots: HashSet<_> = keys.map(|key| hash(key.as_bytes()) % 1024).collect();
            // chance alone leaves 1024 * (1 - e^-0.5) = 403
            assert!(slots.len() > 350, "{suffix:?}: {} slots", slots.len());
        }
    }
}
