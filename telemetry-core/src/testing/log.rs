//! Assertions about one log record.
#![expect(
    clippy::panic,
    clippy::must_use_candidate,
    reason = "an assertion is a statement that fails by panicking"
)]

use std::fmt::Write;

use super::tree::page;
use crate::export::memory::{CapturedLog, CapturedSpan, CapturedValue};
use crate::otlp::Severity;

/// A captured log record about which a test makes assertions; each prints all records and traces
/// when it fails.
#[derive(Clone, Debug)]
pub struct LogAssertion {
    log: CapturedLog,
    logs: Vec<CapturedLog>,
    spans: Vec<CapturedSpan>,
}

impl LogAssertion {
    #[track_caller]
    pub(super) fn find(logs: Vec<CapturedLog>, spans: Vec<CapturedSpan>, message: &str) -> Self {
        let Some(log) = logs.iter().find(|log| log.message == message).cloned() else {
            panic!("no log record says {message:?}\n\n{}", records(&logs));
        };
        Self { log, logs, spans }
    }

    /// The record.
    pub fn log(&self) -> &CapturedLog {
        &self.log
    }

    /// Asserts that the attribute has this value.
    ///
    /// # Panics
    ///
    /// It has not.
    #[track_caller]
    pub fn has_attribute(&self, key: &str, value: impl Into<CapturedValue>) -> &Self {
        let (found, wanted) = (self.log.attribute(key), value.into());
        self.check(found == Some(&wanted), || {
            let found = found.map_or("nothing".to_owned(), ToString::to_string);
            format!("has {key} = {found}, not {wanted}")
        })
    }

    /// Asserts its severity.
    ///
    /// # Panics
    ///
    /// It has another.
    #[track_caller]
    pub fn has_severity(&self, severity: Severity) -> &Self {
        let found = self.log.severity;
        self.check(found == severity, || {
            format!("is {found:?}, not {severity:?}")
        })
    }

    /// Asserts that it was written inside a captured span of this name.
    ///
    /// # Panics
    ///
    /// It was not.
    #[track_caller]
    pub fn in_span(&self, name: &str) -> &Self {
        let around = self.spans.iter().find(|span| {
            Some(span.trace_id) == self.log.trace_id && Some(span.span_id) == self.log.span_id
        });
        let found = around.map(|span| span.name.as_str());
        self.check(found == Some(name), || {
            format!("is not in the span {name:?} but in {found:?}")
        })
    }

    #[track_caller]
    fn check(&self, holds: bool, complaint: impl FnOnce() -> String) -> &Self {
        if holds {
            return self;
        }
        let message = &self.log.message;
        let (logs, spans) = (records(&self.logs), page(&self.spans));
        panic!("the record {message:?} {}\n\n{logs}\n{spans}", complaint());
    }
}

fn records(logs: &[CapturedLog]) -> String {
    let mut text = format!("{} log records captured:\n", logs.len());
    for log in logs {
        let _ = writeln!(text, "{} {:?}", log.severity.as_str(), log.message);
    }
    text
}
