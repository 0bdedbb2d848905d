//! The OTLP log record of the same visit, and the ids of spans.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use std::sync::Arc;

use common::{Memory, NOW};
use opentelemetry::KeyValue;
use telemetry_core::clock::Clock;
use telemetry_core::context::{SpanId, TraceFlags, TraceId, current};
use telemetry_core::otlp::{AnyValueView, AttributeLimits, LogView, Severity};
use telemetry_core::pipeline::{Batch, Intake, Queue, QueueLimits};
use telemetry_core::trace::{Engine, EngineSettings, SpanLayer};
use telemetry_log::{LogHandle, Logs, SinkConfig};
use tracing::{Dispatch, info, info_span, warn};
use tracing_subscriber::layer::SubscriberExt;

fn queue() -> Arc<Queue> {
    Arc::new(Queue::new(QueueLimits {
        items: 1_000,
        bytes: 1 << 20,
        wake_at: 1_000,
        item_bytes: 1 << 16,
    }))
}

fn dispatch(queue: &Arc<Queue>, memory: &Memory, limits: AttributeLimits) -> (Dispatch, LogHandle) {
    let (layer, handle) = Logs::builder()
        .clock(Clock::manual(NOW))
        .otlp(Intake::new([Arc::clone(queue)]), limits)
        .max_value_len(100)
        .sink(SinkConfig::custom("memory", memory.clone()))
        .build()
        .unwrap();
    let spans = SpanLayer::new(Arc::new(Engine::new(
        EngineSettings::new(Intake::default()),
    )));
    (
        tracing_subscriber::registry()
            .with(spans)
            .with(layer)
            .into(),
        handle,
    )
}

fn views(batches: &[Batch]) -> Vec<(String, LogView<'_>)> {
    let items = batches.iter().flat_map(Batch::items);
    items
        .map(|item| {
            let scope = item.scope.scope().get().name().to_owned();
            (scope, LogView::read(item.message))
        })
        .collect()
}

#[test]
fn a_record_says_what_the_line_says() {
    let (queue, memory) = (queue(), Memory::default());
    let (dispatch, _handle) = dispatch(&queue, &memory, AttributeLimits::default());
    let ids = tracing::dispatcher::with_default(&dispatch, || {
        let _span = info_span!("hello", hidden = 1).entered();
        warn!(target: "shop::cart", n = 7_u64, f = 0.5, big = u64::MAX, s = "x", "careful {}", 1);
        current().unwrap()
    });
    let batches = queue.take_all();
    let [(scope, view)] = &views(&batches)[..] else {
        panic!("one record")
    };
    assert_eq!(scope, "shop::cart");
    let parts = view.parts;
    assert_eq!((parts.unix_nanos, parts.observed_unix_nanos), (NOW, NOW));
    assert_eq!((parts.severity, parts.body), (Severity::Warn, "careful 1"));
    assert_eq!(
        (parts.trace_id, parts.span_id, parts.trace_flags),
        (ids.trace_id, ids.span_id, ids.trace_flags)
    );
    assert_eq!(
        Vec::from_iter(view.attributes()),
        [
            ("n", AnyValueView::Int(7)),
            ("f", AnyValueView::Double(0.5)),
            ("big", AnyValueView::Str("18446744073709551615")),
            ("s", AnyValueView::Str("x")),
        ]
    );
}

#[test]
fn fatal_events_and_change_events() {
    let (queue, memory) = (queue(), Memory::default());
    let (dispatch, _handle) = dispatch(&queue, &memory, AttributeLimits::default());
    tracing::dispatcher::with_default(&dispatch, || {
        telemetry_log::fatal!(port = 1, "down");
        telemetry_log::event("deployment", [KeyValue::new("version", "1.4.2")]);
        let error: &(dyn std::error::Error + 'static) = &std::fmt::Error;
        warn!(error, "failed");
    });
    let batches = queue.take_all();
    let [(_, fatal), (_, event), (_, failed)] = &views(&batches)[..] else {
        panic!("three records")
    };
    assert_eq!(fatal.parts.severity, Severity::Fatal);
    assert_eq!(
        Vec::from_iter(fatal.attributes()),
        [("port", AnyValueView::Int(1))]
    );
    assert_eq!(fatal.parts.trace_id, TraceId::INVALID);
    assert_eq!(event.parts.event_name, "deployment");
    assert_eq!(
        Vec::from_iter(event.attributes()),
        [("version", AnyValueView::Str("1.4.2"))]
    );
    assert_eq!(
        Vec::from_iter(failed.attributes()),
        [
            ("exception.type", AnyValueView::Str("Error")),
            (
                "exception.message",
                AnyValueView::Str("an error occurred when formatting an argument")
            ),
        ]
    );
}

#[test]
fn limits_hold_for_records() {
    let (queue, memory) = (queue(), Memory::default());
    let limits = AttributeLimits {
        count: 2,
        value_length: 3,
    };
    let (dispatch, _handle) = dispatch(&queue, &memory, limits);
    tracing::dispatcher::with_default(&dispatch, || {
        info!(a = "12345", b = 2, c = 3, d = 4, "{}", "x".repeat(200));
    });
    let batches = queue.take_all();
    let [(_, view)] = &views(&batches)[..] else {
        panic!("one record")
    };
    assert_eq!(
        Vec::from_iter(view.attributes()),
        [("a", AnyValueView::Str("123")), ("b", AnyValueView::Int(2))]
    );
    assert_eq!(view.parts.dropped_attributes, 2);
    assert!(view.parts.body.ends_with("…[truncated 100 bytes]"));
}

#[test]
fn a_line_with_an_explicit_parent_has_its_ids() {
    let (queue, memory) = (queue(), Memory::default());
    let (dispatch, handle) = dispatch(&queue, &memory, AttributeLimits::default());
    let ids = tracing::dispatcher::with_default(&dispatch, || {
        let other = info_span!("other");
        let _current = info_span!("current").entered();
        info!(parent: &other, "there");
        info!(parent: None, "nowhere");
        other.in_scope(current).unwrap()
    });
    assert!(handle.flush(common::DEADLINE).in_time);
    let lines = memory.lines();
    assert_eq!(lines[0].text("trace_id"), ids.trace_id.to_string());
    assert_eq!(lines[0].text("span_id"), ids.span_id.to_string());
    let flags = format!("{:02x}", ids.trace_flags.to_u8());
    assert_eq!(lines[0].text("trace_flags"), flags);
    assert_eq!(lines[1].get("trace_id"), None);
    let batches = queue.take_all();
    let records = views(&batches);
    assert_eq!(records[0].1.parts.span_id, ids.span_id);
    assert_eq!(records[1].1.parts.span_id, SpanId::INVALID);
    assert_eq!(records[1].1.parts.trace_flags, TraceFlags::NOT_SAMPLED);
}
