//! The OTLP `Metric` message.

use opentelemetry::KeyValue;

use super::attributes::put_key_value;
use super::wire::{
    bytes_tag, close, fixed64_tag, open, put_bytes_field, put_fixed64_field, put_len, put_message,
    put_varint, put_varint_field,
};
use crate::metrics::{
    Buckets, ExponentialHistogram, Histogram, InstrumentKind, Metric, Number, Point, Points,
    ValueTemporality,
};

/// A metric as one or more `Metric` messages: as many as its points need.
///
/// ```
/// use telemetry_core::metrics::Snapshot;
/// use telemetry_core::otlp::MetricMessages;
///
/// let snapshot = Snapshot::default();
/// for metric in &snapshot.metrics {
///     let mut messages = MetricMessages::new(metric, snapshot.unix_nanos);
///     let mut message = Vec::new();
///     while messages.write_next(&mut message, 4_000_000) > 0 {
///         message.clear();
///     }
/// }
/// ```
#[derive(Debug)]
pub struct MetricMessages<'a> {
    metric: &'a Metric,
    unix_nanos: u64,
    next: usize,
}

/// The fields of `Metric`, opentelemetry-proto metrics.proto.
const NAME: u8 = 1;
const DESCRIPTION: u8 = 2;
const UNIT: u8 = 3;
pub(crate) const GAUGE: u8 = 5;
pub(crate) const SUM: u8 = 7;
pub(crate) const HISTOGRAM: u8 = 9;
pub(crate) const EXPONENTIAL_HISTOGRAM: u8 = 10;

/// The fields of `Gauge`, `Sum`, `Histogram` and `ExponentialHistogram`.
const DATA_POINTS: u8 = 1;
const TEMPORALITY: u8 = 2;
const IS_MONOTONIC: u8 = 3;

/// What follows the points at most: temporality and monotonicity.
const TAIL: usize = 4;

impl<'a> MetricMessages<'a> {
    /// The messages of a metric that was collected at this time.
    #[must_use]
    pub fn new(metric: &'a Metric, unix_nanos: u64) -> Self {
        Self {
            metric,
            unix_nanos,
            next: 0,
        }
    }

    /// Appends the next message, of at most `max_bytes` unless one point alone needs more.
    /// Returns how many points it has; none if all are written.
    pub fn write_next(&mut self, buffer: &mut Vec<u8>, max_bytes: usize) -> usize {
        let total = self.metric.points.len();
        let first = self.next;
        if first >= total {
            return 0;
        }
        let start = buffer.len();
        let descriptor = &self.metric.descriptor;
        put_bytes_field(buffer, NAME, descriptor.name.as_bytes());
        put_bytes_field(buffer, DESCRIPTION, descriptor.description.as_bytes());
        put_bytes_field(buffer, UNIT, descriptor.unit.as_bytes());
        let data = open(buffer, data_field(&self.metric.points));
        while self.next < total {
            let before = buffer.len();
            self.put_point(buffer);
            if self.next > first && buffer.len() - start + TAIL > max_bytes {
                buffer.truncate(before);
                break;
            }
            self.next += 1;
        }
        self.put_tail(buffer);
        close(buffer, data);
        self.next - first
    }

    fn put_point(&self, buffer: &mut Vec<u8>) {
        let (time, kind) = (self.unix_nanos, self.metric.descriptor.kind);
        let point = open(buffer, DATA_POINTS);
        match &self.metric.points {
            Points::Sum(points) => put_number(buffer, time, points.get(self.next)),
            Points::Gauge(points) => put_last_value(buffer, time, points.get(self.next)),
            Points::Histogram(points) => {
                let point = points.get(self.next);
                let has_sum = has_sum(kind) && point.is_some_and(|p| !has_negatives(&p.value));
                put_histogram(buffer, time, has_sum, point);
            }
            Points::ExponentialHistogram(points) => {
                let point = points.get(self.next);
                let is_below = |p: &Point<ExponentialHistogram>| {
                    p.value.negative.counts.iter().any(|count| *count > 0)
                };
                let has_sum = has_sum(kind) && !point.is_some_and(is_below);
                put_exponential(buffer, time, has_sum, point);
            }
        }
        close(buffer, point);
    }

    fn put_tail(&self, buffer: &mut Vec<u8>) {
        if matches!(self.metric.points, Points::Gauge(_)) {
            return;
        }
        let temporality = match self.metric.temporality {
            ValueTemporality::Delta => 1,
            ValueTemporality::Cumulative => 2,
        };
        put_varint_field(buffer, TEMPORALITY, temporality);
        if matches!(self.metric.points, Points::Sum(_)) {
            let monotonic = self.metric.descriptor.kind.is_monotonic();
            put_varint_field(buffer, IS_MONOTONIC, u64::from(monotonic));
        }
    }
}

fn data_field(points: &Points) -> u8 {
    match points {
        Points::Gauge(_) => GAUGE,
        Points::Sum(_) => SUM,
        Points::Histogram(_) => HISTOGRAM,
        Points::ExponentialHistogram(_) => EXPONENTIAL_HISTOGRAM,
    }
}

/// A sum of values that may be negative says nothing:
/// <https://opentelemetry.io/docs/specs/otel/metrics/sdk/#histogram-aggregations>.
fn has_sum(kind: InstrumentKind) -> bool {
    matches!(
        kind,
        InstrumentKind::Histogram | InstrumentKind::Counter | InstrumentKind::ObservableCounter
    )
}

/// Whether there are negative values, as far as it can be told without the range: the bucket that
/// ends at zero may have zeros only, unless the boundaries expect what is negative.
fn has_negatives(histogram: &Histogram) -> bool {
    if let Some((least, _)) = histogram.range {
        return least < 0.0;
    }
    let expects_them = histogram.bounds.first().is_some_and(|bound| *bound < 0.0);
    let mut buckets = histogram.bounds.iter().zip(&histogram.counts);
    let is_below = |(bound, count): (&f64, &u64)| *bound <= 0.0 && *count > 0;
    histogram.sum < 0.0 || expects_them && buckets.any(is_below)
}

/// The fields that all kinds of points have.
const START_TIME: u8 = 2;
const TIME: u8 = 3;

/// Never after the end, also if the wall clock was set back.
fn put_start<V>(buffer: &mut Vec<u8>, time: u64, point: &Point<V>) {
    put_fixed64_field(buffer, START_TIME, point.start_unix_nanos.min(time));
}

fn put_number(buffer: &mut Vec<u8>, time: u64, point: Option<&Point<Number>>) {
    let Some(point) = point else { return };
    put_start(buffer, time, point);
    put_value(buffer, time, point);
}

/// A last value counts from nothing, so it has no start.
fn put_last_value(buffer: &mut Vec<u8>, time: u64, point: Option<&Point<Number>>) {
    let Some(point) = point else { return };
    put_value(buffer, time, point);
}

fn put_value(buffer: &mut Vec<u8>, time: u64, point: &Point<Number>) {
    put_fixed64_field(buffer, TIME, time);
    put_one_of(buffer, 4, 6, point.value);
    put_exemplars(buffer, 5, point);
    put_attributes(buffer, 7, point.attributes.iter());
}

fn put_histogram(buffer: &mut Vec<u8>, time: u64, has_sum: bool, point: Option<&Point<Histogram>>) {
    let Some(point) = point else { return };
    let value = &point.value;
    put_start(buffer, time, point);
    put_fixed64_field(buffer, TIME, time);
    put_fixed64_field(buffer, 4, value.count());
    if has_sum {
        put_double(buffer, 5, value.sum);
    }
    put_packed(
        buffer,
        6,
        value.counts.iter().map(|count| count.to_le_bytes()),
    );
    put_packed(
        buffer,
        7,
        value.bounds.iter().map(|bound| bound.to_le_bytes()),
    );
    put_exemplars(buffer, 8, point);
    put_attributes(buffer, 9, point.attributes.iter());
    if let Some((least, greatest)) = value.range {
        put_double(buffer, 11, least);
        put_double(buffer, 12, greatest);
    }
}

fn put_exponential(
    buffer: &mut Vec<u8>,
    time: u64,
    has_sum: bool,
    point: Option<&Point<ExponentialHistogram>>,
) {
    let Some(point) = point else { return };
    let value = &point.value;
    put_attributes(buffer, 1, point.attributes.iter());
    put_start(buffer, time, point);
    put_fixed64_field(buffer, TIME, time);
    put_fixed64_field(buffer, 4, value.count());
    if has_sum {
        put_double(buffer, 5, value.sum);
    }
    put_varint_field(buffer, 6, zigzag(value.scale));
    put_fixed64_field(buffer, 7, value.zero_count);
    put_buckets(buffer, 8, &value.positive);
    put_buckets(buffer, 9, &value.negative);
    put_exemplars(buffer, 11, point);
    if let Some((least, greatest)) = value.range {
        put_double(buffer, 12, least);
        put_double(buffer, 13, greatest);
    }
}

fn put_buckets(buffer: &mut Vec<u8>, field: u8, buckets: &Buckets) {
    if buckets.counts.is_empty() {
        return;
    }
    let message = open(buffer, field);
    put_varint_field(buffer, 1, zigzag(buckets.offset));
    let counts = open(buffer, 2);
    for count in &buckets.counts {
        put_varint(buffer, *count);
    }
    close(buffer, counts);
    close(buffer, message);
}

fn put_exemplars<V>(buffer: &mut Vec<u8>, field: u8, point: &Point<V>) {
    for exemplar in &point.exemplars {
        let message = open(buffer, field);
        put_fixed64_field(buffer, 2, exemplar.unix_nanos);
        put_one_of(buffer, 3, 6, exemplar.value);
        if let Some((trace_id, span_id)) = exemplar.span {
            put_message(buffer, 4, &span_id.to_bytes());
            put_message(buffer, 5, &trace_id.to_bytes());
        }
        put_attributes(buffer, 7, &exemplar.filtered_attributes);
        close(buffer, message);
    }
}

fn put_attributes<'a>(
    buffer: &mut Vec<u8>,
    field: u8,
    attributes: impl IntoIterator<Item = &'a KeyValue>,
) {
    for attribute in attributes {
        // the specification forbids empty keys
        if !attribute.key.as_str().is_empty() {
            put_key_value(buffer, field, attribute.key.as_str(), &attribute.value);
        }
    }
}

/// One of the two forms of a number, also if it is zero. An integer beyond what the signed field
/// holds goes as the nearest floating-point number.
fn put_one_of(buffer: &mut Vec<u8>, as_double: u8, as_int: u8, number: Number) {
    let integer = match number {
        Number::U64(value) => i64::try_from(value).ok(),
        Number::I64(value) => Some(value),
        Number::F64(_) => None,
    };
    match integer {
        Some(value) => {
            buffer.push(fixed64_tag(as_int));
            buffer.extend_from_slice(&value.to_le_bytes());
        }
        None => put_double(buffer, as_double, number.as_f64()),
    }
}

/// A field that is there also if it is zero.
fn put_double(buffer: &mut Vec<u8>, field: u8, value: f64) {
    buffer.push(fixed64_tag(field));
    buffer.extend_from_slice(&value.to_le_bytes());
}

fn put_packed(buffer: &mut Vec<u8>, field: u8, values: impl ExactSizeIterator<Item = [u8; 8]>) {
    if values.len() > 0 {
        buffer.push(bytes_tag(field));
        put_len(buffer, 8 * values.len());
        for value in values {
            buffer.extend_from_slice(&value);
        }
    }
}

/// The form in which small negative numbers are short:
/// <https://protobuf.dev/programming-guides/encoding/#signed-ints>.
fn zigzag(value: i32) -> u64 {
    u64::from(((value << 1) ^ (value >> 31)).cast_unsigned())
}

/// The number behind its short form.
pub(crate) fn unzigzag(value: u64) -> i32 {
    let value = u32::try_from(value).unwrap_or(u32::MAX);
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negative_values_are_told() {
        let histogram = |bounds: &[f64], counts: &[u64], sum, range| Histogram {
            bounds: bounds.into(),
            counts: counts.to_vec(),
            sum,
            range,
        };
        for (bounds, counts, sum, range, expected) in [
            (&[1.0][..], &[1, 0][..], 0.5, Some((0.5, 0.5)), false),
            (&[1.0], &[1, 1], 0.5, Some((-1.5, 2.0)), true),
            (&[1.0], &[1, 0], -0.5, None, true),
            // zeros, more likely than not
            (&[0.0, 1.0], &[1, 1, 0], 0.5, None, false),
            (&[-1.0, 0.0], &[0, 1, 1], 0.5, None, true),
            (&[-1.0, 0.0], &[0, 0, 1], 0.5, None, false),
            (&[], &[1], 0.5, None, false),
        ] {
            let histogram = histogram(bounds, counts, sum, range);
            assert_eq!(has_negatives(&histogram), expected, "{histogram:?}");
        }
    }

    #[test]
    fn zigzag_comes_back() {
        for value in [0, 1, -1, 2, -2, 20, -10, i32::MAX, i32::MIN] {
            assert_eq!(unzigzag(zigzag(value)), value);
        }
        assert_eq!(zigzag(-1), 1);
        assert_eq!(zigzag(1), 2);
    }
}
