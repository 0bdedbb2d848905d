//! For the same spans and logs we send what the official exporter sends, but for the differences
//! that `docs/otlp-differences.md` lists.

#![cfg(feature = "otlp")]
#![expect(clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::{Duration, UNIX_EPOCH};

use common::arbitrary::{self, LogCase};
use common::canonical::difference;
use common::differences::{DIFFERENCES, Difference};
use common::official::Official;
use common::ours;
use opentelemetry::logs::AnyValue;
use opentelemetry::trace::{SpanId, TraceFlags, TraceId};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use telemetry_core::otlp::Severity;

#[test]
fn spans_are_what_the_official_exporter_sends() {
    let official = RefCell::new(Official::start());
    let cases = (
        arbitrary::resource(),
        prop::collection::vec(arbitrary::span(), 1..6),
    );
    proptest!(|((resource, spans) in cases)| {
        let difference = compare_traces(&mut official.borrow_mut(), &resource, &spans, &DIFFERENCES);
        prop_assert!(difference.is_none(), "{}", difference.unwrap_or_default());
    });
}

#[test]
fn logs_are_what_the_official_exporter_sends() {
    let official = RefCell::new(Official::start());
    let cases = (
        arbitrary::resource(),
        prop::collection::vec(arbitrary::log(), 1..6),
    );
    proptest!(|((resource, records) in cases)| {
        let difference = compare_logs(&mut official.borrow_mut(), &resource, &records, &DIFFERENCES);
        prop_assert!(difference.is_none(), "{}", difference.unwrap_or_default());
    });
}

/// A row that no longer stands for a difference, or a difference without a row, is a mistake.
#[test]
fn the_table_lists_exactly_the_differences() {
    let document = include_str!("../../docs/otlp-differences.md");
    // metrics have a table and a test of their own
    let table = document.split("## Metrics").next().unwrap_or_default();
    let rows: BTreeSet<_> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    let known: BTreeSet<_> = DIFFERENCES.iter().map(|difference| difference.id).collect();
    assert_eq!(rows, known);
}

/// Each difference is seen where it should be, and nothing but it.
#[test]
fn each_difference_is_real() {
    let mut official = Official::start();
    let resource = Resource::builder_empty().build();
    for left_out in DIFFERENCES {
        let others: Vec<_> = DIFFERENCES
            .into_iter()
            .filter(|other| other.id != left_out.id)
            .collect();
        let mut seen = |differences: &[Difference]| match example(left_out.id) {
            Example::Span(span) => {
                compare_traces(&mut official, &resource, &[*span], differences).is_some()
            }
            Example::Log(log) => {
                compare_logs(&mut official, &resource, &[*log], differences).is_some()
            }
        };
        assert!(seen(&others), "{} makes no difference", left_out.id);
        assert!(!seen(&DIFFERENCES), "{} is not all", left_out.id);
    }
}

/// Says how the requests differ when the given differences are allowed.
fn compare_traces(
    official: &mut Official,
    resource: &Resource,
    spans: &[SpanData],
    allowed: &[Difference],
) -> Option<String> {
    let mut expected = official.traces(resource, spans);
    for difference in allowed {
        difference.apply_to_traces(&mut expected);
    }
    difference(expected, ours::traces(resource, spans))
}

fn compare_logs(
    official: &mut Official,
    resource: &Resource,
    records: &[LogCase],
    allowed: &[Difference],
) -> Option<String> {
    let mut expected = official.logs(resource, records);
    for difference in allowed {
        difference.apply_to_logs(&mut expected);
    }
    difference(expected, ours::logs(resource, records))
}

/// An item that shows a difference.
enum Example {
    Span(Box<SpanData>),
    Log(Box<LogCase>),
}

fn example(id: &str) -> Example {
    let mut log = plain_log();
    match id {
        "unset-status" => {
            let mut span = some_span();
            span.status = opentelemetry::trace::Status::Unset;
            return Example::Span(Box::new(span));
        }
        "empty-key" => log.attributes = vec![(String::new(), 1.into()), ("a".into(), 2.into())],
        "repeated-key" => log.attributes = vec![("a".into(), 1.into()), ("a".into(), 2.into())],
        "attribute-limit" => {
            log.attributes = (0..130).map(|n| (format!("key {n}"), n.into())).collect();
        }
        "nested-values" => {
            let nest = |inner, _| AnyValue::ListAny(Box::new(vec![inner]));
            log.attributes = vec![("deep".into(), (0..20).fold(1.into(), nest))];
        }
        "empty-body" => log.body = String::new(),
        "zero-span-id" => {
            log.context = Some((TraceId::from(1), SpanId::INVALID, TraceFlags::SAMPLED));
        }
        other => panic!("no example of {other}"),
    }
    Example::Log(Box::new(log))
}

fn some_span() -> SpanData {
    let mut runner = TestRunner::deterministic();
    let span = arbitrary::span().new_tree(&mut runner);
    span.expect("a span").current()
}

fn plain_log() -> LogCase {
    LogCase {
        scope: arbitrary::scopes().remove(1),
        target: None,
        timestamp: UNIX_EPOCH + Duration::from_secs(1),
        observed: UNIX_EPOCH + Duration::from_secs(2),
        severity: Severity::Warn,
        body: "hello".to_owned(),
        attributes: Vec::new(),
        context: None,
        event_name: None,
    }
}
