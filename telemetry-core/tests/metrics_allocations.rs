//! What recording asks of the allocator: nothing, once a series is known.

#![expect(unsafe_code, reason = "an allocator cannot be counted otherwise")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use opentelemetry::trace::{SpanId, TraceFlags, TraceId};
use opentelemetry::{InstrumentationScope, KeyValue};
use telemetry_core::context::{CurrentIds, enter_ids};
use telemetry_core::metrics::{Registry, RegistrySettings, bind};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: passes everything on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
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

#[test]
fn known_series_need_no_allocation_in_any_order() {
    let registry = Registry::new(RegistrySettings::default());
    let meter = registry.meter(InstrumentationScope::builder("shop").build());
    let counter = meter.u64_counter("c").build();
    let histogram = meter.f64_histogram("h").with_unit("s").build();
    let attributes = [
        KeyValue::new("http.route", String::from("/orders/{id}")),
        KeyValue::new("http.request.method", "GET"),
        KeyValue::new("http.response.status_code", 200),
    ];
    let mut reversed = attributes.clone();
    reversed.reverse();
    let twice = [&attributes[..], &attributes[..1]].concat();
    let bound = bind(&counter, &attributes);
    let record = || {
        for attributes in [&attributes[..], &reversed, &twice] {
            counter.add(1, attributes);
            histogram.record(0.1, attributes);
        }
        bound.add(1);
    };
    let _entered = enter_ids(Some(CurrentIds {
        trace_id: TraceId::from(1),
        span_id: SpanId::from(1),
        trace_flags: TraceFlags::SAMPLED,
    }));
    record();
    drop(registry.collect());
    record();

    let before = ALLOCATIONS.get();
    for _ in 0..1000 {
        record();
    }
    assert_eq!(ALLOCATIONS.get() - before, 0);
    assert_eq!(registry.collect().metrics[0].points.len(), 1);
}
