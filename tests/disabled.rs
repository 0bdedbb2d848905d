//! `OTEL_SDK_DISABLED`: no thread, no allocation, and logs and context stay.

#![expect(unsafe_code, reason = "an allocator cannot be counted otherwise")]
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fs;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use serde_json::{Value, json};
use test_support::Child;

use common::{Hanging, Kept, ask};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: passes everything on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // a thread that ends has nothing to count any more
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above; the pointer came from the same allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations of a thousand calls, once the first ones have made what is kept.
fn allocations(call: impl Fn()) -> usize {
    (0..100).for_each(|_| call());
    let before = ALLOCATIONS.get();
    (0..1000).for_each(|_| call());
    ALLOCATIONS.get() - before
}

fn disabled() -> Child {
    Child::new().env("OTEL_SDK_DISABLED", "true")
}

#[test]
fn calls_allocate_nothing_and_no_exporter_starts() {
    let ended = disabled().run(|| {
        let collector = Hanging::listen();
        let builder = telemetry::builder().otlp_endpoint(collector.endpoint());
        let kept = Kept::default();
        let telemetry = builder.span_exporter(kept.clone()).init().unwrap();
        let counts = json!({
            "span": allocations(|| tracing::info_span!("work").in_scope(|| {})),
            "span with fields": allocations(|| tracing::info_span!("work", id = 7, name = "ada").in_scope(|| {})),
            "span with formatted fields": allocations(|| {
                tracing::info_span!("work", id = %7, name = ?"ada").in_scope(|| {});
            }),
            "disabled span": allocations(|| tracing::debug_span!("work", id = 7).in_scope(|| {})),
            "disabled event": allocations(|| tracing::debug!(id = 7, "done")),
            "current ids": allocations(|| assert!(telemetry::current().is_none())),
        });
        let threads = threads();
        let report = telemetry.shutdown_blocking(Duration::from_secs(30));
        assert!(report.exporters.exporters.is_empty());
        assert!(kept.names().is_empty());
        json!([counts, threads])
    });
    let counts = ended.report[0].as_object().unwrap();
    let allocating: Vec<_> = counts.iter().filter(|(_, count)| **count != 0).collect();
    assert!(allocating.is_empty(), "{allocating:?}");
    for thread in ended.report[1].as_array().unwrap() {
        let outputs = ["telemetry-log", "telemetry-stder"];
        assert!(outputs.iter().any(|name| thread == name), "{thread}");
    }
    assert!(
        ended.stderr.contains("disabled (OTEL_SDK_DISABLED)"),
        "{}",
        ended.stderr
    );
}

/// The names of this process's threads that telemetry has started.
fn threads() -> Vec<String> {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten();
    let names = threads.filter_map(|it| fs::read_to_string(it.ok()?.path().join("comm")).ok());
    let names = names.map(|name| name.trim().to_owned());
    names.filter(|name| name.starts_with("telemetry")).collect()
}

#[test]
fn lines_and_the_context_of_a_request_stay() {
    let ended = disabled().run(|| {
        let telemetry = telemetry::init().unwrap();
        let handler = || async {
            tracing::info!("inside");
            telemetry::current()
                .map(|ids| ids.trace_id.to_string())
                .unwrap_or_default()
        };
        let app = Router::new()
            .route("/", get(handler))
            .layer(telemetry::server_layer());
        let traceparent =
            "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n";
        let answer = ask(app, "/", traceparent);
        drop(telemetry);
        answer.into()
    });
    let lines = ended.lines();
    let messages: Value = lines.iter().map(|line| line["message"].clone()).collect();
    assert_eq!(messages, json!(["service.start", "inside"]));
    let answer = ended.report.as_str().unwrap();
    assert!(
        answer.ends_with("0af7651916cd43dd8448eb211c80319c"),
        "{answer}"
    );
}
