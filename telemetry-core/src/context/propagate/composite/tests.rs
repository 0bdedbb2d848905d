use std::collections::HashMap;

use super::*;

const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn extract(kinds: &[PropagatorKind], pairs: &[(&str, &str)]) -> Extracted {
    let owned = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let carrier: HashMap<String, String> = owned.collect();
    Composite::of(kinds).extract(&carrier)
}

use PropagatorKind::{B3 as B3Kind, Baggage as BaggageKind, TraceContext as W3c};

#[test]
fn a_later_valid_one_overrides() {
    let other = "11111111111111111111111111111111-2222222222222222-0";
    let pairs = [
        ("traceparent", TRACEPARENT),
        ("tracestate", "a=1"),
        ("b3", other),
    ];
    let last_b3 = extract(&[W3c, B3Kind], &pairs);
    let parent = last_b3.span_context.unwrap();
    assert_eq!(parent.span_id().to_string(), "2222222222222222");
    assert!(parent.trace_state().is_empty());
    assert_eq!(last_b3.sampled, Some(false));

    let last_w3c = extract(&[B3Kind, W3c], &pairs);
    let parent = last_w3c.span_context.unwrap();
    assert_eq!(parent.trace_id().to_string(), TRACE_ID);
    assert_eq!(parent.trace_state().as_str(), "a=1");
    assert_eq!(last_w3c.sampled, Some(true));
}

#[test]
fn a_later_one_that_is_not_valid_changes_nothing() {
    for b3 in [
        "nonsense",
        "11111111111111111111111111111111-0000000000000000-0",
    ] {
        let with = extract(&[W3c, B3Kind], &[("traceparent", TRACEPARENT), ("b3", b3)]);
        assert_eq!(with, extract(&[W3c], &[("traceparent", TRACEPARENT)]));
    }
}

#[test]
fn one_trace_in_two_formats_keeps_its_tracestate() {
    let b3 = format!("{TRACE_ID}-00f067aa0ba902b7-d");
    let pairs = [
        ("traceparent", TRACEPARENT),
        ("tracestate", "a=1"),
        ("b3", &*b3),
    ];
    let extracted = extract(&[W3c, B3Kind], &pairs);
    let parent = extracted.span_context.unwrap();
    assert_eq!(parent.trace_state().as_str(), "a=1");
    assert!(extracted.debug && parent.is_debug() && parent.is_sampled());
}

#[test]
fn a_decision_without_ids_holds_for_the_parent_of_another_format() {
    let extracted = extract(&[W3c, B3Kind], &[("traceparent", TRACEPARENT), ("b3", "0")]);
    let parent = extracted.span_context.unwrap();
    assert_eq!(parent.trace_id().to_string(), TRACE_ID);
    assert!(!parent.is_sampled());
    assert_eq!(extracted.sampled, Some(false));
}

#[test]
fn writes_every_format_once() {
    let parent = extract(&[W3c], &[("traceparent", TRACEPARENT)])
        .span_context
        .unwrap();
    let composite = Composite::of(&[W3c, BaggageKind, W3c, B3Kind, BaggageKind]);
    let mut sent = HashMap::new();
    composite.inject(&parent, &Baggage::parse("a=1"), &mut sent);
    assert_eq!(sent.len(), 3);
    assert_eq!(sent["traceparent"], TRACEPARENT);
    assert_eq!(sent["baggage"], "a=1");
    assert_eq!(sent["b3"], format!("{TRACE_ID}-00f067aa0ba902b7-1"));
    let fields: Vec<_> = composite.fields().map(http::HeaderName::as_str).collect();
    assert_eq!(fields, ["traceparent", "tracestate", "baggage", "b3"]);
}

#[test]
fn none_carries_nothing() {
    let none = Composite::of(&[]);
    let mut sent: HashMap<String, String> = HashMap::new();
    let parent = extract(&[W3c], &[("traceparent", TRACEPARENT)])
        .span_context
        .unwrap();
    none.inject(&parent, &Baggage::parse("a=1"), &mut sent);
    assert!(sent.is_empty());
    let pairs = HashMap::from([("traceparent".to_owned(), TRACEPARENT.to_owned())]);
    assert_eq!(none.extract(&pairs), Extracted::default());
}
