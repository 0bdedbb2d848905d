//! Code beats the environment, setting by setting.

use std::time::Duration;

use tracing_core::Level;

use super::{value, with_code};
use crate::config::{
    BatchOverrides, Compression, DiagnosticLevel, ExemplarFilter, ExporterKind,
    HistogramAggregation, LogFormat, OtlpOverrides, OtlpProtocol, Overrides, PropagatorKind,
    SamplerPlan, Secret, Source, Temporality,
};
use crate::redact::Pattern;

/// Everything set, and nothing as the default has it.
#[expect(clippy::too_many_lines, reason = "a line a setting")]
fn everything() -> Overrides {
    let second = Some(Duration::from_secs(1));
    let otlp = || OtlpOverrides {
        endpoint: Some("https://code".to_owned()),
        protocol: Some(OtlpProtocol::HttpJson),
        headers: [("from", "code")].into_iter().collect(),
        timeout: second,
        compression: Some(Some(Compression::Zstd)),
        insecure: Some(false),
        ..OtlpOverrides::default()
    };
    let batch = || BatchOverrides {
        schedule_delay: second,
        export_timeout: second,
        max_queue_size: Some(11),
        max_export_batch_size: Some(10),
        max_queue_bytes: Some(12),
    };
    let mut code = Overrides {
        disabled: Some(false),
        service_name: Some("code".to_owned()),
        resource_attributes: vec![opentelemetry::KeyValue::new("from", "code")],
        propagators: Some(vec![PropagatorKind::B3]),
        otlp: otlp(),
        ..Overrides::default()
    };
    code.traces.exporters = Some(vec![ExporterKind::Console]);
    code.traces.sampler = Some(SamplerPlan::TraceIdRatio(0.5));
    code.traces.batch = batch();
    code.traces.limits.attribute_count = Some(10);
    code.traces.limits.attribute_value_length = Some(10);
    code.traces.limits.event_count = Some(10);
    code.traces.limits.link_count = Some(10);
    code.traces.limits.event_attribute_count = Some(10);
    code.traces.limits.link_attribute_count = Some(10);
    code.logs.exporters = Some(vec![]);
    code.logs.batch = batch();
    code.logs.limits.attribute_count = Some(10);
    code.logs.limits.attribute_value_length = Some(10);
    code.logs.level = Some("trace".to_owned());
    code.logs.format = Some(LogFormat::Pretty);
    code.logs.rate_limit = Some(11);
    code.logs.budgets = Some(vec![(Level::INFO, 11)]);
    code.logs.samples = Some(vec![(Level::INFO, 0.5)]);
    code.logs.max_value_len = Some(11);
    code.logs.max_line_len = Some(11);
    code.logs.own_level = Some(DiagnosticLevel::Error);
    code.redaction.keys = vec!["code".to_owned()];
    code.redaction.patterns = vec![Pattern::CARD];
    code.metrics.exporters = Some(vec![ExporterKind::Prometheus]);
    code.metrics.interval = second;
    code.metrics.timeout = second;
    code.metrics.temporality = Some(Temporality::Delta);
    code.metrics.histogram_aggregation = Some(HistogramAggregation::Base2Exponential);
    code.metrics.exemplar_filter = Some(ExemplarFilter::AlwaysOff);
    code.metrics.prometheus_host = Some("code".to_owned());
    code.metrics.prometheus_port = Some(1);
    code.verbose.secret = Some(Secret::new("c".repeat(32)));
    code.verbose.header = Some(http::HeaderName::from_static("x-code"));
    code.verbose.hosts = Some(vec!["code".to_owned()]);
    code.verbose.loggers_token = Some(Secret::new("c".repeat(32)));
    code.autolog.url = Some("http://code".to_owned());
    code.autolog.app = Some("code".to_owned());
    code.autolog.environment = Some("code".to_owned());
    code.autolog.token = Some(Secret::new("code"));
    code.autolog.poll_interval = second;
    code.autolog.targets = Some(vec!["code".to_owned()]);
    code
}

/// Valid values that differ from those of the code.
const ENVIRONMENT: &[(&str, &str)] = &[
    ("OTEL_SDK_DISABLED", "true"),
    ("OTEL_SERVICE_NAME", "env"),
    ("OTEL_RESOURCE_ATTRIBUTES", "from=env,service.name=env"),
    ("OTEL_PROPAGATORS", "jaeger"),
    ("OTEL_LOG_LEVEL", "trace"),
    ("OTEL_TRACES_EXPORTER", "otlp"),
    ("OTEL_LOGS_EXPORTER", "otlp"),
    ("OTEL_METRICS_EXPORTER", "otlp"),
    ("OTEL_EXPORTER_PROMETHEUS_HOST", "env"),
    ("OTEL_EXPORTER_PROMETHEUS_PORT", "2"),
    ("OTEL_TRACES_SAMPLER", "always_off"),
    ("OTEL_BSP_SCHEDULE_DELAY", "22"),
    ("OTEL_BSP_EXPORT_TIMEOUT", "22"),
    ("OTEL_BSP_MAX_QUEUE_SIZE", "22"),
    ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "22"),
    ("OTEL_BLRP_SCHEDULE_DELAY", "22"),
    ("OTEL_BLRP_EXPORT_TIMEOUT", "22"),
    ("OTEL_BLRP_MAX_QUEUE_SIZE", "22"),
    ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "22"),
    ("OTEL_ATTRIBUTE_COUNT_LIMIT", "22"),
    ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "22"),
    ("OTEL_SPAN_EVENT_COUNT_LIMIT", "22"),
    ("OTEL_SPAN_LINK_COUNT_LIMIT", "22"),
    ("OTEL_METRIC_EXPORT_INTERVAL", "22"),
    ("OTEL_METRIC_EXPORT_TIMEOUT", "22"),
    ("OTEL_METRICS_EXEMPLAR_FILTER", "always_on"),
    (
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
        "lowmemory",
    ),
    (
        "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
        "explicit_bucket_histogram",
    ),
    ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://env"),
    ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
    ("OTEL_EXPORTER_OTLP_HEADERS", "from=env"),
    ("OTEL_EXPORTER_OTLP_TIMEOUT", "22"),
    ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
    ("OTEL_EXPORTER_OTLP_INSECURE", "true"),
    ("RUST_LOG", "warn"),
    ("LOG_FORMAT", "off"),
    ("LOG_RATE_LIMIT", "22"),
    ("LOG_BUDGET", "info=22"),
    ("LOG_SAMPLE", "info=0.22"),
    ("LOG_MAX_VALUE_LENGTH", "22"),
    ("LOG_MAX_LINE_LENGTH", "22"),
    (
        "TELEMETRY_VERBOSE_SECRET",
        "0123456789abcdef0123456789abcdef",
    ),
    ("TELEMETRY_VERBOSE_HEADER", "x-env"),
    ("TELEMETRY_VERBOSE_HOSTS", "env"),
    (
        "TELEMETRY_LOGGERS_TOKEN",
        "0123456789abcdef0123456789abcdef",
    ),
    ("AUTOLOG_URL", "https://env"),
    ("AUTOLOG_APP", "env"),
    ("AUTOLOG_ENVIRONMENT", "env"),
    ("AUTOLOG_TOKEN", "env"),
    ("AUTOLOG_POLL_INTERVAL", "22"),
    ("AUTOLOG_TARGETS", "env"),
];

#[test]
fn code_beats_every_variable() {
    let (with_variables, report) = with_code(&everything(), ENVIRONMENT);
    let (without, _) = with_code(&everything(), &[]);
    assert!(report.is_empty(), "{report}");
    assert_eq!(with_variables.settings.len(), without.settings.len());
    for (setting, alone) in with_variables.settings.iter().zip(&without.settings) {
        let is_file = setting.name.contains("CERTIFICATE") || setting.name.contains("CLIENT_KEY");
        if !is_file {
            assert_eq!(setting.source, Source::Code, "{}", setting.name);
        }
        // The keys of both are listed; their values are compared below.
        if setting.name != "OTEL_RESOURCE_ATTRIBUTES" {
            assert_eq!(setting.value, alone.value, "{}", setting.name);
        }
    }
    assert_eq!(with_variables.service_name(), "code");
    assert_eq!(with_variables.resource, without.resource);
    assert_eq!(
        with_variables.traces.otlp.headers,
        without.traces.otlp.headers
    );
}

#[test]
fn code_for_one_signal_beats_code_for_all() {
    let mut code = everything();
    code.traces.otlp.endpoint = Some("http://own/as/it/is".to_owned());
    code.traces.otlp.protocol = Some(OtlpProtocol::HttpProtobuf);
    code.traces.otlp.compression = Some(None);
    let (plan, _) = with_code(&code, &[]);
    assert_eq!(plan.traces.otlp.endpoint.as_str(), "http://own/as/it/is");
    assert_eq!(plan.logs.otlp.endpoint.as_str(), "https://code/v1/logs");
    assert_eq!(
        (plan.traces.otlp.compression, plan.logs.otlp.compression),
        (None, Some(Compression::Zstd))
    );
    assert_eq!(plan.traces.otlp.protocol, OtlpProtocol::HttpProtobuf);
}

#[test]
fn a_useless_value_from_code_gives_way_to_the_environment() {
    let mut code = Overrides::default();
    code.traces.batch.schedule_delay = Some(Duration::ZERO);
    code.traces.exporters = Some(vec![ExporterKind::Prometheus, ExporterKind::Console]);
    code.logs.otlp.endpoint = Some("collector".to_owned());
    code.otlp.headers.insert("no name", "hunter2");
    let (plan, report) = with_code(&code, &[("OTEL_BSP_SCHEDULE_DELAY", "7")]);
    assert_eq!(value(&plan, "OTEL_BSP_SCHEDULE_DELAY"), "7 ms");
    assert_eq!(plan.traces.exporters, [ExporterKind::Console]);
    let variables: Vec<_> = report
        .ignored
        .iter()
        .map(|ignored| ignored.variable.as_str())
        .collect();
    assert_eq!(
        variables,
        [
            "OTEL_TRACES_EXPORTER (in code)",
            "OTEL_BSP_SCHEDULE_DELAY (in code)",
            "OTEL_EXPORTER_OTLP_HEADERS (in code)",
            "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT (in code)"
        ]
    );
    assert!(!report.to_string().contains("hunter2"));
}
