//! Where we differ from the official SDK on purpose: the rows of `docs/otlp-differences.md`.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, ExponentialHistogramDataPoint, Metric,
};
use prost::Message;

/// A difference: how what both send becomes the same.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Difference {
    /// The first column of the table.
    pub(crate) id: &'static str,
    pub(crate) apply: fn(&mut ExportMetricsServiceRequest, &mut ExportMetricsServiceRequest),
}

const DELTA: i32 = AggregationTemporality::Delta as i32;

/// The differences in the order in which they apply.
pub(crate) const DIFFERENCES: [Difference; 6] = [
    Difference {
        id: "delta-range",
        apply: |official, ours| {
            for request in [official, ours] {
                metrics(request).for_each(forget_range);
            }
        },
    },
    Difference {
        id: "delta-scale",
        apply: |official, ours| {
            for (name, ours) in exponential(ours) {
                let theirs = exponential(official).remove(&name);
                for (theirs, ours) in theirs.into_iter().flatten().zip(ours) {
                    let scale = ours.scale.min(theirs.scale);
                    downscale(theirs, scale);
                    downscale(ours, scale);
                }
            }
        },
    },
    Difference {
        id: "empty-buckets",
        apply: |official, _| {
            for point in exponential(official).into_values().flatten() {
                for buckets in [&mut point.positive, &mut point.negative] {
                    *buckets = buckets.take().filter(|b| !b.bucket_counts.is_empty());
                }
            }
        },
    },
    Difference {
        id: "unchanged-gauge",
        apply: |official, ours| keep_gauges_of(ours, official),
    },
    Difference {
        id: "zero-change",
        apply: |official, _| {
            for metric in metrics(official) {
                if let Some(Data::Sum(sum)) = &mut metric.data
                    && sum.aggregation_temporality == DELTA
                    && !metric.name.starts_with('o')
                {
                    let zero = [Some(Value::AsInt(0)), Some(Value::AsDouble(0.0))];
                    sum.data_points.retain(|point| !zero.contains(&point.value));
                }
            }
        },
    },
    Difference {
        id: "large-integer",
        apply: |official, ours| {
            let is_large = |value: &Option<Value>| matches!(value, Some(Value::AsDouble(v)) if *v >= 2_f64.powi(63));
            let ours: Vec<_> = metrics(ours)
                .filter_map(|metric| match &metric.data {
                    Some(Data::Gauge(gauge))
                        if gauge.data_points.iter().any(|p| is_large(&p.value)) =>
                    {
                        Some(metric.clone())
                    }
                    _ => None,
                })
                .collect();
            for metric in metrics(official) {
                let same = ours.iter().find(|ours| ours.name == metric.name);
                if let (Some(Data::Gauge(gauge)), Some(ours)) = (&mut metric.data, same) {
                    let zero = gauge
                        .data_points
                        .iter()
                        .all(|p| p.value == Some(Value::AsInt(0)));
                    assert!(zero, "{gauge:?}");
                    metric.data.clone_from(&ours.data);
                }
            }
        },
    },
];

/// One order for requests that say the same, with times set to zero; without what says nothing.
pub(crate) fn canonical(mut request: ExportMetricsServiceRequest) -> ExportMetricsServiceRequest {
    macro_rules! canonical_points {
        ($points:expr) => {
            for point in $points.iter_mut() {
                point.start_time_unix_nano = 0;
                point.time_unix_nano = 0;
                point.attributes.sort_by(|a, b| a.key.cmp(&b.key));
            }
            $points.sort_by_cached_key(|point| encoded(&point.attributes));
        };
    }
    for metric in metrics(&mut request) {
        match metric.data.as_mut() {
            Some(Data::Gauge(data)) => {
                canonical_points!(data.data_points);
            }
            Some(Data::Sum(data)) => {
                canonical_points!(data.data_points);
            }
            Some(Data::Histogram(data)) => {
                canonical_points!(data.data_points);
            }
            Some(Data::ExponentialHistogram(data)) => {
                canonical_points!(data.data_points);
            }
            _ => {}
        }
    }
    for resource in &mut request.resource_metrics {
        for scope in &mut resource.scope_metrics {
            scope.metrics.retain(|metric| points(metric) > 0);
            scope.metrics.sort_by(|a, b| a.name.cmp(&b.name));
        }
        resource
            .scope_metrics
            .retain(|scope| !scope.metrics.is_empty());
    }
    request
        .resource_metrics
        .retain(|resource| !resource.scope_metrics.is_empty());
    request
}

fn metrics(request: &mut ExportMetricsServiceRequest) -> impl Iterator<Item = &mut Metric> {
    let resources = request.resource_metrics.iter_mut();
    let scopes = resources.flat_map(|resource| &mut resource.scope_metrics);
    scopes.flat_map(|scope| &mut scope.metrics)
}

fn points(metric: &Metric) -> usize {
    match &metric.data {
        Some(Data::Gauge(data)) => data.data_points.len(),
        Some(Data::Sum(data)) => data.data_points.len(),
        Some(Data::Histogram(data)) => data.data_points.len(),
        Some(Data::ExponentialHistogram(data)) => data.data_points.len(),
        _ => 0,
    }
}

fn encoded(attributes: &[KeyValue]) -> Vec<Vec<u8>> {
    let mut sorted: Vec<_> = attributes.iter().map(Message::encode_to_vec).collect();
    sorted.sort();
    sorted
}

fn forget_range(metric: &mut Metric) {
    match &mut metric.data {
        Some(Data::Histogram(data)) if data.aggregation_temporality == DELTA => {
            for point in &mut data.data_points {
                (point.min, point.max) = (None, None);
            }
        }
        Some(Data::ExponentialHistogram(data)) if data.aggregation_temporality == DELTA => {
            for point in &mut data.data_points {
                (point.min, point.max) = (None, None);
            }
        }
        _ => {}
    }
}

/// The points of exponential histograms that are changes, in the order of their attributes.
fn exponential(
    request: &mut ExportMetricsServiceRequest,
) -> BTreeMap<String, Vec<&mut ExponentialHistogramDataPoint>> {
    let mut found = BTreeMap::new();
    for metric in metrics(request) {
        if let Some(Data::ExponentialHistogram(data)) = &mut metric.data {
            let mut points: Vec<_> = data.data_points.iter_mut().collect();
            points.sort_by_cached_key(|point| encoded(&point.attributes));
            found.insert(metric.name.clone(), points);
        }
    }
    found
}

fn downscale(point: &mut ExponentialHistogramDataPoint, scale: i32) {
    let coarser = u32::try_from(point.scale - scale).unwrap();
    point.scale = scale;
    for buckets in [&mut point.positive, &mut point.negative]
        .into_iter()
        .flatten()
    {
        let mut merged = BTreeMap::<i32, u64>::new();
        for (index, count) in (buckets.offset..).zip(&buckets.bucket_counts) {
            if *count > 0 {
                *merged.entry(index >> coarser).or_default() += count;
            }
        }
        let (Some(first), Some(last)) = (merged.keys().next(), merged.keys().last()) else {
            continue;
        };
        let counts = (*first..=*last).map(|index| merged.get(&index).copied().unwrap_or(0));
        *buckets = Buckets {
            offset: *first,
            bucket_counts: counts.collect(),
        };
    }
}

/// Removes the points of gauges that the other request does not have.
fn keep_gauges_of(
    request: &mut ExportMetricsServiceRequest,
    other: &mut ExportMetricsServiceRequest,
) {
    let mut others = BTreeMap::new();
    for metric in metrics(other) {
        if let Some(Data::Gauge(gauge)) = &metric.data {
            let points = gauge.data_points.iter();
            let attributes: Vec<_> = points.map(|point| encoded(&point.attributes)).collect();
            others.insert(metric.name.clone(), attributes);
        }
    }
    for metric in metrics(request) {
        if let Some(Data::Gauge(gauge)) = &mut metric.data {
            let theirs = others.remove(&metric.name).unwrap_or_default();
            gauge
                .data_points
                .retain(|point| theirs.contains(&encoded(&point.attributes)));
        }
    }
}
