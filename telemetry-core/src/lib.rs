//! The engine of the `telemetry` family.
//!
//! ```text
//! context ──► trace ──► pipeline ──► export
//! (ids,       (layer,   (queues,     (otlp, console,
//!  baggage,    record,   telemetry    memory, any SDK
//!  headers)    sampler)  thread)      exporter)
//! ```
//!
//! Applications use the facade `telemetry`; this crate is for the crates of the family and for
//! those who write an exporter.

pub mod clock;
pub mod config;
pub mod context;
pub mod diagnostics;
pub mod export;
pub mod otlp;
pub mod pipeline;
#[cfg(feature = "testing")]
pub mod testing;
pub mod trace;
