//! The layer end to end: `tracing` spans in, OTLP messages out.

use std::sync::Arc;

use telemetry_core::context::propagate::Extracted;
use telemetry_core::context::{SpanContext, SpanId, TraceFlags, TraceId, current};
use telemetry_core::otlp::Kind;
use telemetry_core::pipeline::{Intake, Queue, QueueLimits};
use telemetry_core::trace::{
    Engine, EngineSettings, SetParentError, SpanExt, SpanLayer, end, prepare, with_remote_parent,
};
use tracing_subscriber::layer::SubscriberExt;

fn with_layer(work: impl FnOnce()) -> (u64, u64) {
    let limits = QueueLimits {
        items: 100,
        bytes: 1 << 20,
        wake_at: 100,
        item_bytes: 1 << 20,
    };
    let queue = Arc::new(Queue::new(limits));
    let engine = Arc::new(Engine::new(EngineSettings::new(Intake::new([Arc::clone(
        &queue,
    )]))));
    let subscriber = tracing_subscriber::registry().with(SpanLayer::new(Arc::clone(&engine)));
    tracing::subscriber::with_default(subscriber, work);
    (queue.offered().0, engine.counters().open())
}

fn remote() -> SpanContext {
    SpanContext::new(TraceId::from(7), SpanId::from(9), TraceFlags::SAMPLED).remote()
}

#[test]
fn each_span_is_exported_once() {
    let (ended, open) = with_layer(|| {
        let outer = tracing::info_span!("outer", n = 1_u64);
        let _outer = outer.enter();
        tracing::info_span!("inner").in_scope(|| tracing::error!("x"));
    });
    assert_eq!((ended, open), (2, 0));
}

#[test]
fn the_current_ids_are_those_of_the_entered_span() {
    with_layer(|| {
        assert_eq!(current(), None);
        let span = tracing::info_span!("outer");
        let ids = span.in_scope(|| current().unwrap());
        assert_eq!(span.span_context().unwrap().span_id(), ids.span_id);
        assert_eq!(current(), None);
    });
}

#[test]
fn a_remote_parent_is_handed_over() {
    with_layer(|| {
        let span = with_remote_parent(remote(), || tracing::info_span!("job"));
        assert_eq!(span.span_context().unwrap().trace_id(), remote().trace_id());
    });
}

#[test]
fn set_parent_works_until_the_ids_are_used() {
    with_layer(|| {
        let early = tracing::info_span!("early");
        early.in_scope(|| assert_eq!(tracing::Span::current().set_parent(remote()), Ok(())));
        assert_eq!(
            early.span_context().unwrap().trace_id(),
            remote().trace_id()
        );
        let late = tracing::info_span!("late");
        late.in_scope(|| drop(tracing::info_span!("child")));
        assert_eq!(late.set_parent(remote()), Err(SetParentError::IdsInUse));
    });
}

#[test]
fn a_span_that_was_ended_is_exported_once_while_handles_live_on() {
    let (ended, open) = with_layer(|| {
        let span = tracing::info_span!("request");
        let child = tracing::info_span!(parent: &span, "job");
        let before = span.span_context();
        end(&span, |record| record.attributes.push("last", true));
        end(&span, |_| ());
        assert_eq!(span.span_context(), before);
        drop(span);
        drop(child);
    });
    assert_eq!((ended, open), (2, 0));
}

#[test]
fn an_offer_is_taken_by_a_span_of_its_target_only() {
    let (ended, open) = with_layer(|| {
        let left = prepare(&Extracted::default(), "GET", Kind::Server)
            .unwrap()
            .offer("mine");
        drop(tracing::info_span!("other"));
        assert!(!left.is_taken());
        drop(left);
        let prepared = prepare(&Extracted::default(), "GET", Kind::Server).unwrap();
        let ids = prepared.ids();
        let taken = prepared.offer("mine");
        let span = tracing::info_span!(target: "mine", "request");
        assert!(taken.is_taken());
        assert_eq!(span.span_context().unwrap().span_id(), ids.span_id);
    });
    assert_eq!((ended, open), (2, 0));
}

#[test]
fn a_decision_without_a_parent_is_followed_and_a_deferred_one_is_taken() {
    with_layer(|| {
        let mut denied = Extracted::default();
        denied.set_decision(false, false);
        let mut prepared = prepare(&denied, "GET", Kind::Server).unwrap();
        assert!(prepared.record_mut().is_none());
        let mut deferred = Extracted::default();
        deferred.set_parent(remote(), None);
        let mut prepared = prepare(&deferred, "GET", Kind::Server).unwrap();
        assert!(prepared.record_mut().is_some());
        assert_eq!(prepared.ids().trace_id, remote().trace_id());
        drop(prepared.offer("mine"));
    });
}

#[test]
fn an_outgoing_call_carries_the_current_span() {
    with_layer(|| {
        let span = tracing::info_span!("call");
        let mut headers = http::HeaderMap::new();
        span.in_scope(|| telemetry_core::context::inject(&mut headers));
        let ids = span.span_context().unwrap();
        let expected = format!(
            "00-{}-{}-{:02x}",
            ids.trace_id(),
            ids.span_id(),
            ids.trace_flags()
        );
        assert_eq!(headers["traceparent"], expected);
        assert_eq!(span.set_parent(remote()), Err(SetParentError::IdsInUse));
    });
}
