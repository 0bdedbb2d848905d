//! A line that the flight recorder keeps allocates nothing, nor does a request that succeeds.
#![expect(unsafe_code, reason = "an allocator cannot be written without")]
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io;
use std::sync::Arc;

use telemetry_core::pipeline::Intake;
use telemetry_core::trace::{Engine, EngineSettings, SpanLayer, record_lines};
use telemetry_log::{BaseFilter, Directives, LogSink, Logs, Recorder, RecorderConfig, SinkConfig};
use tracing::{debug, info_span};
use tracing_subscriber::layer::SubscriberExt;

struct Counting;

thread_local! {
    /// Those of this thread: a sink has one of its own.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

#[global_allocator]
static GLOBAL: Counting = Counting;

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

struct Nowhere;

impl LogSink for Nowhere {
    fn write(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
}

/// Four fields and a formatted message, more often than a request's buffer holds.
fn log(lines: u64) {
    for n in 0..lines {
        debug!(
            n,
            path = "/orders/7",
            ratio = 0.25,
            cached = false,
            "step {n} done"
        );
    }
}

fn request() -> usize {
    let span = info_span!("request", method = "GET", route = "/orders/{id}");
    let recording = record_lines(&span).unwrap();
    let counted = span.in_scope(|| {
        let _inner = info_span!("load", table = "orders", attempt = 1).entered();
        log(1);
        let before = ALLOCATIONS.get();
        log(1000);
        ALLOCATIONS.get() - before
    });
    recording.end(false);
    counted
}

#[test]
fn a_kept_line_allocates_nothing() {
    let recorder = Recorder::new(RecorderConfig::new());
    let (layer, _handle) = Logs::builder()
        .sink(SinkConfig::custom("nowhere", Nowhere))
        .recorder(recorder.clone())
        .build()
        .unwrap();
    let mut settings = EngineSettings::new(Intake::default());
    settings.recorder = Some(recorder.line_recorder());
    let subscriber = tracing_subscriber::registry()
        .with(SpanLayer::new(Arc::new(Engine::new(settings))))
        .with(layer)
        .with(BaseFilter::new(Directives::default()).recorder(recorder.clone()));
    tracing::subscriber::with_default(subscriber, || {
        assert_eq!(request(), 0, "allocations in the first request");
        assert_eq!(request(), 0, "allocations in a further request");
        let before = ALLOCATIONS.get();
        log(1000);
        let outside = ALLOCATIONS.get() - before;
        assert_eq!(outside, 0, "allocations outside of a request");
    });
    assert_eq!(recorder.status().kept_lines, 512);
    assert_eq!(recorder.status().cut_lines, 2 * 1001 - 512);
}
