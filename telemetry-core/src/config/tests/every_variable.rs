//! One row for each variable: its default, a value it takes, and one it refuses.

use super::super::variables::{self, Standing};
use super::{resolve, value};
use crate::config::Source;

struct Row {
    name: &'static str,
    default: &'static str,
    given: &'static str,
    shown: &'static str,
    /// Empty where every text is valid.
    refused: &'static str,
}

const fn row(
    name: &'static str,
    default: &'static str,
    given: &'static str,
    shown: &'static str,
    refused: &'static str,
) -> Row {
    Row {
        name,
        default,
        given,
        shown,
        refused,
    }
}

/// The variables with a setting of their own name.
const ROWS: &[Row] = &[
    row("OTEL_SDK_DISABLED", "false", "TRUE", "true", "yes"),
    row("OTEL_SERVICE_NAME", "unknown_service", "shop", "shop", ""),
    row(
        "OTEL_RESOURCE_ATTRIBUTES",
        "detected only",
        "a=b,c=%20d",
        "a,c",
        "a",
    ),
    row(
        "OTEL_PROPAGATORS",
        "tracecontext,baggage",
        "B3, jaeger",
        "b3,jaeger",
        "xray",
    ),
    row("OTEL_LOG_LEVEL", "info", "Debug", "debug", "loud"),
    row(
        "TELEMETRY_REDACT_KEYS",
        "built-in",
        "none, iban",
        "iban",
        "*",
    ),
    row(
        "TELEMETRY_REDACT_PATTERNS",
        "none",
        "Card,jwt",
        "card,jwt",
        "cards",
    ),
    row(
        "OTEL_TRACES_EXPORTER",
        "otlp",
        "console,otlp",
        "console,otlp",
        "zipkin",
    ),
    row("OTEL_LOGS_EXPORTER", "otlp", "none", "none", "prometheus"),
    row(
        "OTEL_METRICS_EXPORTER",
        "otlp",
        "prometheus",
        "prometheus",
        "statsd",
    ),
    row(
        "OTEL_EXPORTER_PROMETHEUS_HOST",
        "localhost",
        "0.0.0.0",
        "0.0.0.0",
        "",
    ),
    row(
        "OTEL_EXPORTER_PROMETHEUS_PORT",
        "9464",
        "9000",
        "9000",
        "70000",
    ),
    row(
        "OTEL_TRACES_SAMPLER",
        "parentbased_always_on",
        "Always_Off",
        "always_off",
        "jaeger_remote",
    ),
    row("OTEL_BSP_SCHEDULE_DELAY", "5000 ms", "7", "7 ms", "0"),
    row("OTEL_BSP_EXPORT_TIMEOUT", "30000 ms", "7", "7 ms", "-1"),
    row("OTEL_BSP_MAX_QUEUE_SIZE", "2048", "4096", "4096", "0"),
    row("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "512", "7", "7", "many"),
    row("OTEL_BLRP_SCHEDULE_DELAY", "1000 ms", "7", "7 ms", "1.5"),
    row("OTEL_BLRP_EXPORT_TIMEOUT", "30000 ms", "7", "7 ms", "7s"),
    row(
        "OTEL_BLRP_MAX_QUEUE_SIZE",
        "2048",
        "4096",
        "4096",
        "99999999999999999999",
    ),
    row("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "512", "7", "7", "0"),
    row("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "128", "0", "0", "-1"),
    row(
        "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        "no limit",
        "9",
        "9",
        "x",
    ),
    row("OTEL_SPAN_EVENT_COUNT_LIMIT", "128", "9", "9", "x"),
    row("OTEL_SPAN_LINK_COUNT_LIMIT", "128", "9", "9", "x"),
    row("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "128", "9", "9", "x"),
    row("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "128", "9", "9", "x"),
    row("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "128", "9", "9", "x"),
    row(
        "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        "no limit",
        "0",
        "0",
        "x",
    ),
    row("OTEL_METRIC_EXPORT_INTERVAL", "60000 ms", "7", "7 ms", "0"),
    row("OTEL_METRIC_EXPORT_TIMEOUT", "30000 ms", "7", "7 ms", "0"),
    row(
        "OTEL_METRICS_EXEMPLAR_FILTER",
        "trace_based",
        "always_on",
        "always_on",
        "sometimes",
    ),
    row(
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
        "cumulative",
        "Delta",
        "delta",
        "x",
    ),
    row(
        "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
        "explicit_bucket_histogram",
        "base2_exponential_bucket_histogram",
        "base2_exponential_bucket_histogram",
        "x",
    ),
    row("RUST_LOG", "info", "warn,shop=debug", "warn,shop=debug", ""),
    row("LOG_FORMAT", "json", "OFF", "off", "xml"),
    row("LOG_RATE_LIMIT", "none", "100", "100", "0"),
    row("LOG_BUDGET", "none", "Debug=7", "debug=7", "debug"),
    row("LOG_SAMPLE", "none", "info=0.5", "info=0.5", "error=0.5"),
    row("LOG_MAX_VALUE_LENGTH", "65536", "100", "100", "0"),
    row("LOG_MAX_LINE_LENGTH", "1048576", "100", "100", "1 MiB"),
    row(
        "TELEMETRY_VERBOSE_SECRET",
        "none",
        "0123456789abcdef0123456789abcdef",
        "<redacted>",
        "too short",
    ),
    row(
        "TELEMETRY_VERBOSE_HEADER",
        "x-telemetry-verbose",
        "X-Debug",
        "x-debug",
        "a b",
    ),
    row(
        "TELEMETRY_VERBOSE_HOSTS",
        "none",
        "Stock.internal, *.local",
        "stock.internal,*.local",
        "http://stock",
    ),
    row(
        "TELEMETRY_LOGGERS_TOKEN",
        "none",
        "0123456789abcdef0123456789abcdef",
        "<redacted>",
        "too short",
    ),
    row(
        "AUTOLOG_URL",
        "none",
        "https://autolog/base/",
        "https://autolog/base/",
        "autolog:5000",
    ),
    row("AUTOLOG_APP", "unknown_service", "shop", "shop", "a\nb"),
    row("AUTOLOG_ENVIRONMENT", "production", "test", "test", "a\tb"),
    row(
        "AUTOLOG_TOKEN",
        "none",
        "hunter2",
        "<redacted>",
        "two words",
    ),
    row("AUTOLOG_POLL_INTERVAL", "15 s", "60", "60 s", "0"),
    row("AUTOLOG_TARGETS", "all", "shop, db", "shop,db", "shop db"),
    row(
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "http://localhost:4318/v1/traces",
        "https://c",
        "https://c/",
        "collector:4318",
    ),
    row(
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
        "http://localhost:4318/v1/logs",
        "http://c:1/x",
        "http://c:1/x",
        "http://",
    ),
    row(
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
        "http://localhost:4318/v1/metrics",
        "http://c/?key=1",
        "http://c/?<redacted>",
        "ftp://c",
    ),
    row(
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
        "http/protobuf",
        "GRPC",
        "grpc",
        "thrift",
    ),
    row(
        "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL",
        "http/protobuf",
        "http/json",
        "http/json",
        "http",
    ),
    row(
        "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL",
        "http/protobuf",
        "grpc",
        "grpc",
        "thrift",
    ),
    row(
        "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
        "none",
        "A=b",
        "a=<redacted>",
        "a",
    ),
    row(
        "OTEL_EXPORTER_OTLP_LOGS_HEADERS",
        "none",
        "a=b,c=d",
        "a=<redacted>,c=<redacted>",
        "a b=c",
    ),
    row(
        "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
        "none",
        "a=b",
        "a=<redacted>",
        "a=%0A",
    ),
    row(
        "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
        "10000 ms",
        "7",
        "7 ms",
        "0",
    ),
    row(
        "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT",
        "10000 ms",
        "7",
        "7 ms",
        "x",
    ),
    row(
        "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT",
        "10000 ms",
        "7",
        "7 ms",
        "x",
    ),
    row(
        "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
        "none",
        "gzip",
        "gzip",
        "brotli",
    ),
    row(
        "OTEL_EXPORTER_OTLP_LOGS_COMPRESSION",
        "none",
        "zstd",
        "zstd",
        "brotli",
    ),
    row(
        "OTEL_EXPORTER_OTLP_METRICS_COMPRESSION",
        "none",
        "gzip",
        "gzip",
        "brotli",
    ),
    row(
        "OTEL_EXPORTER_OTLP_TRACES_INSECURE",
        "false",
        "true",
        "true",
        "1",
    ),
    row(
        "OTEL_EXPORTER_OTLP_LOGS_INSECURE",
        "false",
        "true",
        "true",
        "1",
    ),
    row(
        "OTEL_EXPORTER_OTLP_METRICS_INSECURE",
        "false",
        "true",
        "true",
        "1",
    ),
];

/// Variables that stand behind others, and the setting in which they show.
const BEHIND: &[(&str, &str, &str, &str, &str)] = &[
    (
        "OTEL_ATTRIBUTE_COUNT_LIMIT",
        "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
        "9",
        "9",
        "x",
    ),
    (
        "OTEL_ATTRIBUTE_COUNT_LIMIT",
        "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
        "9",
        "9",
        "x",
    ),
    (
        "OTEL_ATTRIBUTE_COUNT_LIMIT",
        "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
        "9",
        "9",
        "x",
    ),
    (
        "OTEL_ATTRIBUTE_COUNT_LIMIT",
        "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT",
        "9",
        "9",
        "x",
    ),
    (
        "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        "9",
        "9",
        "x",
    ),
    (
        "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        "9",
        "9",
        "x",
    ),
    ("LOG_LEVEL", "RUST_LOG", "debug", "debug", ""),
    (
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "http://c",
        "http://c/v1/traces",
        "c",
    ),
    (
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
        "http://c/",
        "http://c/v1/logs",
        "c",
    ),
    (
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
        "http://c/a",
        "http://c/a/v1/metrics",
        "c",
    ),
    (
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL",
        "grpc",
        "grpc",
        "x",
    ),
    (
        "OTEL_EXPORTER_OTLP_HEADERS",
        "OTEL_EXPORTER_OTLP_LOGS_HEADERS",
        "a=b",
        "a=<redacted>",
        "x",
    ),
    (
        "OTEL_EXPORTER_OTLP_TIMEOUT",
        "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
        "7",
        "7 ms",
        "x",
    ),
    (
        "OTEL_EXPORTER_OTLP_COMPRESSION",
        "OTEL_EXPORTER_OTLP_LOGS_COMPRESSION",
        "gzip",
        "gzip",
        "x",
    ),
    (
        "OTEL_EXPORTER_OTLP_INSECURE",
        "OTEL_EXPORTER_OTLP_LOGS_INSECURE",
        "true",
        "true",
        "x",
    ),
];

/// Tested on their own: a file, an argument, a resource attribute, a variable without a setting.
const ELSEWHERE: &[&str] = &[
    "CERTIFICATE",
    "CLIENT_KEY",
    "SAMPLER_ARG",
    "K8S_",
    "SEMCONV_STABILITY",
    // read by the layers that need it
    "HTTP_KNOWN_METHODS",
];

#[test]
fn words_that_cannot_be_methods_are_reported() {
    let (_, report) = resolve(&[(
        "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS",
        "GET, a b,PURGE,,(x)",
    )]);
    let ignored = &report.ignored[0];
    assert_eq!(
        (&*ignored.value, &*ignored.used),
        ("a b,(x)", "the rest of the list")
    );
    for (list, ignored) in [("a b,", "a b"), (",,", ",,")] {
        let (_, report) = resolve(&[("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", list)]);
        let first = &report.ignored[0];
        assert_eq!((&*first.value, &*first.used), (ignored, "the default list"));
    }
}

#[test]
fn every_honoured_variable_has_a_row() {
    for variable in
        variables::all().filter(|variable| !matches!(variable.standing, Standing::Ignored { .. }))
    {
        let name = variable.name.as_str();
        let known = ROWS.iter().any(|row| row.name == name)
            || BEHIND.iter().any(|(behind, ..)| *behind == name)
            || ELSEWHERE.iter().any(|part| name.contains(part));
        assert!(known, "{name} has no row");
    }
}

#[test]
fn unset_and_empty_are_the_default() {
    for Row { name, default, .. } in ROWS {
        for pairs in [vec![], vec![(*name, "")], vec![(*name, "  ")]] {
            let (plan, report) = resolve(&pairs);
            assert_eq!(value(&plan, name), *default, "{name}");
            assert_eq!(
                plan.setting(name).unwrap().source,
                Source::Default,
                "{name}"
            );
            assert!(report.is_empty(), "{name}: {report}");
        }
    }
}

#[test]
fn a_valid_value_is_used() {
    for Row {
        name, given, shown, ..
    } in ROWS
    {
        let (plan, report) = resolve(&[(name, given)]);
        assert_eq!(value(&plan, name), *shown, "{name}");
        assert_eq!(
            plan.setting(name).unwrap().source,
            Source::Env(name),
            "{name}"
        );
        assert!(report.ignored.is_empty(), "{name}: {report}");
    }
}

#[test]
fn an_invalid_value_is_the_default_and_is_reported() {
    for Row {
        name,
        default,
        refused,
        ..
    } in ROWS.iter().filter(|row| !row.refused.is_empty())
    {
        let (plan, report) = resolve(&[(name, refused)]);
        assert_eq!(value(&plan, name), *default, "{name}");
        let [ignored] = report.ignored.as_slice() else {
            panic!("{name}: {report}")
        };
        assert_eq!(ignored.variable, *name);
        assert!(
            !ignored.reason.is_empty() && !ignored.used.is_empty(),
            "{name}: {report}"
        );
    }
}

#[test]
fn a_general_variable_stands_behind_the_specific_one() {
    for (general, specific, given, shown, refused) in BEHIND {
        let (plan, report) = resolve(&[(general, given)]);
        assert_eq!(value(&plan, specific), *shown, "{general}");
        assert_eq!(
            plan.setting(specific).unwrap().source,
            Source::Env(general),
            "{general}"
        );
        assert!(report.ignored.is_empty(), "{general}: {report}");

        let (own, _) = ROWS
            .iter()
            .find(|row| row.name == *specific)
            .map(|row| (row.given, row.shown))
            .unwrap();
        let (plan, _) = resolve(&[(general, given), (specific, own)]);
        assert_eq!(
            plan.setting(specific).unwrap().source,
            Source::Env(specific),
            "{general}"
        );

        if !refused.is_empty() {
            let (_, report) = resolve(&[(general, refused)]);
            assert_eq!(
                report
                    .ignored
                    .iter()
                    .filter(|ignored| ignored.variable == *general)
                    .count(),
                1,
                "{report}"
            );
        }
    }
}

#[test]
fn a_mistake_behind_a_good_value_is_still_reported() {
    let (plan, report) = resolve(&[
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "9"),
        ("OTEL_ATTRIBUTE_COUNT_LIMIT", "lots"),
    ]);
    assert_eq!(plan.traces.limits.attributes.count, 9);
    assert!(
        report
            .ignored
            .iter()
            .any(|ignored| ignored.variable == "OTEL_ATTRIBUTE_COUNT_LIMIT"),
        "{report}"
    );
}

#[cfg(unix)]
#[test]
fn bytes_that_are_no_text_are_reported() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    for Row { name, default, .. } in ROWS {
        let env = crate::config::Env::from_os_pairs([(
            OsString::from(name),
            OsString::from_vec(vec![0xff, b'1']),
        )]);
        let code = crate::config::Overrides::default();
        let (plan, report) = crate::config::Plan::resolve_on(
            &code,
            &env,
            &crate::config::resource::Machine::default(),
        );
        assert_eq!(value(&plan, name), *default, "{name}");
        let found = report
            .ignored
            .iter()
            .find(|ignored| ignored.variable == *name);
        assert!(
            found.is_some_and(|ignored| ignored.reason.contains("UTF-8")),
            "{name}: {report}"
        );
    }
}
