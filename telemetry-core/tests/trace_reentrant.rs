//! Values that use `tracing` while they are recorded, in a process of their own.
#![cfg(feature = "testing")]

mod spans;

use std::fmt;

use opentelemetry::KeyValue;
use spans::{Capture, find, get, text};
use telemetry_core::trace::SpanExt;
use tracing::field::{Empty, debug};
use tracing::{Span, error, info_span};

struct Busy;

impl fmt::Debug for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        error!("logged while it is recorded");
        let inner = info_span!("made while recorded", deep = ?"deep");
        inner.in_scope(|| error!(inner = 1, "and inside"));
        let current = Span::current();
        current.set_attribute("set while recorded", 1);
        current.add_event("added", &[KeyValue::new("k", 1)]);
        f.write_str("busy")
    }
}

#[test]
fn values_that_use_tracing_themselves() {
    // a global subscriber: under a scoped one, tracing itself hides what happens within its calls
    let capture = Capture::new();
    tracing::dispatcher::set_global_default(capture.dispatch()).unwrap();
    {
        let outer = info_span!("outer", busy = ?Busy, late = Empty);
        let _outer = outer.enter();
        outer.record("late", debug(Busy));
        error!(busy = ?Busy, "event");
        info_span!("child", busy = ?Busy).in_scope(|| ());
    }
    let spans = capture.take();
    let outer = find(&spans, "outer");
    assert_eq!(outer.get("busy"), text("busy"));
    assert_eq!(outer.get("late"), text("busy"));
    assert_eq!(outer.get("set while recorded"), "Int(1)");
    assert!(
        outer
            .events
            .iter()
            .any(|event| get(&event.2, "busy") == text("busy"))
    );
    assert_eq!(find(&spans, "child").get("busy"), text("busy"));
    let made = spans
        .iter()
        .filter(|span| span.name == "made while recorded");
    assert_eq!(made.count(), 4);
}
