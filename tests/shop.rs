//! The shop: axum, hyper and tonic with their layers are one trace, as an independent receiver sees it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use test_support::{Options, Receiver, attribute, example};

const LIMIT: Duration = Duration::from_secs(20);

const METHODS: [(&str, &str); 4] = [
    ("shop.v1.Stock/Count", "count"),
    ("shop.v1.Stock/Add", "add"),
    ("shop.v1.Stock/Watch", "watch"),
    ("shop.v1.Stock/Exchange", "exchange"),
];

/// Kinds in OTLP.
const SERVER: u64 = 2;
const CLIENT: u64 = 3;

#[test]
fn servers_and_clients_of_http_and_grpc_are_one_trace() {
    let Some(receiver) = Receiver::start(Options::default()) else {
        return;
    };
    let output = Command::new(example("shop"))
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.http_endpoint())
        .env("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
        .env("LOG_FORMAT", "json")
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{stdout}");
    let answer = "horse: 3 there, 2 added, 2 counts, 2 exchanged";
    assert!(stdout.contains(answer), "{stdout}");
    receiver.wait_for(|seen| seen.spans().len() >= 14, LIMIT);
    assert_eq!(receiver.errors(), Vec::<String>::new());
    let spans = receiver.spans();
    assert_eq!(spans.len(), 14, "{spans:#?}");
    assert!(
        spans
            .iter()
            .all(|span| span["traceId"] == spans[0]["traceId"])
    );
    assert!(spans.iter().all(|span| span["status"]["code"].is_null()));
    let customer = child(&spans, "", "GET /report/{item}", CLIENT);
    let shop = child(&spans, id(customer), "GET /report/{item}", SERVER);
    assert_eq!(
        attribute(customer, "http.response.status_code").unwrap(),
        "200"
    );
    for (method, function) in METHODS {
        let caller = child(&spans, id(shop), method, CLIENT);
        let server = child(&spans, id(caller), method, SERVER);
        for span in [caller, server] {
            assert_eq!(attribute(span, "rpc.method").unwrap(), method);
            assert_eq!(attribute(span, "rpc.response.status_code").unwrap(), "OK");
        }
        assert!(
            spans.iter().any(|span| {
                span["name"] == function && span["parentSpanId"] == server["spanId"]
            })
        );
    }
}

fn id(span: &Value) -> &str {
    span["spanId"].as_str().unwrap()
}

/// The span of this name and kind below another.
#[track_caller]
fn child<'a>(spans: &'a [Value], parent: &str, name: &str, kind: u64) -> &'a Value {
    let found = spans.iter().find(|span| {
        let above = span["parentSpanId"].as_str().unwrap_or_default();
        above == parent && span["name"] == name && span["kind"] == kind
    });
    found.unwrap_or_else(|| panic!("no {name} below {parent:?} in {spans:#?}"))
}
