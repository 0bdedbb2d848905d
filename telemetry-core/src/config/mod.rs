//! Configuration: code beats environment beats default, and nothing is ignored in silence.
//!
//! ```text
//! Overrides (code) ─┐
//! Env (variables) ──┼─► Plan::resolve ─┬─► Plan    valid values only, one struct for each signal
//! defaults ─────────┘                  └─► Report  what was not used, why, and what would work
//! ```
//!
//! Every variable of the OpenTelemetry specification is honoured or reported. An empty variable counts as unset. A value
//! that cannot be used is a warning that names it and what is used instead; no value makes anything fail.
//! [`variables`] is the list of all of them.
//!
//! ```
//! use telemetry_core::config::{Env, Overrides, Plan};
//!
//! let env = Env::from_pairs([("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "10%")]);
//! let (plan, report) = Plan::resolve(&Overrides::default(), &env);
//! assert_eq!(plan.traces.sampler.to_string(), "traceidratio(1)");
//! assert_eq!(
//!     report.to_string(),
//!     "telemetry: ignored OTEL_TRACES_SAMPLER_ARG=10%: not a number between 0 and 1; used: 1\n"
//! );
//! ```

mod autolog;
mod batch;
mod env;
mod exporter;
mod flood;
mod http_methods;
mod kind;
mod limits;
mod list;
mod logs;
mod metrics;
mod otlp;
mod overrides;
mod percent;
mod plan;
mod propagators;
mod redact;
mod redaction;
mod report;
mod resolver;
mod resource;
mod sampler;
mod setting;
mod signal;
mod startup_line;
mod traces;
mod unsupported;
pub mod variables;
mod verbose;

pub use autolog::AutologPlan;
pub use batch::BatchPlan;
pub use env::Env;
pub use exporter::ExporterKind;
pub use flood::FloodPlan;
pub use logs::{DiagnosticLevel, LogFormat, LogsPlan};
pub use metrics::{ExemplarFilter, HistogramAggregation, MetricsPlan, Temporality};
pub use otlp::{Compression, Endpoint, Headers, OtlpPlan, OtlpProtocol, TlsPlan};
pub use overrides::{
    AutologOverrides, BatchOverrides, LogLimitOverrides, LogsOverrides, MetricsOverrides,
    OtlpOverrides, Overrides, RedactionOverrides, SpanLimitOverrides, TracesOverrides,
    VerboseOverrides,
};
pub use plan::Plan;
pub use propagators::PropagatorKind;
pub(crate) use redact::{REDACTED, url as redacted_url};
pub use report::{Hint, Ignored, Report};
pub use sampler::SamplerPlan;
pub use setting::{Setting, Source};
pub use startup_line::startup_line;
pub use traces::TracesPlan;
pub use verbose::{Secret, VerbosePlan};

// The rows expect every protocol; what a smaller build refuses is tested with the protocols.
#[cfg(test)]
#[cfg(all(feature = "otlp-grpc", feature = "otlp-http"))]
mod tests;
