//! Metrics: recorded once, read by many.
//!
//! Instruments of the OpenTelemetry API, made by a [`Registry`]'s meters, record into its series.
//! Readers take a [`Snapshot`] of what was recorded; it has cumulative values, and a reader that
//! wants changes subtracts the snapshot that it took before.

mod attribute_set;
mod bind;
mod boundaries;
mod cache;
mod cardinality;
mod exemplar;
mod exponential;
mod hash;
mod histogram;
mod instrument;
mod last_value;
mod measurement;
mod name;
mod pin;
mod place;
mod provider;
mod quantile;
mod reader;
mod registry;
mod series;
mod settings;
mod shards;
mod shared;
mod snapshot;
mod stream;
mod sum;
mod tally;
mod timer;
mod view;

pub use crate::config::{ExemplarFilter, HistogramAggregation};
pub use attribute_set::AttributeSet;
pub use bind::{Bind, BoundCounter, BoundGauge, BoundHistogram, BoundUpDownCounter, bind};
pub use measurement::Measurement;
pub use quantile::Quantile;
pub use reader::{MetricReader, Producer, temporality_of};
pub use registry::Registry;
pub use settings::RegistrySettings;
pub use snapshot::{
    Buckets, Descriptor, Exemplar, ExponentialHistogram, Histogram, InstrumentKind, Metric, Number,
    Point, Points, SeriesId, Snapshot, ValueTemporality,
};
pub use tally::Tally;
pub use timer::{Timer, timer};
pub use view::{Aggregation, View};
