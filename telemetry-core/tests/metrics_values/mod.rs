//! The series of a metric, written as people write them.

use std::collections::BTreeMap;

use telemetry_core::metrics::{AttributeSet, Exemplar, Points, Snapshot};

/// The values of a sum or a gauge by `name{key=value,…}`, the keys sorted; empty without points.
pub(crate) fn value_of(snapshot: &Snapshot, name: &str) -> BTreeMap<String, f64> {
    let mut values = BTreeMap::new();
    for points in points_of(snapshot, name) {
        match points {
            Points::Sum(points) | Points::Gauge(points) => {
                for point in points {
                    values.insert(series(name, &point.attributes), point.value.as_f64());
                }
            }
            other => panic!("{name}: {other:?}"),
        }
    }
    values
}

/// How many values a histogram has, by `name{key=value,…}`.
pub(crate) fn count_of(snapshot: &Snapshot, name: &str) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for points in points_of(snapshot, name) {
        let Points::Histogram(points) = points else {
            panic!("{name}: {points:?}");
        };
        for point in points {
            counts.insert(series(name, &point.attributes), point.value.count());
        }
    }
    counts
}

/// The exemplars of all series of a histogram.
#[allow(dead_code, reason = "not every test wants them")]
pub(crate) fn exemplars_of(snapshot: &Snapshot, name: &str) -> Vec<Exemplar> {
    let mut exemplars = Vec::new();
    for points in points_of(snapshot, name) {
        if let Points::Histogram(points) = points {
            exemplars.extend(points.iter().flat_map(|point| point.exemplars.clone()));
        }
    }
    exemplars
}

fn points_of<'a>(snapshot: &'a Snapshot, name: &str) -> impl Iterator<Item = &'a Points> {
    let metrics = snapshot.metrics.iter();
    metrics
        .filter(move |metric| metric.descriptor.name == name)
        .map(|metric| &metric.points)
}

fn series(name: &str, attributes: &AttributeSet) -> String {
    let mut labels: Vec<_> = attributes
        .iter()
        .map(|entry| format!("{}={}", entry.key, entry.value))
        .collect();
    labels.sort();
    format!("{name}{{{}}}", labels.join(","))
}
