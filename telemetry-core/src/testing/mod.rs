//! What a user's own tests hold: the spans and log records of a piece of code, and assertions
//! that print the trace when they fail. Outside of semver.
//!
//! ```
//! use telemetry_core::testing::Capture;
//! use tracing_subscriber::prelude::*;
//!
//! let capture = Capture::new();
//! let subscriber = tracing_subscriber::registry().with(capture.layer());
//! tracing::subscriber::with_default(subscriber, || {
//!     let _order = tracing::info_span!("order", id = 7).entered();
//!     tracing::info_span!("charge").in_scope(|| {});
//! });
//!
//! capture.assert_span("charge").is_child_of("order");
//! capture.assert_span("order").is_root().has_attribute("id", 7);
//! assert_eq!(capture.tree(), "order\n└─ charge\n");
//! ```

mod capture;
mod log;
mod span;
mod tree;

pub use capture::Capture;
pub use log::LogAssertion;
pub use span::SpanAssertion;

#[cfg(test)]
mod tests;
