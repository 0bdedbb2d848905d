//! What telemetry says about itself, on a second path that never enters the first.

mod distribution;
#[cfg(feature = "doctor")]
pub mod doctor;
pub mod self_metrics;
mod status;
mod target;
mod voice;

pub use distribution::Distribution;
pub use status::{ExporterStatus, Health};
pub use target::is_opentelemetry_target;
pub use voice::{Level, Voice};
