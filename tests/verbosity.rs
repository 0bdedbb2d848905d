//! A program that turns verbose while it runs: over real sockets, seen in its lines. One program
//! starts telemetry once, so the tests share it and each has routes and targets of its own.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use std::io;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use common::ask;
use serde_json::Value;
use telemetry::config::{Env, LogFormat};
use telemetry::logs::{LogSink, Override, Scope, SinkConfig};
use telemetry::{Clock, Telemetry};
use tracing::Level;
use tracing::level_filters::LevelFilter;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const PATIENCE: Duration = Duration::from_secs(30);

/// The program.
struct Shop {
    telemetry: Telemetry,
    clock: Clock,
    lines: Memory,
}

#[derive(Clone, Debug, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl LogSink for Memory {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().extend_from_slice(lines);
        Ok(())
    }
}

static SHOP: LazyLock<Shop> = LazyLock::new(|| {
    let (clock, lines) = (Clock::manual(1_795_270_981_000_000_000), Memory::default());
    let env = [
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_LOGS_EXPORTER", "none"),
        ("OTEL_METRICS_EXPORTER", "none"),
    ];
    let telemetry = telemetry::builder()
        .env(Env::from_pairs(env))
        .clock(clock.clone())
        .log_format(LogFormat::Off)
        .log_sink(SinkConfig::custom("memory", lines.clone()))
        .init()
        .unwrap();
    Shop {
        telemetry,
        clock,
        lines,
    }
});

impl Shop {
    fn set(&self, scope: Scope, level: Level, lasts: Duration) {
        let wish = Override::new(scope, level, lasts);
        self.telemetry.verbosity().set(wish).unwrap();
    }

    /// The lines of a target so far.
    fn lines_of(&self, target: &str) -> Vec<Value> {
        self.telemetry.flush(PATIENCE).unwrap();
        let text = String::from_utf8(self.lines.0.lock().unwrap().clone()).unwrap();
        let lines = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["target"] == target).collect()
    }

    fn messages_of(&self, target: &str) -> Vec<String> {
        let lines = self.lines_of(target);
        let text = |line: &Value| line["message"].as_str().unwrap().to_owned();
        lines.iter().map(text).collect()
    }
}

fn app() -> Router {
    let pay = |Path(id): Path<u32>| async move {
        tracing::debug!(target: "pay", id, "charging");
        let task = async { tracing::debug!(target: "pay", "in a task") };
        tokio::spawn(tracing::Instrument::in_current_span(task))
            .await
            .unwrap();
        tracing::info!(target: "pay", "charged");
        "paid"
    };
    let list = || async {
        tracing::debug!(target: "pay", "listing");
        "none"
    };
    Router::new()
        .route("/pay/{id}", get(pay))
        .route("/list", get(list))
        .layer(telemetry::server_layer())
}

#[test]
fn one_route_is_verbose_and_no_other() {
    let shop = &*SHOP;
    ask(app(), "/pay/1", "");
    assert_eq!(shop.messages_of("pay"), ["charged"]);
    shop.set(Scope::Route("/pay/{id}".into()), Level::DEBUG, HOUR);
    ask(app(), "/list", "");
    ask(app(), "/pay/2", "");
    let lines = shop.lines_of("pay");
    let messages: Vec<_> = lines.iter().map(|line| &line["message"]).collect();
    assert_eq!(messages, ["charged", "charging", "in a task", "charged"]);
    assert_eq!(lines[1]["id"], 2);
    assert_eq!(lines[1]["level"], "DEBUG");
    assert_eq!(lines[1]["trace_id"], lines[3]["trace_id"]);
}

#[test]
fn records_of_the_log_crate_follow() {
    let shop = &*SHOP;
    log::debug!(target: "old_crate", "before");
    shop.set(Scope::Target("old_crate".into()), Level::DEBUG, HOUR);
    assert!(log::max_level() >= log::LevelFilter::Debug);
    log::debug!(target: "old_crate", "wanted");
    log::debug!(target: "older_crate", "not wanted");
    assert_eq!(shop.messages_of("old_crate"), ["wanted"]);
    assert!(shop.messages_of("older_crate").is_empty());
}

#[test]
fn the_timer_takes_away_what_has_expired() {
    let shop = &*SHOP;
    shop.set(Scope::Target("brief".into()), Level::TRACE, MINUTE);
    tracing::trace!(target: "brief", "in time");
    shop.clock.advance(MINUTE);
    tracing::trace!(target: "brief", "too late");
    // then TRACE is off again for all, before anybody asks
    let armed = || LevelFilter::current() == LevelFilter::TRACE;
    let tries = (0..3000).take_while(|_| armed());
    tries.for_each(|_| std::thread::sleep(Duration::from_millis(10)));
    assert!(!armed());
    assert_eq!(shop.messages_of("brief"), ["in time"]);
}
