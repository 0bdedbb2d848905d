//! The doctor: walks the way from the configuration to the collector, and says what to change.
//!
//! ```text
//! Plan, Report ─► what the settings alone reveal     findings
//!              ─► each OTLP destination once         name, connection, TLS, protocol, credentials, test data
//!                                                    └─► asked back from the backends, if wanted
//! Cargo.lock, executable ─► every version of opentelemetry in it
//! ```
//!
//! Each step has a bound and its time. Header values, and credentials and queries in URLs, are
//! never part of a diagnosis.
//!
//! ```
//! use telemetry_core::config::{Env, Overrides, Plan};
//! use telemetry_core::diagnostics::doctor::Doctor;
//!
//! let env = Env::from_pairs([("OTEL_SDK_DISABLED", "true")]);
//! let (plan, report) = Plan::resolve(&Overrides::default(), &env);
//! let diagnosis = Doctor::new(&plan, &report).run();
//! assert!(!diagnosis.is_well());
//! println!("{diagnosis}");
//! ```

mod backend;
mod destination;
mod diagnosis;
mod examine;
mod finding;
mod heard;
mod json;
mod linked;
mod path;
mod settings;
mod step;
mod text;
mod trial;
mod walk;

pub use backend::{Asked, Backend, Backends};
pub use destination::Walked;
pub use diagnosis::Diagnosis;
pub use examine::Doctor;
pub use finding::{Finding, Severity};
pub use linked::{Linked, LinkedVersion};
pub use step::{Outcome, Step};
pub use trial::{LOG_BODY, METRIC_NAME, SPAN_NAME};
