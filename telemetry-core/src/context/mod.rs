//! What crosses a process boundary, and what is current on this thread.
//!
//! [`SpanContext`], [`TraceState`] and [`Baggage`] are what crosses; a [`Carrier`] is in what;
//! [`propagate`] is how. Nothing that arrives is ever an error to the caller: what is malformed
//! or too large is left out and counted in [`discarded`].

mod baggage;
mod carrier;
pub(crate) mod current;
mod discarded;
mod hex;
pub mod otel;
mod outgoing;
mod percent;
pub mod propagate;
mod request;
mod span_context;
mod trace_state;
pub mod verbose;

#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod fuzz;

pub use self::current::{
    CurrentIds, EnteredIds, arm, current, enter_ids, enter_request, enter_span_context, peek,
    recording, span_key,
};
pub use baggage::{Baggage, BaggageEntry, BaggageError};
pub use carrier::{Carrier, CarrierMut};
pub use discarded::{Discarded, discarded};
pub use opentelemetry::trace::{SpanId, TraceFlags, TraceId};
pub use outgoing::{baggage_is, current_baggage, current_span_context, inject};
pub use request::{RequestScope, RouteId, current_request};
pub use span_context::SpanContext;
pub use trace_state::{TraceState, TraceStateError};
