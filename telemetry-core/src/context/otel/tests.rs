use std::collections::HashMap;

use opentelemetry::trace::TraceContextExt;

use super::*;

fn received() -> HashMap<String, String> {
    [
        (
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ),
        ("tracestate", "a=1"),
        ("baggage", "user=alice%20b;p,z=1"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

#[test]
fn goes_through_an_opentelemetry_context_unchanged() {
    let propagator = TextMap::new(Composite::default());
    let cx = propagator.extract_with_context(&Context::new(), &received());
    assert!(cx.span().span_context().is_remote());
    assert_eq!(
        cx.baggage().get("user").map(|value| value.as_str()),
        Some("alice b")
    );

    let mut sent = HashMap::new();
    propagator.inject_context(&cx, &mut sent);
    assert_eq!(sent, received());
    let fields: Vec<_> = propagator.fields().collect();
    assert_eq!(fields, ["traceparent", "tracestate", "baggage"]);
}

#[test]
fn what_does_not_arrive_stays_as_it_was() {
    let propagator = TextMap::new(Composite::default());
    let cx = propagator.extract_with_context(&Context::new(), &received());
    let after = propagator.extract_with_context(&cx, &HashMap::<String, String>::new());
    assert_eq!(from_context(&after), from_context(&cx));
    let (none, baggage) = from_context(&Context::new());
    assert!(!none.is_valid() && baggage.is_empty());
}

#[test]
fn reads_headers_whose_names_hold_data() {
    let jaeger = TextMap::new(Composite::of(&[
        crate::context::propagate::PropagatorKind::Jaeger,
    ]));
    let received = HashMap::from([("uberctx-user".to_owned(), "alice".to_owned())]);
    let cx = jaeger.extract_with_context(&Context::new(), &received);
    assert_eq!(
        cx.baggage().get("user").map(|value| value.as_str()),
        Some("alice")
    );
}
