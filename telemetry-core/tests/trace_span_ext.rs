//! What `tracing` cannot say: `SpanExt`, a parent that comes late, spans handed over.
#![cfg(feature = "testing")]
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod spans;

use std::time::Duration;

use opentelemetry::trace::Status;
use opentelemetry::{Array, KeyValue, Value};
use spans::{Capture, NOW, assert_child, assert_root, find, get, remote, remote_with, text};
use telemetry_core::context::propagate::Extracted;
use telemetry_core::context::{SpanContext, TraceFlags, TraceState, current};
use telemetry_core::otlp::{Kind, StatusCode};
use telemetry_core::trace::{
    Ratio, Sampler, SetParentError, SpanExt, end, prepare, set_attribute, with_record,
};
use tracing::{Span, info_span, instrument};

#[test]
fn everything_that_tracing_lacks() {
    let capture = Capture::new();
    let span = capture.one(|| {
        let span = info_span!("before");
        span.set_attribute("list", Value::Array(Array::I64(vec![1, 2])));
        span.set_attribute("key", "old");
        span.set_attributes(&[KeyValue::new("key", "new"), KeyValue::new("flag", true)]);
        set_attribute(&span, "borrowed", "text");
        span.add_link(&remote(), &[KeyValue::new("why", "batch")]);
        span.add_link(&SpanContext::NONE, &[]);
        capture.advance(Duration::from_micros(1));
        span.add_event("cache.miss", &[KeyValue::new("size", 7)]);
        span.record_error(&std::fmt::Error);
        span.update_name("after");
        span.set_status(Status::error("first"));
        span.set_status(Status::Unset);
        span.set_status(Status::Ok);
        span.set_status(Status::error("too late"));
    });
    assert_eq!(span.name, "after");
    assert_eq!(span.get("key"), text("new"));
    assert_eq!(span.get("flag"), "Bool(true)");
    assert_eq!(span.get("borrowed"), text("text"));
    assert!(span.get("list").starts_with("List("));
    assert_eq!(
        (span.status, span.status_message.as_str()),
        (StatusCode::Ok, "")
    );
    assert_eq!(span.links.len(), 1);
    assert_eq!(span.links[0].1, remote().span_id());
    assert_eq!(get(&span.links[0].2, "why"), text("batch"));
    assert_eq!(
        (span.events[0].0.as_str(), span.events[0].1),
        ("cache.miss", NOW + 1000)
    );
    assert_eq!(span.events[1].0, "exception");
}

#[test]
fn nothing_happens_without_a_span() {
    for span in [Span::none(), info_span!("no subscriber")] {
        assert_eq!(span.span_context(), None);
        assert_eq!(span.set_parent(remote()), Err(SetParentError::NotRecorded));
        span.set_attribute("key", 1);
        span.update_name("name");
        span.add_event("event", &[]);
        assert_eq!(with_record(&span, |_| ()), None);
    }
}

#[test]
fn followed_spans_are_linked() {
    let spans = Capture::new().run(|| {
        let (cause, effect) = (info_span!("cause"), info_span!("effect"));
        effect.follows_from(&cause);
        // the link has made the cause's ids known
        assert_eq!(cause.set_parent(remote()), Err(SetParentError::IdsInUse));
    });
    let cause = find(&spans, "cause");
    let link = &find(&spans, "effect").links[0];
    assert_eq!((link.0, link.1), (cause.trace_id, cause.span_id));
}

#[instrument]
fn takes_its_parent() {
    Span::current().set_parent(remote()).unwrap();
    assert_eq!(current().unwrap().trace_id, remote().trace_id());
    drop(info_span!("child"));
}

#[test]
fn a_parent_is_taken_while_nobody_knows_the_ids() {
    let spans = Capture::new().run(|| {
        let plain = info_span!("plain", kept = 1);
        plain.set_attribute("also", 2);
        plain.set_parent(remote()).unwrap();
        let entered = info_span!("entered");
        entered.in_scope(|| entered.set_parent(remote()).unwrap());
        let left = info_span!("entered and left");
        left.in_scope(|| ());
        left.set_parent(remote()).unwrap();
        takes_its_parent();
    });
    for name in ["plain", "entered", "entered and left", "takes_its_parent"] {
        let span = find(&spans, name);
        assert_eq!(span.trace_id, remote().trace_id(), "{name}");
        assert_eq!(span.parent, remote().span_id(), "{name}");
        assert_eq!(span.parent_is_remote, Some(true), "{name}");
        assert!(span.links.is_empty(), "{name}");
    }
    assert_eq!(find(&spans, "plain").attributes.len(), 2);
    assert_child(find(&spans, "child"), find(&spans, "takes_its_parent"));
}

#[test]
fn a_parent_set_below_other_spans_holds_when_they_are_left() {
    let spans = Capture::new().run(|| {
        let root = info_span!("root");
        let once = root.enter();
        let twice = root.enter();
        let other = info_span!(parent: None, "other").entered();
        root.set_parent(remote()).unwrap();
        drop(other);
        assert_eq!(current().unwrap().trace_id, remote().trace_id());
        drop(twice);
        drop(info_span!("child"));
        drop(once);
    });
    assert_child(find(&spans, "child"), find(&spans, "root"));
    assert_eq!(find(&spans, "root").parent, remote().span_id());
}

#[test]
fn a_parent_that_comes_too_late_is_linked_and_counted() {
    let capture = Capture::new();
    let refused = |span: &Span| {
        assert_eq!(span.set_parent(remote()), Err(SetParentError::IdsInUse));
    };
    let spans = capture.run(|| {
        let span = info_span!("has a child");
        span.in_scope(|| drop(info_span!("child")));
        refused(&span);
        let span = info_span!("has an explicit child");
        drop(info_span!(parent: &span, "explicit"));
        refused(&span);
        let span = info_span!("has logged");
        span.in_scope(|| {
            let _ids = current();
            refused(&span);
            refused(&span);
        });
        let span = info_span!("has logged below");
        span.in_scope(|| {
            let _ids = current();
            info_span!(parent: None, "above").in_scope(|| refused(&span));
        });
        let span = info_span!("has logged elsewhere");
        let there = span.clone();
        let dispatch = capture_dispatch();
        std::thread::spawn(move || {
            tracing::dispatcher::with_default(&dispatch, || {
                there.in_scope(|| current().unwrap());
            });
        })
        .join()
        .unwrap();
        refused(&span);
        let span = info_span!("was injected");
        span.span_context().unwrap();
        refused(&span);
        let span = info_span!("has a parent");
        span.set_parent(remote()).unwrap();
        refused(&span);
    });
    assert_eq!(capture.engine.counters().late_parents(), 8);
    for span in spans.iter().filter(|span| span.name.starts_with("has ")) {
        assert!(!span.links.is_empty(), "{}", span.name);
        assert_eq!(span.links[0].1, remote().span_id(), "{}", span.name);
    }
    assert_root(find(&spans, "has a child"));
    assert_child(find(&spans, "child"), find(&spans, "has a child"));
}

fn capture_dispatch() -> tracing::Dispatch {
    tracing::dispatcher::get_default(Clone::clone)
}

#[test]
fn an_invalid_parent_changes_nothing() {
    let span = Capture::new().one(|| {
        let span = info_span!("root");
        assert_eq!(span.set_parent(SpanContext::NONE), Ok(()));
    });
    assert_root(&span);
    assert!(span.links.is_empty());
}

#[test]
fn the_decision_is_taken_anew() {
    let parent_based = |root: Sampler| Sampler::ParentBased(Box::new(root));
    for (root, flags, exported) in [
        (Sampler::AlwaysOff, TraceFlags::SAMPLED, true),
        (Sampler::AlwaysOn, TraceFlags::NOT_SAMPLED, false),
        (Sampler::Ratio(Ratio::new(0.0)), TraceFlags::SAMPLED, true),
        (
            Sampler::Ratio(Ratio::new(1.0)),
            TraceFlags::NOT_SAMPLED,
            false,
        ),
        (Sampler::Ratio(Ratio::new(1.0)), TraceFlags::SAMPLED, true),
    ] {
        let capture = Capture::with(|settings| settings.sampler = parent_based(root));
        let state = TraceState::parse("vendor=1").unwrap();
        let spans = capture.run(|| {
            let span = info_span!("root");
            let _entered = span.enter();
            let parent = remote_with(flags).with_trace_state(state.clone());
            span.set_parent(parent).unwrap();
            assert_eq!(current().unwrap().trace_flags.is_sampled(), exported);
            drop(info_span!("child"));
            span.set_attribute("late", 1);
        });
        assert_eq!(spans.len(), if exported { 2 } else { 0 });
        assert!(spans.iter().all(|span| span.trace_state == "vendor=1"));
        assert_eq!(capture.open(), 0);
        if exported {
            assert_eq!(find(&spans, "root").get("late"), "Int(1)");
            assert_child(find(&spans, "child"), find(&spans, "root"));
        }
    }
}

#[test]
fn a_span_ends_before_its_last_handle() {
    let capture = Capture::new();
    let spans = capture.run(|| {
        let span = info_span!("request");
        let entered = span.clone().entered();
        capture.advance(Duration::from_nanos(3));
        end(&span, |record| record.attributes.set("last", 1));
        capture.advance(Duration::from_nanos(3));
        span.set_attribute("lost", 1);
        end(&span, |_| panic!("it has ended"));
        assert_eq!(span.set_parent(remote()), Err(SetParentError::IdsInUse));
        drop(info_span!("background"));
        drop(entered);
    });
    let request = find(&spans, "request");
    assert_eq!((request.end, request.attributes.len()), (NOW + 3, 1));
    assert_child(find(&spans, "background"), request);
    assert_eq!(capture.open(), 0);
}

fn prepared() -> telemetry_core::trace::Prepared {
    let mut incoming = Extracted::default();
    incoming.set_parent(remote(), Some(true));
    let mut prepared = prepare(&incoming, "prepared", Kind::Server).unwrap();
    if let Some(record) = prepared.record_mut() {
        record.attributes.push("filled", 1_i64);
        record.kind = Kind::Server;
    }
    prepared
}

#[test]
fn a_prepared_span_is_taken_by_its_callsite() {
    let capture = Capture::new();
    let mut ids = None;
    let spans = capture.run(|| {
        let prepared = prepared();
        ids = Some(prepared.ids());
        let offer = prepared.offer("mine");
        drop(info_span!(target: "another", "in between"));
        assert!(!offer.is_taken());
        let span = info_span!(target: "mine", "server", filled = 2, more = 3);
        assert!(offer.is_taken());
        drop(info_span!(target: "mine", "second"));
        drop(offer);
        drop(span);
    });
    let server = find(&spans, "server");
    assert_eq!(Some(server.span_id), ids.map(|ids| ids.span_id));
    assert_eq!(
        (server.parent, server.kind),
        (remote().span_id(), Kind::Server)
    );
    assert_eq!(
        (server.get("filled"), server.get("more")),
        ("Int(2)", "Int(3)")
    );
    assert_root(find(&spans, "in between"));
    assert_root(find(&spans, "second"));
    assert_eq!(capture.open(), 0);
}

#[test]
fn a_prepared_span_that_was_filtered_out_leaves_nothing() {
    let capture = Capture::new();
    let spans = capture.run(|| {
        let offer = prepared().offer("mine");
        assert_eq!(capture.open(), 0, "not started");
        drop(offer);
        drop(info_span!(target: "mine", "unrelated"));
        drop(prepared());
        let replaced = prepared().offer("mine");
        let offer = prepared().offer("mine");
        drop(info_span!(target: "mine", "taken"));
        drop((offer, replaced));
        drop(info_span!(target: "mine", "afterwards"));
    });
    assert_root(find(&spans, "unrelated"));
    assert_root(find(&spans, "afterwards"));
    assert_eq!(find(&spans, "taken").parent, remote().span_id());
    assert_eq!((spans.len(), capture.open()), (3, 0));
    assert!(prepare(&Extracted::default(), "no subscriber", Kind::Server).is_none());
}

#[test]
fn an_offer_on_a_thread_that_ends() {
    let capture = Capture::new();
    let dispatch = capture.dispatch();
    let ended = std::thread::spawn(move || {
        tracing::dispatcher::with_default(&dispatch, || {
            spans::leak(prepared().offer("mine"));
        });
    });
    ended.join().unwrap();
    assert_eq!((capture.take().len(), capture.open()), (0, 0));
}
