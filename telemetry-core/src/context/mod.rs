//! What crosses a process boundary, and what is current on this thread.

pub(crate) mod current;
mod span_context;
mod trace_state;

pub use self::current::{CurrentIds, EnteredIds, current, enter_ids};
pub use opentelemetry::trace::{SpanId, TraceFlags, TraceId};
pub use span_context::SpanContext;
pub use trace_state::TraceState;
