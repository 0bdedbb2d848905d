//! Metrics: recorded once, read by many.
//!
//! Readers take a [`Snapshot`] of what was recorded; it has cumulative values, and a reader that
//! wants changes subtracts the snapshot that it took before.

mod attribute_set;
mod quantile;
mod reader;
mod snapshot;

pub use attribute_set::AttributeSet;
pub use quantile::Quantile;
pub use reader::{MetricReader, Producer, temporality_of};
pub use snapshot::{
    Buckets, Descriptor, Exemplar, ExponentialHistogram, Histogram, InstrumentKind, Metric, Number,
    Point, Points, SeriesId, Snapshot, ValueTemporality,
};
