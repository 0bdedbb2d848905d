//! The flight recorder as a service switches it on, over a socket; in a process of its own.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod common;

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use serde_json::{Value, json};
use telemetry::logs::RecorderConfig;
use test_support::Child;
use tracing::{Instrument, debug, error, info};

use common::{ask, exchange};

async fn order(Path(number): Path<u64>) -> StatusCode {
    debug!(number, "looked up");
    debug!(target: "some_library", number, "polled");
    info!(number, "accepted");
    let saved = tokio::spawn(async move { debug!(number, "saved") }.in_current_span());
    saved.await.unwrap();
    if number == 2 {
        error!(number, "not charged");
        return StatusCode::BAD_GATEWAY;
    }
    StatusCode::OK
}

fn orders() -> Router {
    Router::new()
        .route("/orders/{number}", get(order))
        .layer(telemetry::server_layer())
}

fn builder() -> telemetry::Builder {
    telemetry::builder()
        .service_name("shop")
        .log_format(telemetry::config::LogFormat::Json)
        .traces_exporters([])
        .logs_exporters([])
        .metrics_exporters([])
}

/// The messages of the lines of this program, with whether they were recorded.
fn lines(stdout: &str) -> Vec<(String, bool)> {
    let lines = stdout.lines().filter_map(|line| {
        let line: Value = serde_json::from_str(line).ok()?;
        let is_own = line["target"] == "recorder" || line["target"] == "some_library";
        let message = line["message"].as_str().unwrap().to_owned();
        is_own.then(|| (message, line["recorded"] == true))
    });
    lines.collect()
}

#[test]
fn a_service_that_switches_it_on_has_the_debug_log_of_what_failed() {
    let ended = Child::new().run(|| {
        let telemetry = builder().recorder(RecorderConfig::new()).init().unwrap();
        for number in 1..=3 {
            exchange(orders(), &format!("/orders/{number}"), "");
        }
        let page = ask(orders().merge(telemetry.routes()), "/metrics", "");
        drop(telemetry);
        json!(page)
    });
    let (recorded, live): (Vec<_>, Vec<_>) =
        lines(&ended.stdout).into_iter().partition(|line| line.1);
    let text = |lines: Vec<(String, bool)>| Vec::from_iter(lines.into_iter().map(|line| line.0));
    assert_eq!(text(recorded), ["looked up", "saved"]);
    assert_eq!(
        text(live),
        ["accepted", "accepted", "not charged", "accepted"]
    );
    assert!(
        ended
            .stderr
            .contains("keeps lines of these targets: recorder, shop"),
        "{}",
        ended.stderr
    );
    let page = ended.report.as_str().unwrap();
    let is_written = |line: &&str| {
        line.starts_with("telemetry_log_recorder_lines_total{")
            && line.contains(r#"outcome="written""#)
    };
    let written = page.lines().find(is_written).unwrap();
    assert!(written.ends_with(" 2"), "{written}");
}

#[test]
fn it_is_off_unless_asked_for() {
    let ended = Child::new().run(|| {
        let telemetry = builder().init().unwrap();
        exchange(orders(), "/orders/2", "");
        drop(telemetry);
        json!(null)
    });
    let found = lines(&ended.stdout);
    let found: Vec<_> = found.iter().map(|(message, _)| message.as_str()).collect();
    assert_eq!(found, ["accepted", "not charged"]);
    assert!(
        !ended.stderr.contains("flight recorder"),
        "{}",
        ended.stderr
    );
}
