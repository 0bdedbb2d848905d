//! A registry whose clock stands still and whose warnings are kept.
#![allow(dead_code, reason = "each file of tests uses a part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::sync::{Arc, Mutex};

use opentelemetry::metrics::Meter;
use opentelemetry::{InstrumentationScope, KeyValue};
use telemetry_core::clock::Clock;
use telemetry_core::diagnostics::{Level, Voice};
use telemetry_core::metrics::{
    Exemplar, ExponentialHistogram, Histogram, Metric, Number, Point, Points, Registry,
    RegistrySettings, Snapshot,
};

pub(crate) const NOW: u64 = 1_700_000_000_000_000_000;

#[derive(Clone, Default)]
pub(crate) struct Said(Arc<Mutex<Vec<String>>>);

impl Said {
    pub(crate) fn voice(&self) -> Voice {
        let lines = Arc::clone(&self.0);
        Voice::new(Level::Debug, move |line| {
            lines.lock().unwrap().push(line.to_owned());
        })
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

pub(crate) struct Bench {
    pub(crate) registry: Registry,
    pub(crate) meter: Meter,
    pub(crate) clock: Clock,
    pub(crate) said: Said,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut RegistrySettings)) -> Self {
        let (clock, said) = (Clock::manual(NOW), Said::default());
        let mut settings = RegistrySettings {
            clock: clock.clone(),
            voice: Some(said.voice()),
            ..RegistrySettings::default()
        };
        change(&mut settings);
        let registry = Registry::new(settings);
        Self {
            meter: meter(&registry),
            registry,
            clock,
            said,
        }
    }

    pub(crate) fn collect(&self) -> Snapshot {
        self.registry.collect()
    }
}

pub(crate) fn meter(registry: &Registry) -> Meter {
    registry.meter(InstrumentationScope::builder("shop").build())
}

pub(crate) fn find<'a>(snapshot: &'a Snapshot, name: &str) -> Option<&'a Metric> {
    let mut metrics = snapshot.metrics.iter();
    metrics.find(|metric| metric.descriptor.name == name)
}

pub(crate) fn metric<'a>(snapshot: &'a Snapshot, name: &str) -> &'a Metric {
    find(snapshot, name).unwrap_or_else(|| panic!("no {name} in {snapshot:?}"))
}

pub(crate) fn number_points(snapshot: &Snapshot, name: &str) -> Vec<Point<Number>> {
    match &metric(snapshot, name).points {
        Points::Sum(points) | Points::Gauge(points) => sorted(points),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn histogram_points(snapshot: &Snapshot, name: &str) -> Vec<Point<Histogram>> {
    match &metric(snapshot, name).points {
        Points::Histogram(points) => sorted(points),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn exponential_points(
    snapshot: &Snapshot,
    name: &str,
) -> Vec<Point<ExponentialHistogram>> {
    match &metric(snapshot, name).points {
        Points::ExponentialHistogram(points) => sorted(points),
        other => panic!("{other:?}"),
    }
}

fn sorted<V: Clone>(points: &[Point<V>]) -> Vec<Point<V>> {
    let mut points = points.to_vec();
    points.sort_by_cached_key(|point| labels(point));
    points
}

/// The attributes as text.
pub(crate) fn labels<V>(point: &Point<V>) -> String {
    let pairs = point.attributes.iter();
    let pairs: Vec<_> = pairs
        .map(|pair| format!("{}={}", pair.key, pair.value))
        .collect();
    pairs.join(",")
}

/// Attributes and value of each series.
pub(crate) fn numbers(snapshot: &Snapshot, name: &str) -> Vec<(String, Number)> {
    let points = number_points(snapshot, name).into_iter();
    points.map(|point| (labels(&point), point.value)).collect()
}

/// The value of the only series.
pub(crate) fn number(snapshot: &Snapshot, name: &str) -> Number {
    let points = number_points(snapshot, name);
    assert_eq!(points.len(), 1, "{points:?}");
    points[0].value
}

pub(crate) fn total(snapshot: &Snapshot, name: &str) -> u64 {
    let points = number_points(snapshot, name);
    let values = points.iter().map(|point| match point.value {
        Number::U64(value) => value,
        other => panic!("{other:?}"),
    });
    values.sum()
}

pub(crate) fn all_exemplars(snapshot: &Snapshot, name: &str) -> Vec<Exemplar> {
    match &metric(snapshot, name).points {
        Points::Sum(points) | Points::Gauge(points) => exemplars(points),
        Points::Histogram(points) => exemplars(points),
        Points::ExponentialHistogram(points) => exemplars(points),
        other => panic!("{other:?}"),
    }
}

fn exemplars<V>(points: &[Point<V>]) -> Vec<Exemplar> {
    let points = points.iter();
    points.flat_map(|point| point.exemplars.clone()).collect()
}

pub(crate) fn k(value: &'static str) -> [KeyValue; 1] {
    [KeyValue::new("k", value)]
}
