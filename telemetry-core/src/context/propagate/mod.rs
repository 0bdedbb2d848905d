//! How context crosses: the header formats, and the ones that this process uses.
//!
//! [`extract`] and [`inject`] apply the propagators that were [`install`]ed; until then they are
//! those of the specification's default, W3C Trace Context and W3C Baggage.
//!
//! ```
//! use http::Request;
//! use telemetry_core::context::propagate;
//!
//! let incoming = Request::get("/")
//!     .header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
//!     .body(())?;
//! let extracted = propagate::extract(incoming.headers());
//! let parent = extracted.span_context.unwrap();
//! assert!(parent.is_remote() && parent.is_sampled());
//!
//! let mut outgoing = Request::get("/").body(())?;
//! propagate::inject(&parent, &extracted.baggage, outgoing.headers_mut());
//! assert_eq!(outgoing.headers()["traceparent"], incoming.headers()["traceparent"]);
//! # Ok::<(), http::Error>(())
//! ```

mod b3;
mod baggage;
mod composite;
mod extracted;
mod global;
mod jaeger;
mod trace_context;

use http::HeaderName;

pub use crate::config::PropagatorKind;
pub use b3::{B3, B3Multi};
pub use baggage::W3cBaggage;
pub use composite::Composite;
pub use extracted::Extracted;
pub use global::{AlreadyInstalled, extract, global, inject, install};
pub use jaeger::Jaeger;
pub use trace_context::TraceContext;

use super::{Baggage, BaggageEntry, Carrier, CarrierMut, SpanContext};

/// One format in which context crosses a process boundary.
///
/// What arrives is never an error: a propagator that finds nothing valid leaves [`Extracted`]
/// as it is.
pub trait Propagator: Send + Sync + std::fmt::Debug {
    /// Reads what the carrier has in this format into `extracted`, over what was there.
    fn extract(&self, carrier: &dyn Carrier, extracted: &mut Extracted);

    /// Writes what this format can carry; nothing for a span context that is not valid.
    fn inject(&self, span_context: &SpanContext, baggage: &Baggage, carrier: &mut dyn CarrierMut);

    /// The headers that [`inject`](Self::inject) may set, as far as they are known before.
    fn fields(&self) -> &'static [HeaderName];
}
