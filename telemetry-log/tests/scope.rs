//! Child fields: on every line within, across awaits, threads and tasks.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{DEADLINE, Json, Memory, NOW, capture};
use opentelemetry::{Array, KeyValue, StringValue, Value};
use telemetry_core::clock::Clock;
use telemetry_core::otlp::{AnyValueView, AttributeLimits, LogView};
use telemetry_core::pipeline::{Batch, Intake, Queue, QueueLimits};
use telemetry_log::{LogScoped, Logs, SinkConfig, scope};
use tokio::time::sleep;
use tracing::instrument::WithSubscriber;
use tracing::{info, info_span};
use tracing_subscriber::layer::SubscriberExt;

fn job(id: i64) -> [KeyValue; 1] {
    [KeyValue::new("job.id", id)]
}

#[test]
fn a_closure_has_the_fields_and_nothing_else_has() {
    let lines = capture(|| {
        info!("before");
        scope(job(7)).in_scope(|| info!(n = 1, "within"));
        info!("after");
    })
    .lines();
    assert_eq!(lines[0].get("job.id"), None);
    assert_eq!((lines[1].int("job.id"), lines[1].int("n")), (7, 1));
    assert_eq!(lines[2].get("job.id"), None);
}

#[test]
fn the_inner_scope_wins_and_the_event_over_all() {
    let lines = capture(|| {
        let _span = info_span!("span", a = "span", d = "span", e = "span").entered();
        let outer = scope([
            KeyValue::new("a", "outer"),
            KeyValue::new("b", "outer"),
            KeyValue::new("c", "outer"),
        ]);
        outer.in_scope(|| {
            let inner = scope([KeyValue::new("b", "inner"), KeyValue::new("c", "inner")]);
            inner.in_scope(|| info!(c = "event", d = "event", "within"));
            info!("outside");
        });
    })
    .lines();
    let fields = |line: &Json| ["a", "b", "c", "d", "e"].map(|key| line.text(key).to_owned());
    assert_eq!(
        fields(&lines[0]),
        ["outer", "inner", "event", "event", "span"]
    );
    assert_eq!(
        fields(&lines[1]),
        ["outer", "outer", "outer", "span", "span"]
    );
    assert_eq!(lines[0].keys().len(), lines[1].keys().len());
}

#[test]
fn values_of_every_kind_names_of_the_line_and_secrets() {
    let list = Value::Array(Array::String(vec![
        StringValue::from("x"),
        StringValue::from("y\n"),
    ]));
    let lines = capture(|| {
        let all = [
            KeyValue::new("list", list),
            KeyValue::new("share", 0.5),
            KeyValue::new("flag", true),
            KeyValue::new("message", "mine"),
            KeyValue::new("api_key", "hunter2"),
        ];
        scope(all).in_scope(|| info!("within"));
    })
    .lines();
    let line = &lines[0];
    assert_eq!(
        line.get("list"),
        Some(&Json::List(vec![
            Json::Text("x".into()),
            Json::Text("y\n".into())
        ]))
    );
    assert_eq!(line.get("flag"), Some(&Json::Bool(true)));
    assert_eq!(
        (line.text("message"), line.text("fields.message")),
        ("within", "mine")
    );
    assert_eq!(line.text("api_key"), "<redacted>");
    assert!(!format!("{:?}", scope([KeyValue::new("k", "hunter2")])).contains("hunter2"));
}

#[test]
fn a_panic_ends_the_scope() {
    let lines = capture(|| {
        let caught = std::panic::catch_unwind(|| {
            scope(job(1)).in_scope(|| std::panic::resume_unwind(Box::new(())))
        });
        assert!(caught.is_err());
        info!("after");
    })
    .lines();
    assert_eq!(lines[0].get("job.id"), None);
}

/// Logs when it is dropped.
struct Last;

impl Drop for Last {
    fn drop(&mut self) {
        info!("dropped");
    }
}

#[test]
fn futures_have_their_fields_wherever_they_are_polled() {
    let memory = Memory::default();
    let sink = SinkConfig::custom("memory", memory.clone());
    let (layer, handle) = Logs::builder()
        .clock(Clock::manual(NOW))
        .sink(sink)
        .build()
        .unwrap();
    let dispatch = tracing::Dispatch::new(tracing_subscriber::registry().with(layer));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_time()
        .build()
        .unwrap();
    let tasks = (0..32).map(|id| {
        let task = async move {
            let _last = Last;
            for step in 0..5 {
                info!(id, step, "step");
                sleep(Duration::from_millis(1)).await;
            }
            // a task of its own is within the scope that it was wrapped in
            let child = scope([KeyValue::new("child", true)]);
            let work = async move { info!(id, "spawned") }.in_log_scope(child);
            tokio::spawn(work.with_current_subscriber()).await.unwrap();
        };
        let task = task.in_log_scope(scope(job(id)));
        runtime.spawn(task.with_subscriber(dispatch.clone()))
    });
    for task in Vec::from_iter(tasks) {
        runtime.block_on(task).unwrap();
    }
    // one that never ends is dropped within its scope
    let endless = async {
        let _last = Last;
        std::future::pending::<()>().await;
    };
    let endless = endless.in_log_scope(scope(job(99)));
    let given_up = async {
        let timed = tokio::time::timeout(Duration::from_millis(1), endless);
        timed.await.unwrap_err();
    };
    runtime.block_on(given_up.with_subscriber(dispatch));
    assert!(handle.flush(DEADLINE).in_time);
    let lines = memory.lines();
    assert_eq!(lines.len(), 32 * 7 + 1);
    for line in &lines {
        let id = line.int("job.id");
        match line.text("message") {
            "step" => assert_eq!(line.int("id"), id),
            "spawned" => {
                assert_eq!(line.int("id"), id);
                assert_eq!(line.get("child"), Some(&Json::Bool(true)));
            }
            "dropped" => {}
            other => assert_eq!(other, ""),
        }
    }
    let dropped = lines
        .iter()
        .filter(|line| line.text("message") == "dropped");
    assert_eq!(dropped.filter(|line| line.int("job.id") == 99).count(), 1);
}

#[test]
fn log_records_have_them_too_in_each_of_two_logs() {
    let child = scope([KeyValue::new("a", 1), KeyValue::new("b", 2)]);
    for _ in 0..2 {
        let queue = Arc::new(Queue::new(QueueLimits {
            items: 10,
            bytes: 1 << 20,
            wake_at: 10,
            item_bytes: 1 << 16,
        }));
        let memory = Memory::default();
        let logs = Logs::builder()
            .otlp(
                Intake::new([Arc::clone(&queue)]),
                AttributeLimits::default(),
            )
            .sink(SinkConfig::custom("memory", memory.clone()));
        common::run(logs, || child.in_scope(|| info!(b = 3, "within")));
        let line = &memory.lines()[0];
        assert_eq!((line.int("a"), line.int("b")), (1, 3));
        let batches = queue.take_all();
        let record = batches.iter().flat_map(Batch::items).next().unwrap();
        let mut attributes = Vec::from_iter(LogView::read(record.message).attributes());
        attributes.sort_by_key(|(key, _)| *key);
        assert_eq!(
            attributes,
            [("a", AnyValueView::Int(1)), ("b", AnyValueView::Int(3))]
        );
    }
}
