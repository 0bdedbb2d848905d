//! What crosses a process boundary, and what is current on this thread.

mod span_context;
mod trace_state;

pub use opentelemetry::trace::{SpanId, TraceFlags, TraceId};
pub use span_context::SpanContext;
pub use trace_state::TraceState;
