//! What the program sets through the builder. Raw input: nothing here is checked yet.

use std::path::PathBuf;
use std::time::Duration;

use http::HeaderName;
use opentelemetry::KeyValue;
use tracing_core::Level;

use super::exporter::ExporterKind;
use super::logs::{DiagnosticLevel, LogFormat};
use super::metrics::{ExemplarFilter, HistogramAggregation, Temporality};
use super::otlp::{Compression, Headers, OtlpProtocol};
use super::propagators::PropagatorKind;
use super::sampler::SamplerPlan;
use super::verbose::Secret;
use crate::redact::Pattern;

/// Everything that code can decide; a field that is `None` is left to the environment and the defaults.
///
/// ```
/// use telemetry_core::config::{Env, Overrides, Plan};
///
/// let mut code = Overrides::default();
/// code.service_name = Some("shop".to_owned());
/// let env = Env::from_pairs([("OTEL_SERVICE_NAME", "elsewhere")]);
/// let (plan, report) = Plan::resolve(&code, &env);
/// assert_eq!(plan.service_name(), "shop");
/// assert!(report.is_empty());
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Overrides {
    /// Whether telemetry is off, as by `OTEL_SDK_DISABLED`.
    pub disabled: Option<bool>,
    /// `service.name`.
    pub service_name: Option<String>,
    /// `service.name` where neither code nor environment sets it, instead of `unknown_service:<program>`.
    pub default_service_name: Option<String>,
    /// `service.namespace`.
    pub service_namespace: Option<String>,
    /// `service.version`.
    pub service_version: Option<String>,
    /// `service.instance.id`; a random UUID otherwise.
    pub service_instance_id: Option<String>,
    /// `vcs.ref.head.revision`: the commit that was built.
    pub commit: Option<String>,
    /// More resource attributes; they beat detected ones and those of the environment.
    pub resource_attributes: Vec<KeyValue>,
    /// Which headers carry context; empty for none.
    pub propagators: Option<Vec<PropagatorKind>>,
    /// OTLP for all signals. Over HTTP, each signal appends its path to the endpoint.
    pub otlp: OtlpOverrides,
    /// Traces.
    pub traces: TracesOverrides,
    /// Logs.
    pub logs: LogsOverrides,
    /// Metrics.
    pub metrics: MetricsOverrides,
    /// How others may make the log more verbose.
    pub verbose: VerboseOverrides,
    /// Which auto-log service is asked, and for what.
    pub autolog: AutologOverrides,
    /// Shows traces on the console when neither an exporter nor an endpoint is set, even if standard error is no
    /// terminal. (If it is one, they are shown anyway.)
    pub console_when_unconfigured: bool,
    /// What is hidden.
    pub redaction: RedactionOverrides,
}

/// What code decides about traces.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct TracesOverrides {
    /// The exporters; empty for none.
    pub exporters: Option<Vec<ExporterKind>>,
    /// The head sampler.
    pub sampler: Option<SamplerPlan>,
    /// What people call a sampler that is no [`SamplerPlan`]; it is used instead of any that is.
    pub custom_sampler: Option<String>,
    /// How much a span may hold.
    pub limits: SpanLimitOverrides,
    /// The queue and its batches.
    pub batch: BatchOverrides,
    /// OTLP for traces alone; its endpoint is used as it is.
    pub otlp: OtlpOverrides,
}

/// What code decides about logs.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct LogsOverrides {
    /// The exporters; empty for none.
    pub exporters: Option<Vec<ExporterKind>>,
    /// How much a log record may hold.
    pub limits: LogLimitOverrides,
    /// The queue and its batches.
    pub batch: BatchOverrides,
    /// OTLP for logs alone; its endpoint is used as it is.
    pub otlp: OtlpOverrides,
    /// Level directives, as in `RUST_LOG`.
    pub level: Option<String>,
    /// The format of the lines on standard output.
    pub format: Option<LogFormat>,
    /// The level of telemetry's own diagnostics.
    pub own_level: Option<DiagnosticLevel>,
    /// The most lines of one callsite in a second.
    pub rate_limit: Option<u32>,
    /// The most lines of a level in a second.
    pub budgets: Option<Vec<(Level, u32)>>,
    /// The share of the lines of INFO, DEBUG or TRACE that is kept.
    pub samples: Option<Vec<(Level, f64)>>,
    /// The longest text of one value, in bytes.
    pub max_value_len: Option<usize>,
    /// The longest line, in bytes.
    pub max_line_len: Option<usize>,
}

/// What code decides about secrets. It joins what the environment says: what either names is
/// hidden.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RedactionOverrides {
    /// Whether the values of the built-in keys are hidden.
    pub built_in: Option<bool>,
    /// Further keys, as of [`RedactionRules`](crate::redact::RedactionRules).
    pub keys: Vec<String>,
    /// What is searched for in text.
    pub patterns: Vec<Pattern>,
}

/// What code decides about metrics.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct MetricsOverrides {
    /// The exporters; empty for none.
    pub exporters: Option<Vec<ExporterKind>>,
    /// The time between two exports.
    pub interval: Option<Duration>,
    /// The longest time one export may take.
    pub timeout: Option<Duration>,
    /// Cumulative or delta.
    pub temporality: Option<Temporality>,
    /// How histograms are aggregated.
    pub histogram_aggregation: Option<HistogramAggregation>,
    /// Which measurements may become exemplars.
    pub exemplar_filter: Option<ExemplarFilter>,
    /// OTLP for metrics alone; its endpoint is used as it is.
    pub otlp: OtlpOverrides,
    /// The host on which the page for Prometheus is served.
    pub prometheus_host: Option<String>,
    /// The port on which the page for Prometheus is served.
    pub prometheus_port: Option<u16>,
}

/// What code decides about how others may make the log more verbose.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct VerboseOverrides {
    /// What signs the tokens of verbose requests.
    pub secret: Option<Secret>,
    /// The header in which they come.
    pub header: Option<HeaderName>,
    /// The hosts to which they go on: names, or `*.` and the end of a name.
    pub hosts: Option<Vec<String>>,
    /// What whoever changes levels over HTTP has to know.
    pub loggers_token: Option<Secret>,
}

/// What code decides about the client of the auto-log service.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct AutologOverrides {
    /// Where the service is: a URL.
    pub url: Option<String>,
    /// The app whose sessions hold here.
    pub app: Option<String>,
    /// The environment in which it runs.
    pub environment: Option<String>,
    /// What reports of errors are authorised by.
    pub token: Option<Secret>,
    /// The time between two questions to a service that does not hold them until there is news.
    pub poll_interval: Option<Duration>,
    /// What the targets begin with that a session makes verbose.
    pub targets: Option<Vec<String>>,
}

/// What code decides about OTLP, for one signal or for all.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct OtlpOverrides {
    /// Where to: a URL.
    pub endpoint: Option<String>,
    /// gRPC, or HTTP with protobuf or JSON.
    pub protocol: Option<OtlpProtocol>,
    /// Headers of each request; they join those of the environment and beat those of the same name.
    pub headers: Headers,
    /// The longest time one request may take.
    pub timeout: Option<Duration>,
    /// How requests are compressed; `Some(None)` turns compression off.
    pub compression: Option<Option<Compression>>,
    /// A file of the certificate authorities to trust, in PEM.
    pub certificate: Option<PathBuf>,
    /// A file of the client's certificate chain, in PEM.
    pub client_certificate: Option<PathBuf>,
    /// A file of the client's private key, in PEM.
    pub client_key: Option<PathBuf>,
    /// Whether a gRPC endpoint without a scheme is reached without TLS.
    pub insecure: Option<bool>,
}

/// What code decides about a queue and its batches.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct BatchOverrides {
    /// The longest time a record waits for its batch to fill.
    pub schedule_delay: Option<Duration>,
    /// The longest time one batch may take to be sent.
    pub export_timeout: Option<Duration>,
    /// The most records that wait.
    pub max_queue_size: Option<usize>,
    /// The most records in one batch.
    pub max_export_batch_size: Option<usize>,
    /// The most bytes that wait.
    pub max_queue_bytes: Option<usize>,
}

/// What code decides about the size of spans.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SpanLimitOverrides {
    /// Attributes of a span.
    pub attribute_count: Option<u32>,
    /// Characters of a text value.
    pub attribute_value_length: Option<u32>,
    /// Events of a span.
    pub event_count: Option<u32>,
    /// Links of a span.
    pub link_count: Option<u32>,
    /// Attributes of an event.
    pub event_attribute_count: Option<u32>,
    /// Attributes of a link.
    pub link_attribute_count: Option<u32>,
}

/// What code decides about the size of log records.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct LogLimitOverrides {
    /// Attributes of a log record.
    pub attribute_count: Option<u32>,
    /// Characters of a text value.
    pub attribute_value_length: Option<u32>,
}
