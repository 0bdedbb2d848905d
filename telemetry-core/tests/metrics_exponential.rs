//! Exponential histograms beside a naive reference.
#![expect(clippy::panic, reason = "tests fail by panicking")]

mod metrics_support;

use std::collections::BTreeMap;

use metrics_support::{Bench, exponential_points, meter};
use proptest::prelude::*;
use telemetry_core::metrics::{
    Aggregation, Buckets, ExponentialHistogram, Registry, RegistrySettings, View,
};

fn bench(max_size: u16) -> Bench {
    let max_scale = 20;
    Bench::with(|settings| {
        settings.views = vec![View::of("h").aggregate(Aggregation::Exponential {
            max_size,
            max_scale,
        })];
    })
}

fn histogram(bench: &Bench) -> ExponentialHistogram {
    exponential_points(&bench.collect(), "h")[0].value.clone()
}

/// The bucket at a scale, from the definition: how many steps of `2^(2^-scale)` fit below.
fn bucket(value: f64, scale: i32) -> i64 {
    let steps = value.log2() * f64::from(scale).exp2();
    #[expect(clippy::cast_possible_truncation, reason = "far from the ends")]
    let last_below = (steps.ceil() - 1.0) as i64;
    last_below
}

/// The finest scale at which the values of each side fit, and their counts.
fn naive(values: &[f64], max_size: i64) -> (i32, BTreeMap<(bool, i64), u64>) {
    for scale in (-11..=20).rev() {
        let mut counts = BTreeMap::new();
        for value in values.iter().filter(|value| **value != 0.0) {
            let key = (*value > 0.0, bucket(value.abs(), scale));
            *counts.entry(key).or_default() += 1;
        }
        let fits = [true, false].into_iter().all(|side| {
            let mut of_side = counts.keys().filter(|key| key.0 == side).map(|key| key.1);
            let first = of_side.next().unwrap_or(0);
            of_side.next_back().unwrap_or(first) - first < max_size
        });
        if fits {
            return (scale, counts);
        }
    }
    panic!("no scale")
}

fn counts(histogram: &ExponentialHistogram) -> BTreeMap<(bool, i64), u64> {
    let of = |buckets: &Buckets, side| {
        let indexed = (i64::from(buckets.offset)..).zip(buckets.counts.clone());
        let met = indexed.filter(|(_, count)| *count > 0);
        met.map(|(index, count)| ((side, index), count))
            .collect::<Vec<_>>()
    };
    let both = of(&histogram.positive, true).into_iter();
    both.chain(of(&histogram.negative, false)).collect()
}

fn values() -> impl Strategy<Value = Vec<f64>> {
    let magnitude = (1.0_f64..2.0, -40_i32..40).prop_map(|(f, e)| f * f64::from(e).exp2());
    let near = (1.0_f64..1.000_1).prop_map(|value| value);
    let value = prop_oneof![4 => magnitude, 4 => near, 1 => Just(0.0), 1 => (0.1_f64..10.0).prop_map(|v| -v)];
    prop::collection::vec(value, 1..80)
}

/// Numbers of any size, most of them at the ends of what there is.
fn extreme_values() -> impl Strategy<Value = Vec<f64>> {
    let smallest = f64::from_bits(1);
    let ends = prop::sample::select(vec![0.0, smallest, f64::MIN_POSITIVE, 1.0, f64::MAX]);
    let any = any::<f64>().prop_map(|value| if value.is_finite() { value } else { 1.0 });
    let value = prop_oneof![ends.clone(), ends.prop_map(|value| -value), any];
    prop::collection::vec(value, 1..12)
}

/// At scale 0 and coarser, a bucket is the exponent: log2 is not exact enough for these values.
fn coarse_bucket(value: f64, scale: i32) -> i64 {
    let mut exponent = -1075_i32;
    while f64::from(exponent + 1).exp2() < value && exponent < 1023 {
        exponent += 1;
    }
    i64::from(exponent) >> -scale
}

proptest! {
    #[test]
    fn extreme_values_fit(values in extreme_values(), max_size in 2_u16..200, threads in 1..3_usize) {
        let bench = bench(max_size);
        let instrument = bench.meter.f64_histogram("h").build();
        std::thread::scope(|scope| {
            for part in values.chunks(values.len().div_ceil(threads)) {
                let instrument = &instrument;
                scope.spawn(move || part.iter().for_each(|value| instrument.record(*value, &[])));
            }
        });
        let got = histogram(&bench);
        prop_assert_eq!(got.count(), values.len() as u64);
        for buckets in [&got.positive, &got.negative] {
            prop_assert!(buckets.counts.len() <= usize::from(max_size), "{buckets:?}");
        }
        if got.scale <= 0 {
            let mut expected = BTreeMap::new();
            for value in values.iter().filter(|value| **value != 0.0) {
                let key = (*value > 0.0, coarse_bucket(value.abs(), got.scale));
                *expected.entry(key).or_default() += 1;
            }
            prop_assert_eq!(counts(&got), expected);
        }
    }

    #[test]
    fn it_is_what_the_definition_says(values in values(), max_size in prop_oneof![Just(160_u16), 2_u16..20]) {
        let bench = bench(max_size);
        let instrument = bench.meter.f64_histogram("h").build();
        for value in &values {
            instrument.record(*value, &[]);
        }
        let got = histogram(&bench);
        let (scale, expected) = naive(&values, i64::from(max_size));
        prop_assert_eq!(got.scale, scale);
        prop_assert_eq!(counts(&got), expected);
        prop_assert_eq!(got.count(), values.len() as u64);
        let zeros = values.iter().filter(|value| **value == 0.0).count();
        prop_assert_eq!(got.zero_count, zeros as u64);
        let min = values.iter().copied().fold(f64::INFINITY, f64::min);
        let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        prop_assert_eq!(got.range, Some((min, max)));
    }

    #[test]
    fn threads_are_merged(values in values()) {
        let (one, many) = (bench(160), bench(160));
        let instrument = one.meter.f64_histogram("h").build();
        for value in &values {
            instrument.record(*value, &[]);
        }
        let instrument = many.meter.f64_histogram("h").build();
        std::thread::scope(|scope| {
            for part in values.chunks(values.len().div_ceil(4)) {
                let instrument = &instrument;
                scope.spawn(move || part.iter().for_each(|value| instrument.record(*value, &[])));
            }
        });
        let (one, many) = (histogram(&one), histogram(&many));
        prop_assert_eq!((one.scale, counts(&one), one.range), (many.scale, counts(&many), many.range));
        prop_assert!((one.sum - many.sum).abs() <= one.sum.abs() * 1e-9 + 1e-9);
    }
}

#[test]
fn the_whole_range_of_numbers_fits() {
    let smallest = f64::from_bits(1);
    for values in [
        &[smallest, f64::MIN_POSITIVE, 1.0, f64::MAX][..],
        &[f64::MAX, smallest],
        &[smallest, f64::MAX],
    ] {
        let bench = bench(160);
        let instrument = bench.meter.f64_histogram("h").build();
        for value in values {
            instrument.record(*value, &[]);
            instrument.record(-value, &[]);
        }
        let got = histogram(&bench);
        assert_eq!(got.count(), 2 * values.len() as u64);
        assert!(got.positive.counts.len() <= 160, "{got:?}");
        assert_eq!(got.positive, got.negative);
    }
}

#[test]
fn fixed_buckets_are_carried_over() {
    let registry = Registry::new(RegistrySettings::default());
    let histogram = meter(&registry).f64_histogram("h").with_unit("s").build();
    for value in [0.02, 0.02, 3.0] {
        histogram.record(value, &[]);
    }
    registry.configure(RegistrySettings {
        views: vec![View::of("h").aggregate(Aggregation::exponential())],
        ..RegistrySettings::default()
    });
    histogram.record(3.0, &[]);
    let got = exponential_points(&registry.collect(), "h")[0]
        .value
        .clone();
    assert_eq!((got.count(), got.range), (4, Some((0.02, 3.0))));
    assert!((got.sum - 6.04).abs() < 1e-9);
}
