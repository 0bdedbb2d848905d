use http::HeaderMap;

use super::*;

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, value.parse().unwrap());
    }
    headers
}

fn extract(pairs: &[(&'static str, &str)]) -> Extracted {
    let mut extracted = Extracted::default();
    TraceContext.extract(&headers(pairs), &mut extracted);
    extracted
}

#[test]
fn reads_the_examples_of_the_specification() {
    for (header, sampled) in [
        (TRACEPARENT, true),
        (
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
            false,
        ),
    ] {
        let extracted = extract(&[("traceparent", header)]);
        let parent = extracted.span_context.unwrap();
        assert_eq!(
            parent.trace_id().to_string(),
            "4bf92f3577b34da6a3ce929d0e0e4736"
        );
        assert_eq!(parent.span_id().to_string(), "00f067aa0ba902b7");
        assert_eq!(parent.is_sampled(), sampled);
        assert_eq!(extracted.sampled, Some(sampled));
        assert!(parent.is_remote());
    }
}

#[test]
fn reads_later_versions_as_far_as_they_are_the_same() {
    for header in [
        "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future-will-be-like",
        " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\t",
    ] {
        let parent = extract(&[("traceparent", header)]).span_context;
        let mut sent = HeaderMap::new();
        TraceContext.inject(&parent.unwrap(), &Baggage::EMPTY, &mut sent);
        assert_eq!(sent["traceparent"], TRACEPARENT, "{header}");
    }
}

#[test]
fn what_is_malformed_makes_a_new_root() {
    let long = format!("01{}", "-4bf9".repeat(100_000));
    for header in [
        "",
        "00",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.what",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ".0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00F067AA0BA902B7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0A",
        "CC-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473.-00f067aa0ba902b7-01",
        "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01,00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        &long,
    ] {
        let before = discarded().parents;
        let extracted = extract(&[("traceparent", header), ("tracestate", "a=1")]);
        assert_eq!(extracted, Extracted::default(), "{header}");
        assert!(discarded().parents > before);
    }
    let twice = extract(&[("traceparent", TRACEPARENT), ("traceparent", TRACEPARENT)]);
    assert_eq!(twice, Extracted::default());
    assert_eq!(extract(&[("tracestate", "a=1")]), Extracted::default());
}

#[test]
fn only_known_flags_are_kept() {
    let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff";
    let parent = extract(&[("traceparent", header)]).span_context.unwrap();
    assert_eq!(parent.trace_flags().to_u8(), 0b11);
    let own = SpanContext::new(parent.trace_id(), parent.span_id(), TraceFlags::new(0xfd));
    let mut sent = HeaderMap::new();
    TraceContext.inject(&own, &Baggage::EMPTY, &mut sent);
    assert_eq!(sent["traceparent"], TRACEPARENT);
}

#[test]
fn tracestates_are_joined_and_a_bad_one_does_not_harm_the_parent() {
    let parent = ("traceparent", TRACEPARENT);
    let extracted = extract(&[parent, ("tracestate", "a=1"), ("tracestate", "b=2,c=3")]);
    let parent_found = extracted.span_context.unwrap();
    assert_eq!(parent_found.trace_state().as_str(), "a=1,b=2,c=3");

    let before = discarded().trace_states;
    let extracted = extract(&[parent, ("tracestate", "a=1"), ("tracestate", "nonsense")]);
    assert!(extracted.span_context.unwrap().trace_state().is_empty());
    assert!(discarded().trace_states > before);
}

#[test]
fn replaces_what_a_proxied_request_had() {
    let mut sent = headers(&[
        (
            "traceparent",
            "00-11111111111111111111111111111111-2222222222222222-00",
        ),
        ("tracestate", "stale=1"),
    ]);
    let parent = extract(&[("traceparent", TRACEPARENT)])
        .span_context
        .unwrap();
    TraceContext.inject(&parent, &Baggage::EMPTY, &mut sent);
    assert_eq!(sent, headers(&[("traceparent", TRACEPARENT)]));

    let state = TraceState::parse("a=1").unwrap();
    TraceContext.inject(&parent.with_trace_state(state), &Baggage::EMPTY, &mut sent);
    assert_eq!(sent["tracestate"], "a=1");
}

#[test]
fn no_span_is_not_sent() {
    let mut sent = HeaderMap::new();
    TraceContext.inject(&SpanContext::NONE, &Baggage::EMPTY, &mut sent);
    assert!(sent.is_empty());
}
