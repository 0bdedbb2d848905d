//! The values of one set of attributes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};

use super::AttributeSet;
use super::exemplar::{Exemplars, Origin};
use super::exponential::{self, ExponentialCell};
use super::hash::{Order, Pairs};
use super::histogram::{self, HistogramCell};
use super::last_value::LastValueCell;
use super::measurement::{Measurement, NumberType};
use super::shared::Shared;
use super::snapshot::{Exemplar, ExponentialHistogram, Histogram, Number, SeriesId};
use super::sum::{ObservedSum, SumCell};
use super::view::Resolved;

/// The values of one set of attributes in one stream.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) id: SeriesId,
    stream: u64,
    pub(super) attributes: Arc<AttributeSet>,
    order: Order,
    state: AtomicU8,
    /// How many bound handles hold it.
    pins: AtomicUsize,
    start: AtomicU64,
    /// When a collection last found that it was used, by the monotonic clock.
    used_at: AtomicU64,
    /// The number of the collection that last observed it.
    observed_in: AtomicU64,
    cell: Cell,
    exemplars: Exemplars,
}

#[derive(Debug)]
enum Cell {
    Sum(SumCell),
    ObservedSum(ObservedSum),
    LastValue(LastValueCell),
    Histogram(HistogramCell),
    Exponential(ExponentialCell),
}

/// The value of a series.
#[derive(Clone, Debug)]
pub(super) enum CellValue {
    Sum(Number),
    /// None if it was never set.
    LastValue(Option<Number>),
    Histogram(Histogram),
    Exponential(ExponentialHistogram),
}

/// It was used since the last collection.
const USED: u8 = 0;
const IDLE: u8 = 1;
/// It is about to be forgotten.
const RETIRED: u8 = 2;

impl Series {
    pub(super) fn new(
        stream: u64,
        (attributes, order): (AttributeSet, Order),
        resolved: &Resolved,
        (number, is_observable): (NumberType, bool),
        now: u64,
    ) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self {
            id: SeriesId(NEXT.fetch_add(1, Ordering::Relaxed)),
            stream,
            attributes: Arc::new(attributes),
            order,
            state: AtomicU8::new(USED),
            pins: AtomicUsize::new(0),
            start: AtomicU64::new(now),
            // the first collection says when
            used_at: AtomicU64::new(0),
            observed_in: AtomicU64::new(0),
            cell: match resolved {
                Resolved::Sum if is_observable => Cell::ObservedSum(ObservedSum::default()),
                Resolved::Sum => Cell::Sum(SumCell::new(number)),
                Resolved::LastValue => Cell::LastValue(LastValueCell::default()),
                Resolved::Histogram(boundaries) => {
                    Cell::Histogram(HistogramCell::new(Arc::clone(boundaries)))
                }
                Resolved::Exponential {
                    max_size,
                    max_scale,
                } => Cell::Exponential(ExponentialCell::new(*max_size, *max_scale)),
            },
            exemplars: Exemplars::default(),
        }
    }

    /// Whether it is the series of these attributes in this stream.
    #[inline]
    pub(super) fn is(&self, stream: u64, pairs: Pairs<'_>) -> bool {
        self.stream == stream && pairs.are(&self.attributes, &self.order)
    }

    /// Says that it is used. False if it is about to be forgotten.
    #[inline]
    pub(super) fn touch(&self) -> bool {
        match self.state.load(Ordering::Relaxed) {
            USED => true,
            IDLE => {
                // a collection may decide otherwise in this moment
                let used =
                    self.state
                        .compare_exchange(IDLE, USED, Ordering::Relaxed, Ordering::Relaxed);
                used.is_ok() || used == Err(USED)
            }
            _ => false,
        }
    }

    /// The same, also if it is about to be forgotten.
    #[inline]
    pub(super) fn revive(&self) {
        if self.state.load(Ordering::Relaxed) != USED {
            self.state.store(USED, Ordering::Relaxed);
        }
    }

    /// Keeps it until as many [`Series::unpin`]s.
    pub(super) fn pin(&self) {
        self.pins.fetch_add(1, Ordering::Relaxed);
        self.revive();
    }

    /// Lets it expire from now on, if it was the last one who kept it.
    pub(super) fn unpin(&self) {
        self.revive();
        self.pins.fetch_sub(1, Ordering::Release);
    }

    /// Whether its value stands for what has not ended yet: forgotten, it would come back wrong.
    fn is_open(&self, goes_down: bool) -> bool {
        match &self.cell {
            Cell::Sum(sum) => goes_down && !sum.is_zero(),
            _ => false,
        }
    }

    #[inline]
    pub(super) fn record<'a, T: Measurement>(
        &self,
        value: T,
        origin: impl FnOnce() -> Origin<'a>,
        shared: &Shared,
    ) {
        match self.cell.record_alone(value) {
            None => self.record_slowly(value, origin()),
            Some(slot) if Exemplars::are_wanted(shared) => self.offer(slot, value, origin()),
            Some(_) => {}
        }
    }

    #[inline(never)]
    fn record_slowly<T: Measurement>(&self, value: T, origin: Origin<'_>) {
        let slot = self.cell.record(value);
        if Exemplars::are_wanted(origin.shared) {
            self.offer(slot, value, origin);
        }
    }

    #[inline(never)]
    fn offer<T: Measurement>(&self, slot: usize, value: T, origin: Origin<'_>) {
        let slots = || self.cell.exemplars();
        let number = || T::TYPE.number(value.bits());
        self.exemplars.offer(slot, slots, origin, number);
    }

    /// Takes a value that was asked for: the first of a collection replaces what was, and of the
    /// following ones, `adds` says whether they add to it.
    pub(super) fn observe<T: Measurement>(
        &self,
        value: T,
        collection: u64,
        adds: bool,
        origin: Origin<'_>,
    ) {
        let is_first = self.observed_in.swap(collection, Ordering::Relaxed) != collection;
        match &self.cell {
            Cell::ObservedSum(sum) if is_first || !adds => sum.set(value.bits()),
            Cell::LastValue(last) => last.set(value.bits()),
            _ => self.record_slowly(value, origin),
        }
    }

    pub(super) fn was_observed_in(&self, collection: u64) -> bool {
        self.observed_in.load(Ordering::Relaxed) == collection
    }

    pub(super) fn start(&self) -> u64 {
        self.start.load(Ordering::Relaxed)
    }

    pub(super) fn value(&self, number: NumberType) -> CellValue {
        match &self.cell {
            Cell::Sum(sum) => CellValue::Sum(number.number(sum.get())),
            Cell::ObservedSum(sum) => CellValue::Sum(number.number(sum.get())),
            Cell::LastValue(last) => {
                CellValue::LastValue(last.get().map(|bits| number.number(bits)))
            }
            Cell::Histogram(histogram) => CellValue::Histogram(histogram.get()),
            Cell::Exponential(histogram) => CellValue::Exponential(histogram.get()),
        }
    }

    pub(super) fn exemplars(&self) -> Vec<Exemplar> {
        self.exemplars.collect()
    }

    /// What was recorded since it was last asked so; `told` keeps what was told until now. Sums and
    /// counts are not set back to zero, because only those who add to them may write them.
    pub(super) fn take(&self, number: NumberType, told: &mut Option<CellValue>) -> CellValue {
        match &self.cell {
            Cell::LastValue(last) => {
                CellValue::LastValue(last.take().map(|bits| number.number(bits)))
            }
            Cell::Exponential(histogram) => CellValue::Exponential(histogram.take()),
            Cell::Sum(_) | Cell::ObservedSum(_) | Cell::Histogram(_) => {
                let value = self.value(number);
                match told.replace(value.clone()) {
                    Some(earlier) => value.since(&earlier),
                    None => value,
                }
            }
        }
    }

    /// Adds what another series has recorded since `start`, as far as it can be told.
    pub(super) fn absorb(&self, value: &CellValue, number: NumberType, start: u64) {
        self.start.fetch_min(start, Ordering::Relaxed);
        match (&self.cell, value) {
            (Cell::Sum(sum), CellValue::Sum(other)) => sum.add(number, NumberType::bits(*other)),
            (Cell::LastValue(last), CellValue::LastValue(Some(other))) => {
                last.set(NumberType::bits(*other));
            }
            (cell, CellValue::Histogram(other)) => {
                cell.absorb(&histogram::weights(other), other.sum, other.range);
            }
            (cell, CellValue::Exponential(other)) => {
                cell.absorb(&exponential::weights(other), other.sum, other.range);
            }
            _ => {}
        }
    }

    /// At a collection: whether it is to be forgotten, because nobody has used it for `expiry`;
    /// `now` is monotonic time. Threads that remember it are told one collection before. A sum that
    /// `goes_down` stays until it is zero.
    pub(super) fn expires(&self, now: u64, expiry: u64, goes_down: bool) -> bool {
        if self.pins.load(Ordering::Acquire) > 0 || self.is_open(goes_down) {
            return false;
        }
        let state = &self.state;
        match state.load(Ordering::Relaxed) {
            USED => {
                self.used_at.store(now, Ordering::Relaxed);
                state.store(IDLE, Ordering::Relaxed);
                false
            }
            IDLE => {
                if now.saturating_sub(self.used_at.load(Ordering::Relaxed)) >= expiry {
                    // unless it was used in this moment
                    let _ =
                        state.compare_exchange(IDLE, RETIRED, Ordering::Relaxed, Ordering::Relaxed);
                }
                false
            }
            _ => true,
        }
    }
}

impl CellValue {
    /// What came to a sum or a distribution over fixed buckets since it was `earlier`. The range is
    /// that of all values: whoever absorbs it has had the earlier ones.
    fn since(mut self, earlier: &Self) -> Self {
        match (&mut self, earlier) {
            (Self::Sum(now), Self::Sum(then)) => *now = difference(*now, *then),
            (Self::Histogram(now), Self::Histogram(then)) => {
                for (now, then) in now.counts.iter_mut().zip(&then.counts) {
                    *now = now.wrapping_sub(*then);
                }
                now.sum -= then.sum;
                if now.count() == 0 && now.sum == 0.0 && now.range == then.range {
                    now.range = None;
                }
            }
            _ => {}
        }
        self
    }

    /// Whether nothing was recorded, or so much as nothing.
    pub(super) fn is_nothing(&self) -> bool {
        match self {
            Self::Sum(number) => number.as_f64() == 0.0,
            Self::LastValue(number) => number.is_none(),
            // of a value that is just being recorded, a part may be there
            Self::Histogram(histogram) => {
                histogram.count() == 0 && histogram.sum == 0.0 && histogram.range.is_none()
            }
            Self::Exponential(histogram) => histogram.count() == 0,
        }
    }
}

fn difference(now: Number, then: Number) -> Number {
    match (now, then) {
        (Number::U64(now), Number::U64(then)) => Number::U64(now.wrapping_sub(then)),
        (Number::I64(now), Number::I64(then)) => Number::I64(now.wrapping_sub(then)),
        (Number::F64(now), Number::F64(then)) => Number::F64(now - then),
        _ => now,
    }
}

impl Cell {
    /// Records a value and returns the slot of its exemplar.
    fn record<T: Measurement>(&self, value: T) -> usize {
        match self {
            Self::Sum(sum) => sum.add(T::TYPE, value.bits()),
            Self::ObservedSum(sum) => sum.add(T::TYPE, value.bits()),
            Self::LastValue(last) => last.set(value.bits()),
            Self::Histogram(histogram) => return histogram.record(value.to_f64()),
            Self::Exponential(histogram) => return histogram.record(value.to_f64()),
        }
        0
    }

    /// The same, if it is a sum or has fixed buckets, and the thread a place for itself there.
    #[inline]
    fn record_alone<T: Measurement>(&self, value: T) -> Option<usize> {
        match self {
            Self::Sum(sum) => sum.add_alone(T::TYPE, value.bits()).then_some(0),
            Self::Histogram(histogram) => histogram.record_alone(value.to_f64()),
            _ => None,
        }
    }

    /// How many exemplars there may be.
    fn exemplars(&self) -> usize {
        match self {
            Self::Sum(_) | Self::ObservedSum(_) | Self::LastValue(_) => 1,
            Self::Histogram(histogram) => histogram.buckets(),
            Self::Exponential(_) => exponential::EXEMPLARS,
        }
    }

    fn absorb(&self, weights: &[(f64, u64)], sum: f64, range: Option<(f64, f64)>) {
        match self {
            Self::Histogram(histogram) => histogram.absorb(weights, sum, range),
            Self::Exponential(histogram) => histogram.absorb(weights, sum, range),
            Self::Sum(_) | Self::ObservedSum(_) | Self::LastValue(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn what_is_removed_was_not_touched() {
        const ROUNDS: usize = 2_000;
        let series: Vec<_> = (0..ROUNDS)
            .map(|_| {
                let set = (AttributeSet::default(), Order::default());
                let series = Series::new(1, set, &Resolved::Sum, (NumberType::U64, false), 0);
                assert!(!series.expires(0, 0, false), "it was used");
                series
            })
            .collect();
        let barrier = Barrier::new(2);
        let (removed, touched) = std::thread::scope(|scope| {
            let touching = scope.spawn(|| {
                let touch = |series: &Series| {
                    barrier.wait();
                    series.touch()
                };
                series.iter().map(touch).collect::<Vec<_>>()
            });
            let remove = |series: &Series| {
                barrier.wait();
                // the first says that it will be, the second that it is
                series.expires(0, 0, false) || series.expires(0, 0, false)
            };
            let removed: Vec<_> = series.iter().map(remove).collect();
            (removed, touching.join().unwrap())
        });
        let both = removed.into_iter().zip(touched);
        assert!(
            both.into_iter()
                .all(|(removed, touched)| removed != touched)
        );
    }
}
