//! What goes where when little or nothing is said.

use super::{on_terminal, resolve, with_code};
use crate::config::{ExporterKind, LogFormat, Overrides, startup_line};

#[test]
fn nothing_configured_without_a_terminal_is_the_specification() {
    let (plan, report) = resolve(&[]);
    assert_eq!(plan.traces.exporters, [ExporterKind::Otlp]);
    assert_eq!(plan.logs.exporters, [ExporterKind::Otlp]);
    assert_eq!(plan.metrics.exporters, [ExporterKind::Otlp]);
    assert_eq!(
        plan.traces.otlp.endpoint.as_str(),
        "http://localhost:4318/v1/traces"
    );
    assert_eq!(
        plan.logs.otlp.endpoint.as_str(),
        "http://localhost:4318/v1/logs"
    );
    assert_eq!(plan.logs.format, LogFormat::Json);
    assert!(report.is_empty());
}

#[test]
fn nothing_configured_on_a_terminal_is_shown_there() {
    let (plan, report) = on_terminal(&[]);
    assert_eq!(plan.traces.exporters, [ExporterKind::Console]);
    assert_eq!(plan.logs.exporters, []);
    assert_eq!(plan.logs.format, LogFormat::Pretty);
    assert!(report.is_empty());
}

#[test]
fn the_program_can_ask_for_the_console_without_a_terminal() {
    let code = Overrides {
        console_when_unconfigured: true,
        ..Overrides::default()
    };
    let (plan, _) = with_code(&code, &[]);
    assert_eq!(
        (plan.traces.exporters.as_slice(), plan.logs.exporters.len()),
        (&[ExporterKind::Console][..], 0)
    );
    let (plan, _) = with_code(
        &code,
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318")],
    );
    assert_eq!(plan.traces.exporters, [ExporterKind::Otlp]);
    assert_eq!(plan.logs.exporters, [ExporterKind::Otlp]);
    assert_eq!(plan.logs.format, LogFormat::Json);
}

#[test]
fn an_endpoint_ends_the_console_even_on_a_terminal() {
    let (plan, _) = on_terminal(&[(
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "http://collector:4318/v1/traces",
    )]);
    assert_eq!(plan.traces.exporters, [ExporterKind::Otlp]);
    assert_eq!(plan.logs.exporters, [], "the endpoint is not for logs");
    let mut code = Overrides {
        console_when_unconfigured: true,
        ..Overrides::default()
    };
    code.otlp.endpoint = Some("http://collector:4318".to_owned());
    assert_eq!(
        with_code(&code, &[]).0.traces.exporters,
        [ExporterKind::Otlp]
    );
}

#[test]
fn a_list_keeps_its_order_and_loses_its_duplicates() {
    let (plan, report) = resolve(&[("OTEL_TRACES_EXPORTER", " Console,otlp ,,console")]);
    assert_eq!(
        plan.traces.exporters,
        [ExporterKind::Console, ExporterKind::Otlp]
    );
    assert!(report.is_empty(), "{report}");
}

#[test]
fn what_cannot_be_is_named_and_the_rest_is_used() {
    let (plan, report) = resolve(&[("OTEL_TRACES_EXPORTER", "zipkin,console,none")]);
    assert_eq!(plan.traces.exporters, [ExporterKind::Console]);
    assert_eq!(
        report.to_string(),
        "telemetry: ignored OTEL_TRACES_EXPORTER=zipkin: there is no Zipkin exporter; write otlp and let a collector \
         translate; used: console\n\
         telemetry: ignored OTEL_TRACES_EXPORTER=none: none stands alone; leave it out, or leave the others out; used: \
         console\n"
    );
}

#[test]
fn names_of_other_signals_and_old_names_are_refused() {
    for (variable, name, advice) in [
        ("OTEL_TRACES_EXPORTER", "prometheus", "otlp or console"),
        ("OTEL_LOGS_EXPORTER", "logging", "write console"),
        ("OTEL_TRACES_EXPORTER", "jaeger", "4317"),
        ("OTEL_METRICS_EXPORTER", "statsd", "prometheus"),
        ("OTEL_LOGS_EXPORTER", ",", "otlp"),
    ] {
        let (_, report) = on_terminal(&[(variable, name)]);
        let [ignored] = report.ignored.as_slice() else {
            panic!("{report}")
        };
        assert_eq!(
            (ignored.variable.as_str(), ignored.used.as_str()),
            (variable, "otlp"),
            "{report}"
        );
        assert!(ignored.to_string().contains(advice), "{report}");
    }
}

#[test]
fn no_exporter_at_all_is_a_choice() {
    let (plan, report) = on_terminal(&[
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_LOGS_EXPORTER", "None"),
    ]);
    assert_eq!(
        (plan.traces.exporters, plan.logs.exporters),
        (vec![], vec![])
    );
    assert!(report.is_empty());
}

#[test]
fn logs_asked_for_on_a_silent_console_are_a_contradiction() {
    let (_, report) = resolve(&[("LOG_FORMAT", "off"), ("OTEL_LOGS_EXPORTER", "console")]);
    assert_eq!(report.hints[0].variable, "LOG_FORMAT", "{report}");
}

#[test]
fn the_start_up_line_says_what_goes_where() {
    let pairs = [
        ("OTEL_SERVICE_NAME", "shop"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector:4317"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_TRACES_EXPORTER", "otlp,console"),
        ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.1"),
        ("RUST_LOG", "info,shop=debug"),
    ];
    let (plan, report) = resolve(&pairs);
    assert_eq!(
        startup_line(&plan, &report, None),
        "telemetry 0.1.0 · shop · traces otlp grpc https://collector:4317 + console · logs stdout json info,shop=debug \
         + otlp grpc https://collector:4317 · sampler parentbased_traceidratio(0.1) · ignored: none"
    );
}

#[test]
fn the_start_up_line_names_what_was_ignored_and_what_to_check() {
    let pairs = [
        ("OTEL_SERVICE_NAME", "shop"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317"),
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_CONFIG_FILE", "otel.yaml"),
    ];
    let (plan, report) = resolve(&pairs);
    assert_eq!(
        startup_line(&plan, &report, Some("/metrics")),
        "telemetry 0.1.0 · shop · traces none (OTEL_TRACES_EXPORTER) · metrics /metrics + otlp http/protobuf \
         http://collector:4317/v1/metrics · logs stdout json info + otlp http/protobuf http://collector:4317/v1/logs · \
         sampler parentbased_always_on · ignored: OTEL_CONFIG_FILE=otel.yaml (configuration files are not read; set the \
         variables, or use the builder; used: the other variables) · check: \
         OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4317 (port 4317 is gRPC's and http/protobuf is spoken; set \
         OTEL_EXPORTER_OTLP_PROTOCOL=grpc, or write http://collector:4318)"
    );
}

#[test]
fn the_start_up_line_of_disabled_telemetry() {
    let (plan, report) = resolve(&[
        ("OTEL_SDK_DISABLED", "true"),
        ("OTEL_SERVICE_NAME", "shop\nevil"),
    ]);
    assert_eq!(
        startup_line(&plan, &report, None),
        "telemetry 0.1.0 · shop\\nevil · disabled (OTEL_SDK_DISABLED) · logs stdout json info · ignored: none"
    );
}
