//! Quantiles of distributions, as Prometheus' `histogram_quantile` has them.

use super::{Buckets, ExponentialHistogram, Histogram};

/// Where a quantile of a distribution lies.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a value is below the last bound or it is not"
)]
pub enum Quantile {
    /// At this value, estimated within its bucket.
    At(f64),
    /// In the last, open bucket: above this bound, nobody knows how far.
    Above(f64),
}

impl Quantile {
    /// The value, or the last bound if the quantile is above it: the number that Prometheus gives.
    #[must_use]
    pub const fn value(self) -> f64 {
        match self {
            Self::At(value) | Self::Above(value) => value,
        }
    }
}

impl Histogram {
    /// The value below which the share `q` of all values lies, `q` in `[0, 1]`; `None` if there
    /// are no values, no bounds, or `q` is no share.
    ///
    /// # Formula
    ///
    /// The bucket is the first whose cumulative count reaches `rank = q × count`. Within it, values
    /// are taken as evenly spread: `lower + (upper - lower) × (rank - below) / in_bucket`. The first
    /// bucket begins at zero if its bound is positive; otherwise its bound is the result. Source:
    /// <https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile> and
    /// `BucketQuantile` in
    /// <https://github.com/prometheus/prometheus/blob/v3.5.0/promql/quantile.go>.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<Quantile> {
        let rank = rank(q, self.count())?;
        let last = *self.bounds.last()?;
        let mut below = 0;
        let mut lower = 0.0;
        for (index, (upper, count)) in self.bounds.iter().zip(&self.counts).enumerate() {
            let reached = below + count;
            if as_f64(reached) >= rank {
                if index == 0 && *upper <= 0.0 {
                    return Some(Quantile::At(*upper));
                }
                let share = (rank - as_f64(below)) / as_f64(*count);
                // of an empty bucket, only the lower end is reached
                let share = if *count == 0 { 0.0 } else { share };
                return Some(Quantile::At(lower + (upper - lower) * share));
            }
            below = reached;
            lower = *upper;
        }
        Some(Quantile::Above(last))
    }
}

impl ExponentialHistogram {
    /// The value below which the share `q` of all values lies, as [`Histogram::quantile`].
    ///
    /// # Formula
    ///
    /// The bucket is found as there; within it, the logarithms of values are taken as evenly
    /// spread: `lower × (upper / lower)^share`. Source:
    /// <https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile> and
    /// `HistogramQuantile` in
    /// <https://github.com/prometheus/prometheus/blob/v3.5.0/promql/quantile.go>.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let rank = rank(q, self.count())?;
        let mut below = 0;
        // from the least value on: the largest negative ones first
        for (index, count) in indexed(&self.negative).rev() {
            if let Some(share) = share(rank, &mut below, count) {
                return Some(-exp2(self.scale, f64::from(index) + 1.0 - share));
            }
        }
        if share(rank, &mut below, self.zero_count).is_some() {
            return Some(0.0);
        }
        let mut value = None;
        for (index, count) in indexed(&self.positive) {
            if let Some(share) = share(rank, &mut below, count) {
                return Some(exp2(self.scale, f64::from(index) + share));
            }
            value = Some(exp2(self.scale, f64::from(index) + 1.0));
        }
        value
    }
}

fn rank(q: f64, count: u64) -> Option<f64> {
    (count > 0 && (0.0..=1.0).contains(&q)).then(|| q * as_f64(count))
}

/// How far into a bucket the rank is, if it is in there.
fn share(rank: f64, below: &mut u64, count: u64) -> Option<f64> {
    let before = *below;
    *below += count;
    (count > 0 && as_f64(*below) >= rank).then(|| (rank - as_f64(before)) / as_f64(count))
}

fn indexed(buckets: &Buckets) -> impl DoubleEndedIterator<Item = (i32, u64)> {
    let numbered = buckets.counts.iter().enumerate();
    numbered.map(|(index, count)| {
        let index = i32::try_from(index).unwrap_or(i32::MAX);
        (buckets.offset.saturating_add(index), *count)
    })
}

/// The lower end of the bucket `index`: `2^(index × 2^-scale)`.
fn exp2(scale: i32, index: f64) -> f64 {
    (index * f64::from(-scale).exp2()).exp2()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts beyond 2^53 may be rounded"
)]
fn as_f64(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(bounds: &[f64], counts: &[u64]) -> Histogram {
        Histogram {
            bounds: bounds.into(),
            counts: counts.to_vec(),
            sum: 0.0,
            range: None,
        }
    }

    /// The buckets of promql/promqltest/testdata/histograms.test, `testhistogram`, and the results
    /// that stand there.
    #[test]
    fn known_values_of_prometheus() {
        let positive = histogram(&[0.1, 0.2, 1.0], &[5, 2, 4, 1]);
        let negative = histogram(&[-0.2, -0.1, 0.3], &[1, 1, 0, 1]);
        for (buckets, q, expected) in [
            (&positive, 0.0, 0.0),
            (&positive, 0.2, 0.048),
            (&positive, 0.5, 0.15),
            (&positive, 0.8, 0.72),
            (&negative, 0.2, -0.2),
            (&negative, 0.5, -0.15),
        ] {
            let found = buckets.quantile(q);
            let Some(Quantile::At(value)) = found else {
                panic!("{q}: {found:?}");
            };
            assert!((value - expected).abs() < 1e-12, "{q}: {value}");
        }
        assert_eq!(positive.quantile(1.0), Some(Quantile::Above(1.0)));
        assert_eq!(negative.quantile(0.8), Some(Quantile::Above(0.3)));
    }

    #[test]
    fn the_last_bucket_is_open() {
        let slow = histogram(&[1.0, 2.0], &[1, 0, 99]);
        assert_eq!(slow.quantile(0.5), Some(Quantile::Above(2.0)));
        assert_eq!(slow.quantile(0.01), Some(Quantile::At(1.0)));
    }

    #[test]
    fn no_values_no_quantile() {
        assert_eq!(histogram(&[1.0], &[0, 0]).quantile(0.5), None);
        assert_eq!(histogram(&[], &[7]).quantile(0.5), None);
        assert_eq!(histogram(&[1.0], &[1, 0]).quantile(1.5), None);
        assert_eq!(histogram(&[1.0], &[1, 0]).quantile(f64::NAN), None);
    }

    #[test]
    fn exponential_buckets_are_spread_by_their_logarithms() {
        let buckets = |offset, counts: &[u64]| Buckets {
            offset,
            counts: counts.to_vec(),
        };
        let mut histogram = ExponentialHistogram {
            scale: 0,
            zero_count: 0,
            positive: buckets(0, &[2, 2]), // (1, 2] and (2, 4]
            negative: Buckets::default(),
            sum: 0.0,
            range: None,
        };
        assert_eq!(histogram.quantile(0.5), Some(2.0));
        assert_eq!(histogram.quantile(0.25), Some(2_f64.sqrt()));
        assert_eq!(histogram.quantile(1.0), Some(4.0));
        histogram.negative = buckets(0, &[0, 4]); // [-4, -2)
        assert_eq!(histogram.quantile(0.25), Some(-8_f64.sqrt()));
        histogram.zero_count = 100;
        assert_eq!(histogram.quantile(0.5), Some(0.0));
    }
}
