//! Measurements that are kept with the span in which they were taken.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError, TryLockError};

use super::hash::Pairs;
use super::shared::Shared;
use super::snapshot::{Exemplar, Number};
use crate::config::ExemplarFilter;
use crate::context::current;
use crate::trace::random;

/// A slot for each bucket of a histogram, and one for a sum or a last value.
///
/// A slot keeps its last exemplar, but is not rewritten by every measurement: after `n` writes
/// since the last collection, one in `2^n` measurements is written, and at least one in 64. The
/// first after a collection always is. So what is kept is spread over the time since the last
/// collection, as a reservoir of one would be, and leans towards the end of it; and a busy slot
/// costs little. Counting by powers of two is Morris' way (R. Morris, "Counting large numbers of
/// events in small registers", 1978); that the state starts again with each collection is the
/// specification's: <https://opentelemetry.io/docs/specs/otel/metrics/sdk/#exemplarreservoir>.
#[derive(Debug, Default)]
pub(super) struct Exemplars(OnceLock<Box<[Slot]>>);

#[derive(Debug, Default)]
struct Slot {
    writes: AtomicU32,
    kept: Mutex<Option<Exemplar>>,
}

/// The most writes that make the next less likely.
const RAREST: u32 = 6;

/// A measurement, apart from its number.
#[derive(Clone, Copy)]
pub(super) struct Origin<'a> {
    pub(super) shared: &'a Shared,
    pub(super) pairs: Pairs<'a>,
}

impl Exemplars {
    /// Whether a measurement may become one, wherever it is recorded.
    #[inline]
    pub(super) fn are_wanted(shared: &Shared) -> bool {
        match shared.exemplar_filter() {
            ExemplarFilter::AlwaysOff => false,
            ExemplarFilter::AlwaysOn => true,
            ExemplarFilter::TraceBased => current::may_be_sampled(),
        }
    }

    /// Offers a measurement that is wanted to one of so many slots.
    pub(super) fn offer(
        &self,
        slot: usize,
        slots: impl FnOnce() -> usize,
        origin: Origin<'_>,
        number: impl FnOnce() -> Number,
    ) {
        if self.wants(slot) {
            self.keep(slot, slots(), origin, number());
        }
    }

    #[inline]
    fn wants(&self, slot: usize) -> bool {
        let Some(slot) = self.0.get().and_then(|slots| slots.get(slot)) else {
            return true;
        };
        match slot.writes.load(Ordering::Relaxed).min(RAREST) {
            0 => true,
            writes => random::next() >> (u64::BITS - writes) == 0,
        }
    }

    #[cold]
    fn keep(&self, slot: usize, slots: usize, origin: Origin<'_>, value: Number) {
        let ids = current::peek();
        let is_sampled = ids.is_some_and(|ids| ids.trace_flags.is_sampled());
        if !is_sampled && origin.shared.exemplar_filter() != ExemplarFilter::AlwaysOn {
            return;
        }
        let slots = self
            .0
            .get_or_init(|| (0..slots).map(|_| Slot::default()).collect());
        let Some(slot) = slots.get(slot) else { return };
        let mut kept = match slot.kept.try_lock() {
            Ok(kept) => kept,
            Err(TryLockError::Poisoned(kept)) => kept.into_inner(),
            // somebody else is writing one that is as good
            Err(TryLockError::WouldBlock) => return,
        };
        if ids.is_some() {
            current::mark_used();
        }
        *kept = Some(Exemplar {
            value,
            unix_nanos: origin.shared.now(),
            span: ids.map(|ids| (ids.trace_id, ids.span_id)),
            filtered_attributes: origin.shared.redact(origin.pairs.removed()),
        });
        slot.writes.fetch_add(1, Ordering::Relaxed);
    }

    /// What is kept, the oldest first. What comes next is kept for sure.
    pub(super) fn collect(&self) -> Vec<Exemplar> {
        let Some(slots) = self.0.get() else {
            return Vec::new();
        };
        let kept = slots.iter().filter_map(|slot| {
            slot.writes.store(0, Ordering::Relaxed);
            let kept = slot.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.clone()
        });
        let mut kept: Vec<_> = kept.collect();
        kept.sort_by_key(|exemplar| exemplar.unix_nanos);
        kept
    }
}
