use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::metrics::{AttributeSet, Buckets, Descriptor, Metric};
use crate::otlp::ScopeId;

const KINDS: [InstrumentKind; 7] = [
    InstrumentKind::Counter,
    InstrumentKind::UpDownCounter,
    InstrumentKind::Gauge,
    InstrumentKind::Histogram,
    InstrumentKind::ObservableCounter,
    InstrumentKind::ObservableUpDownCounter,
    InstrumentKind::ObservableGauge,
];

fn point<V>(series: u64, start_unix_nanos: u64, value: V) -> Point<V> {
    Point {
        series: SeriesId(series),
        attributes: Arc::new(AttributeSet::default()),
        start_unix_nanos,
        value,
        exemplars: Vec::new(),
    }
}

fn snapshot(unix_nanos: u64, kind: InstrumentKind, points: Points) -> Snapshot {
    let descriptor = Descriptor {
        scope: ScopeId::of_name("test"),
        name: "m".into(),
        description: "".into(),
        unit: "".into(),
        kind,
    };
    let metric = Metric {
        descriptor: Arc::new(descriptor),
        temporality: ValueTemporality::Cumulative,
        points,
    };
    Snapshot {
        metrics: vec![metric],
        unix_nanos,
    }
}

fn sums(unix_nanos: u64, kind: InstrumentKind, values: &[(u64, u64)]) -> Snapshot {
    let points = values
        .iter()
        .map(|(series, value)| point(*series, 1, Number::U64(*value)));
    snapshot(unix_nanos, kind, Points::Sum(points.collect()))
}

fn read_sums(snapshot: &Snapshot) -> Vec<(u64, u64, Number)> {
    let Some(metric) = snapshot.metrics.first() else {
        return Vec::new();
    };
    let Points::Sum(points) = &metric.points else {
        panic!("{metric:?}");
    };
    let of_point = |point: &Point<Number>| (point.series.0, point.start_unix_nanos, point.value);
    points.iter().map(of_point).collect()
}

fn distribution(values: &[f64]) -> Histogram {
    let bounds: Arc<[f64]> = Arc::from([1.0, 2.0, 4.0]);
    let mut counts = vec![0; 4];
    for value in values {
        counts[bounds.iter().take_while(|bound| value > *bound).count()] += 1;
    }
    let range = values.iter().copied().fold(None, |range, value| {
        let (low, high): (f64, f64) = range.unwrap_or((value, value));
        Some((low.min(value), high.max(value)))
    });
    Histogram {
        bounds,
        counts,
        sum: values.iter().sum(),
        range,
    }
}

fn exponential(scale: i32, indexes: &[i32]) -> ExponentialHistogram {
    let first = indexes.iter().copied().min().unwrap_or(0);
    let last = indexes.iter().copied().max().unwrap_or(0);
    let count = |at: i32| indexes.iter().filter(|index| **index == at).count() as u64;
    ExponentialHistogram {
        scale,
        zero_count: 0,
        positive: Buckets {
            offset: first,
            counts: (first..=last).map(count).collect(),
        },
        negative: Buckets::default(),
        sum: indexes.iter().copied().map(f64::from).sum(),
        range: None,
    }
}

#[test]
fn each_preference_has_its_table() {
    use ValueTemporality::{Cumulative, Delta};
    let of = |preference| KINDS.map(|kind| temporality_of(preference, kind));
    assert_eq!(of(Temporality::Cumulative), [Cumulative; 7]);
    let delta = [Delta, Cumulative, Delta, Delta, Delta, Cumulative, Delta];
    assert_eq!(of(Temporality::Delta), delta);
    let low = [
        Delta, Cumulative, Delta, Delta, Cumulative, Cumulative, Delta,
    ];
    assert_eq!(of(Temporality::LowMemory), low);
}

#[test]
fn changes_start_at_the_last_collection() {
    let mut reader = MetricReader::new(Temporality::Delta);
    let first = reader.read(sums(10, InstrumentKind::Counter, &[(1, 5), (2, 1)]));
    assert_eq!(
        read_sums(&first),
        [(1, 1, Number::U64(5)), (2, 1, Number::U64(1))]
    );
    assert_eq!(first.metrics[0].temporality, ValueTemporality::Delta);
    let second = reader.read(sums(20, InstrumentKind::Counter, &[(1, 7), (2, 1)]));
    assert_eq!(read_sums(&second), [(1, 10, Number::U64(2))]);
    let third = reader.read(sums(30, InstrumentKind::Counter, &[(1, 7), (2, 4)]));
    assert_eq!(read_sums(&third), [(2, 20, Number::U64(3))]);
}

#[test]
fn a_clock_that_is_set_back_makes_no_negative_interval() {
    let mut reader = MetricReader::new(Temporality::Delta);
    let _first = reader.read(sums(100, InstrumentKind::Counter, &[(1, 5)]));
    let second = reader.read(sums(50, InstrumentKind::Counter, &[(1, 7)]));
    assert_eq!(read_sums(&second), [(1, 50, Number::U64(2))]);
    let third = reader.read(sums(60, InstrumentKind::Counter, &[(1, 8)]));
    assert_eq!(read_sums(&third), [(1, 50, Number::U64(1))]);
}

#[test]
fn observed_counters_report_that_nothing_changed() {
    let mut reader = MetricReader::new(Temporality::Delta);
    let kind = InstrumentKind::ObservableCounter;
    let _first = reader.read(sums(10, kind, &[(1, 5)]));
    let second = reader.read(sums(20, kind, &[(1, 5)]));
    assert_eq!(read_sums(&second), [(1, 10, Number::U64(0))]);
}

#[test]
fn what_goes_up_and_down_stays_cumulative() {
    for preference in [Temporality::Delta, Temporality::LowMemory] {
        let mut reader = MetricReader::new(preference);
        let kind = InstrumentKind::UpDownCounter;
        let _first = reader.read(sums(10, kind, &[(1, 5)]));
        let second = reader.read(sums(20, kind, &[(1, 3)]));
        assert_eq!(read_sums(&second), [(1, 1, Number::U64(3))]);
        assert_eq!(second.metrics[0].temporality, ValueTemporality::Cumulative);
    }
}

#[test]
fn a_counter_that_restarts_does_not_go_negative() {
    let mut reader = MetricReader::new(Temporality::Delta);
    let kind = InstrumentKind::ObservableCounter;
    let _first = reader.read(sums(10, kind, &[(1, 5)]));
    let second = reader.read(sums(20, kind, &[(1, 2)]));
    assert_eq!(read_sums(&second), [(1, 10, Number::U64(2))]);
}

#[test]
fn a_series_that_vanished_is_forgotten() {
    let mut reader = MetricReader::new(Temporality::Delta);
    let kind = InstrumentKind::ObservableCounter;
    let _first = reader.read(sums(10, kind, &[(1, 5), (2, 5)]));
    let _second = reader.read(sums(20, kind, &[(2, 5)]));
    assert_eq!(reader.sums.before.len(), 1);
    let third = reader.read(sums(30, kind, &[(1, 6), (2, 5)]));
    assert_eq!(
        read_sums(&third),
        [(1, 20, Number::U64(6)), (2, 20, Number::U64(0))]
    );
}

#[test]
fn what_a_part_lacks_is_not_forgotten() {
    let mut reader = MetricReader::new(Temporality::Delta);
    let kind = InstrumentKind::ObservableCounter;
    let _first = reader.read(sums(10, kind, &[(1, 5), (2, 5)]));
    let part = reader.read_part(sums(20, kind, &[(2, 6)]));
    assert_eq!(read_sums(&part), [(2, 10, Number::U64(1))]);
    let third = reader.read(sums(30, kind, &[(1, 7), (2, 8)]));
    // the change of the one that was missing began before
    assert_eq!(
        read_sums(&third),
        [(1, 10, Number::U64(2)), (2, 20, Number::U64(2))]
    );
}

#[test]
fn the_range_of_a_change_is_known_only_for_the_first() {
    let mut reader = MetricReader::new(Temporality::Delta);
    let mut read = |unix_nanos, values: &[f64]| {
        let points = Points::Histogram(vec![point(1, 1, distribution(values))]);
        let read = reader.read(snapshot(unix_nanos, InstrumentKind::Histogram, points));
        let Points::Histogram(points) = &read.metrics[0].points else {
            panic!("{read:?}");
        };
        points[0].value.clone()
    };
    assert_eq!(read(10, &[0.5, 3.0]).range, Some((0.5, 3.0)));
    let change = read(20, &[0.5, 3.0, 9.0]);
    assert_eq!(change.counts, [0, 0, 0, 1]);
    assert_eq!((change.sum, change.range), (9.0, None));
}

#[test]
fn exponential_buckets_of_another_scale_are_subtracted() {
    let mut reader = MetricReader::new(Temporality::Delta);
    let mut read = |unix_nanos, value| {
        let points = Points::ExponentialHistogram(vec![point(1, 1, value)]);
        let read = reader.read(snapshot(unix_nanos, InstrumentKind::Histogram, points));
        let metric = read.metrics.first()?;
        let Points::ExponentialHistogram(points) = &metric.points else {
            panic!("{read:?}");
        };
        Some(points[0].value.clone())
    };
    let _first = read(10, exponential(2, &[-5, -1, 0, 7]));
    // at scale 0, four of those are one: -2, -1, 0, 1
    let change = read(20, exponential(0, &[-2, -1, 0, 1, 1, 3])).unwrap();
    assert_eq!(change.positive.offset, 1);
    assert_eq!(change.positive.counts, [1, 0, 1]);
    assert_eq!(read(30, exponential(0, &[-2, -1, 0, 1, 1, 3])), None);
    // a finer scale than before is a series that began anew
    assert_eq!(read(40, exponential(3, &[1])), Some(exponential(3, &[1])));
}

#[test]
fn exemplars_are_reported_once() {
    for preference in [Temporality::Cumulative, Temporality::Delta] {
        let mut reader = MetricReader::new(preference);
        let exemplar = |unix_nanos| Exemplar {
            value: Number::U64(1),
            unix_nanos,
            span: None,
            filtered_attributes: Vec::new(),
        };
        let mut read = |now, value, times: &[u64]| {
            let mut counted = point(1, 1, Number::U64(value));
            counted.exemplars = times.iter().copied().map(exemplar).collect();
            let points = Points::Sum(vec![counted]);
            let read = reader.read(snapshot(now, InstrumentKind::Counter, points));
            let Points::Sum(points) = &read.metrics[0].points else {
                panic!("{read:?}");
            };
            let exemplars = points[0].exemplars.iter();
            exemplars
                .map(|exemplar| exemplar.unix_nanos)
                .collect::<Vec<_>>()
        };
        assert_eq!(read(10, 2, &[3, 7]), [3, 7]);
        assert_eq!(read(20, 3, &[7, 13]), [13]);
        // the clock is set back: better twice than never
        assert_eq!(read(15, 4, &[12, 14]), [12, 14]);
    }
}

/// What is recorded between two collections, for each of two series: quarters, whose sums are exact.
fn recordings() -> impl Strategy<Value = Vec<Vec<(usize, u16)>>> {
    let recording = (0..2_usize, 0..40_u16);
    prop::collection::vec(prop::collection::vec(recording, 0..8), 1..12)
}

proptest! {
    #[test]
    fn cumulative_is_the_running_sum_of_changes(rounds in recordings()) {
        let mut reader = MetricReader::new(Temporality::Delta);
        let mut recorded: [Vec<f64>; 2] = Default::default();
        let mut sums = [0.0; 2];
        let mut counts = [[0_u64; 4]; 2];
        for (round, recordings) in rounds.iter().enumerate() {
            for (series, quarters) in recordings {
                recorded[*series].push(f64::from(*quarters) / 4.0);
            }
            let points = (0_u64..).zip(&recorded).filter(|(_, values)| !values.is_empty());
            let points = points.map(|(series, values)| point(series, 1, distribution(values)));
            let points = Points::Histogram(points.collect());
            let changes = reader.read(snapshot(10 + round as u64, InstrumentKind::Histogram, points));
            for metric in &changes.metrics {
                let Points::Histogram(points) = &metric.points else { panic!("{metric:?}") };
                for point in points {
                    let at = usize::try_from(point.series.0).unwrap();
                    sums[at] += point.value.sum;
                    for (sum, count) in counts[at].iter_mut().zip(&point.value.counts) {
                        *sum += count;
                    }
                }
            }
            for (at, values) in recorded.iter().enumerate() {
                let cumulative = distribution(values);
                // quarters, whose sums are exact
                prop_assert!((cumulative.sum - sums[at]).abs() < 0.1);
                prop_assert_eq!(&cumulative.counts, &counts[at]);
            }
        }
    }

    #[test]
    fn exponential_cumulative_is_the_running_sum_of_changes(
        rounds in prop::collection::vec((prop::collection::vec(-200..200_i32, 0..8), 0..3_u32), 1..10),
    ) {
        let mut reader = MetricReader::new(Temporality::Delta);
        let (mut scale, mut indexes) = (12, Vec::new());
        let mut total = 0;
        for (round, (recorded, coarser)) in (10_u64..).zip(rounds) {
            scale -= i32::try_from(coarser).unwrap();
            indexes = indexes.iter().map(|index: &i32| index >> coarser).collect::<Vec<_>>();
            indexes.extend(&recorded);
            if indexes.is_empty() {
                continue;
            }
            let value = point(1, 1, exponential(scale, &indexes));
            let points = Points::ExponentialHistogram(vec![value]);
            let changes = reader.read(snapshot(round, InstrumentKind::Histogram, points));
            let changed = changes.metrics.first().map_or(0, |metric| match &metric.points {
                Points::ExponentialHistogram(points) => {
                    for (index, count) in (points[0].value.positive.offset..).zip(&points[0].value.positive.counts) {
                        let expected = recorded.iter().filter(|of| **of == index).count() as u64;
                        assert!(round == 10 || *count == expected, "{index}: {count}, not {expected}");
                    }
                    points[0].value.count()
                }
                _ => 0,
            });
            total += changed;
            prop_assert_eq!(total, indexes.len() as u64);
        }
    }
}
