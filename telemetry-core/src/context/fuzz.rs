//! What must hold for any bytes: called by the fuzz targets and, with saved seeds, by the tests.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::propagate::{Composite, Extracted, PropagatorKind};
use super::{Baggage, SpanContext, TraceState};

static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
static TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
static BAGGAGE: HeaderName = HeaderName::from_static("baggage");
static B3: [HeaderName; 5] = [
    HeaderName::from_static("b3"),
    HeaderName::from_static("x-b3-traceid"),
    HeaderName::from_static("x-b3-spanid"),
    HeaderName::from_static("x-b3-sampled"),
    HeaderName::from_static("x-b3-flags"),
];

/// One `traceparent` a line.
///
/// # Panics
///
/// If what was read is not a valid parent, or is read differently after it was written.
pub fn traceparent(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n') {
        append(&mut headers, &TRACEPARENT, line);
    }
    let composite = Composite::of(&[PropagatorKind::TraceContext]);
    let extracted = composite.extract(&headers);
    if extracted.span_context.is_some() {
        let texts = headers.get_all(&TRACEPARENT).iter();
        let texts = texts.filter(|value| std::str::from_utf8(value.as_bytes()).is_ok());
        assert_eq!(texts.count(), 1, "of two parents none is right");
    }
    survives(&composite, &extracted);
}

/// One `tracestate` a line.
///
/// # Panics
///
/// If what was read breaks a limit, or is read differently after it was written.
pub fn tracestate(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(state) = TraceState::parse_all(text.split('\n')) else {
        return;
    };
    assert!(state.as_str().len() <= TraceState::MAX_LEN);
    assert!(state.iter().count() <= TraceState::MAX_MEMBERS);
    for (key, value) in state.iter() {
        assert_eq!(state.get(key), Some(value), "a key is there once");
        assert_eq!(state.remove(key).get(key), None);
    }
    assert_eq!(TraceState::parse(state.as_str()).as_ref(), Ok(&state));

    let inserted = state.insert("fuzz", "1").unwrap_or_default();
    assert!(inserted.as_str().starts_with("fuzz=1"));
    assert!(inserted.as_str().len() <= TraceState::MAX_LEN);
    assert!(inserted.iter().count() <= TraceState::MAX_MEMBERS);

    let mut headers = HeaderMap::new();
    let parent = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    append(&mut headers, &TRACEPARENT, parent);
    append(&mut headers, &TRACESTATE, state.as_str().as_bytes());
    let composite = Composite::of(&[PropagatorKind::TraceContext]);
    let extracted = composite.extract(&headers);
    let read = extracted
        .span_context
        .as_ref()
        .map(SpanContext::trace_state);
    assert_eq!(read, Some(&state));
    survives(&composite, &extracted);
}

/// One `baggage` a line.
///
/// # Panics
///
/// If what was read breaks a limit, or is read differently after it was written.
pub fn baggage(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n') {
        append(&mut headers, &BAGGAGE, line);
    }
    let composite = Composite::of(&[PropagatorKind::Baggage]);
    let extracted = composite.extract(&headers);
    let baggage = &extracted.baggage;
    assert!(baggage.len() <= Baggage::MAX_ENTRIES);
    assert!(baggage.to_header().len() <= Baggage::MAX_BYTES);
    for entry in baggage {
        assert_eq!(
            baggage.entry(entry.key()),
            Some(entry),
            "a key is there once"
        );
    }
    assert_eq!(Baggage::parse(&baggage.to_header()), *baggage);
    survives(&composite, &extracted);

    let there = opentelemetry::baggage::Baggage::from(baggage);
    assert_eq!(there.len(), baggage.len(), "the limits of the API are ours");
}

/// `b3`, `x-b3-traceid`, `x-b3-spanid`, `x-b3-sampled` and `x-b3-flags`, one a line.
///
/// # Panics
///
/// If what was read is not a valid parent, or is read differently after it was written.
pub fn b3(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for (name, line) in B3.iter().zip(data.split(|byte| *byte == b'\n')) {
        if !line.is_empty() {
            append(&mut headers, name, line);
        }
    }
    for kind in [PropagatorKind::B3, PropagatorKind::B3Multi] {
        let composite = Composite::of(&[kind]);
        let extracted = composite.extract(&headers);
        if extracted.debug {
            assert_eq!(
                extracted.sampled,
                Some(true),
                "debug implies an accept decision"
            );
        }
        survives(&composite, &extracted);
    }
}

/// What was read is valid, and is the same after it was written and read again.
fn survives(composite: &Composite, extracted: &Extracted) {
    let Some(parent) = &extracted.span_context else {
        return;
    };
    assert!(parent.is_valid() && parent.is_remote());
    assert_eq!(parent.is_sampled(), extracted.sampled == Some(true));
    assert_eq!(parent.is_debug(), extracted.debug);
    let mut headers = HeaderMap::new();
    composite.inject(parent, &extracted.baggage, &mut headers);
    let again = composite.extract(&headers);
    assert_eq!(again.span_context.as_ref(), Some(parent));
    assert_eq!(again.baggage, extracted.baggage);
}

/// What no header map holds cannot arrive in one.
fn append(headers: &mut HeaderMap, name: &HeaderName, value: &[u8]) {
    if let Ok(value) = HeaderValue::from_bytes(value) {
        headers.append(name, value);
    }
}
