//! The example for reqwest: what is asked twice is one trace, as an independent receiver sees it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use test_support::{Options, Receiver, attribute, example};

const LIMIT: Duration = Duration::from_secs(20);

/// Kinds in OTLP.
const SERVER: u64 = 2;
const CLIENT: u64 = 3;

#[test]
fn servers_and_reqwest_are_one_trace_with_a_span_for_each_try() {
    let Some(receiver) = Receiver::start(Options::default()) else {
        return;
    };
    let output = Command::new(example("reqwest"))
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.http_endpoint())
        .env("LOG_FORMAT", "json")
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{stdout}");
    assert!(stdout.contains("3 there"), "{stdout}");
    receiver.wait_for(|seen| seen.spans().len() >= 6, LIMIT);
    assert_eq!(receiver.errors(), Vec::<String>::new());
    let spans = receiver.spans();
    assert_eq!(spans.len(), 6, "{spans:#?}");
    let trace = |span: &Value| span["traceId"] == spans[0]["traceId"];
    assert!(spans.iter().all(trace), "{spans:#?}");
    let customer = child(&spans, "", "GET", |_| true);
    assert_eq!(customer["kind"], CLIENT);
    let shop = child(&spans, id(customer), "GET /report", |_| true);
    assert_eq!(shop["kind"], SERVER);
    for (resent, status) in [(None, 503), (Some("1"), 200)] {
        let is_it = |span: &Value| {
            let count = attribute(span, "http.request.resend_count");
            count == resent.map(Value::from)
        };
        let asked = child(&spans, id(shop), "GET /items/{id}", is_it);
        let answered = child(&spans, id(asked), "GET /items/{id}", |_| true);
        for span in [asked, answered] {
            let code = attribute(span, "http.response.status_code").unwrap();
            assert_eq!(code, status.to_string(), "{span:#?}");
        }
        let full = attribute(asked, "url.full").unwrap();
        assert!(full.as_str().unwrap().ends_with("?sig=REDACTED"), "{full}");
    }
}

fn id(span: &Value) -> &str {
    span["spanId"].as_str().unwrap()
}

/// The span of this name below another that `is_it` says it is.
#[track_caller]
fn child<'a>(
    spans: &'a [Value],
    parent: &str,
    name: &str,
    is_it: impl Fn(&Value) -> bool,
) -> &'a Value {
    let found = spans.iter().find(|span| {
        let above = span["parentSpanId"].as_str().unwrap_or_default();
        above == parent && span["name"] == name && is_it(span)
    });
    found.unwrap_or_else(|| panic!("no {name} below {parent:?} in {spans:#?}"))
}
