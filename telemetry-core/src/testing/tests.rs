use std::panic::{AssertUnwindSafe, catch_unwind};

use tracing_subscriber::prelude::*;

use super::*;
use crate::context::current;
use crate::otlp::{Kind, LogParts, ScopeId, Severity, StatusCode};

/// Runs `work` with a subscriber of its own and returns what was captured.
fn captured(work: impl FnOnce(&Capture)) -> Capture {
    let capture = Capture::new();
    let subscriber = tracing_subscriber::registry().with(capture.layer());
    tracing::subscriber::with_default(subscriber, || work(&capture));
    capture
}

fn order(capture: &Capture) {
    let _order = tracing::info_span!("order", id = 7, otel.kind = "server").entered();
    tracing::info_span!("load").in_scope(|| {
        let ids = current().unwrap();
        let parts = LogParts {
            severity: Severity::Warn,
            body: "stock is low",
            trace_id: ids.trace_id,
            span_id: ids.span_id,
            ..LogParts::empty()
        };
        capture
            .log_intake()
            .push(ScopeId::of_name("shop"), |buffer| parts.encode(buffer));
    });
    let _charge = tracing::info_span!("charge", otel.status_code = "ERROR").entered();
}

fn message(assertion: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(assertion)).unwrap_err();
    panic.downcast_ref::<String>().unwrap().clone()
}

#[test]
fn assertions_hold_for_what_happened() {
    let capture = captured(order);
    capture
        .assert_span("order")
        .is_root()
        .has_kind(Kind::Server)
        .has_attribute("id", 7)
        .has_no_attribute("name")
        .has_status(StatusCode::Unset);
    capture
        .assert_span("charge")
        .is_child_of("order")
        .is_in_trace_of("load")
        .has_status_error();
    capture
        .assert_log("stock is low")
        .in_span("load")
        .has_severity(Severity::Warn);
    capture.assert_no_span("refund");
    assert_eq!(capture.tree(), "order server\n├─ load\n└─ charge ✗\n");
    capture.clear();
    assert_eq!((capture.spans().len(), capture.logs().len()), (0, 0));
}

#[test]
fn a_failed_assertion_shows_the_trace() {
    let capture = captured(order);
    let failures = [
        message(|| {
            capture.assert_span("refund");
        }),
        message(|| {
            capture.assert_span("charge").is_root();
        }),
        message(|| {
            capture.assert_span("charge").is_child_of("load");
        }),
        message(|| {
            capture.assert_span("order").has_attribute("id", "7");
        }),
        message(|| capture.assert_no_span("charge")),
        message(|| {
            capture.assert_log("stock is low").in_span("charge");
        }),
    ];
    for failure in &failures {
        assert!(failure.contains("├─ load"), "{failure}");
    }
    assert!(failures[3].starts_with("the span \"order\" has id = 7, not \"7\""));
    let logs = message(|| {
        capture.assert_log("something else");
    });
    assert!(logs.contains("WARN \"stock is low\""), "{logs}");
}

#[test]
fn captures_live_side_by_side() {
    let one = captured(order);
    let other = captured(|_| drop(tracing::info_span!("lonely")));
    assert_eq!(one.spans().len(), 3);
    assert_eq!(other.tree(), "lonely\n");
    assert!(
        message(|| {
            Capture::new().assert_span("any");
        })
        .contains("no span has ended")
    );
}
