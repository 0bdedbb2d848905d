//! Distributions over fixed buckets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::measurement::add_f64;
use super::shards::{Lines, Shards};
use super::snapshot::Histogram;

/// A distribution over fixed buckets that several threads record into.
///
/// Of a measurement that is just being recorded, a reader may see one part and not the other.
#[derive(Debug)]
pub(super) struct HistogramCell {
    bounds: Arc<[f64]>,
    /// Each: the sum, the least, the greatest value, and the counts.
    shards: Shards<Lines>,
}

const SUM: usize = 0;
const MIN: usize = 1;
const MAX: usize = 2;
const COUNTS: usize = 3;

impl HistogramCell {
    pub(super) fn new(bounds: Arc<[f64]>) -> Self {
        Self {
            bounds,
            shards: Shards::new(),
        }
    }

    pub(super) fn buckets(&self) -> usize {
        self.bounds.len() + 1
    }

    /// Records a value and returns its bucket.
    #[inline]
    pub(super) fn record(&self, value: f64) -> usize {
        let bucket = self.bucket(value);
        let shard = self.mine();
        shard.at(COUNTS + bucket).fetch_add(1, Ordering::Relaxed);
        add_f64(shard.at(SUM), value);
        widen(shard, value);
        bucket
    }

    /// Adds what another cell has counted: values are put where `weights` say.
    pub(super) fn absorb(&self, weights: &[(f64, u64)], sum: f64, range: Option<(f64, f64)>) {
        let shard = self.mine();
        for (value, count) in weights {
            let bucket = shard.at(COUNTS + self.bucket(*value));
            bucket.fetch_add(*count, Ordering::Relaxed);
        }
        add_f64(shard.at(SUM), sum);
        if let Some((min, max)) = range {
            widen(shard, min);
            widen(shard, max);
        }
    }

    pub(super) fn get(&self) -> Histogram {
        self.read(|number, _| number.load(Ordering::Relaxed))
    }

    /// What was recorded, and from now on nothing.
    pub(super) fn take(&self) -> Histogram {
        self.read(|number, empty| number.swap(empty, Ordering::Relaxed))
    }

    fn read(&self, read: impl Fn(&AtomicU64, u64) -> u64) -> Histogram {
        let mut counts = vec![0; self.buckets()];
        let (mut sum, mut min, mut max) = (0.0, f64::INFINITY, f64::NEG_INFINITY);
        for shard in self.shards.iter() {
            sum += f64::from_bits(read(shard.at(SUM), 0));
            min = f64::min(min, f64::from_bits(read(shard.at(MIN), NO_MIN)));
            max = f64::max(max, f64::from_bits(read(shard.at(MAX), NO_MAX)));
            for (bucket, count) in counts.iter_mut().enumerate() {
                *count += read(shard.at(COUNTS + bucket), 0);
            }
        }
        Histogram {
            bounds: Arc::clone(&self.bounds),
            counts,
            sum,
            range: (min <= max).then_some((min, max)),
        }
    }

    #[inline]
    fn mine(&self) -> &Lines {
        self.shards.mine(|| {
            let lines = Lines::new(COUNTS + self.buckets());
            lines.at(MIN).store(NO_MIN, Ordering::Relaxed);
            lines.at(MAX).store(NO_MAX, Ordering::Relaxed);
            lines
        })
    }

    /// The first bucket whose upper bound is not below the value.
    #[inline]
    fn bucket(&self, value: f64) -> usize {
        self.bounds.partition_point(|bound| *bound < value)
    }
}

const NO_MIN: u64 = f64::INFINITY.to_bits();
const NO_MAX: u64 = f64::NEG_INFINITY.to_bits();

#[inline]
fn widen(shard: &Lines, value: f64) {
    if value < f64::from_bits(shard.at(MIN).load(Ordering::Relaxed)) {
        replace_while(shard.at(MIN), value, |old| value < old);
    }
    if value > f64::from_bits(shard.at(MAX).load(Ordering::Relaxed)) {
        replace_while(shard.at(MAX), value, |old| value > old);
    }
}

#[cold]
fn replace_while(number: &AtomicU64, value: f64, is_better: impl Fn(f64) -> bool) {
    // an error says that the other value is better
    let _ = number.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |old| {
        is_better(f64::from_bits(old)).then_some(value.to_bits())
    });
}

/// Where the values of each bucket are taken to be: at its upper bound, and for the last one at
/// the greatest value. Of a value that is just being recorded, the count may be known and the range
/// not yet.
pub(super) fn weights(histogram: &Histogram) -> Vec<(f64, u64)> {
    let above = histogram.bounds.last().map(|bound| bound.next_up());
    let max = histogram.range.map(|(_, max)| max);
    let last = above.into_iter().chain(max).reduce(f64::max);
    let last = last.unwrap_or(0.0);
    let places = histogram.bounds.iter().copied().chain([last]);
    places
        .zip(histogram.counts.iter().copied())
        .filter(|(_, count)| *count > 0)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_on_a_bound_is_below_it() {
        let cell = HistogramCell::new(Arc::from([0.0, 1.0, 2.0]));
        for value in [-1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5] {
            cell.record(value);
        }
        let got = cell.get();
        assert_eq!(got.counts, [2, 2, 2, 1]);
        assert_eq!((got.sum, got.range), (6.5, Some((-1.0, 2.5))));
    }

    #[test]
    fn the_last_bucket_has_a_place_without_a_range() {
        let weights = |bounds: &[f64], range| {
            let mut counts = vec![0; bounds.len()];
            counts.push(3);
            weights(&Histogram {
                bounds: bounds.into(),
                counts,
                sum: 0.0,
                range,
            })
        };
        let above = 2.0_f64.next_up();
        assert_eq!(weights(&[1.0, 2.0], None), [(above, 3)]);
        // of a value that is not yet among the others
        assert_eq!(weights(&[1.0, 2.0], Some((0.5, 0.5))), [(above, 3)]);
        assert_eq!(weights(&[1.0, 2.0], Some((0.5, 9.0))), [(9.0, 3)]);
        assert_eq!(weights(&[], Some((-5.0, -4.0))), [(-4.0, 3)]);
        assert_eq!(weights(&[], None), [(0.0, 3)]);
    }
}
