//! What holds for every input.

use proptest::prelude::*;

use super::super::variables;
use super::resolve;
use crate::config::startup_line;

/// Variables whose every text is valid.
const FREE_TEXT: &[&str] = &[
    "TELEMETRY_REDACT_KEYS",
    "AUTOLOG_APP",
    "AUTOLOG_ENVIRONMENT",
    "AUTOLOG_TOKEN",
    "OTEL_SERVICE_NAME",
    "OTEL_EXPORTER_PROMETHEUS_HOST",
    "RUST_LOG",
    "LOG_LEVEL",
    // nearly any text is the name of a header, or of a host
    "TELEMETRY_VERBOSE_HEADER",
    "TELEMETRY_VERBOSE_HOSTS",
];

fn name() -> impl Strategy<Value = String> {
    proptest::sample::select(
        variables::all()
            .map(|variable| variable.name)
            .collect::<Vec<_>>(),
    )
}

/// Text that is close to being valid, and text that is not.
fn text() -> impl Strategy<Value = String> {
    let near = proptest::sample::select(vec![
        "0",
        "-1",
        "1e9",
        "true",
        "none",
        "otlp,none,",
        "http://",
        "https://c:4317/v1/traces",
        "a:b@c",
        "=,=",
        "a=b,c",
        "%",
        "grpc",
        "NaN",
        "http://[::1",
        "://",
        "[::]:1",
        "http://a@b@c:1?x#y",
    ]);
    prop_oneof![near.prop_map(str::to_owned), "\\PC{0,20}", any::<String>()]
}

proptest! {
    #[test]
    fn nothing_panics_and_every_line_is_one_line(pairs in proptest::collection::vec((name(), text()), 0..12)) {
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let (plan, report) = resolve(&pairs);
        let line = startup_line(&plan, &report, Some("/metrics"));
        prop_assert!(!line.contains(char::is_control), "{line:?}");
        prop_assert_eq!(report.to_string().lines().count(), report.ignored.len() + report.hints.len());
        prop_assert!(plan.traces.batch.max_export_batch_size <= plan.traces.batch.max_queue_size);
        prop_assert!(plan.traces.otlp.endpoint.as_str().parse::<http::Uri>().is_ok());
    }

    #[test]
    fn nonsense_is_always_reported(name in name(), value in "[?!~]{3,9}") {
        // any word of these characters may be a method
        prop_assume!(!name.ends_with("KNOWN_METHODS"));
        prop_assume!(!FREE_TEXT.contains(&name.as_str()) && !name.starts_with("K8S_") && !name.contains("SEMCONV"));
        let (_, report) = resolve(&[(&name, &value)]);
        prop_assert!(report.ignored.iter().any(|ignored| ignored.variable == name), "{name}={value}: {report}");
    }

    #[test]
    fn a_secret_is_never_shown(secret in "[A-Z]{12}", shape in 0..6_usize, signal in 0..4_usize) {
        let signal = ["", "TRACES_", "LOGS_", "METRICS_"][signal];
        let headers = format!("OTEL_EXPORTER_OTLP_{signal}HEADERS");
        let endpoint = format!("OTEL_EXPORTER_OTLP_{signal}ENDPOINT");
        let pair = match shape {
            0 => (headers, format!("authorization={secret}")),
            1 => (headers, secret.clone()),
            2 => (headers, format!("a b={secret},{secret}=\u{1},{secret}:x=1")),
            3 => (endpoint, format!("https://user:{secret}@host/path")),
            4 => (endpoint, format!("user:{secret}?://@host")),
            _ => (endpoint, format!("http://host/?key={secret}")),
        };
        let (plan, report) = resolve(&[(&pair.0, &pair.1)]);
        let said = format!("{report} {plan:?} {}", startup_line(&plan, &report, None));
        prop_assert!(!said.contains(&secret), "{said}");
    }
}
