//! Records of the `log` crate. One logger per process, so one test.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use common::{Memory, NOW};
use telemetry_core::clock::Clock;
use telemetry_log::{BaseFilter, Directives, Logs, SinkConfig};
use tracing_subscriber::layer::SubscriberExt;

#[test]
fn records_come_through_with_their_own_target_and_level() {
    telemetry_log::init_log_bridge().unwrap();
    let again = telemetry_log::init_log_bridge().unwrap_err();
    assert!(again.to_string().contains("another logger"));

    let memory = Memory::default();
    let (layer, handle) = Logs::builder()
        .clock(Clock::manual(NOW))
        .code_location(true)
        .sink(SinkConfig::custom("memory", memory.clone()))
        .build()
        .unwrap();
    let (directives, _) = Directives::parse("warn,noisy=error,chatty=debug");
    let subscriber = tracing_subscriber::registry()
        .with(layer)
        .with(BaseFilter::new(directives));
    tracing::subscriber::with_default(subscriber, || {
        log::warn!(target: "legacy", "old {}", "style");
        log::info!(target: "legacy", "too quiet");
        log::warn!(target: "noisy", "too quiet");
        log::debug!(target: "chatty", "let through");
        log::error!(target: "opentelemetry_sdk", "about telemetry");
    });
    assert!(handle.flush(common::DEADLINE).in_time);

    let lines = memory.lines();
    assert_eq!(lines.len(), 2, "{}", memory.text());
    assert_eq!(lines[0].text("target"), "legacy");
    assert_eq!(lines[0].text("level"), "WARN");
    assert_eq!(lines[0].text("message"), "old style");
    assert!(lines[0].text("code.file.path").ends_with("log_crate.rs"));
    assert!(lines[0].int("code.line.number") > 0);
    assert_eq!(lines[0].get("log.target"), None);
    assert_eq!(lines[1].text("target"), "chatty");
}
