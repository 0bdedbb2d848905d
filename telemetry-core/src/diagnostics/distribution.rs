use opentelemetry::KeyValue;

use crate::metrics::{ExponentialHistogram, Histogram, Metric, Point, Points, Quantile, Snapshot};

/// What a distribution looks like: its quantiles, in the unit of its instrument.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Distribution {
    /// The instrument.
    pub name: String,
    /// Its unit, empty if it has none.
    pub unit: String,
    /// What was measured.
    pub attributes: Vec<(String, String)>,
    /// How many values there were.
    pub count: u64,
    /// Half of the values are below it.
    pub p50: Quantile,
    /// 95 percent of the values are below it.
    pub p95: Quantile,
    /// 99 percent of the values are below it.
    pub p99: Quantile,
}

impl Distribution {
    /// All distributions of a snapshot that have values.
    #[must_use]
    pub fn all(snapshot: &Snapshot) -> Vec<Self> {
        snapshot.metrics.iter().flat_map(of_metric).collect()
    }
}

fn of_metric(metric: &Metric) -> Vec<Distribution> {
    match &metric.points {
        Points::Histogram(points) => {
            let known = |point: &Point<Histogram>| {
                let value = &point.value;
                of_point(metric, point, value.count(), |q| value.quantile(q))
            };
            points.iter().filter_map(known).collect()
        }
        Points::ExponentialHistogram(points) => {
            let known = |point: &Point<ExponentialHistogram>| {
                let value = &point.value;
                of_point(metric, point, value.count(), |q| {
                    value.quantile(q).map(Quantile::At)
                })
            };
            points.iter().filter_map(known).collect()
        }
        _ => Vec::new(),
    }
}

fn of_point<V>(
    metric: &Metric,
    point: &Point<V>,
    count: u64,
    quantile: impl Fn(f64) -> Option<Quantile>,
) -> Option<Distribution> {
    let descriptor = &metric.descriptor;
    let text = |pair: &KeyValue| (pair.key.to_string(), pair.value.to_string());
    Some(Distribution {
        name: descriptor.name.to_string(),
        unit: descriptor.unit.to_string(),
        attributes: point.attributes.iter().map(text).collect(),
        count,
        p50: quantile(0.5)?,
        p95: quantile(0.95)?,
        p99: quantile(0.99)?,
    })
}
