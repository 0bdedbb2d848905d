use super::*;
use crate::context::{SpanContext, SpanId, TraceFlags, TraceId};
use crate::otlp::span::{put_event, put_link};
use crate::otlp::{
    AttributeLimits, Attributes, Kind, LogParts, ScopeId, Severity, SpanParts, SpanView, StatusCode,
};

fn encoded(field: u8, pairs: &[(&str, i64)]) -> Vec<u8> {
    let mut attributes = Attributes::new(field, AttributeLimits::default());
    for (key, value) in pairs {
        attributes.set(key, *value);
    }
    attributes.as_bytes().to_vec()
}

async fn exported(signal: Signal, batch: &Batch, captured: &Captured) -> Accepted {
    let mut exporter = MemoryExporter::new(signal, captured.clone());
    exporter.prepare(batch).unwrap();
    exporter.attempt().await.unwrap()
}

fn full_span() -> Batch {
    let mut events = Vec::new();
    let event = encoded(Attributes::EVENT, &[("size", 3)]);
    put_event(&mut events, 7, "cache miss", &event, 1);
    let mut links = Vec::new();
    let to = SpanContext::new(TraceId::from(9), SpanId::from(8), TraceFlags::SAMPLED).remote();
    put_link(&mut links, &to, &encoded(Attributes::LINK, &[("n", 1)]), 2);
    let parts = SpanParts {
        trace_id: TraceId::from(1),
        span_id: SpanId::from(2),
        parent_span_id: SpanId::from(3),
        parent_is_remote: Some(true),
        trace_flags: TraceFlags::SAMPLED,
        trace_state: "a=b",
        name: "work",
        kind: Kind::Consumer,
        start_unix_nanos: 5,
        end_unix_nanos: 9,
        attributes: &encoded(Attributes::SPAN, &[("k", 4)]),
        dropped_attributes: 3,
        events: &events,
        dropped_events: 4,
        links: &links,
        dropped_links: 5,
        status: StatusCode::Error,
        status_message: "no",
    };
    let mut batch = Batch::new();
    batch.push(ScopeId::of_name("memory-test"), |buffer| {
        parts.encode(buffer);
    });
    batch
}

#[tokio::test]
async fn a_span_comes_back_as_it_went_in() {
    let batch = full_span();
    let captured = Captured::new();
    assert_eq!(
        exported(Signal::Traces, &batch, &captured).await,
        Accepted::all()
    );

    let spans = captured.spans();
    let [span] = spans.as_slice() else {
        panic!("one span expected")
    };
    assert_eq!(span.parent_span_id, Some(SpanId::from(3)));
    assert!(span.parent_is_remote && span.is_local_root() && span.is_error());
    assert_eq!((span.name.as_str(), span.kind), ("work", Kind::Consumer));
    assert_eq!(span.duration().as_nanos(), 4);
    assert_eq!(span.attribute("k"), Some(&4.into()));
    assert_eq!(span.trace_state, "a=b");
    assert_eq!(span.scope.get().name(), "memory-test");
    let dropped = (
        span.dropped_attributes,
        span.dropped_events,
        span.dropped_links,
    );
    assert_eq!(dropped, (3, 4, 5));
    let event = span.event("cache miss").unwrap();
    assert_eq!(
        (event.attribute("size"), event.dropped_attributes),
        (Some(&3.into()), 1)
    );
    assert!(span.links[0].is_remote);
    assert_eq!(span.links[0].span_id, SpanId::from(8));
    captured.clear();
    assert!(captured.spans().is_empty());
}

#[tokio::test]
async fn a_log_record_comes_back_as_it_went_in() {
    let parts = LogParts {
        unix_nanos: 5,
        severity: Severity::Warn,
        body: "greeting",
        attributes: &encoded(Attributes::LOG, &[("n", 1)]),
        trace_id: TraceId::from(1),
        span_id: SpanId::from(2),
        ..LogParts::empty()
    };
    let mut batch = Batch::new();
    batch.push(ScopeId::of_name("memory-test"), |buffer| {
        parts.encode(buffer);
    });
    let captured = Captured::new();
    exported(Signal::Logs, &batch, &captured).await;
    let logs = captured.logs();
    assert_eq!(logs[0].message, "greeting");
    assert_eq!(logs[0].severity, Severity::Warn);
    assert_eq!(logs[0].span_id, Some(SpanId::from(2)));
    assert_eq!(logs[0].attribute("n"), Some(&1.into()));
}

#[tokio::test]
async fn a_full_store_rejects_and_says_how_many() {
    let mut batch = Batch::new();
    for _ in 0..60_000 {
        batch.push(ScopeId::of_name("memory-test"), |buffer| {
            LogParts::empty().encode(buffer);
        });
    }
    let captured = Captured::new();
    assert_eq!(exported(Signal::Logs, &batch, &captured).await.rejected, 0);
    assert_eq!(
        exported(Signal::Logs, &batch, &captured).await.rejected,
        20_000
    );
    assert_eq!(captured.logs().len(), 100_000);
}

#[test]
fn malformed_bytes_are_an_empty_span() {
    let view = SpanView::read(&[0xff; 40]);
    assert_eq!(view.parts.name, "");
}
