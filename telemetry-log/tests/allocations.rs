//! A line in steady state allocates nothing, on any thread.
#![expect(unsafe_code, reason = "an allocator cannot be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::KeyValue;
use telemetry_core::context::{CurrentIds, SpanId, TraceFlags, TraceId, enter_ids};
use telemetry_log::{LogSink, Logs, SinkConfig};
use tracing::{info, info_span};
use tracing_subscriber::layer::SubscriberExt;

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static GLOBAL: Counting = Counting;

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
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

/// Four fields inside two spans of two fields each, with ids.
fn log(lines: u64) {
    for n in 0..lines {
        info!(
            n,
            path = "/orders/7",
            ratio = 0.25,
            cached = false,
            "request served"
        );
    }
}

#[test]
fn a_line_allocates_nothing() {
    let (layer, handle) = Logs::builder()
        .service("shop")
        .sink(SinkConfig::custom("nowhere", Nowhere))
        .build()
        .unwrap();
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, || {
        let _outer = info_span!("request", method = "GET", route = "/orders/{id}").entered();
        let _inner = info_span!("load", table = "orders", attempt = 1).entered();
        let _ids = enter_ids(Some(CurrentIds {
            trace_id: TraceId::from(1),
            span_id: SpanId::from(2),
            trace_flags: TraceFlags::SAMPLED,
        }));
        // buffers grow until they have their size
        for _ in 0..50 {
            log(200);
            assert!(handle.flush(Duration::from_secs(10)).in_time);
        }
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        log(200);
        let after = ALLOCATIONS.load(Ordering::Relaxed);
        assert_eq!(after - before, 0, "allocations in 200 lines");

        let fields = [KeyValue::new("job.id", 7), KeyValue::new("shop", "north")];
        let _scope = telemetry_log::scope(fields).enter();
        for _ in 0..50 {
            log(200);
            assert!(handle.flush(Duration::from_secs(10)).in_time);
        }
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        log(200);
        let after = ALLOCATIONS.load(Ordering::Relaxed);
        assert_eq!(after - before, 0, "allocations in 200 lines within a scope");
    });
}
