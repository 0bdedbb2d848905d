//! Distributions over fixed buckets.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::boundaries::Boundaries;
use super::place::Place;
use super::shards::{Line, Lines, Shards};
use super::snapshot::Histogram;

/// A distribution over fixed buckets that several threads record into.
///
/// Of a measurement that is just being recorded, a reader may see one part and not the other.
#[derive(Debug)]
pub(super) struct HistogramCell {
    boundaries: Arc<Boundaries>,
    /// Each: the sum, the least and the greatest value, and the counts.
    shards: Shards<Lines>,
}

const SUM: usize = 0;
const MIN: usize = 1;
const MAX: usize = 2;
const COUNTS: usize = 3;

impl HistogramCell {
    pub(super) fn new(boundaries: Arc<Boundaries>) -> Self {
        Self {
            boundaries,
            shards: Shards::new(),
        }
    }

    pub(super) fn buckets(&self) -> usize {
        self.boundaries.all().len() + 1
    }

    /// Records a value and returns its bucket.
    pub(super) fn record(&self, value: f64) -> usize {
        let bucket = self.boundaries.bucket(value);
        let place = Place::mine();
        let shard = self.shard(place);
        place.add(shard.at(COUNTS + bucket), 1);
        add(place, shard.first(), value, value, value);
        bucket
    }

    /// The same, if this thread has a place for itself here and the bucket is one of the first.
    #[inline]
    pub(super) fn record_alone(&self, value: f64) -> Option<usize> {
        let (place, shard) = self.shards.own()?;
        let bucket = self.boundaries.near_bucket(value)?;
        place.add(shard.get(COUNTS + bucket)?, 1);
        add(place, shard.first(), value, value, value);
        Some(bucket)
    }

    /// Adds what another cell has counted: values are put where `weights` say.
    pub(super) fn absorb(&self, weights: &[(f64, u64)], sum: f64, range: Option<(f64, f64)>) {
        let place = Place::mine();
        let shard = self.shard(place);
        for (value, count) in weights {
            let bucket = self.boundaries.bucket(*value);
            place.add(shard.at(COUNTS + bucket), *count);
        }
        let (min, max) = range.unwrap_or((f64::INFINITY, f64::NEG_INFINITY));
        add(place, shard.first(), sum, min, max);
    }

    pub(super) fn get(&self) -> Histogram {
        let mut counts = vec![0; self.buckets()];
        let (mut sum, mut min, mut max) = (0.0, f64::INFINITY, f64::NEG_INFINITY);
        for shard in self.shards.iter() {
            let read = |index| shard.at(index).load(Ordering::Relaxed);
            sum += f64::from_bits(read(SUM));
            min = f64::min(min, f64::from_bits(read(MIN)));
            max = f64::max(max, f64::from_bits(read(MAX)));
            for (bucket, count) in counts.iter_mut().enumerate() {
                *count += read(COUNTS + bucket);
            }
        }
        Histogram {
            bounds: Arc::clone(self.boundaries.all()),
            counts,
            sum,
            range: (min <= max).then_some((min, max)),
        }
    }

    fn shard(&self, place: Place) -> &Lines {
        self.shards.at(place, || {
            let lines = Lines::new(COUNTS + self.buckets());
            lines.at(MIN).store(NO_MIN, Ordering::Relaxed);
            lines.at(MAX).store(NO_MAX, Ordering::Relaxed);
            lines
        })
    }
}

const NO_MIN: u64 = f64::INFINITY.to_bits();
const NO_MAX: u64 = f64::NEG_INFINITY.to_bits();

/// Adds to the sum and widens the range.
#[inline]
fn add(place: Place, first: &Line, sum: f64, min: f64, max: f64) {
    let [old_sum, old_min, old_max, ..] = &first.0;
    place.update(old_sum, |old| old + sum);
    if min < f64::from_bits(old_min.load(Ordering::Relaxed)) {
        place.update(old_min, |old| old.min(min));
    }
    if max > f64::from_bits(old_max.load(Ordering::Relaxed)) {
        place.update(old_max, |old| old.max(max));
    }
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
        let bounds: Arc<[f64]> = Arc::from([0.0, 1.0, 2.0]);
        let cell = HistogramCell::new(Arc::new(bounds.into()));
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
