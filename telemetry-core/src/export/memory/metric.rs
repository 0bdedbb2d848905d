//! A metric that owns its memory.

use std::sync::Arc;

use super::value::{CapturedAttributes, CapturedValue};
use crate::context::{SpanId, TraceId};
use crate::metrics::{Buckets, ExponentialHistogram, Histogram, Number, ValueTemporality};
use crate::otlp::Scope;
use crate::otlp::attributes::key_value;
use crate::otlp::metric::{EXPONENTIAL_HISTOGRAM, GAUGE, HISTOGRAM, SUM, unzigzag};
use crate::otlp::span::{span_id, trace_id};
use crate::otlp::wire::{FieldValue, Fields, packed_fixed64, packed_varints};
use crate::pipeline::Item;

/// The points of a metric at one export, decoded.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CapturedMetric {
    /// The name.
    pub name: String,
    /// What it measures, in words.
    pub description: String,
    /// The unit in UCUM.
    pub unit: String,
    /// What its points are.
    pub kind: MetricKind,
    /// What its values count from.
    pub temporality: ValueTemporality,
    /// The points in no particular order.
    pub points: Vec<CapturedPoint>,
    /// Who made the instrument.
    pub scope: Arc<Scope>,
}

/// What the points of a metric are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MetricKind {
    /// Last values.
    Gauge,
    /// Sums.
    Sum {
        /// Whether they never go down.
        monotonic: bool,
    },
    /// Distributions over fixed buckets.
    Histogram,
    /// Distributions over buckets that adapt to the values.
    ExponentialHistogram,
}

/// One series of a metric at one export.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CapturedPoint {
    /// What is measured.
    pub attributes: CapturedAttributes,
    /// When the value begins to count, in nanoseconds since the Unix epoch; 0 for a gauge.
    pub start_unix_nanos: u64,
    /// When it was collected, in nanoseconds since the Unix epoch.
    pub unix_nanos: u64,
    /// The value.
    pub value: CapturedPointValue,
    /// Measurements that led to it.
    pub exemplars: Vec<CapturedExemplar>,
}

/// The value of a point.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum CapturedPointValue {
    /// Of a sum or a gauge; integers are signed.
    Number(Number),
    /// Of a histogram; its sum is zero if it has none.
    Histogram(Histogram),
    /// Of an exponential histogram; its sum is zero if it has none.
    ExponentialHistogram(ExponentialHistogram),
}

/// A measurement that led to a value.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CapturedExemplar {
    /// What was measured.
    pub value: Number,
    /// When, in nanoseconds since the Unix epoch.
    pub unix_nanos: u64,
    /// The trace in which it was measured.
    pub trace_id: Option<TraceId>,
    /// The span in which it was measured.
    pub span_id: Option<SpanId>,
    /// The attributes of the measurement that its series does not have.
    pub filtered_attributes: CapturedAttributes,
}

impl CapturedMetric {
    /// Decodes an item of a batch of metrics.
    #[must_use]
    pub fn read(item: Item<'_>) -> Self {
        let mut metric = Self {
            name: String::new(),
            description: String::new(),
            unit: String::new(),
            kind: MetricKind::Gauge,
            temporality: ValueTemporality::Cumulative,
            points: Vec::new(),
            scope: item.scope.scope(),
        };
        for field in Fields::new(item.message) {
            let value = field.value;
            match u8::try_from(field.number) {
                Ok(1) => value.text().clone_into(&mut metric.name),
                Ok(2) => value.text().clone_into(&mut metric.description),
                Ok(3) => value.text().clone_into(&mut metric.unit),
                Ok(GAUGE) => metric.read_data(value.bytes(), MetricKind::Gauge),
                Ok(SUM) => metric.read_data(value.bytes(), MetricKind::Sum { monotonic: false }),
                Ok(HISTOGRAM) => metric.read_data(value.bytes(), MetricKind::Histogram),
                Ok(EXPONENTIAL_HISTOGRAM) => {
                    metric.read_data(value.bytes(), MetricKind::ExponentialHistogram);
                }
                _ => {}
            }
        }
        metric
    }

    /// The point with exactly these attributes.
    #[must_use]
    pub fn point(&self, attributes: &[(&str, CapturedValue)]) -> Option<&CapturedPoint> {
        self.points.iter().find(|point| {
            point.attributes.len() == attributes.len()
                && attributes
                    .iter()
                    .all(|(key, value)| point.attributes.get(key) == Some(value))
        })
    }

    fn read_data(&mut self, data: &[u8], kind: MetricKind) {
        self.kind = kind;
        for field in Fields::new(data) {
            match field.number {
                1 => self.points.push(point(field.value.bytes(), kind)),
                2 if field.value.number() == 1 => self.temporality = ValueTemporality::Delta,
                3 if field.value.number() == 1 => self.kind = MetricKind::Sum { monotonic: true },
                _ => {}
            }
        }
    }
}

impl CapturedPoint {
    /// The value of a sum or a gauge.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match self.value {
            CapturedPointValue::Number(number) => Some(number.as_f64()),
            _ => None,
        }
    }

    /// The value of a histogram.
    #[must_use]
    pub fn histogram(&self) -> Option<&Histogram> {
        match &self.value {
            CapturedPointValue::Histogram(histogram) => Some(histogram),
            _ => None,
        }
    }
}

fn point(message: &[u8], kind: MetricKind) -> CapturedPoint {
    let (value, attributes, exemplars) = match kind {
        MetricKind::Gauge | MetricKind::Sum { .. } => {
            (CapturedPointValue::Number(number(message, 4)), 7, 5)
        }
        MetricKind::Histogram => (CapturedPointValue::Histogram(histogram(message)), 9, 8),
        MetricKind::ExponentialHistogram => {
            let value = exponential(message);
            (CapturedPointValue::ExponentialHistogram(value), 1, 11)
        }
    };
    let exemplars = fields(message, exemplars).map(|field| exemplar(field.bytes()));
    CapturedPoint {
        attributes: attributes_of(message, attributes),
        start_unix_nanos: first(message, 2),
        unix_nanos: first(message, 3),
        value,
        exemplars: exemplars.collect(),
    }
}

fn exemplar(message: &[u8]) -> CapturedExemplar {
    let id = |number| fields(message, number).map(FieldValue::bytes).next();
    CapturedExemplar {
        value: number(message, 3),
        unix_nanos: first(message, 2),
        trace_id: id(5).map(trace_id),
        span_id: id(4).map(span_id),
        filtered_attributes: attributes_of(message, 7),
    }
}

/// A number in one of its two fields; the integer is field 6 wherever there is one.
fn number(message: &[u8], as_double: u64) -> Number {
    match fields(message, as_double).next() {
        Some(value) => Number::F64(f64::from_bits(value.number())),
        None => Number::I64(first(message, 6).cast_signed()),
    }
}

fn histogram(message: &[u8]) -> Histogram {
    let packed = |number| fields(message, number).flat_map(|field| packed_fixed64(field.bytes()));
    Histogram {
        bounds: packed(7).map(f64::from_bits).collect(),
        counts: packed(6).collect(),
        sum: double(message, 5).unwrap_or(0.0),
        range: double(message, 11).zip(double(message, 12)),
    }
}

fn exponential(message: &[u8]) -> ExponentialHistogram {
    ExponentialHistogram {
        scale: unzigzag(first(message, 6)),
        zero_count: first(message, 7),
        positive: buckets(message, 8),
        negative: buckets(message, 9),
        sum: double(message, 5).unwrap_or(0.0),
        range: double(message, 12).zip(double(message, 13)),
    }
}

fn buckets(message: &[u8], number: u64) -> Buckets {
    let message = fields(message, number)
        .next()
        .map_or(&[][..], FieldValue::bytes);
    let counts = fields(message, 2).flat_map(|field| packed_varints(field.bytes()));
    Buckets {
        offset: unzigzag(first(message, 1)),
        counts: counts.collect(),
    }
}

fn attributes_of(message: &[u8], number: u64) -> CapturedAttributes {
    CapturedAttributes::read(fields(message, number).map(|field| key_value(field.bytes())))
}

fn double(message: &[u8], number: u64) -> Option<f64> {
    let value = fields(message, number).next();
    value.map(|value| f64::from_bits(value.number()))
}

fn first(message: &[u8], number: u64) -> u64 {
    fields(message, number).next().map_or(0, FieldValue::number)
}

fn fields(message: &[u8], number: u64) -> impl Iterator<Item = FieldValue<'_>> {
    Fields::new(message)
        .filter(move |field| field.number == number)
        .map(|field| field.value)
}
