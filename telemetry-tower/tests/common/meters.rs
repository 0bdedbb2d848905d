//! A registry, as a reader sees it.
#![allow(
    dead_code,
    reason = "each test program compiles this file and uses a part of it"
)]

use std::collections::BTreeMap;

use opentelemetry::InstrumentationScope;
use opentelemetry::metrics::Meter;
use telemetry_core::metrics::{Number, Points, Registry, RegistrySettings};

pub(crate) struct Meters(Registry);

/// The attributes of a series as text, and how many durations it has, or how far it has counted.
pub(crate) type Series = (BTreeMap<String, String>, i64);

impl Meters {
    pub(crate) fn new() -> Self {
        Self(Registry::new(RegistrySettings::default()))
    }

    pub(crate) fn meter(&self) -> Meter {
        self.0.meter(InstrumentationScope::builder("test").build())
    }

    /// Everything that can be exported.
    pub(crate) fn text(&self) -> String {
        format!("{:?}", self.0.collect())
    }

    /// The series of an instrument.
    pub(crate) fn series(&self, name: &str) -> Vec<Series> {
        let metrics = self.0.collect().metrics.into_iter();
        let of_name = metrics.filter(|it| it.descriptor.name == name);
        let mut series: Vec<_> = of_name.flat_map(|it| read(it.points)).collect();
        series.sort();
        series
    }

    /// The one series of an instrument, as `key=value` in the order of keys, and its number.
    pub(crate) fn only(&self, name: &str) -> (String, i64) {
        let series = self.series(name);
        assert_eq!(series.len(), 1, "{name}: {series:#?}");
        let (attributes, number) = &series[0];
        let pairs = attributes
            .iter()
            .map(|(key, value)| format!("{key}={value}"));
        (pairs.collect::<Vec<_>>().join(" "), *number)
    }

    /// How many values a histogram has, and their sum.
    pub(crate) fn total(&self, name: &str) -> (u64, f64) {
        let metrics = self.0.collect().metrics.into_iter();
        let of_name = metrics.filter(|it| it.descriptor.name == name);
        let points = of_name.flat_map(|it| match it.points {
            Points::Histogram(points) => points,
            other => panic!("{other:?}"),
        });
        points.fold((0, 0.0), |(count, sum), point| {
            (count + point.value.count(), sum + point.value.sum)
        })
    }

    /// How far the gauge has counted over all of its series.
    pub(crate) fn active(&self, name: &str) -> i64 {
        self.series(name).iter().map(|(_, number)| number).sum()
    }
}

fn read(points: Points) -> Vec<Series> {
    let text = |attributes: &telemetry_core::metrics::AttributeSet| {
        let pairs = attributes.iter();
        pairs
            .map(|pair| (pair.key.to_string(), pair.value.to_string()))
            .collect()
    };
    match points {
        Points::Histogram(points) => points
            .iter()
            .map(|point| (text(&point.attributes), number(point.value.count())))
            .collect(),
        Points::Sum(points) => points
            .iter()
            .map(|point| match point.value {
                Number::I64(count) => (text(&point.attributes), count),
                ref other => panic!("{other:?}"),
            })
            .collect(),
        other => panic!("{other:?}"),
    }
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap()
}
