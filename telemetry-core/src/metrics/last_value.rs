//! Last values.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The last value that any thread has set.
#[derive(Debug, Default)]
pub(super) struct LastValueCell {
    bits: AtomicU64,
    is_set: AtomicBool,
}

impl LastValueCell {
    #[inline]
    pub(super) fn set(&self, bits: u64) {
        self.bits.store(bits, Ordering::Relaxed);
        if !self.is_set.load(Ordering::Relaxed) {
            self.is_set.store(true, Ordering::Release);
        }
    }

    pub(super) fn get(&self) -> Option<u64> {
        let is_set = self.is_set.load(Ordering::Acquire);
        is_set.then(|| self.bits.load(Ordering::Relaxed))
    }

    pub(super) fn take(&self) -> Option<u64> {
        let was_set = self.is_set.swap(false, Ordering::AcqRel);
        was_set.then(|| self.bits.load(Ordering::Relaxed))
    }
}
