//! Records of the `log` crate while an override is set. One logger per process, so one test.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use std::time::Duration;

use common::{Json, Memory};
use telemetry_log::{BaseFilter, Directives, Logs, Override, Scope, SinkConfig};
use tracing::Level;
use tracing_subscriber::layer::SubscriberExt;

#[test]
fn records_are_armed_by_target_and_cost_nothing_otherwise() {
    telemetry_log::init_log_bridge().unwrap();
    let memory = Memory::default();
    let sink = SinkConfig::custom("memory", memory.clone());
    let (layer, handle) = Logs::builder().sink(sink).build().unwrap();
    let filter = BaseFilter::new(Directives::default());
    let verbosity = filter.verbosity();
    let subscriber = tracing_subscriber::registry().with(layer).with(filter);
    tracing::subscriber::set_global_default(subscriber).unwrap();
    verbosity.govern_log();
    assert_eq!(log::max_level(), log::LevelFilter::Info);

    let minute = Duration::from_secs(60);
    let wish = Override::new(Scope::Everything, Level::DEBUG, minute).targets(["old::db"]);
    let first = verbosity.set(wish).unwrap();
    assert_eq!(log::max_level(), log::LevelFilter::Debug);
    log::debug!(target: "old::db::pool", "wanted");
    log::trace!(target: "old::db::pool", "too much");
    log::debug!(target: "old::http", "not named");
    log::info!(target: "old::http", "as ever");
    let more = Override::new(Scope::Target("old".into()), Level::TRACE, minute);
    let second = verbosity.set(more).unwrap();
    assert_eq!(log::max_level(), log::LevelFilter::Trace);
    log::trace!(target: "old::http", "all of it");
    verbosity.remove(second);
    verbosity.remove(first);
    assert_eq!(log::max_level(), log::LevelFilter::Info);
    log::debug!(target: "old::db", "over");

    assert!(handle.flush(common::DEADLINE).in_time);
    let lines = memory.lines();
    let messages: Vec<_> = lines
        .iter()
        .map(|line: &Json| line.text("message"))
        .collect();
    assert_eq!(messages, ["wanted", "as ever", "all of it"]);
}
