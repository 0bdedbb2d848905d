//! Distributions over buckets that adapt to the values.

use std::sync::{Mutex, PoisonError};

use super::place::Place;
use super::shards::Shards;
use super::snapshot::{Buckets, ExponentialHistogram};

/// The finest scale, with which every distribution begins.
///
/// Source: <https://opentelemetry.io/docs/specs/otel/metrics/sdk/#base2-exponential-bucket-histogram-aggregation>.
pub(super) const MAX_SCALE: i8 = 20;
/// The most buckets of positive, and of negative values. Source: the same.
pub(super) const MAX_SIZE: u16 = 160;

/// How many exemplars there are; a measurement's is chosen by its order of magnitude.
///
/// Source: <https://opentelemetry.io/docs/specs/otel/metrics/sdk/#exemplar-defaults>.
pub(super) const EXEMPLARS: usize = 20;

/// A distribution that several threads record into.
#[derive(Debug)]
pub(super) struct ExponentialCell {
    max_size: u16,
    max_scale: i8,
    shards: Shards<Box<Mutex<Distribution>>>,
}

impl ExponentialCell {
    pub(super) fn new(max_size: u16, max_scale: i8) -> Self {
        Self {
            max_size,
            max_scale,
            shards: Shards::new(),
        }
    }

    /// Records a value and returns the number of its exemplar.
    pub(super) fn record(&self, value: f64) -> usize {
        self.mine(|distribution| distribution.record(value, 1));
        let magnitude = exponent(value.abs()).0.rem_euclid(20);
        usize::try_from(magnitude).unwrap_or(0)
    }

    /// Adds what another cell has counted: values are put where `weights` say.
    pub(super) fn absorb(&self, weights: &[(f64, u64)], sum: f64, range: Option<(f64, f64)>) {
        self.mine(|distribution| {
            let before = distribution.data.clone();
            for (value, count) in weights {
                distribution.record(*value, *count);
            }
            distribution.data.sum = before.sum + sum;
            distribution.data.range = before.range;
            if let Some((min, max)) = range {
                distribution.widen(min);
                distribution.widen(max);
            }
        });
    }

    pub(super) fn get(&self) -> ExponentialHistogram {
        self.merged(|shard| shard.data.clone())
    }

    /// What was recorded, and from now on nothing.
    pub(super) fn take(&self) -> ExponentialHistogram {
        let empty = || Distribution::new(self.max_size, self.max_scale);
        self.merged(|shard| std::mem::replace(shard, empty()).data)
    }

    fn merged(
        &self,
        read: impl Fn(&mut Distribution) -> ExponentialHistogram,
    ) -> ExponentialHistogram {
        let mut all = Distribution::new(self.max_size, self.max_scale);
        for shard in self.shards.iter() {
            // not held while merging
            let data = read(&mut shard.lock().unwrap_or_else(PoisonError::into_inner));
            all.merge(data);
        }
        all.data
    }

    fn mine(&self, act: impl FnOnce(&mut Distribution)) {
        let make = || Box::new(Mutex::new(Distribution::new(self.max_size, self.max_scale)));
        let shard = self.shards.at(Place::mine(), make);
        act(&mut shard.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// A distribution with its limit.
#[derive(Debug)]
struct Distribution {
    max_size: u16,
    data: ExponentialHistogram,
}

impl Distribution {
    fn new(max_size: u16, max_scale: i8) -> Self {
        let data = ExponentialHistogram {
            scale: i32::from(max_scale),
            zero_count: 0,
            positive: Buckets::default(),
            negative: Buckets::default(),
            sum: 0.0,
            range: None,
        };
        Self { max_size, data }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts above 2^53 are not met")]
    fn record(&mut self, value: f64, count: u64) {
        self.data.sum += value * count as f64;
        self.widen(value);
        if value == 0.0 {
            self.data.zero_count += count;
            return;
        }
        let index = index(value.abs(), self.data.scale);
        let max_size = self.max_size;
        let excess = excess(self.side(value), index, index, max_size);
        self.coarsen(excess);
        add(self.side(value), index >> excess, count);
    }

    fn widen(&mut self, value: f64) {
        let (min, max) = self.data.range.unwrap_or((value, value));
        self.data.range = Some((min.min(value), max.max(value)));
    }

    fn side(&mut self, value: f64) -> &mut Buckets {
        if value > 0.0 {
            &mut self.data.positive
        } else {
            &mut self.data.negative
        }
    }

    fn merge(&mut self, mut other: ExponentialHistogram) {
        let coarsest = self.data.scale.min(other.scale);
        self.coarsen(self.data.scale.abs_diff(coarsest));
        let finer = other.scale.abs_diff(coarsest);
        coarsen(&mut other, finer);
        let mine = [&self.data.positive, &self.data.negative];
        let theirs = [&other.positive, &other.negative];
        let both = mine.into_iter().zip(theirs);
        let excess = both
            .filter_map(|(mine, theirs)| {
                let last = last(theirs)?;
                Some(excess(mine, theirs.offset, last, self.max_size))
            })
            .max()
            .unwrap_or(0);
        self.coarsen(excess);
        coarsen(&mut other, excess);
        add_all(&mut self.data.positive, &other.positive);
        add_all(&mut self.data.negative, &other.negative);
        self.data.zero_count += other.zero_count;
        self.data.sum += other.sum;
        if let Some((min, max)) = other.range {
            self.widen(min);
            self.widen(max);
        }
    }

    fn coarsen(&mut self, by: u32) {
        coarsen(&mut self.data, by);
    }
}

/// The bucket of a positive value: `base^index < value <= base^(index + 1)` with
/// `base = 2^(2^-scale)`.
///
/// Source: <https://opentelemetry.io/docs/specs/otel/metrics/data-model/#all-scales-use-the-logarithm-function>.
fn index(value: f64, scale: i32) -> i32 {
    let (exponent, fraction) = exponent(value);
    // a power of two ends the bucket before
    let is_power = fraction <= 1.0;
    let Ok(scale @ 1..) = u32::try_from(scale) else {
        return (exponent - i32::from(is_power)) >> scale.unsigned_abs();
    };
    let first = exponent << scale;
    if is_power {
        return first - 1;
    }
    let buckets = 1_i32 << scale;
    let within = (fraction.log2() * f64::from(buckets)).ceil() - 1.0;
    #[expect(clippy::cast_possible_truncation, reason = "it is less than 2^20")]
    let within = within as i32;
    first + within.clamp(0, buckets - 1)
}

/// The value as `fraction * 2^exponent` with the fraction from 1 to below 2.
fn exponent(value: f64) -> (i32, f64) {
    const FRACTION: u64 = (1 << 52) - 1;
    /// 2^64 brings every subnormal number among the normal ones, exactly.
    const UP: f64 = f64::from_bits((1023 + 64) << 52);
    let (value, moved) = if value < f64::MIN_POSITIVE {
        (value * UP, 64)
    } else {
        (value, 0)
    };
    let bits = value.to_bits();
    let biased = i32::try_from(bits >> 52 & 0x7ff).unwrap_or(0);
    let fraction = f64::from_bits(bits & FRACTION | 1.0_f64.to_bits());
    (biased - 1023 - moved, fraction)
}

fn last(buckets: &Buckets) -> Option<i32> {
    let length = i32::try_from(buckets.counts.len()).unwrap_or(i32::MAX);
    (length > 0).then(|| buckets.offset + length - 1)
}

/// How often the scale must be lowered for the buckets to take these indices too.
fn excess(buckets: &Buckets, low: i32, high: i32, max_size: u16) -> u32 {
    let (mut low, mut high) = match last(buckets) {
        Some(last) => (low.min(buckets.offset), high.max(last)),
        None => (low, high),
    };
    let mut shift = 0;
    // at fine scales, they may be farther apart than 32 bits can tell
    while i64::from(high) - i64::from(low) >= i64::from(max_size) {
        (low, high) = (low >> 1, high >> 1);
        shift += 1;
    }
    shift
}

fn coarsen(data: &mut ExponentialHistogram, by: u32) {
    if by == 0 {
        return;
    }
    data.scale = data.scale.saturating_sub_unsigned(by);
    for buckets in [&mut data.positive, &mut data.negative] {
        let old = std::mem::take(buckets);
        for (index, count) in (old.offset..).zip(old.counts) {
            add(buckets, index >> by, count);
        }
    }
}

fn add_all(buckets: &mut Buckets, others: &Buckets) {
    for (index, count) in (others.offset..).zip(&others.counts) {
        add(buckets, index, *count);
    }
}

fn add(buckets: &mut Buckets, index: i32, count: u64) {
    if count == 0 {
        return;
    }
    if buckets.counts.is_empty() {
        buckets.offset = index;
    }
    if index < buckets.offset {
        let missing = usize::try_from(buckets.offset - index).unwrap_or(0);
        buckets.counts.splice(0..0, std::iter::repeat_n(0, missing));
        buckets.offset = index;
    }
    let at = usize::try_from(index - buckets.offset).unwrap_or(0);
    if at >= buckets.counts.len() {
        buckets.counts.resize(at + 1, 0);
    }
    buckets.counts[at] += count;
}

/// Where the values of each bucket are taken to be: at its end that is farther from zero, but not
/// beyond the values that were met.
pub(super) fn weights(histogram: &ExponentialHistogram) -> Vec<(f64, u64)> {
    let (min, max) = histogram.range.unwrap_or((0.0, 0.0));
    let width = f64::from(-histogram.scale).exp2();
    let end = |index: i32| (f64::from(index + 1) * width).exp2();
    let of = |buckets: &Buckets, sign: f64| {
        let ends = (buckets.offset..).zip(buckets.counts.clone());
        ends.map(|(index, count)| ((sign * end(index)).clamp(min, max), count))
            .collect::<Vec<_>>()
    };
    let mut all = of(&histogram.negative, -1.0);
    all.push((0.0, histogram.zero_count));
    all.extend(of(&histogram.positive, 1.0));
    all.retain(|(_, count)| *count > 0);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_two_end_the_bucket_before() {
        for scale in -10..=20 {
            for exponent in [-1074_i32, -1073, -1022, -1, 0, 1, 52, 1023] {
                let value = f64::from(exponent).exp2();
                let expected = if scale > 0 {
                    (i64::from(exponent) << scale) - 1
                } else {
                    i64::from(exponent - 1) >> -scale
                };
                assert_eq!(
                    i64::from(index(value, scale)),
                    expected,
                    "2^{exponent} at {scale}"
                );
            }
        }
    }

    #[test]
    fn neighbours_of_a_power_of_two_are_on_its_sides() {
        for scale in 1..=20 {
            assert_eq!(index(1.0_f64.next_up(), scale), 0);
            assert_eq!(index(1.0_f64.next_down(), scale), -1);
            assert_eq!(index(f64::MAX, scale), (1024 << scale) - 1);
        }
        assert_eq!(index(f64::from_bits(1), 0), -1075);
        assert_eq!(index(f64::from_bits(3), 0), -1073);
    }
}
