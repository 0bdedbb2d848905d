//! What propagation asks of the allocator, on the thread that asks.

#![expect(unsafe_code, reason = "an allocator cannot be counted otherwise")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use http::{HeaderMap, HeaderValue};
use telemetry_core::context::propagate;
use telemetry_core::context::{Baggage, TraceState};

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

fn allocations<T>(act: impl FnOnce() -> T) -> (usize, T) {
    let before = ALLOCATIONS.get();
    let result = act();
    (ALLOCATIONS.get() - before, result)
}

const TRACEPARENT: HeaderValue =
    HeaderValue::from_static("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");

fn received() -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert("host", HeaderValue::from_static("example.org"));
    headers.insert("traceparent", TRACEPARENT);
    drop(propagate::extract(&headers)); // the default is made on first use
    headers
}

#[test]
fn extract_and_inject_of_a_traceparent() {
    let headers = received();
    let (count, extracted) = allocations(|| propagate::extract(&headers));
    let parent = extracted.span_context.unwrap();
    assert_eq!(count, 0, "extract");

    let mut sent = HeaderMap::with_capacity(8);
    sent.insert("host", HeaderValue::from_static("example.org"));
    let inject = || propagate::inject(&parent, &Baggage::EMPTY, &mut sent);
    assert_eq!(allocations(inject).0, 1, "the header value");
    assert_eq!(sent["traceparent"], TRACEPARENT);
}

#[test]
fn a_tracestate_is_one_string() {
    let mut headers = received();
    let text = HeaderValue::from_static("ot=th:8;rv:6e6d1a75832a2f,congo=t61rcWkgMzE");
    headers.insert("tracestate", text);
    let (count, extracted) = allocations(|| propagate::extract(&headers));
    assert_eq!(count, 1, "extract");

    let parent = extracted.span_context.unwrap();
    let mut sent = HeaderMap::with_capacity(8);
    let inject = || propagate::inject(&parent, &Baggage::EMPTY, &mut sent);
    assert_eq!(allocations(inject).0, 2, "two header values");
    let (count, clone) = allocations(|| parent.clone());
    assert_eq!(count, 0, "clone");
    assert_eq!(
        clone.trace_state(),
        &TraceState::parse("ot=th:8;rv:6e6d1a75832a2f,congo=t61rcWkgMzE").unwrap()
    );
}

#[test]
fn baggage_is_one_header_value() {
    let baggage = Baggage::parse("userId=alice,serverNode=DF%2028,isProduction=false");
    let headers = received();
    let parent = propagate::extract(&headers).span_context.unwrap();
    let mut sent = HeaderMap::with_capacity(8);
    let inject = || propagate::inject(&parent, &baggage, &mut sent);
    assert_eq!(allocations(inject).0, 2, "two header values");
    assert_eq!(allocations(|| baggage.clone()).0, 0, "clone");
}
