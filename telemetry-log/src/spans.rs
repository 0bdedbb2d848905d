//! The fields of open spans, beside the registry.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tracing_core::span::Id;

use crate::gathered::SpanNumber;
use crate::json::Fields;

/// In how many parts the table is locked: threads work on different spans, and seldom meet.
const PARTS: usize = 64;

/// From an open span to its rendered fields; spans without fields are not in it.
///
/// The registry's extensions could hold them too, but allocate for each value. This keeps its
/// memory from span to span.
#[derive(Debug)]
pub(crate) struct Spans([Part; PARTS]);

/// A cache line of its own, so that threads do not fight for it without need.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Part(RwLock<Open>);

/// The registry uses a span's id again, its number is the span's alone.
pub(crate) type Open = HashMap<u64, (Fields, SpanNumber), BuildHasherDefault<IdHasher>>;

impl Default for Spans {
    fn default() -> Self {
        Self([const { Part(RwLock::new(HashMap::with_hasher(BuildHasherDefault::new()))) }; PARTS])
    }
}

impl Spans {
    #[inline]
    pub(crate) fn read(&self, id: &Id) -> RwLockReadGuard<'_, Open> {
        self.part(id).read().unwrap_or_else(PoisonError::into_inner)
    }

    #[inline]
    pub(crate) fn write(&self, id: &Id) -> RwLockWriteGuard<'_, Open> {
        self.part(id)
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The registry numbers spans by slot (low bits), thread and generation (high bits): fold them.
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "only the low bits are kept"
    )]
    fn part(&self, id: &Id) -> &RwLock<Open> {
        let id = id.into_u64();
        &self.0[(id ^ (id >> 38)) as usize % PARTS].0
    }
}

/// Spreads the numbers of spans, which nobody outside chooses.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    #[inline]
    fn write_u64(&mut self, id: u64) {
        // the golden ratio; its upper bits depend on all bits of the number
        self.0 = id.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(32);
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(self.0 ^ u64::from(*byte));
        }
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}
