//! What was recorded, as it was at one moment.
#![expect(
    clippy::exhaustive_structs,
    reason = "plain data: the registry builds it, readers take it apart"
)]

use std::borrow::Cow;
use std::sync::Arc;

use opentelemetry::KeyValue;

use super::AttributeSet;
use crate::context::{SpanId, TraceId};
use crate::otlp::ScopeId;

/// Everything that was recorded, sorted by scope and name.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// One for each stream: an instrument, after its view.
    pub metrics: Vec<Metric>,
    /// When it was taken, in nanoseconds since 1970.
    pub unix_nanos: u64,
}

/// The points of one stream.
#[derive(Clone, Debug)]
pub struct Metric {
    /// What it measures.
    pub descriptor: Arc<Descriptor>,
    /// What its sums and counts count from. Gauges have none and ignore it.
    pub temporality: ValueTemporality,
    /// The points, one for each set of attributes.
    pub points: Points,
}

/// What a metric is, apart from its values.
#[derive(Clone, Debug, PartialEq)]
pub struct Descriptor {
    /// Who made the instrument.
    pub scope: ScopeId,
    /// The name, as given by the program or by a view.
    pub name: Cow<'static, str>,
    /// What it measures, in words; empty if the program does not say.
    pub description: Cow<'static, str>,
    /// The unit in UCUM, such as `s`, `By` and `{request}`; empty if the program does not say.
    pub unit: Cow<'static, str>,
    /// The kind of instrument.
    pub kind: InstrumentKind,
}

/// The kinds of instruments.
///
/// Source: <https://opentelemetry.io/docs/specs/otel/metrics/api/#instrument>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InstrumentKind {
    /// Only goes up.
    Counter,
    /// Goes up and down.
    UpDownCounter,
    /// The last value counts.
    Gauge,
    /// A distribution.
    Histogram,
    /// A sum that only goes up and is asked for.
    ObservableCounter,
    /// A sum that goes up and down and is asked for.
    ObservableUpDownCounter,
    /// A value that is asked for.
    ObservableGauge,
}

/// What sums and counts count from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ValueTemporality {
    /// The start of the series.
    #[default]
    Cumulative,
    /// The reader's last collection.
    Delta,
}

/// The points of a metric, by how they are aggregated.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Points {
    /// Sums; whether they only go up is the instrument's kind.
    Sum(Vec<Point<Number>>),
    /// Last values.
    Gauge(Vec<Point<Number>>),
    /// Distributions over fixed buckets.
    Histogram(Vec<Point<Histogram>>),
    /// Distributions over buckets that adapt to the values.
    ExponentialHistogram(Vec<Point<ExponentialHistogram>>),
}

/// One series at the moment of the snapshot.
#[derive(Clone, Debug)]
pub struct Point<V> {
    /// Tells the series from all others of this process; never reused.
    pub series: SeriesId,
    /// What is measured.
    pub attributes: Arc<AttributeSet>,
    /// When the values begin to count, in nanoseconds since 1970.
    pub start_unix_nanos: u64,
    /// The value.
    pub value: V,
    /// Measurements that led to it, the oldest first.
    pub exemplars: Vec<Exemplar>,
}

/// Tells a series from all others of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesId(pub u64);

/// A measured number, of the type that its instrument has.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Number {
    /// Of an unsigned instrument.
    U64(u64),
    /// Of a signed instrument.
    I64(i64),
    /// Of a floating-point instrument.
    F64(f64),
}

/// A distribution over fixed buckets.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// The upper bounds of all buckets but the last, ascending; a value on a bound is below it.
    pub bounds: Arc<[f64]>,
    /// The count of each bucket: one more than there are bounds.
    pub counts: Vec<u64>,
    /// The sum of all values.
    pub sum: f64,
    /// The least and the greatest value; none if there was none, or if it is not known for the
    /// time that the point covers.
    pub range: Option<(f64, f64)>,
}

/// A distribution over buckets at powers of `2^(2^-scale)`.
///
/// Source: <https://opentelemetry.io/docs/specs/otel/metrics/data-model/#exponentialhistogram>.
#[derive(Clone, Debug, PartialEq)]
pub struct ExponentialHistogram {
    /// The resolution.
    pub scale: i32,
    /// How many values were zero.
    pub zero_count: u64,
    /// The buckets of positive values.
    pub positive: Buckets,
    /// The buckets of negative values, by their absolute value.
    pub negative: Buckets,
    /// The sum of all values.
    pub sum: f64,
    /// As [`Histogram::range`].
    pub range: Option<(f64, f64)>,
}

/// Consecutive buckets of an [`ExponentialHistogram`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Buckets {
    /// The index of the first; bucket `i` ends at `base^(i+1)`, which belongs to it.
    pub offset: i32,
    /// Their counts.
    pub counts: Vec<u64>,
}

/// A measurement that led to a value, and the span in which it was taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Exemplar {
    /// What was measured.
    pub value: Number,
    /// When, in nanoseconds since 1970.
    pub unix_nanos: u64,
    /// Where: none outside of a trace.
    pub span: Option<(TraceId, SpanId)>,
    /// The attributes of the measurement that its series does not have.
    pub filtered_attributes: Vec<KeyValue>,
}

impl InstrumentKind {
    /// Whether the sum never goes down.
    #[must_use]
    pub const fn is_monotonic(self) -> bool {
        matches!(
            self,
            Self::Counter | Self::ObservableCounter | Self::Histogram
        )
    }

    /// Whether values are asked for at collection.
    #[must_use]
    pub const fn is_observable(self) -> bool {
        matches!(
            self,
            Self::ObservableCounter | Self::ObservableUpDownCounter | Self::ObservableGauge
        )
    }
}

impl Histogram {
    /// How many values there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

impl ExponentialHistogram {
    /// How many values there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.zero_count
            + self.positive.counts.iter().sum::<u64>()
            + self.negative.counts.iter().sum::<u64>()
    }
}

impl Points {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Sum(points) | Self::Gauge(points) => points.len(),
            Self::Histogram(points) => points.len(),
            Self::ExponentialHistogram(points) => points.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Number {
    /// The number as the nearest floating-point one.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "the nearest is what is asked for"
    )]
    pub fn as_f64(self) -> f64 {
        match self {
            Self::U64(value) => value as f64,
            Self::I64(value) => value as f64,
            Self::F64(value) => value,
        }
    }
}
