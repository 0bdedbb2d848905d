//! Where buckets end.

use std::sync::Arc;

/// The upper bounds of all buckets but the last, ascending.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Boundaries {
    all: Arc<[f64]>,
    /// The first ones again, and infinity where there are fewer.
    first: [f64; FIRST],
}

/// All boundaries that most histograms have.
const FIRST: usize = 15;

impl Boundaries {
    pub(super) fn all(&self) -> &Arc<[f64]> {
        &self.all
    }

    /// The first bucket whose upper bound is not below the value, which is finite.
    pub(super) fn bucket(&self, value: f64) -> usize {
        let near = self.near_bucket(value);
        near.unwrap_or_else(|| self.all.partition_point(|bound| *bound < value))
    }

    /// The same, unless it may be beyond the first boundaries. Has no branch that depends on the
    /// value: such a branch is often guessed wrong.
    #[inline]
    pub(super) fn near_bucket(&self, value: f64) -> Option<usize> {
        let mut below = 0;
        for step in [8, 4, 2, 1] {
            below += step * usize::from(self.first[below + step - 1] < value);
        }
        (below < FIRST || self.all.len() == FIRST).then_some(below)
    }
}

impl From<Arc<[f64]>> for Boundaries {
    fn from(all: Arc<[f64]>) -> Self {
        let mut first = [f64::INFINITY; FIRST];
        for (first, bound) in first.iter_mut().zip(&*all) {
            *first = *bound;
        }
        Self { all, first }
    }
}

/// Source: <https://opentelemetry.io/docs/specs/semconv/http/http-metrics/#metric-httpserverrequestduration>,
/// which all durations of the conventions share.
const SECONDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// Powers of four from 256 B to 256 MiB: from a header to a large upload. The conventions name
/// no boundaries for sizes, and the general ones end at 10 kB.
const BYTES: [f64; 11] = [
    256.0,
    1024.0,
    4096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
    268_435_456.0,
];

/// Source: <https://opentelemetry.io/docs/specs/otel/metrics/sdk/#explicit-bucket-histogram-aggregation>.
const GENERAL: [f64; 15] = [
    0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0, 7500.0,
    10_000.0,
];

/// The boundaries for a unit.
pub(super) fn of_unit(unit: &str) -> Arc<[f64]> {
    match unit {
        "s" => Arc::from(SECONDS),
        "By" => Arc::from(BYTES),
        _ => Arc::from(GENERAL),
    }
}

/// What is wrong with those that a histogram asks for, in words.
pub(super) fn mistake(name: &str, bounds: &[f64]) -> Option<String> {
    (!are_valid(bounds)).then(|| {
        format!("telemetry: the histogram \"{name}\" has boundaries that are not finite and ascending; the default ones are used")
    })
}

/// Whether they are finite and each is greater than the one before.
pub(super) fn are_valid(bounds: &[f64]) -> bool {
    bounds.iter().all(|bound| bound.is_finite()) && bounds.windows(2).all(|two| two[0] < two[1])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_bucket_is_found_among_any_number(
            bounds in prop::collection::btree_set(-40_i8..40, 0..60),
            values in prop::collection::vec(-90_i8..90, 1..40),
        ) {
            let bounds: Vec<f64> = bounds.into_iter().map(f64::from).collect();
            let boundaries = Boundaries::from(Arc::from(bounds.as_slice()));
            for value in values {
                let value = f64::from(value) / 2.0;
                let expected = bounds.iter().filter(|bound| **bound < value).count();
                prop_assert_eq!(boundaries.bucket(value), expected);
            }
        }
    }
}
