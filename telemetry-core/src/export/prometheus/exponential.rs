//! Exponential histograms over fixed buckets, for formats that have no others.

use crate::metrics::{Buckets, ExponentialHistogram};

/// The most bounds of a converted histogram: what the SDK's exponential histograms have for
/// positive values, so that a usual one keeps its resolution.
///
/// Source: <https://opentelemetry.io/docs/specs/otel/metrics/sdk/#base2-exponential-bucket-histogram-aggregation>.
const MOST_BOUNDS: usize = 160;

/// The least scale: one bucket then holds half of all numbers.
const LEAST_SCALE: i32 = -11;

/// Bounds at powers of the base, and a count for each bucket they make. Neighbours are merged
/// until there are at most 160 bounds, so that every bound stays a power of a coarser base.
pub(super) fn explicit(histogram: &ExponentialHistogram) -> (Vec<f64>, Vec<u64>) {
    let mut scale = histogram.scale;
    let mut positive = trimmed(&histogram.positive);
    let mut negative = trimmed(&histogram.negative);
    while bounds_of(&positive) + bounds_of(&negative) + 1 > MOST_BOUNDS && scale > LEAST_SCALE {
        scale -= 1;
        positive = halved(&positive);
        negative = halved(&negative);
    }
    let mut explicit = Explicit::default();
    if !negative.counts.is_empty() {
        let counts = negative.counts.iter().enumerate().rev();
        for (at, count) in counts {
            explicit.push(-power(scale, index(&negative, at)), *count);
        }
    }
    if histogram.zero_count > 0 || !negative.counts.is_empty() {
        explicit.push(0.0, histogram.zero_count);
    }
    if !positive.counts.is_empty() {
        // an empty bucket in front says where the first one begins
        explicit.push(power(scale, index(&positive, 0)), 0);
        for (at, count) in positive.counts.iter().enumerate() {
            explicit.push(power(scale, index(&positive, at).saturating_add(1)), *count);
        }
    }
    explicit.finish()
}

#[derive(Default)]
struct Explicit {
    bounds: Vec<f64>,
    counts: Vec<u64>,
    /// What belongs to the next bucket that has a bound.
    carried: u64,
}

impl Explicit {
    /// A bucket that ends at `bound`; where numbers are too coarse for it, it joins the next.
    fn push(&mut self, bound: f64, count: u64) {
        let last = self.bounds.last();
        if bound.is_finite() && last.is_none_or(|last| bound > *last) {
            self.bounds.push(bound);
            self.counts.push(self.carried + count);
            self.carried = 0;
        } else {
            self.carried += count;
        }
    }

    fn finish(mut self) -> (Vec<f64>, Vec<u64>) {
        self.counts.push(self.carried);
        (self.bounds, self.counts)
    }
}

/// `2^(2^-scale)` to the power of `index`.
fn power(scale: i32, index: i32) -> f64 {
    (f64::from(index) * f64::from(-scale).exp2()).exp2()
}

fn index(buckets: &Buckets, at: usize) -> i32 {
    buckets
        .offset
        .saturating_add(i32::try_from(at).unwrap_or(i32::MAX))
}

fn bounds_of(buckets: &Buckets) -> usize {
    match buckets.counts.len() {
        0 => 0,
        buckets => buckets + 1,
    }
}

/// Without empty buckets at both ends.
fn trimmed(buckets: &Buckets) -> Buckets {
    let first = buckets.counts.iter().position(|count| *count > 0);
    let last = buckets.counts.iter().rposition(|count| *count > 0);
    let (Some(first), Some(last)) = (first, last) else {
        return Buckets::default();
    };
    Buckets {
        offset: index(buckets, first),
        counts: buckets.counts[first..=last].to_vec(),
    }
}

/// At half the resolution.
fn halved(buckets: &Buckets) -> Buckets {
    let offset = buckets.offset >> 1;
    let mut counts: Vec<u64> = Vec::with_capacity(buckets.counts.len() / 2 + 1);
    for (at, count) in buckets.counts.iter().enumerate() {
        let to =
            usize::try_from((index(buckets, at) >> 1).saturating_sub(offset)).unwrap_or_default();
        if to >= counts.len() {
            counts.resize(to + 1, 0);
        }
        counts[to] += count;
    }
    Buckets { offset, counts }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(
        scale: i32,
        zero: u64,
        positive: (i32, Vec<u64>),
        negative: (i32, Vec<u64>),
    ) -> ExponentialHistogram {
        let buckets = |(offset, counts)| Buckets { offset, counts };
        ExponentialHistogram {
            scale,
            zero_count: zero,
            positive: buckets(positive),
            negative: buckets(negative),
            sum: 0.0,
            range: None,
        }
    }

    #[test]
    fn bounds_are_powers_of_the_base() {
        let (bounds, counts) = explicit(&histogram(0, 3, (0, vec![0, 2, 1]), (1, vec![4, 5])));
        assert_eq!(bounds, [-4.0, -2.0, 0.0, 2.0, 4.0, 8.0]);
        assert_eq!(counts, [5, 4, 3, 0, 2, 1, 0]);
    }

    #[test]
    fn many_buckets_are_merged_and_none_is_lost() {
        for offset in [-1_000_000, -77, 0, 1_000_000] {
            let counts: Vec<u64> = (1..=1000).collect();
            let (bounds, merged) = explicit(&histogram(
                12,
                1,
                (offset, counts.clone()),
                (offset, counts),
            ));
            assert!(bounds.len() <= MOST_BOUNDS, "{}", bounds.len());
            assert!(bounds.is_sorted_by(|a, b| a < b), "{bounds:?}");
            assert_eq!(merged.len(), bounds.len() + 1);
            assert_eq!(merged.iter().sum::<u64>(), 1_001_001);
        }
    }

    #[test]
    fn nothing_is_one_open_bucket() {
        assert_eq!(
            explicit(&histogram(20, 0, (0, vec![0; 9]), (0, vec![]))),
            (vec![], vec![0])
        );
    }
}
