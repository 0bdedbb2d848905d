//! A program that an auto-log service turns verbose, over real sockets.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod common;
#[path = "../telemetry-log/tests/autolog/server.rs"]
mod server;

use std::io;
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use common::ask;
use serde_json::{Value, json};
use server::{Manner, Server};
use telemetry::config::{Env, LogFormat};
use telemetry::logs::{LogSink, SinkConfig};

const PATIENCE: Duration = Duration::from_secs(40);

#[derive(Clone, Debug, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl LogSink for Memory {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().extend_from_slice(lines);
        Ok(())
    }
}

impl Memory {
    fn lines(&self) -> Vec<Value> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let line = |line: &str| serde_json::from_str(line).unwrap();
        text.lines().map(line).collect()
    }
}

fn session(endpoint: Option<&str>, id: &str) -> Value {
    json!({
        "app": "shop", "environment": "test", "endpoint": endpoint, "id": id, "level": "trace",
        "expires_at": "2999-01-01T00:00:00Z", "reason": "refunds fail",
    })
}

fn app() -> Router {
    let pay = |Path(id): Path<u32>| async move {
        tracing::debug!(target: "pay", id, "charging");
        tracing::error!(target: "pay", "declined");
        "paid"
    };
    let list = || async {
        tracing::debug!(target: "list", "listing");
        "none"
    };
    Router::new()
        .route("/pay/{id}", get(pay))
        .route("/list", get(list))
        .layer(telemetry::server_layer())
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, step by step")]
fn sessions_of_the_service_reach_the_lines() {
    let server = Server::start(Manner::Holds);
    let lines = Memory::default();
    let env = [
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_LOGS_EXPORTER", "none"),
        ("OTEL_METRICS_EXPORTER", "none"),
        ("OTEL_SERVICE_NAME", "shop"),
        (
            "OTEL_RESOURCE_ATTRIBUTES",
            "deployment.environment.name=test",
        ),
        ("AUTOLOG_URL", &*server.url()),
        ("AUTOLOG_TOKEN", "hunter2"),
    ];
    let telemetry = telemetry::builder()
        .env(Env::from_pairs(env))
        .log_format(LogFormat::Off)
        .log_sink(SinkConfig::custom("memory", lines.clone()))
        .init()
        .unwrap();
    let sessions_are = |count: usize| {
        for _ in 0..PATIENCE.as_millis() / 10 {
            let status = telemetry.status().autolog.unwrap();
            if status.connected && status.sessions.len() == count {
                return;
            }
            sleep(Duration::from_millis(10));
        }
        panic!("{:?}", telemetry.status().autolog);
    };
    let messages = |target: &str| {
        ask(app(), "/pay/1", "");
        ask(app(), "/list", "");
        telemetry.flush(PATIENCE).unwrap();
        let all = lines.lines();
        lines.0.lock().unwrap().clear();
        let of_target = all.into_iter().filter(move |it| it["target"] == target);
        of_target.collect::<Vec<_>>()
    };

    sessions_are(0);
    assert_eq!(messages("pay").len(), 1);
    let of_pay = session(Some("/pay/{id}"), "s-pay");
    server.change(|it| it.body = json!({"enabled": false, "sessions": [of_pay]}).to_string());
    sessions_are(1);
    let verbose = messages("pay");
    assert_eq!(verbose[0]["message"], "charging", "{verbose:?}");
    for line in &verbose {
        assert_eq!(line["autolog.session.id"], "s-pay");
        assert_eq!(line["trace_id"].as_str().unwrap().len(), 32);
    }
    assert!(messages("list").is_empty(), "another route stays quiet");

    let all = session(None, "s-all");
    server.change(|it| it.body = json!({"enabled": true, "config": all}).to_string());
    for _ in 0..PATIENCE.as_millis() / 10 {
        if server
            .requests()
            .iter()
            .filter(|it| it.line.starts_with("GET"))
            .count()
            >= 4
        {
            break;
        }
        sleep(Duration::from_millis(10));
    }
    sessions_are(1);
    assert_eq!(messages("list")[0]["autolog.session.id"], "s-all");

    // everything is at TRACE, and what the client does is not among it
    ask(app(), "/list", "");
    telemetry.flush(PATIENCE).unwrap();
    let targets: Vec<_> = lines
        .lines()
        .iter()
        .map(|it| it["target"].clone())
        .collect();
    let is_ours = |target: &&Value| {
        let target = target.as_str().unwrap();
        ["hyper", "rustls", "telemetry", "tokio"]
            .iter()
            .any(|it| target.starts_with(it))
    };
    assert_eq!(targets.iter().find(is_ours), None, "{targets:?}");
    let asked = server.requests();
    assert!(asked.iter().all(|it| it.header("traceparent").is_none()));
    assert!(
        asked[0].line.contains("?app=shop&environment=test"),
        "{:?}",
        asked[0]
    );

    // requests to /pay have failed, and the service hears of it
    let reported = |it: &server::Request| {
        it.line.starts_with("POST") && it.body.contains(r#""endpoint":"/pay/{id}""#)
    };
    let told = (0..PATIENCE.as_millis() / 10).any(|_| {
        sleep(Duration::from_millis(10));
        server.requests().iter().any(reported)
    });
    assert!(told, "{:?}", telemetry.status().autolog);

    server.change(|it| it.body = server::NO_SESSION.to_owned());
    sessions_are(0);
    assert_eq!(messages("pay").len(), 1);
    let shown = telemetry.status().to_json();
    assert_eq!(shown["autolog"]["connected"], true, "{shown}");
    assert!(!shown.to_string().contains("hunter2"));
}
