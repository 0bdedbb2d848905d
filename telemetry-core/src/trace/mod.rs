//! Spans: a `tracing` layer, the record it fills, the sampler that decides, and the OpenTelemetry
//! API over the same engine.

mod api;
mod attach;
mod counters;
mod engine;
mod event;
mod exception;
mod foreign;
mod handoff;
mod layer;
mod limits;
pub(crate) mod random;
mod record;
mod recording;
mod sample;
mod scope;
mod span_ext;
mod state;
mod table;
mod visit;

pub use api::{Span as ApiSpan, Tracer, TracerProvider};
pub use counters::SpanCounters;
pub use engine::{Engine, EngineSettings, SpanEvents};
pub use exception::Exception;
pub use handoff::{Offer, Prepared, prepare, with_remote_parent};
pub use layer::SpanLayer;
pub use limits::SpanLimits;
pub use record::Record;
pub use recording::{LineRecorder, Recording, record_lines};
pub use sample::{Decision, Ratio, Sampler};
pub use scope::of as scope_of;
pub use span_ext::{SetParentError, SpanExt, end, set_attribute, with_record};
pub use state::{SpanState, attribute_is, ids_of};
