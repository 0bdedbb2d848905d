//! Which traces are recorded.
#![cfg(feature = "testing")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod spans;

use std::sync::{Arc, Mutex};

use opentelemetry::trace::{Link, SpanKind, TraceContextExt, TraceId, TraceState as ApiTraceState};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};
use proptest::prelude::*;
use spans::{Capture, assert_child, find, remote_with, text};
use telemetry_core::context::{SpanContext, SpanId, TraceFlags, TraceState, current};
use telemetry_core::trace::{Ratio, Sampler, SpanExt, with_remote_parent};
use tracing::{info, info_span};

fn capture(sampler: Sampler) -> Capture {
    Capture::with(|settings| settings.sampler = sampler)
}

fn parent_based(root: Sampler) -> Sampler {
    Sampler::ParentBased(Box::new(root))
}

/// Whether a root, a child of a sampled parent and one of an unsampled parent are exported.
fn exports(sampler: impl Fn() -> Sampler) -> [bool; 3] {
    let parents = [
        None,
        Some(remote_with(TraceFlags::SAMPLED)),
        Some(remote_with(TraceFlags::NOT_SAMPLED)),
    ];
    parents.map(|parent| {
        let spans = capture(sampler()).run(|| {
            let span = match parent {
                Some(parent) => with_remote_parent(parent, || info_span!("span")),
                None => info_span!("span"),
            };
            span.in_scope(|| drop(info_span!("child")));
        });
        if let [child, span] = spans.as_slice() {
            assert_child(child, span);
        }
        spans.len() == 2
    })
}

#[test]
fn named_samplers() {
    assert_eq!(exports(|| Sampler::AlwaysOn), [true, true, true]);
    assert_eq!(exports(|| Sampler::AlwaysOff), [false, false, false]);
    assert_eq!(
        exports(|| parent_based(Sampler::AlwaysOn)),
        [true, true, false]
    );
    assert_eq!(
        exports(|| parent_based(Sampler::AlwaysOff)),
        [false, true, false]
    );
    assert_eq!(
        exports(|| Sampler::Ratio(Ratio::new(1.0))),
        [true, true, true]
    );
    assert_eq!(
        exports(|| Sampler::Ratio(Ratio::new(0.0))),
        [false, false, false]
    );
    assert_eq!(
        exports(|| parent_based(Sampler::Ratio(Ratio::new(0.0)))),
        [false, true, false]
    );
}

#[test]
fn unsampled_spans_keep_ids_for_logs_and_propagation() {
    let capture = capture(Sampler::AlwaysOff);
    let spans = capture.run(|| {
        let outer = info_span!("outer", x = ?Unvisited);
        let outer_ids = outer.in_scope(|| {
            let inner = info_span!("inner");
            let ids = inner.in_scope(|| current().unwrap());
            assert_eq!(ids.trace_id, current().unwrap().trace_id);
            current().unwrap()
        });
        assert!(!outer_ids.trace_flags.is_sampled());
        let sent = outer.span_context().unwrap();
        assert_eq!(
            (sent.trace_id(), sent.span_id()),
            (outer_ids.trace_id, outer_ids.span_id)
        );
    });
    assert_eq!((spans.len(), capture.open()), (0, 0));
}

struct Unvisited;

impl std::fmt::Debug for Unvisited {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("an unsampled span must not visit its fields")
    }
}

#[test]
fn the_random_flag_says_whose_ids_are_random() {
    let flags_of = |parent: Option<u8>| {
        let span = capture(Sampler::AlwaysOn).one(|| match parent {
            Some(flags) => {
                drop(with_remote_parent(
                    remote_with(TraceFlags::new(flags)),
                    || info_span!("s"),
                ));
            }
            None => drop(info_span!("s")),
        });
        span.flags.to_u8()
    };
    assert_eq!(flags_of(None), 0x03);
    assert_eq!(flags_of(Some(0x01)), 0x01);
    assert_eq!(flags_of(Some(0x03)), 0x03);
    assert_eq!(flags_of(Some(0xff)), 0x03);
}

/// What another implementation would decide, by the specification: the threshold as a number of
/// 14 hexadecimal digits against the last 14 digits of the trace's id.
fn by_the_book(th: &str, trace_id: TraceId) -> bool {
    let threshold = u64::from_str_radix(&format!("{th:0<14}"), 16).unwrap();
    let randomness = u64::from_str_radix(&trace_id.to_string()[18..], 16).unwrap();
    randomness >= threshold
}

fn threshold(trace_state: &str) -> String {
    let state = TraceState::parse(trace_state).unwrap();
    let member = state.get("ot").unwrap().to_owned();
    let th = member
        .split(';')
        .find_map(|part| part.strip_prefix("th:"))
        .unwrap();
    assert!(!th.is_empty() && th.len() <= 14, "{th}");
    assert!(
        th == "0" || !th.ends_with('0'),
        "trailing zeros are left out: {th}"
    );
    assert!(
        th.bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)),
        "{th}"
    );
    th.to_owned()
}

proptest! {
    #[test]
    fn services_agree_and_the_threshold_is_stamped(
        id in 1_u128..,
        probability in 1e-9_f64..=1.0,
        larger in 0.0_f64..=1.0,
        vendor in prop::bool::ANY,
    ) {
        let mut parent = SpanContext::new(TraceId::from(id), SpanId::from(1), TraceFlags::default()).remote();
        if vendor {
            parent = parent.with_trace_state(TraceState::parse("vendor=1,ot=rv:00000000000000;x:1").unwrap());
        }
        let decide = |probability: f64, parent: &SpanContext| {
            let capture = capture(Sampler::Ratio(Ratio::new(probability)));
            capture.run(|| drop(with_remote_parent(parent.clone(), || info_span!("s")))).pop()
        };
        let first = decide(probability, &parent);
        prop_assert_eq!(first.is_some(), decide(probability, &parent).is_some());
        if let Some(span) = first {
            let th = threshold(&span.trace_state);
            if vendor {
                prop_assert!(span.trace_state.contains("vendor=1"));
                prop_assert!(span.trace_state.contains("rv:00000000000000"));
                prop_assert!(span.trace_state.contains("x:1"));
            } else {
                prop_assert!(by_the_book(&th, span.trace_id));
            }
            // whoever keeps more keeps this one, too
            prop_assert!(decide(probability.max(larger), &parent).is_some());
        }
    }
}

#[test]
fn stated_randomness_counts_and_a_dropped_span_has_no_threshold() {
    let with = |state: &str, probability: f64| {
        let parent =
            remote_with(TraceFlags::SAMPLED).with_trace_state(TraceState::parse(state).unwrap());
        let capture = capture(Sampler::Ratio(Ratio::new(probability)));
        let mut sent = None;
        let spans = capture.run(|| {
            let span = with_remote_parent(parent, || info_span!("s"));
            sent = span.span_context();
        });
        (!spans.is_empty(), sent.unwrap().trace_state().to_string())
    };
    let (kept, state) = with("ot=rv:ffffffffffffff", 0.01);
    assert!(kept && state.contains("rv:ffffffffffffff"), "{state}");
    let (kept, state) = with("ot=th:8;rv:00000000000001,a=b", 0.5);
    assert!(!kept);
    assert_eq!(state, "ot=rv:00000000000001,a=b");
    let (kept, state) = with("ot=th:8", 0.0);
    assert_eq!((kept, state.as_str()), (false, ""));
}

#[derive(Clone, Debug)]
struct Recorded {
    decision: SamplingDecision,
    asked: Arc<Mutex<Vec<String>>>,
}

impl ShouldSample for Recorded {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        _: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let parent = parent.map(|cx| cx.span().span_context().span_id().to_string());
        let attributes: Vec<_> = attributes
            .iter()
            .map(|kv| format!("{}={}", kv.key, kv.value))
            .collect();
        let asked = format!("{parent:?} {name} {kind:?} {attributes:?} {}", links.len());
        self.asked.lock().unwrap().push(asked);
        // a sampler that uses tracing must not find anything locked
        info!("asked");
        tracing::error!("asked");
        SamplingResult {
            decision: self.decision.clone(),
            attributes: vec![KeyValue::new("sampler", "recorded")],
            trace_state: ApiTraceState::from_key_value([("s", "1")]).unwrap(),
        }
    }
}

fn custom(decision: SamplingDecision) -> (Capture, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::<Mutex<Vec<String>>>::default();
    let sampler = Recorded {
        decision,
        asked: Arc::clone(&asked),
    };
    (capture(Sampler::Custom(Box::new(sampler))), asked)
}

#[test]
fn a_sampler_of_the_sdk_sees_the_span_and_is_heard() {
    let (capture, asked) = custom(SamplingDecision::RecordAndSample);
    let spans = capture.run(|| {
        let root = info_span!(
            "root",
            otel.kind = "client",
            otel.name = "named",
            user = "ada",
            n = 7_u64
        );
        let _root = root.enter();
        drop(info_span!("child", ok = true));
    });
    let named = find(&spans, "named");
    assert_eq!(
        (named.get("sampler"), named.get("user")),
        (text("recorded").as_str(), text("ada").as_str())
    );
    assert_eq!(named.trace_state, "s=1");
    assert_child(find(&spans, "child"), named);
    let asked = asked.lock().unwrap();
    assert_eq!(
        asked[0],
        "Some(\"0000000000000000\") named Client [\"user=ada\", \"n=7\"] 0"
    );
    assert_eq!(
        asked[1],
        format!("Some(\"{}\") child Internal [\"ok=true\"] 0", named.span_id)
    );
}

#[test]
fn a_sampler_of_the_sdk_is_asked_anew_for_a_late_parent() {
    let (capture, asked) = custom(SamplingDecision::RecordAndSample);
    let span = capture.one(|| {
        let span = info_span!("root", user = "ada");
        let _entered = span.enter();
        span.set_parent(remote_with(TraceFlags::SAMPLED)).unwrap();
    });
    assert_eq!(span.get("sampler"), text("recorded"));
    assert_eq!(
        asked.lock().unwrap()[1],
        "Some(\"0000000000000009\") root Internal [\"sampler=recorded\", \"user=ada\"] 0"
    );
}

#[test]
fn record_only_is_not_recorded() {
    for decision in [SamplingDecision::RecordOnly, SamplingDecision::Drop] {
        let (capture, _) = custom(decision);
        let spans = capture.run(|| {
            let span = info_span!("span");
            assert!(!span.span_context().unwrap().is_sampled());
        });
        assert_eq!((spans.len(), capture.open()), (0, 0));
    }
}

#[derive(Clone, Debug)]
struct Broken;

impl ShouldSample for Broken {
    fn should_sample(
        &self,
        _: Option<&Context>,
        _: TraceId,
        _: &str,
        _: &SpanKind,
        _: &[KeyValue],
        _: &[Link],
    ) -> SamplingResult {
        panic!("planned")
    }
}

#[test]
fn a_sampler_that_panics_harms_nobody() {
    let spans = capture(Sampler::Custom(Box::new(Broken))).run(|| {
        let span = info_span!("span");
        span.in_scope(|| assert!(current().is_some()));
    });
    assert!(spans.is_empty());
}
