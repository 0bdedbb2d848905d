//! The flight recorder in the subscriber of the whole process: values that log while they are
//! formatted, and records of the `log` crate. There is one such subscriber, so this is one test.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use std::fmt;
use std::sync::Arc;

use common::{DEADLINE, Memory};
use telemetry_core::pipeline::Intake;
use telemetry_core::trace::{Engine, EngineSettings, SpanLayer, record_lines};
use telemetry_log::{BaseFilter, Directives, Logs, Recorder, RecorderConfig, SinkConfig};
use tracing::{debug, info_span};
use tracing_subscriber::layer::SubscriberExt;

struct Chatty;

impl fmt::Debug for Chatty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug!("said while printing");
        f.write_str("chatty")
    }
}

struct Broken;

impl fmt::Debug for Broken {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("on purpose")
    }
}

#[test]
fn values_that_log_and_records_of_log_are_kept() {
    let memory = Memory::default();
    let recorder = Recorder::new(RecorderConfig::new().targets(["recorder_process", "legacy"]));
    let (layer, handle) = Logs::builder()
        .sink(SinkConfig::custom("memory", memory.clone()))
        .recorder(recorder.clone())
        .build()
        .unwrap();
    let mut settings = EngineSettings::new(Intake::default());
    settings.recorder = Some(recorder.line_recorder());
    let subscriber = tracing_subscriber::registry()
        .with(SpanLayer::new(Arc::new(Engine::new(settings))))
        .with(layer)
        .with(BaseFilter::new(Directives::default()).recorder(recorder));
    tracing::subscriber::set_global_default(subscriber).unwrap();
    telemetry_log::init_log_bridge().unwrap();

    let span = info_span!("request");
    let recording = record_lines(&span);
    span.in_scope(|| {
        debug!(value = ?Chatty, "printed");
        debug!(value = ?Broken, "survived");
        log::debug!(target: "legacy::db", "old {}", "style");
        log::debug!(target: "other", "not kept");
        log::info!(target: "legacy", "written");
    });
    log::debug!(target: "legacy", "outside");
    drop(recording);
    assert!(handle.flush(DEADLINE).in_time);

    let lines = memory.lines();
    let messages: Vec<_> = lines.iter().map(|line| line.text("message")).collect();
    assert_eq!(
        messages,
        [
            "written",
            // the line in which it is said began before
            "printed",
            "said while printing",
            "survived",
            "old style"
        ]
    );
    assert_eq!(lines[1].text("value"), "chatty");
    assert_eq!(lines[3].text("value"), "<formatting failed>");
    assert_eq!(lines[4].text("target"), "legacy::db");
    assert_eq!(lines[4].get("log.target"), None);
}
