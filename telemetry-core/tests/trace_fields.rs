//! What spans carry: attributes with their types, special fields, limits, hostile values.
#![cfg(feature = "testing")]
#![expect(clippy::panic, reason = "tests fail by panicking")]

mod spans;

use std::fmt;
use std::time::Duration;

use opentelemetry::{KeyValue, trace::Status};
use proptest::prelude::*;
use spans::{Capture, Finished, NOW, find, get, text};
use telemetry_core::otlp::{Kind, StatusCode};
use telemetry_core::trace::{SpanEvents, SpanExt};
use tracing::field::{Empty, debug, display};
use tracing::{Span, error, info, info_span, instrument};

#[derive(Debug)]
struct Cause;

#[derive(Debug)]
struct Declined(Cause);

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("issuer refused (51)")
    }
}

impl fmt::Display for Declined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("payment declined")
    }
}

impl std::error::Error for Cause {}

impl std::error::Error for Declined {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn types_are_kept() {
    let span = Capture::new().one(|| {
        let declined = Declined(Cause);
        let bytes: &[u8] = &[0, 255];
        drop(info_span!(
            "typed",
            small = 7_u8,
            unsigned = u64::MAX,
            largest = i64::MAX as u64,
            negative = -5_i64,
            wide = i128::MIN,
            fits = 5_i128,
            float = 1.5,
            nan = f64::NAN,
            yes = true,
            text = "plain",
            debugged = ?Some(1),
            displayed = %Cause,
            bytes,
            error = &declined as &(dyn std::error::Error + 'static),
            late = Empty,
        ));
    });
    for (key, value) in [
        ("small", "Int(7)"),
        ("unsigned", "Str(\"18446744073709551615\")"),
        ("largest", "Int(9223372036854775807)"),
        ("negative", "Int(-5)"),
        ("wide", "Str(\"-170141183460469231731687303715884105728\")"),
        ("fits", "Int(5)"),
        ("float", "Double(1.5)"),
        ("nan", "Double(NaN)"),
        ("yes", "Bool(true)"),
        ("text", "Str(\"plain\")"),
        ("debugged", "Str(\"Some(1)\")"),
        ("displayed", "Str(\"issuer refused (51)\")"),
        ("bytes", "Bytes([0, 255])"),
        ("error", "Str(\"payment declined\")"),
        ("late", "absent"),
    ] {
        assert_eq!(span.get(key), value, "{key}");
    }
    let (name, _, exception) = &span.events[0];
    assert_eq!(name, "exception");
    assert_eq!(get(exception, "exception.type"), text("Declined"));
    assert_eq!(
        get(exception, "exception.stacktrace"),
        text("payment declined\ncaused by: issuer refused (51)")
    );
    assert_eq!(span.status, StatusCode::Unset);
}

#[test]
fn late_fields_replace_earlier_ones() {
    let span = Capture::new().one(|| {
        let span = info_span!("late", a = 1, b = Empty, c = "c");
        span.record("b", 2_u64)
            .record("a", "one")
            .record("b", 3_u64);
    });
    assert_eq!(span.attributes.len(), 3);
    assert_eq!(span.get("a"), "Str(\"one\")");
    assert_eq!(span.get("b"), "Int(3)");
}

#[test]
fn a_callsite_may_repeat_a_field() {
    let span = Capture::new().one(|| drop(info_span!("twice", key = 1, other = 2, key = 3)));
    assert_eq!(span.get("key"), "Int(3)");
    assert_eq!(span.get("other"), "Int(2)");
}

#[test]
fn special_fields_early_and_late() {
    let spans = Capture::new().run(|| {
        drop(info_span!(
            "early",
            otel.name = "GET /early",
            otel.kind = "server",
            otel.status_code = "error",
            otel.status_description = "refused",
            kept = 1
        ));
        let late = info_span!(
            "late",
            otel.name = Empty,
            otel.kind = Empty,
            otel.status_code = Empty,
            otel.status_description = Empty
        );
        late.record("otel.status_description", display("no route"));
        late.record("otel.name", "GET /late");
        late.record("otel.kind", debug(opentelemetry::trace::SpanKind::Client));
        late.record("otel.status_code", "ERROR");
        drop(info_span!(
            "wrong",
            otel.kind = "sever",
            otel.status_code = "bad"
        ));
        drop(info_span!(
            "ok",
            otel.status_code = "OK",
            otel.status_description = "x"
        ));
    });
    let early = find(&spans, "GET /early");
    assert_eq!(
        (early.kind, early.status),
        (Kind::Server, StatusCode::Error)
    );
    assert_eq!(early.status_message, "refused");
    assert_eq!(early.attributes.len(), 1);
    let late = find(&spans, "GET /late");
    assert_eq!((late.kind, late.status), (Kind::Client, StatusCode::Error));
    assert_eq!(late.status_message, "no route");
    let wrong = find(&spans, "wrong");
    assert_eq!(
        (wrong.kind, wrong.status),
        (Kind::Internal, StatusCode::Unset)
    );
    assert_eq!(wrong.get("otel.kind"), text("sever"));
    assert_eq!(wrong.get("otel.status_code"), text("bad"));
    let ok = find(&spans, "ok");
    assert_eq!(
        (ok.status, ok.status_message.as_str()),
        (StatusCode::Ok, "")
    );
}

#[instrument(fields(otel.name = Empty, otel.kind = "client", result = Empty))]
fn instrumented(id: u32) {
    let span = Span::current();
    span.record("otel.name", format!("charge {id}"));
    span.record("result", 1.25);
    span.set_status(Status::error("declined"));
    span.set_attribute("undeclared", true);
}

#[instrument(err)]
fn fails() -> Result<(), Declined> {
    Err(Declined(Cause))
}

#[test]
fn inside_instrumented_functions() {
    let spans = Capture::new().run(|| {
        instrumented(7);
        fails().unwrap_err();
    });
    let span = find(&spans, "charge 7");
    assert_eq!((span.kind, span.status), (Kind::Client, StatusCode::Error));
    assert_eq!(span.status_message, "declined");
    assert_eq!(span.get("id"), "Int(7)");
    assert_eq!(span.get("result"), "Double(1.25)");
    assert_eq!(span.get("undeclared"), "Bool(true)");
    let fails = find(&spans, "fails");
    assert_eq!(
        get(&fails.events[0].2, "exception.message"),
        text("payment declined")
    );
}

#[test]
fn an_error_event_is_an_exception_but_no_failure() {
    let capture = Capture::new();
    let span = capture.one(|| {
        let _span = info_span!("work").entered();
        capture.advance(Duration::from_nanos(5));
        error!(code = 7_u64, "could not reach the cache");
        error!(error = %Declined(Cause), "charge failed");
        let declined = Declined(Cause);
        error!(
            reason = &declined as &(dyn std::error::Error + 'static),
            "again"
        );
        error!(otel.name = "an ordinary field here");
        info!("no event of the span");
        error!(target: "opentelemetry_sdk", "about telemetry itself");
        capture.advance(Duration::from_nanos(5));
    });
    assert_eq!(
        (span.status, span.name.as_str()),
        (StatusCode::Unset, "work")
    );
    assert_eq!((span.start, span.end), (NOW, NOW + 10));
    assert_eq!(span.events.len(), 4, "{:?}", span.events);
    assert!(
        span.events
            .iter()
            .all(|event| event.0 == "exception" && event.1 == NOW + 5)
    );
    let fields = |index: usize| &span.events[index].2;
    assert_eq!(
        get(fields(0), "exception.message"),
        text("could not reach the cache")
    );
    assert_eq!(get(fields(0), "code"), "Int(7)");
    assert_eq!(
        get(fields(1), "exception.message"),
        text("payment declined")
    );
    assert_eq!(get(fields(1), "message"), text("charge failed"));
    assert_eq!(get(fields(2), "exception.type"), text("Declined"));
    assert!(get(fields(2), "exception.stacktrace").contains("issuer refused"));
    assert_eq!(get(fields(3), "otel.name"), text("an ordinary field here"));
    assert!(get(fields(3), "exception.message").contains("event"));
}

#[test]
fn which_events_become_events_of_the_span() {
    let work = || {
        let _span = info_span!("work").entered();
        info!(step = 1, "hello");
        error!("bad");
    };
    let names = |events| -> Vec<String> {
        let span = Capture::with(|settings| settings.events = events).one(work);
        span.events.into_iter().map(|event| event.0).collect()
    };
    assert_eq!(names(SpanEvents::None), Vec::<String>::new());
    assert_eq!(names(SpanEvents::Errors), ["exception"]);
    assert_eq!(names(SpanEvents::All), ["hello", "exception"]);
}

#[test]
fn an_event_with_an_explicit_parent() {
    let spans = Capture::new().run(|| {
        let other = info_span!("other");
        let _current = info_span!("current").entered();
        error!(parent: &other, "there");
        error!(parent: None, "nowhere");
    });
    assert_eq!(find(&spans, "other").events.len(), 1);
    assert_eq!(find(&spans, "current").events.len(), 0);
}

fn limited(work: impl FnOnce()) -> Finished {
    Capture::with(|settings| {
        settings.limits.attributes.count = 2;
        settings.limits.attributes.value_length = 3;
        settings.limits.events = 2;
        settings.limits.links = 1;
        settings.limits.event_attributes.count = 1;
        settings.limits.event_attributes.value_length = 3;
        settings.limits.link_attributes.count = 1;
    })
    .one(work)
}

#[test]
fn limits_hold_and_are_counted() {
    let span = limited(|| {
        let span = info_span!("limited", a = "äöüß", b = ?"abcdef", c = 1, d = Empty);
        span.record("d", 1);
        span.record("a", "123456");
        let pairs = [KeyValue::new("k", 1), KeyValue::new("l", 2)];
        span.set_attributes(&pairs);
        for _ in 0..5 {
            span.add_event("event", &pairs);
            span.add_link(&spans::remote(), &pairs);
        }
    });
    assert_eq!(span.attributes.len(), 2);
    assert_eq!(span.get("a"), text("123"));
    assert_eq!(span.get("b"), "Str(\"\\\"ab\")");
    assert_eq!(span.dropped, [4, 3, 4]);
    assert_eq!((span.events.len(), span.links.len()), (2, 1));
    assert_eq!((span.events[0].2.len(), span.links[0].2.len()), (1, 1));
    assert_eq!(span.dropped_of_items, 3);
}

#[test]
fn a_span_that_never_ends_does_not_grow() {
    let span = Capture::new().one(|| {
        let open = info_span!("connection", state = Empty);
        let _open = open.enter();
        let long = "x".repeat(100_000);
        for step in 0..10_000 {
            open.record("state", step);
            error!(long, "again");
            open.add_link(&spans::remote(), &[]);
        }
    });
    assert_eq!(span.get("state"), "Int(9999)");
    let size: usize = span
        .events
        .iter()
        .flat_map(|event| &event.2)
        .map(|field| field.1.len())
        .sum();
    assert!(size < 3_000_000, "{size} bytes of events");
    assert_eq!(span.events.len(), 10_000 - span.dropped[1] as usize);
    assert_eq!((span.links.len(), span.dropped[2]), (128, 10_000 - 128));
}

struct Endless;

impl fmt::Debug for Endless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        loop {
            f.write_str("é and more of it ")?;
        }
    }
}

#[test]
fn endless_and_huge_values_are_cut_with_a_mark() {
    let span = Capture::new().one(|| {
        let huge = "é".repeat(3_000_000);
        let bytes = vec![1_u8; 5_000_000];
        drop(info_span!("huge", endless = ?Endless, huge, bytes = bytes.as_slice(), after = 1));
    });
    for key in ["endless", "huge"] {
        let value = span.get(key);
        assert!(value.ends_with("…\")"), "{key}");
        assert!(value.len() <= 1024 * 1024 + 16, "{key}");
    }
    assert_eq!(span.get("after"), "Int(1)");
    assert!(span.get("bytes").len() < 4 * 1024 * 1024);
}

struct Panics;

impl fmt::Debug for Panics {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("planned")
    }
}

impl fmt::Display for Panics {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("planned")
    }
}

impl std::error::Error for Panics {}

#[test]
fn a_value_that_panics_costs_only_itself() {
    let capture = Capture::new();
    let spans = capture.run(|| {
        let outer = info_span!("outer", before = 1, bad = ?Panics, after = 2, late = Empty);
        let _outer = outer.enter();
        outer.record("late", display(Panics));
        error!(
            error = &Panics as &(dyn std::error::Error + 'static),
            "event"
        );
        drop(info_span!("child", bad = %Panics));
    });
    let outer = find(&spans, "outer");
    for key in ["bad", "late"] {
        assert!(outer.get(key).contains("panicked"), "{key}");
    }
    assert_eq!(
        (outer.get("before"), outer.get("after")),
        ("Int(1)", "Int(2)")
    );
    assert_eq!(outer.events.len(), 1);
    assert_eq!(find(&spans, "child").parent, outer.span_id);
    assert_eq!(capture.open(), 0);
}

proptest! {
    #[test]
    fn any_text_and_number_arrives(text in ".{0,40}", number: u64, float: f64, signed: i128) {
        let span = Capture::new().one(|| {
            drop(info_span!("any", text, number, float, signed, %text, debugged = ?text));
        });
        prop_assert_eq!(span.get("text"), spans::text(&text));
        prop_assert_eq!(span.get("debugged"), spans::text(format!("{text:?}")));
        prop_assert_eq!(span.get("float"), format!("Double({float:?})"));
        let expected = match i64::try_from(number) {
            Ok(number) => format!("Int({number})"),
            Err(_) => spans::text(number.to_string()),
        };
        prop_assert_eq!(span.get("number"), expected);
        let expected = match i64::try_from(signed) {
            Ok(number) => format!("Int({number})"),
            Err(_) => spans::text(signed.to_string()),
        };
        prop_assert_eq!(span.get("signed"), expected);
    }
}
