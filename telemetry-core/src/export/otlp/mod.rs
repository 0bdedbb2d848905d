//! OTLP: what goes to a collector, and what it answers.
//!
//! Source: <https://opentelemetry.io/docs/specs/otlp/>.

pub mod encode;
pub mod response;
