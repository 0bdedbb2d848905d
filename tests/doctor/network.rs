//! What can be wrong between here and the collector.

use std::net::TcpListener;

use serde_json::{Value, json};
use test_support::{Certs, Options, Receiver, attribute, free_port};

use crate::run::{doctor, telemetry, traces};

const PROTOCOLS: [&str; 3] = ["grpc", "http/protobuf", "http/json"];

fn endpoint(receiver: &Receiver, protocol: &str) -> String {
    match protocol {
        "grpc" => receiver.grpc_endpoint(),
        _ => receiver.http_endpoint(),
    }
}

#[test]
fn all_is_well_and_the_test_data_has_arrived() {
    let Some(receiver) = Receiver::start(Options::default()) else {
        return;
    };
    for (round, protocol) in PROTOCOLS.into_iter().enumerate() {
        let endpoint = endpoint(&receiver, protocol);
        let run = doctor(
            &[],
            &[
                ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
                ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
                ("OTEL_SERVICE_NAME", "shop"),
            ],
        );
        assert_eq!(run.code, Some(0), "{run:?}");
        let json = run.json();
        let steps = json["destinations"][0]["steps"].as_array().unwrap();
        assert!(
            steps.iter().all(|step| step["outcome"] != "failed"),
            "{json:#}"
        );
        assert_eq!(
            json["destinations"].as_array().unwrap().len(),
            1,
            "equal ones once"
        );
        let spoken = if protocol == "grpc" {
            "HTTP/2"
        } else {
            "HTTP/1.1"
        };
        assert_eq!(run.step("protocol")["detail"], spoken, "{json:#}");
        let (spans, logs) = (receiver.spans(), receiver.logs());
        assert_eq!((spans.len(), logs.len()), (round + 1, round + 1));
        let metrics = receiver.metrics();
        assert_eq!(metrics.len(), round + 1);
        assert_eq!(metrics[round]["name"], "telemetry.doctor.last_run");
        assert_eq!(metrics[round]["unit"], "s");
        let points = &metrics[round]["gauge"]["dataPoints"];
        let run_at: u64 = points[0]["asInt"].as_str().unwrap().parse().unwrap();
        assert!(run_at > 1_700_000_000, "{points}");
        assert_eq!(spans[round]["name"], "telemetry doctor");
        assert_eq!(spans[round]["traceId"], json["trace_id"]);
        assert_eq!(logs[round]["traceId"], json["trace_id"]);
        let request = receiver.requests().pop().unwrap();
        let resource = &request["request"]["resourceMetrics"][0]["resource"];
        assert_eq!(attribute(resource, "service.name"), Some(json!("shop")));
    }
    assert_eq!(receiver.errors(), Vec::<String>::new());
}

#[test]
fn a_closed_port() {
    let endpoint = format!("http://127.0.0.1:{}", free_port());
    for protocol in PROTOCOLS {
        let run = doctor(&[], &traces(&endpoint, protocol));
        run.assert_failed_at("connection", "refused the connection", "Start a collector");
        let causes = run.step("connection")["finding"]["causes"].to_string();
        assert!(causes.contains("refused (os error"), "{causes}");
    }
}

#[test]
fn a_name_that_does_not_resolve() {
    let run = doctor(
        &[],
        &traces("http://collector.invalid:4318", "http/protobuf"),
    );
    run.assert_failed_at(
        "name",
        "the name collector.invalid does not resolve",
        "Check the host in OTEL_EXPORTER_OTLP_ENDPOINT",
    );
    let causes = run.step("name")["finding"]["causes"].clone();
    assert_eq!(causes.as_array().unwrap().len(), 1, "{causes}");
}

#[test]
fn http_on_the_grpc_port() {
    let Some(receiver) = Receiver::start(Options::default()) else {
        return;
    };
    let run = doctor(&[], &traces(&receiver.http_endpoint(), "grpc"));
    run.assert_failed_at(
        "protocol",
        "speaks HTTP/1, not gRPC",
        "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
    );
}

#[test]
fn grpc_on_the_http_port() {
    let Some(receiver) = Receiver::start(Options::default()) else {
        return;
    };
    // two servers that are written differently
    for endpoint in [receiver.grpc_endpoint(), receiver.h2_endpoint()] {
        let run = doctor(&[], &traces(&endpoint, "http/protobuf"));
        run.assert_failed_at(
            "protocol",
            "speaks gRPC (HTTP/2), not HTTP/1",
            "OTEL_EXPORTER_OTLP_PROTOCOL=grpc",
        );
    }
}

#[test]
fn a_path_that_is_not_there() {
    let Some(receiver) = Receiver::start(Options::default()) else {
        return;
    };
    let wrong = format!("{}/otel/traces", receiver.http_endpoint());
    let own = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", wrong.as_str());
    let mut variables = traces(&wrong, "http/protobuf");
    variables.push(own);
    let run = doctor(&[], &variables);
    run.assert_failed_at(
        "test span",
        "404: this address serves no OTLP at /otel/traces",
        "a collector takes traces at /v1/traces",
    );
}

#[test]
fn refused_credentials_and_no_secret_anywhere() {
    let Some(receiver) = Receiver::start(Options::default()) else {
        return;
    };
    receiver.set_fault(&json!({ "mode": "unauthorized", "message": "bad token hunter2-token" }));
    for protocol in PROTOCOLS {
        let endpoint = endpoint(&receiver, protocol).replace("http://", "http://ada:pass-word@");
        let mut variables = traces(&endpoint, protocol);
        let header = "authorization=Bearer%20hunter2-token";
        variables.push(("OTEL_EXPORTER_OTLP_HEADERS", header));
        let run = doctor(&[], &variables);
        run.assert_failed_at(
            "credentials",
            "refused the credentials: bad token <redacted>",
            "Check OTEL_EXPORTER_OTLP_HEADERS (headers: authorization)",
        );
        let text = telemetry(&["doctor"], &variables);
        assert_eq!(text.code, Some(1));
        assert!(text.stdout.contains("authorization=<redacted>"), "{text:?}");
        for said in [&run.stdout, &run.stderr, &text.stdout, &text.stderr] {
            for secret in ["hunter2", "pass-word", "ada"] {
                assert!(!said.contains(secret), "{secret} in {said}");
            }
        }
    }
}

#[test]
fn a_certificate_that_is_not_trusted() {
    let (certs, others) = (Certs::generate(), Certs::generate());
    let tls = Options {
        tls: Some(&certs),
        ..Options::default()
    };
    let Some(receiver) = Receiver::start(tls) else {
        return;
    };
    for protocol in PROTOCOLS {
        let endpoint = endpoint(&receiver, protocol);
        let with_ca = |ca: &Certs| {
            let ca = ca.ca().to_str().unwrap().to_owned();
            let mut variables = traces(&endpoint, protocol);
            variables.push(("OTEL_EXPORTER_OTLP_CERTIFICATE", &ca));
            doctor(&[], &variables)
        };
        let run = with_ca(&others);
        run.assert_failed_at(
            "tls",
            "the certificate of https://127.0.0.1:",
            "Set OTEL_EXPORTER_OTLP_CERTIFICATE",
        );
        assert!(run.stdout.contains("invalid peer certificate"), "{run:?}");
        let run = with_ca(&certs);
        assert_eq!(run.code, Some(0), "{run:?}");
        assert_eq!(run.step("tls")["outcome"], "done");
    }
    assert!(!receiver.spans().is_empty());
}

#[test]
fn tls_to_a_plain_port() {
    let certs = Certs::generate();
    let ca = certs.ca().to_str().unwrap().to_owned();
    let Some(receiver) = Receiver::start(Options::default()) else {
        return;
    };
    for protocol in PROTOCOLS {
        let endpoint = endpoint(&receiver, protocol).replace("http://", "https://");
        let mut variables = traces(&endpoint, protocol);
        variables.push(("OTEL_EXPORTER_OTLP_CERTIFICATE", &ca));
        let run = doctor(&[], &variables);
        run.assert_failed_at("tls", "does not speak TLS", "Write http://127.0.0.1:");
    }
}

#[test]
fn plain_text_to_a_tls_port() {
    let certs = Certs::generate();
    let tls = Options {
        tls: Some(&certs),
        ..Options::default()
    };
    let Some(receiver) = Receiver::start(tls) else {
        return;
    };
    for protocol in PROTOCOLS {
        let endpoint = endpoint(&receiver, protocol).replace("https://", "http://");
        let run = doctor(&[], &traces(&endpoint, protocol));
        run.assert_failed_at("protocol", "speaks TLS", "Write https://127.0.0.1:");
    }
}

#[test]
fn a_port_that_never_says_anything_ends_in_time() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    for protocol in PROTOCOLS {
        let endpoint = format!("http://{address}");
        let arguments = ["--timeout", "1"];
        let run = doctor(&arguments, &traces(&endpoint, protocol));
        run.assert_failed_at("credentials", "no answer within 1s", "overloaded");
        let guess = run.step("protocol");
        assert!(
            guess["detail"].as_str().unwrap().starts_with("unknown"),
            "{guess}"
        );
    }
}

#[test]
fn what_the_receiver_rejects_is_told_in_its_words() {
    let Some(receiver) = Receiver::start(Options::default()) else {
        return;
    };
    receiver.set_fault(&json!({ "mode": "partial", "message": "span names must rhyme" }));
    for protocol in PROTOCOLS {
        let endpoint = endpoint(&receiver, protocol);
        let run = doctor(&[], &traces(&endpoint, protocol));
        assert_eq!(run.code, Some(1));
        let said: Value = run.step("test span")["finding"]["message"].clone();
        assert_eq!(said, "the receiver rejected it: span names must rhyme");
    }
}
