//! Every variable, in one table: what it means, its default, and whether it has an effect.
//!
//! Names, meanings and defaults of the specification:
//! <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/> and
//! <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>.

use std::fmt::Write;

/// A variable that is honoured, or reported when it is set.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// What applies where it is unset.
    pub default: &'static str,
    /// What it decides.
    pub meaning: &'static str,
    /// Whether it has an effect.
    pub standing: Standing,
}

/// Whether a variable has an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Standing {
    /// It belongs to the OpenTelemetry specification and is honoured.
    Honoured,
    /// It is not OpenTelemetry's and is honoured.
    Ours,
    /// It is reported when it is set.
    Ignored {
        /// What would work.
        remedy: &'static str,
    },
}

/// All variables, those of each signal among them.
pub fn all() -> impl Iterator<Item = Variable> {
    SECTIONS
        .iter()
        .flat_map(|section| section.rows)
        .flat_map(Row::expand)
}

/// The table as Markdown: the reference page of the documentation.
#[must_use]
pub fn reference() -> String {
    let mut page = String::from(INTRODUCTION);
    for Section { title, rows } in SECTIONS {
        let _ = write!(
            page,
            "\n## {title}\n\n| variable | default | meaning |\n|---|---|---|\n"
        );
        for row in *rows {
            let _ = writeln!(
                page,
                "| `{}`{} | {} | {} |",
                row.name,
                row.star(),
                row.default,
                row.text()
            );
        }
    }
    page
}

/// Whether a variable's value must not be shown.
pub(crate) fn is_secret(name: &str) -> bool {
    ["HEADERS", "PASSWORD", "SECRET", "TOKEN"]
        .iter()
        .any(|ending| name.ends_with(ending))
}

const INTRODUCTION: &str = "\
# Configuration

<!-- Written from telemetry-core/src/config/variables.rs: UPDATE_DOCS=1 cargo test -p telemetry-core reference -->

What code sets beats the environment, which beats the default. An empty variable counts as unset. A value that cannot be
used is reported in the start-up line, with what is used instead; nothing fails. Names out of a set may be written in
any case. Durations are whole milliseconds of at least 1. A boolean is true only if it reads `true`, in any case.

A variable with a star has one for each signal, which comes before it: `OTEL_EXPORTER_OTLP_TRACES_…`,
`OTEL_EXPORTER_OTLP_LOGS_…`, `OTEL_EXPORTER_OTLP_METRICS_…`. Headers are joined instead: the signal's beats the general
one of the same name.
";

struct Section {
    title: &'static str,
    rows: &'static [Row],
}

struct Row {
    name: &'static str,
    default: &'static str,
    meaning: &'static str,
    standing: Standing,
    per_signal: bool,
}

const OTLP: &str = "OTEL_EXPORTER_OTLP_";

impl Row {
    const fn standard(name: &'static str, default: &'static str, meaning: &'static str) -> Self {
        Self {
            name,
            default,
            meaning,
            standing: Standing::Honoured,
            per_signal: false,
        }
    }

    const fn per_signal(name: &'static str, default: &'static str, meaning: &'static str) -> Self {
        Self {
            name,
            default,
            meaning,
            standing: Standing::Honoured,
            per_signal: true,
        }
    }

    const fn ours(name: &'static str, default: &'static str, meaning: &'static str) -> Self {
        Self {
            name,
            default,
            meaning,
            standing: Standing::Ours,
            per_signal: false,
        }
    }

    const fn ignored(name: &'static str, remedy: &'static str) -> Self {
        Self {
            name,
            default: "",
            meaning: "",
            standing: Standing::Ignored { remedy },
            per_signal: false,
        }
    }

    fn expand(&self) -> Vec<Variable> {
        let mut names = vec![self.name.to_owned()];
        if let (true, Some(what)) = (self.per_signal, self.name.strip_prefix(OTLP)) {
            names.extend(
                ["TRACES", "LOGS", "METRICS"].map(|signal| format!("{OTLP}{signal}_{what}")),
            );
        }
        let Self {
            default,
            meaning,
            standing,
            ..
        } = *self;
        names
            .into_iter()
            .map(|name| Variable {
                name,
                default,
                meaning,
                standing,
            })
            .collect()
    }

    fn star(&self) -> &'static str {
        if self.per_signal { " \\*" } else { "" }
    }

    fn text(&self) -> &'static str {
        match self.standing {
            Standing::Honoured | Standing::Ours => self.meaning,
            Standing::Ignored { remedy } => remedy,
        }
    }
}

const SECTIONS: &[Section] = &[
    Section {
        title: "General",
        rows: GENERAL,
    },
    Section {
        title: "Exporters",
        rows: EXPORTERS,
    },
    Section {
        title: "OTLP",
        rows: OTLP_ROWS,
    },
    Section {
        title: "Sampling",
        rows: SAMPLING,
    },
    Section {
        title: "Batches and queues",
        rows: BATCHES,
    },
    Section {
        title: "Limits",
        rows: LIMITS,
    },
    Section {
        title: "Metrics",
        rows: METRICS,
    },
    Section {
        title: "Logs",
        rows: LOGS,
    },
    Section {
        title: "Auto-log",
        rows: AUTOLOG,
    },
    Section {
        title: "HTTP",
        rows: HTTP,
    },
    Section {
        title: "Kubernetes",
        rows: KUBERNETES,
    },
    Section {
        title: "Not supported, and reported when set",
        rows: IGNORED,
    },
];

const GENERAL: &[Row] = &[
    Row::standard(
        "OTEL_SDK_DISABLED",
        "`false`",
        "`true` turns telemetry off; logs on standard output and propagation stay",
    ),
    Row::standard(
        "OTEL_SERVICE_NAME",
        "`unknown_service:<program>`",
        "`service.name`; beats the one in `OTEL_RESOURCE_ATTRIBUTES`",
    ),
    Row::standard(
        "OTEL_RESOURCE_ATTRIBUTES",
        "",
        "`key=value,key=value`, percent-encoded; beats detected attributes; a bad pair is reported and the others count",
    ),
    Row::standard(
        "OTEL_PROPAGATORS",
        "`tracecontext,baggage`",
        "`tracecontext`, `baggage`, `b3`, `b3multi`, `jaeger` in the order in which they apply, or `none`",
    ),
    Row::standard(
        "OTEL_LOG_LEVEL",
        "`info`",
        "how much telemetry says about itself: `none`, `error`, `warn`, `info`, `debug`, `trace`",
    ),
    Row::ours(
        "TELEMETRY_REDACT_KEYS",
        "`built-in`",
        "further keys whose values are hidden in all signals, `*` for any text: `customer.*,iban`; with `none` among them, the built-in ones (passwords, tokens, cookies and the like) are not",
    ),
    Row::ours(
        "TELEMETRY_REDACT_PATTERNS",
        "`none`",
        "what is searched for in text and hidden: `bearer`, `jwt`, `card`, `email`",
    ),
    Row::standard(
        "OTEL_SEMCONV_STABILITY_OPT_IN",
        "",
        "the stable names are always written; a wish for the old ones beside them (`http/dup`) is reported",
    ),
];

const HTTP: &[Row] = &[Row::standard(
    "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS",
    "`CONNECT,DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT,QUERY,TRACE`",
    "the methods that are recorded by their name, in place of the default ones; others are `_OTHER`; code that names its own methods beats it",
)];

const EXPORTERS: &[Row] = &[
    Row::standard(
        "OTEL_TRACES_EXPORTER",
        "`console` on a terminal without an endpoint, else `otlp`",
        "`otlp`, `console`, both, or `none`",
    ),
    Row::standard(
        "OTEL_LOGS_EXPORTER",
        "`none` on a terminal without an endpoint, else `otlp`",
        "`otlp`, `console` (standard output), both, or `none`; `LOG_FORMAT` decides about standard output",
    ),
    Row::standard(
        "OTEL_METRICS_EXPORTER",
        "`none` on a terminal without an endpoint, else `otlp`",
        "`otlp`, `prometheus`, `console`, several, or `none`",
    ),
    Row::standard(
        "OTEL_EXPORTER_PROMETHEUS_HOST",
        "`localhost`",
        "where `prometheus` listens",
    ),
    Row::standard(
        "OTEL_EXPORTER_PROMETHEUS_PORT",
        "`9464`",
        "where `prometheus` listens",
    ),
];

const OTLP_ROWS: &[Row] = &[
    Row::per_signal(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "`http://localhost:4318`, gRPC `http://localhost:4317`",
        "a URL; over HTTP, `/v1/traces` and so on are appended to the general one, and a signal's is used as it is",
    ),
    Row::per_signal(
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        "`http/protobuf`",
        "`grpc`, `http/protobuf`, `http/json`",
    ),
    Row::per_signal(
        "OTEL_EXPORTER_OTLP_HEADERS",
        "",
        "`name=value,name=value`, values percent-encoded; never shown",
    ),
    Row::per_signal(
        "OTEL_EXPORTER_OTLP_TIMEOUT",
        "`10000`",
        "the longest time of one request",
    ),
    Row::per_signal(
        "OTEL_EXPORTER_OTLP_COMPRESSION",
        "`none`",
        "`gzip`, `zstd`, `none`",
    ),
    Row::per_signal(
        "OTEL_EXPORTER_OTLP_CERTIFICATE",
        "the system's",
        "a PEM file of the authorities to trust",
    ),
    Row::per_signal(
        "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
        "",
        "a PEM file of the client's certificate chain; takes the key, too",
    ),
    Row::per_signal(
        "OTEL_EXPORTER_OTLP_CLIENT_KEY",
        "",
        "a PEM file of the client's private key; takes the certificate, too",
    ),
    Row::per_signal(
        "OTEL_EXPORTER_OTLP_INSECURE",
        "`false`",
        "`true`: a gRPC endpoint without a scheme is reached without TLS",
    ),
];

const SAMPLING: &[Row] = &[
    Row::standard(
        "OTEL_TRACES_SAMPLER",
        "`parentbased_always_on`",
        "`always_on`, `always_off`, `traceidratio`, or one of them after `parentbased_`",
    ),
    Row::standard(
        "OTEL_TRACES_SAMPLER_ARG",
        "`1`",
        "the ratio of `traceidratio`, between 0 and 1",
    ),
];

const BATCHES: &[Row] = &[
    Row::standard(
        "OTEL_BSP_SCHEDULE_DELAY",
        "`5000`",
        "the longest time that a span waits for its batch to fill",
    ),
    Row::standard(
        "OTEL_BSP_EXPORT_TIMEOUT",
        "`30000`",
        "the longest time that one batch of spans may take, retries included",
    ),
    Row::standard(
        "OTEL_BSP_MAX_QUEUE_SIZE",
        "`2048`",
        "spans that may wait (and at most 32 MiB); more are dropped and counted",
    ),
    Row::standard(
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
        "`512`",
        "spans in one batch, at most the queue's size",
    ),
    Row::standard(
        "OTEL_BLRP_SCHEDULE_DELAY",
        "`1000`",
        "the longest time that a log record waits for its batch to fill",
    ),
    Row::standard(
        "OTEL_BLRP_EXPORT_TIMEOUT",
        "`30000`",
        "the longest time that one batch of log records may take, retries included",
    ),
    Row::standard(
        "OTEL_BLRP_MAX_QUEUE_SIZE",
        "`2048`",
        "log records that may wait (and at most 32 MiB); more are dropped and counted",
    ),
    Row::standard(
        "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE",
        "`512`",
        "log records in one batch, at most the queue's size",
    ),
];

const LIMITS: &[Row] = &[
    Row::standard(
        "OTEL_ATTRIBUTE_COUNT_LIMIT",
        "`128`",
        "attributes of a span, event, link or log record, where no variable of its own says otherwise; 0 keeps none",
    ),
    Row::standard(
        "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        "no limit",
        "characters of a text value, where no variable of its own says otherwise",
    ),
    Row::standard(
        "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
        "`128`",
        "attributes of a span",
    ),
    Row::standard(
        "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        "no limit",
        "characters of a text value of a span, its events and links",
    ),
    Row::standard("OTEL_SPAN_EVENT_COUNT_LIMIT", "`128`", "events of a span"),
    Row::standard("OTEL_SPAN_LINK_COUNT_LIMIT", "`128`", "links of a span"),
    Row::standard(
        "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
        "`128`",
        "attributes of an event",
    ),
    Row::standard(
        "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
        "`128`",
        "attributes of a link",
    ),
    Row::standard(
        "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT",
        "`128`",
        "attributes of a log record",
    ),
    Row::standard(
        "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        "no limit",
        "characters of a text value of a log record",
    ),
];

const METRICS: &[Row] = &[
    Row::standard(
        "OTEL_METRIC_EXPORT_INTERVAL",
        "`60000`",
        "the time between two exports",
    ),
    Row::standard(
        "OTEL_METRIC_EXPORT_TIMEOUT",
        "`30000`",
        "the longest time of one export",
    ),
    Row::standard(
        "OTEL_METRICS_EXEMPLAR_FILTER",
        "`trace_based`",
        "`always_on`, `always_off`, `trace_based`",
    ),
    Row::standard(
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
        "`cumulative`",
        "`cumulative`, `delta`, `lowmemory`",
    ),
    Row::standard(
        "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
        "`explicit_bucket_histogram`",
        "or `base2_exponential_bucket_histogram`",
    ),
];

const LOGS: &[Row] = &[
    Row::ours(
        "RUST_LOG",
        "`LOG_LEVEL`",
        "levels, for all or by target: `info,shop=debug`",
    ),
    Row::ours("LOG_LEVEL", "`info`", "the same, where `RUST_LOG` is unset"),
    Row::ours(
        "LOG_FORMAT",
        "`pretty` on a terminal, else `json`",
        "the lines on standard output: `json`, `pretty`, `off`",
    ),
    Row::ours(
        "LOG_RATE_LIMIT",
        "`none`",
        "the most lines of one callsite in a second; more are counted, and said by a line `N similar suppressed`",
    ),
    Row::ours(
        "LOG_BUDGET",
        "`none`",
        "the most lines of a level in a second, all callsites together: `debug=100,info=1000`",
    ),
    Row::ours(
        "LOG_SAMPLE",
        "`none`",
        "the share of lines that is kept, by traces: `debug=0.01,info=0.1`; WARN and ERROR always are",
    ),
    Row::ours(
        "LOG_MAX_VALUE_LENGTH",
        "`65536`",
        "bytes after which the text of a value is cut, with a mark",
    ),
    Row::ours(
        "LOG_MAX_LINE_LENGTH",
        "`1048576`",
        "bytes beyond which a line loses fields, and says how many; the message stays",
    ),
    Row::ours(
        "TELEMETRY_VERBOSE_SECRET",
        "none: tokens are not accepted",
        "what signs the tokens of verbose requests, at least 32 bytes; the same in every service",
    ),
    Row::ours(
        "TELEMETRY_VERBOSE_HEADER",
        "`x-telemetry-verbose`",
        "the header in which such a token comes",
    ),
    Row::ours(
        "TELEMETRY_VERBOSE_HOSTS",
        "none",
        "the hosts to which the token goes on: `stock.internal,*.svc.cluster.local`",
    ),
    Row::ours(
        "TELEMETRY_LOGGERS_TOKEN",
        "none: loopback only",
        "the bearer token of the endpoint of levels, at least 32 bytes",
    ),
];

const AUTOLOG: &[Row] = &[
    Row::ours(
        "AUTOLOG_URL",
        "none: no service is asked",
        "the auto-log service, such as `http://autolog:5000`; its sessions make this program verbose",
    ),
    Row::ours(
        "AUTOLOG_APP",
        "`service.name`",
        "the app whose sessions hold here",
    ),
    Row::ours(
        "AUTOLOG_ENVIRONMENT",
        "`deployment.environment.name`, else `production`",
        "the environment whose sessions hold here",
    ),
    Row::ours(
        "AUTOLOG_TOKEN",
        "none",
        "the bearer token with which errors are reported; never shown, and sent nowhere else",
    ),
    Row::ours(
        "AUTOLOG_POLL_INTERVAL",
        "`15`",
        "seconds, 1 to 3600, between two questions to a service that does not hold them until there is news",
    ),
    Row::ours(
        "AUTOLOG_TARGETS",
        "all",
        "what the targets begin with that a session makes verbose: `shop,shop_db`",
    ),
];

const KUBERNETES: &[Row] = &[
    Row::ours(
        "K8S_POD_NAME",
        "`POD_NAME`, `HOSTNAME` in a cluster",
        "`k8s.pod.name`",
    ),
    Row::ours(
        "K8S_NAMESPACE_NAME",
        "`K8S_POD_NAMESPACE`; `POD_NAMESPACE`, the service account's in a cluster",
        "`k8s.namespace.name`",
    ),
    Row::ours("K8S_POD_UID", "`POD_UID` in a cluster", "`k8s.pod.uid`"),
    Row::ours(
        "K8S_NODE_NAME",
        "`NODE_NAME` in a cluster",
        "`k8s.node.name`",
    ),
    Row::ours(
        "K8S_CONTAINER_NAME",
        "`CONTAINER_NAME` in a cluster",
        "`k8s.container.name`",
    ),
];

const NO_FILE: &str = "configuration files are not read; set the variables, or use the builder";
const NO_ZIPKIN: &str =
    "there is no Zipkin exporter; set OTEL_EXPORTER_OTLP_ENDPOINT to a collector that translates";
const NO_JAEGER: &str = "there is no Jaeger exporter; Jaeger takes OTLP: set OTEL_EXPORTER_OTLP_ENDPOINT=http://<jaeger>:4318";
const OLD_INSECURE: &str =
    "an obsolete name; write http:// in the endpoint, or OTEL_EXPORTER_OTLP_INSECURE=true";

const IGNORED: &[Row] = &[
    Row::ignored("OTEL_CONFIG_FILE", NO_FILE),
    Row::ignored("OTEL_EXPERIMENTAL_CONFIG_FILE", NO_FILE),
    Row::ignored(
        "OTEL_ENTITIES",
        "entities are not supported; write OTEL_RESOURCE_ATTRIBUTES",
    ),
    Row::ignored("OTEL_EXPORTER_ZIPKIN_ENDPOINT", NO_ZIPKIN),
    Row::ignored("OTEL_EXPORTER_ZIPKIN_TIMEOUT", NO_ZIPKIN),
    Row::ignored("OTEL_EXPORTER_ZIPKIN_PROTOCOL", NO_ZIPKIN),
    Row::ignored("OTEL_EXPORTER_JAEGER_ENDPOINT", NO_JAEGER),
    Row::ignored("OTEL_EXPORTER_JAEGER_PROTOCOL", NO_JAEGER),
    Row::ignored("OTEL_EXPORTER_JAEGER_AGENT_HOST", NO_JAEGER),
    Row::ignored("OTEL_EXPORTER_JAEGER_AGENT_PORT", NO_JAEGER),
    Row::ignored("OTEL_EXPORTER_JAEGER_TIMEOUT", NO_JAEGER),
    Row::ignored("OTEL_EXPORTER_JAEGER_USER", NO_JAEGER),
    Row::ignored("OTEL_EXPORTER_JAEGER_PASSWORD", NO_JAEGER),
    Row::ignored("OTEL_EXPORTER_OTLP_SPAN_INSECURE", OLD_INSECURE),
    Row::ignored("OTEL_EXPORTER_OTLP_METRIC_INSECURE", OLD_INSECURE),
    Row::ignored(
        "OTEL_BSP_MAX_CONCURRENT_EXPORTS",
        "one batch is sent at a time; raise OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");

    #[test]
    fn the_reference_page_is_up_to_date() {
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(PAGE, reference()).unwrap();
        }
        let page = std::fs::read_to_string(PAGE).unwrap();
        assert_eq!(
            page,
            reference(),
            "run UPDATE_DOCS=1 cargo test -p telemetry-core reference"
        );
    }

    #[test]
    fn no_variable_is_listed_twice() {
        let mut names: Vec<String> = all().map(|variable| variable.name).collect();
        names.sort();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
