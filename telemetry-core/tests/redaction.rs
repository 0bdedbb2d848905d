//! Secrets do not leave: spans, baggage and exemplars as a receiver would get them.
#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod metrics_support;
mod spans;

use std::borrow::Cow;

use metrics_support::{Bench, all_exemplars};
use opentelemetry::trace::{Span as _, SpanBuilder, Status, Tracer as _, TracerProvider as _};
use opentelemetry::{Array, KeyValue, Value};
use spans::{Capture, Finished, get, remote, text};
use telemetry_core::context::propagate::{Composite, PropagatorKind};
use telemetry_core::context::{Baggage, CurrentIds, SpanId, TraceFlags, TraceId, enter_ids};
use telemetry_core::metrics::View;
use telemetry_core::otlp::{Attributes, StatusCode};
use telemetry_core::redact::{Pattern, Place, REDACTED, Redaction, RedactionRules};
use telemetry_core::trace::{SpanEvents, SpanExt, TracerProvider, set_attribute, with_record};
use tracing::{error, info, info_span};

const TOKEN: &str = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UifQ.";

fn strict() -> Redaction {
    let rules = RedactionRules::default()
        .key("customer.*")
        .pattern(Pattern::JWT)
        .pattern(Pattern::EMAIL);
    Redaction::new(&rules)
}

fn capture(redaction: &Redaction) -> Capture {
    Capture::with(|settings| {
        settings.redaction = redaction.clone();
        settings.events = SpanEvents::All;
    })
}

/// Nothing of a span has a secret in it.
#[track_caller]
fn assert_clean(span: &Finished) {
    let all = format!("{span:?}");
    for secret in ["hunter2", "eyJ", "@example.org", "Ada"] {
        assert!(!all.contains(secret), "{all}");
    }
}

#[test]
fn fields_of_spans_are_redacted_whenever_they_come() {
    let redaction = strict();
    let span = capture(&redaction).one(|| {
        let span = info_span!(
            "login",
            password = "hunter2",
            order = 7,
            to = "ada@example.org",
            late.secret = tracing::field::Empty,
            late.note = tracing::field::Empty,
            pin.token = 1234,
        );
        span.record("late.secret", tracing::field::debug("hunter2"));
        span.record("late.note", format!("got {TOKEN}"));
        span.set_attribute("customer.name", "Ada");
        set_attribute(&span, "api-key", "hunter2");
        let list = vec!["ada".into(), "ada@example.org".into()];
        span.set_attribute("list", Value::Array(Array::String(list)));
        with_record(&span, |record| record.attributes.push("cookie", "hunter2"));
    });
    assert_clean(&span);
    for key in [
        "password",
        "late.secret",
        "pin.token",
        "customer.name",
        "api-key",
        "cookie",
        "to",
    ] {
        assert_eq!(span.get(key), text(REDACTED), "{key}");
    }
    assert_eq!(span.get("late.note"), text("got <redacted>"));
    assert_eq!(span.get("order"), "Int(7)");
    assert_eq!(redaction.hidden(Place::Span), 9);
    assert_eq!(redaction.hidden(Place::Log), 0);
}

#[test]
fn events_links_names_and_outcomes_are_redacted() {
    let span = capture(&strict()).one(|| {
        let span = info_span!("call", otel.status_description = "refused ada@example.org");
        let _entered = span.enter();
        info!(token = "hunter2", "mail to ada@example.org");
        error!(secret = "hunter2", "no mail to ada@example.org");
        let error = std::io::Error::other("no user ada@example.org");
        error!(error = &error as &dyn std::error::Error, "failed");
        span.record_error(&error);
        span.add_event(
            "sent ada@example.org",
            &[KeyValue::new("password", "hunter2")],
        );
        span.add_link(&remote(), &[KeyValue::new("token", "hunter2")]);
        span.set_status(Status::error("ada@example.org is unknown"));
        span.update_name("mail ada@example.org");
    });
    assert_clean(&span);
    assert_eq!(span.name, "mail <redacted>");
    assert_eq!(
        (span.status, span.status_message.as_str()),
        (StatusCode::Error, "<redacted> is unknown")
    );
    let names: Vec<&str> = span.events.iter().map(|event| event.0.as_str()).collect();
    assert_eq!(
        names,
        [
            "mail to <redacted>",
            "exception",
            "exception",
            "exception",
            "sent <redacted>"
        ]
    );
    assert_eq!(
        get(&span.events[2].2, "exception.message"),
        text("no user <redacted>")
    );
    assert_eq!(get(&span.links[0].2, "token"), text(REDACTED));
}

#[test]
fn spans_of_the_opentelemetry_api_are_redacted() {
    let capture = capture(&strict());
    let tracer = TracerProvider::new(capture.engine.clone()).tracer("shop");
    let span = capture.one(|| {
        let builder = SpanBuilder::from_name("call").with_attributes([
            KeyValue::new("authorization", "hunter2"),
            KeyValue::new("n", 1),
        ]);
        let mut span = tracer.build(builder);
        span.set_attribute(KeyValue::new("to", "ada@example.org"));
        span.set_attributes((0..40).map(|n| KeyValue::new(format!("{n}.token"), "hunter2")));
        span.add_event("event", vec![KeyValue::new("note", TOKEN)]);
        span.set_status(Status::error(Cow::Borrowed(TOKEN)));
    });
    assert_clean(&span);
    assert_eq!(span.get("authorization"), text(REDACTED));
    assert_eq!(span.get("39.token"), text(REDACTED));
    assert_eq!(span.get("n"), "Int(1)");
    assert_eq!(span.status_message, REDACTED);
}

#[test]
fn without_rules_spans_stay_as_they_are() {
    let span = capture(&Redaction::none()).one(|| {
        let _span = info_span!("login", password = "hunter2");
    });
    assert_eq!(span.get("password"), text("hunter2"));
    let span = Capture::new().one(|| {
        let _span = info_span!("login", password = "hunter2", note = TOKEN);
    });
    assert_eq!(span.get("password"), text(REDACTED));
    assert_eq!(span.get("note"), text(TOKEN));
}

#[test]
fn a_record_of_one_engine_is_none_of_the_next() {
    for _ in 0..3 {
        let closed = capture(&strict()).one(|| drop(info_span!("a", customer.name = "Ada")));
        assert_clean(&closed);
        let open = capture(&Redaction::none()).one(|| drop(info_span!("b", password = "hunter2")));
        assert_eq!(open.get("password"), text("hunter2"));
    }
}

#[test]
fn a_list_of_attributes_can_be_redacted_by_itself() {
    let mut list = Attributes::new(
        Attributes::LOG,
        telemetry_core::otlp::AttributeLimits::default(),
    )
    .redacted_by(&strict());
    list.set("password", 7_i64);
    list.set("flag", true);
    let shown: Vec<String> = list.iter().map(|entry| format!("{entry:?}")).collect();
    assert_eq!(
        shown,
        [
            r#"("password", Str("<redacted>"))"#,
            r#"("flag", Bool(true))"#
        ]
    );
}

#[test]
fn baggage_with_a_secret_stays_behind() {
    let redaction = strict();
    let composite = Composite::of(&[PropagatorKind::Baggage, PropagatorKind::Jaeger])
        .redacted_by(redaction.clone());
    let baggage = Baggage::parse(&format!(
        "tenant=acme,session_token=hunter2,mail=ada%40example.org,note=x;jwt={TOKEN}"
    ));
    let mut headers = http::HeaderMap::new();
    composite.inject(&remote(), &baggage, &mut headers);
    assert_eq!(headers["baggage"], "tenant=acme");
    assert_eq!(headers["uberctx-tenant"], "acme");
    assert_eq!(headers.len(), 3);
    assert_eq!(redaction.hidden(Place::Baggage), 3);
    // what came in is the program's, to read and to judge
    let extracted = composite.extract(&{
        let mut headers = http::HeaderMap::new();
        headers.insert("baggage", "session_token=hunter2".parse().unwrap());
        headers
    });
    assert_eq!(extracted.baggage.get("session_token"), Some("hunter2"));
}

#[test]
fn attributes_of_exemplars_are_redacted() {
    let redaction = strict();
    let bench = Bench::with(|settings| {
        settings.redaction = redaction.clone();
        settings.views = vec![View::of("logins").keep_attributes(["result"])];
    });
    let logins = bench.meter.u64_counter("logins").build();
    let _ids = enter_ids(Some(CurrentIds {
        trace_id: TraceId::from(1),
        span_id: SpanId::from(2),
        trace_flags: TraceFlags::SAMPLED,
    }));
    logins.add(
        1,
        &[
            KeyValue::new("result", "ok"),
            KeyValue::new("password", "hunter2"),
            KeyValue::new("mail", "ada@example.org"),
            KeyValue::new("n", 7),
        ],
    );
    let kept = all_exemplars(&bench.collect(), "logins");
    let mut shown = kept[0].filtered_attributes.clone();
    shown.sort_by(|one, other| one.key.cmp(&other.key));
    assert_eq!(
        shown,
        [
            KeyValue::new("mail", REDACTED),
            KeyValue::new("n", 7),
            KeyValue::new("password", REDACTED),
        ]
    );
    assert_eq!(redaction.hidden(Place::Exemplar), 2);
}
