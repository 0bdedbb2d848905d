//! Secrets do not leave the process: what an independent receiver, the standard output and the
//! next service get.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::collections::HashMap;
use std::time::Duration;

use opentelemetry::baggage::BaggageExt;
use opentelemetry::{Context, KeyValue, global};
use serde_json::{Value, json};
use telemetry::SpanExt;
use telemetry::config::{ExporterKind, OtlpProtocol};
use telemetry::metrics::View;
use telemetry::redact::Pattern;
use test_support::{Child, Options, Receiver, attribute};

const LIMIT: Duration = Duration::from_secs(30);

/// A number of a payment card that the networks publish for tests.
const CARD: &str = "4111 1111 1111 1111";

/// Secrets wherever a program may put them.
fn say_everything() {
    let span = tracing::info_span!("pay", password = "hunter2", note = format!("card {CARD}"));
    let _entered = span.enter();
    span.set_attribute("customer.iban", "DE89370400440532013000");
    tracing::info!(token = "hunter2", n = 7, "paid with {CARD}");
    tracing::error!(cookie = "hunter2", "{CARD} was refused for ada@example.org");
    let orders = telemetry::meter("shop").u64_counter("shop.orders").build();
    orders.add(1, &[KeyValue::new("secret", "hunter2")]);
}

/// What the next service gets.
fn sent_on() -> HashMap<String, String> {
    let entries = [
        ("tenant", "acme"),
        ("refresh_token", "hunter2"),
        ("card", CARD),
    ];
    let baggage = entries.map(|(key, value)| KeyValue::new(key, value));
    let mut headers = HashMap::new();
    let context = Context::new().with_baggage(baggage);
    global::get_text_map_propagator(|it| it.inject_context(&context, &mut headers));
    headers
}

fn life() -> Value {
    let Some(receiver) = Receiver::start(Options::default()) else {
        return Value::Null;
    };
    let telemetry = telemetry::builder()
        .traces_exporters([ExporterKind::Otlp])
        .logs_exporters([ExporterKind::Otlp])
        .metrics_exporters([ExporterKind::Otlp])
        .otlp_endpoint(receiver.http_endpoint())
        .otlp_protocol(OtlpProtocol::HttpProtobuf)
        .redact_key("customer.*")
        .redact_pattern(Pattern::CARD)
        .view(View::of("shop.orders").keep_attributes::<&str>([]))
        .init()
        .unwrap();
    say_everything();
    let headers = sent_on();
    let page = String::from_utf8(telemetry.render_metrics(None, None).body).unwrap();
    assert_eq!(telemetry.shutdown_blocking(LIMIT).lost(), 0);
    assert_eq!(receiver.errors(), Vec::<String>::new());
    json!({
        "spans": receiver.spans(),
        "logs": receiver.logs(),
        "metrics": receiver.metrics(),
        "headers": headers,
        "page": page,
    })
}

#[test]
fn no_secret_leaves_in_any_signal() {
    let ended = Child::new()
        .env("TELEMETRY_REDACT_PATTERNS", "email")
        .run(life);
    if ended.report.is_null() {
        return; // there is no receiver here; it was said
    }
    let everything = format!("{}\n{}", ended.report, ended.stdout);
    for secret in ["hunter2", "4111", "DE8937", "ada@example.org"] {
        assert!(!everything.contains(secret), "{secret}: {everything}");
    }
    let span = &ended.report["spans"][0];
    for key in ["password", "customer.iban"] {
        assert_eq!(attribute(span, key).unwrap(), "<redacted>", "{key}");
    }
    assert_eq!(attribute(span, "note").unwrap(), "card <redacted>");
    let event = &span["events"][0];
    assert_eq!(attribute(event, "cookie").unwrap(), "<redacted>");
    let refused = "<redacted> was refused for <redacted>";
    assert_eq!(attribute(event, "exception.message").unwrap(), refused);

    let logs = ended.report["logs"].as_array().unwrap();
    let paid = logs
        .iter()
        .find(|it| it["body"]["stringValue"] == "paid with <redacted>");
    let paid = paid.unwrap_or_else(|| panic!("{logs:#?}"));
    assert_eq!(attribute(paid, "token").unwrap(), "<redacted>");
    let lines = ended.lines();
    let line = lines
        .iter()
        .find(|it| it["message"] == "paid with <redacted>")
        .unwrap();
    assert_eq!(
        (&line["token"], &line["n"]),
        (&json!("<redacted>"), &json!(7))
    );
    assert_eq!(line["password"], "<redacted>");

    assert_eq!(ended.report["headers"]["baggage"], "tenant=acme");
    let page = ended.report["page"].as_str().unwrap();
    for (place, count) in [("baggage", 2), ("exemplar", 1)] {
        let sample = format!("telemetry_redacted_place=\"{place}\"}} {count}");
        assert!(page.contains(&sample), "{page}");
    }
}
