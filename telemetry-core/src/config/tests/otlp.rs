//! Endpoints, headers, certificates.

use super::{resolve, value, with_code};
use crate::config::{OtlpProtocol, Overrides, Report};

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";

fn advice(report: &Report, variable: &str) -> String {
    let hints: Vec<_> = report
        .hints
        .iter()
        .filter(|hint| hint.variable == variable)
        .collect();
    let [hint] = hints.as_slice() else {
        panic!("not one hint about {variable}: {report}")
    };
    hint.advice.clone()
}

#[test]
fn the_general_endpoint_gets_a_path_and_the_specific_one_is_kept() {
    for (general, traces) in [
        ("http://c:4318", "http://c:4318/v1/traces"),
        ("HTTP://c:4318/", "http://c:4318/v1/traces"),
        ("https://c/otlp/", "https://c/otlp/v1/traces"),
        ("https://c/otlp?key=1", "https://c/otlp/v1/traces?key=1"),
        ("http://[::1]:4318", "http://[::1]:4318/v1/traces"),
    ] {
        let (plan, report) = resolve(&[(ENDPOINT, general)]);
        assert_eq!(plan.traces.otlp.endpoint.as_str(), traces);
        assert!(report.is_empty(), "{report}");
    }
    for (specific, traces) in [
        ("http://c:4318", "http://c:4318/"),
        ("http://c/x?k=1", "http://c/x?k=1"),
    ] {
        let (plan, _) = resolve(&[
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", specific),
            (ENDPOINT, "http://d"),
        ]);
        assert_eq!(plan.traces.otlp.endpoint.as_str(), traces);
        assert_eq!(plan.logs.otlp.endpoint.as_str(), "http://d/v1/logs");
    }
}

#[test]
fn grpc_has_no_path_and_takes_an_endpoint_without_a_scheme() {
    for (endpoint, insecure, used) in [
        ("", "", "http://localhost:4317"),
        ("collector:4317", "", "https://collector:4317"),
        ("collector:4317", "true", "http://collector:4317"),
        ("http://collector:4317", "false", "http://collector:4317"),
        ("https://collector:4317/", "", "https://collector:4317"),
    ] {
        let pairs = [
            (PROTOCOL, "grpc"),
            (ENDPOINT, endpoint),
            ("OTEL_EXPORTER_OTLP_INSECURE", insecure),
        ];
        let (plan, report) = resolve(&pairs);
        assert_eq!(plan.traces.otlp.protocol, OtlpProtocol::Grpc);
        assert_eq!(plan.traces.otlp.endpoint.as_str(), used, "{endpoint}");
        assert_eq!(plan.traces.otlp.tls.insecure, used.starts_with("http://"));
        assert!(report.is_empty(), "{report}");
    }
}

#[test]
fn an_endpoint_that_cannot_be_is_refused_with_one_that_works() {
    for (endpoint, remedy) in [
        ("collector:4318", "http://collector:4318"),
        ("localhost", "http://localhost"),
        ("unix:///run/otel.sock", "http://localhost:4318"),
        ("http://host name/", "http://localhost:4318"),
        ("http://:4318", "host"),
        ("http://c:0", "between 1 and 65535"),
        ("http://c:99999", "between 1 and 65535"),
        ("http://", "http://localhost:4318"),
    ] {
        let (plan, report) = resolve(&[(ENDPOINT, endpoint)]);
        assert_eq!(
            plan.logs.otlp.endpoint.as_str(),
            "http://localhost:4318/v1/logs"
        );
        let [ignored] = report.ignored.as_slice() else {
            panic!("{report}")
        };
        assert!(ignored.reason.contains(remedy), "{endpoint}: {report}");
        assert!(
            ignored.used.contains("http://localhost:4318/v1/traces"),
            "{report}"
        );
    }
}

#[test]
fn a_general_endpoint_with_a_signal_path_is_used_and_questioned() {
    let (plan, report) = resolve(&[(ENDPOINT, "http://c:4318/v1/traces")]);
    assert_eq!(
        plan.traces.otlp.endpoint.as_str(),
        "http://c:4318/v1/traces/v1/traces"
    );
    assert!(
        advice(&report, ENDPOINT).contains("write http://c:4318,"),
        "{report}"
    );
}

#[test]
fn a_port_of_the_other_protocol_is_questioned() {
    let (_, report) = resolve(&[(ENDPOINT, "http://c:4317")]);
    assert!(
        advice(&report, ENDPOINT)
            .contains("OTEL_EXPORTER_OTLP_PROTOCOL=grpc, or write http://c:4318"),
        "{report}"
    );
    let (_, report) = resolve(&[(ENDPOINT, "http://c:4317"), (PROTOCOL, "http/protobuf")]);
    assert!(report.is_empty(), "chosen on purpose: {report}");
    let (_, report) = resolve(&[(ENDPOINT, "https://[::1]:4318"), (PROTOCOL, "grpc")]);
    assert!(
        advice(&report, ENDPOINT).contains("write https://[::1]:4317"),
        "{report}"
    );
}

#[test]
fn what_grpc_cannot_use_is_questioned() {
    let (plan, report) = resolve(&[(ENDPOINT, "http://c:4317/v1/traces"), (PROTOCOL, "grpc")]);
    assert_eq!(plan.traces.otlp.endpoint.as_str(), "http://c:4317");
    assert!(
        advice(&report, ENDPOINT).contains("write http://c:4317"),
        "{report}"
    );
    let pairs = [
        (ENDPOINT, "https://c:4317"),
        (PROTOCOL, "grpc"),
        ("OTEL_EXPORTER_OTLP_INSECURE", "true"),
    ];
    assert!(advice(&resolve(&pairs).1, ENDPOINT).contains("http://c:4317"));
}

#[test]
fn credentials_in_an_endpoint_are_neither_sent_nor_shown() {
    let (plan, report) = resolve(&[(ENDPOINT, "https://me:hunter2@c/?token=hunter2")]);
    assert_eq!(
        plan.traces.otlp.endpoint.as_str(),
        "https://c/v1/traces?token=hunter2"
    );
    assert!(
        advice(&report, ENDPOINT).contains("OTEL_EXPORTER_OTLP_HEADERS"),
        "{report}"
    );
    assert!(!format!("{report} {plan:?}").contains("hunter2"));
}

#[test]
fn headers_are_joined_and_the_nearer_one_wins() {
    let mut code = Overrides::default();
    code.otlp.headers.insert("From-Code", "3");
    code.traces.otlp.headers.insert("both", "own");
    let pairs = [
        (
            "OTEL_EXPORTER_OTLP_HEADERS",
            "Authorization=Basic%20YTpi==,both=general, env = 1 ,,from-code=0",
        ),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "ENV=2"),
    ];
    let (plan, report) = with_code(&code, &pairs);
    let traces: Vec<_> = plan.traces.otlp.headers.iter().collect();
    assert_eq!(
        traces,
        [
            ("authorization", "Basic YTpi=="),
            ("both", "own"),
            ("env", "2"),
            ("from-code", "3")
        ]
    );
    let logs: Vec<_> = plan.logs.otlp.headers.iter().collect();
    assert_eq!(
        logs,
        [
            ("authorization", "Basic YTpi=="),
            ("both", "general"),
            ("env", "1"),
            ("from-code", "3")
        ]
    );
    assert!(report.is_empty(), "{report}");
    assert_eq!(
        value(&plan, "OTEL_EXPORTER_OTLP_TRACES_HEADERS")
            .matches("<redacted>")
            .count(),
        4
    );
}

#[test]
fn a_malformed_header_is_named_by_its_place_alone() {
    let pairs = [(
        "OTEL_EXPORTER_OTLP_HEADERS",
        "ok=1,hunter2,Authorization: Bearer hunter2=,x=%ff,y=a%0Ahunter2",
    )];
    let (plan, report) = resolve(&pairs);
    assert_eq!(
        plan.logs.otlp.headers.iter().collect::<Vec<_>>(),
        [("ok", "1")]
    );
    assert_eq!(report.ignored.len(), 4, "{report}");
    for (ignored, place) in report
        .ignored
        .iter()
        .zip(["entry 2 ", "entry 3 ", "entry 4 ", "entry 5 "])
    {
        assert!(ignored.reason.starts_with(place), "{report}");
    }
    assert!(!report.to_string().contains("hunter2"), "{report}");
}

#[test]
fn certificates_are_read_when_the_plan_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let cert = file("cert.pem", "-----BEGIN CERTIFICATE-----\n");
    let key = file("key.pem", "-----BEGIN EC PRIVATE KEY-----\n");
    let pairs = [
        (ENDPOINT, "https://c"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", cert.as_str()),
        ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", &cert),
        ("OTEL_EXPORTER_OTLP_LOGS_CLIENT_KEY", &key),
    ];
    let (plan, report) = resolve(&pairs);
    let tls = &plan.logs.otlp.tls;
    assert_eq!(tls.ca.as_ref().unwrap().to_str(), Some(&*cert));
    assert_eq!(tls.client_cert.as_ref().unwrap().to_str(), Some(&*cert));
    assert_eq!(tls.client_key.as_ref().unwrap().to_str(), Some(&*key));
    assert_eq!(plan.traces.otlp.tls.client_cert, None, "traces have no key");
    assert!(
        report
            .ignored
            .iter()
            .all(|ignored| ignored.reason.contains("OTEL_EXPORTER_OTLP_CLIENT_KEY")),
        "{report}"
    );

    let folder = folder.path().display().to_string();
    for (name, path) in [
        ("missing", "/nowhere/ca.pem"),
        ("a key", &key),
        ("a folder", &folder),
    ] {
        let (plan, report) = resolve(&[
            (ENDPOINT, "https://c"),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", path),
        ]);
        assert_eq!(plan.traces.otlp.tls.ca, None, "{name}");
        assert_eq!(report.ignored.len(), 1, "{name}: {report}");
    }
}

#[test]
fn certificates_without_encryption_are_questioned() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "-----BEGIN CERTIFICATE-----\n").unwrap();
    let path = file.path().display().to_string();
    let (_, report) = resolve(&[
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", &path),
        (ENDPOINT, "http://c:4318"),
    ]);
    assert!(
        report
            .hints
            .iter()
            .any(|hint| hint.advice.contains("https://")),
        "{report}"
    );
}
