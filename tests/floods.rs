//! A flood of lines is held back, said and counted; child fields follow a request's tasks.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use common::ask;
use opentelemetry::KeyValue;
use serde_json::{Value, json};
use telemetry::log::{LogScoped, scope};
use test_support::Child;
use tracing::Level;

const LIMIT: Duration = Duration::from_secs(30);

/// Fails, and says so for each of its items.
async fn pay() -> &'static str {
    for item in 0..10 {
        tracing::error!(item, "not paid");
    }
    tracing::debug!("too quiet");
    let task = async { tracing::info!("in a task") };
    tokio::spawn(task.in_log_scope(scope([KeyValue::new("cart", 7)])))
        .await
        .unwrap();
    "no"
}

fn life() -> Value {
    let telemetry = telemetry::builder()
        .traces_exporters([])
        .logs_exporters([])
        .metrics_exporters([])
        .log_budget(Level::WARN, 1)
        .init()
        .unwrap();
    let app = Router::new()
        .route("/pay/{id}", get(pay))
        .layer(telemetry::server_layer());
    ask(app, "/pay/1", "");
    tracing::warn!(long = "x".repeat(200), "one");
    tracing::warn!("two");
    telemetry::fatal!("down");
    let page = String::from_utf8(telemetry.render_metrics(None, None).body).unwrap();
    let status = telemetry.status().to_json();
    let ended = telemetry.shutdown_blocking(LIMIT);
    json!({ "page": page, "status": status, "lost": ended.lost_lines })
}

#[test]
fn a_flood_is_held_back_and_counted_by_level_and_route() {
    let ended = Child::new()
        .env("LOG_RATE_LIMIT", "3")
        .env("LOG_MAX_VALUE_LENGTH", "100")
        .run(life);
    let lines = ended.lines();
    let of = |message: &str| -> Vec<&Value> {
        lines
            .iter()
            .filter(|line| line["message"] == message)
            .collect()
    };
    assert_eq!(of("not paid").len(), 3, "{lines:#?}");
    assert_eq!(of("7 similar suppressed")[0]["level"], "ERROR");
    assert_eq!(of("7 similar suppressed")[0]["suppressed"], 7);
    assert_eq!((of("one").len(), of("two").len()), (1, 0));
    assert_eq!(of("1 similar suppressed")[0]["level"], "WARN");
    assert_eq!(of("down")[0]["level"], "FATAL");
    assert_eq!(of("in a task")[0]["cart"], 7);
    let long = of("one")[0]["long"].as_str().unwrap();
    assert!(long.ends_with("x…[truncated 100 bytes]"), "{long}");

    let page = ended.report["page"].as_str().unwrap();
    let sample = |words: &[&str]| {
        let mut lines = page.lines().filter(|line| !line.starts_with('#'));
        let found = lines.find(|line| words.iter().all(|word| line.contains(word)));
        let found = found.unwrap_or_else(|| panic!("{words:?} in {page}"));
        found.rsplit(' ').next().unwrap().to_owned()
    };
    let records = "telemetry_log_records_total{";
    let route = "http_route=\"/pay/{id}\"";
    assert_eq!(sample(&[records, "level=\"ERROR\"", route]), "10");
    assert_eq!(sample(&[records, "level=\"FATAL\""]), "1");
    assert_eq!(sample(&[records, "level=\"WARN\""]), "2");
    assert!(!page.contains("level=\"DEBUG\""));
    let suppressed = "telemetry_log_suppressed_total{";
    assert_eq!(sample(&[suppressed, "\"rate_limit\""]), "7");
    assert_eq!(sample(&[suppressed, "\"budget\""]), "1");
    assert_eq!(ended.report["status"]["lines"]["suppressed"], 8);
    assert_eq!(ended.report["lost"], 0);
}
