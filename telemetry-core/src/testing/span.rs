//! Assertions about one span.
#![expect(
    clippy::panic,
    clippy::must_use_candidate,
    reason = "an assertion is a statement that fails by panicking"
)]

use super::tree::page;
use crate::export::memory::{CapturedSpan, CapturedValue};
use crate::otlp::{Kind, StatusCode};

/// A captured span about which a test makes assertions; each prints all traces when it fails.
#[derive(Clone, Debug)]
pub struct SpanAssertion {
    span: CapturedSpan,
    all: Vec<CapturedSpan>,
}

impl SpanAssertion {
    #[track_caller]
    pub(super) fn find(all: Vec<CapturedSpan>, name: &str) -> Self {
        let Some(span) = all.iter().find(|span| span.name == name).cloned() else {
            panic!("no span is named {name:?}\n\n{}", page(&all));
        };
        Self { span, all }
    }

    /// The span.
    pub fn span(&self) -> &CapturedSpan {
        &self.span
    }

    /// Asserts that the attribute has this value.
    ///
    /// # Panics
    ///
    /// It has not.
    #[track_caller]
    pub fn has_attribute(&self, key: &str, value: impl Into<CapturedValue>) -> &Self {
        let (found, wanted) = (self.span.attribute(key), value.into());
        self.check(found == Some(&wanted), || {
            let found = found.map_or("nothing".to_owned(), ToString::to_string);
            format!("has {key} = {found}, not {wanted}")
        })
    }

    /// Asserts that the attribute is not set.
    ///
    /// # Panics
    ///
    /// It is.
    #[track_caller]
    pub fn has_no_attribute(&self, key: &str) -> &Self {
        let found = self.span.attribute(key);
        self.check(found.is_none(), || format!("has {key} = {found:?}"))
    }

    /// Asserts that it has no parent at all.
    ///
    /// # Panics
    ///
    /// It has one.
    #[track_caller]
    pub fn is_root(&self) -> &Self {
        let parent = self.span.parent_span_id;
        self.check(parent.is_none(), || format!("has a parent, {parent:?}"))
    }

    /// Asserts that its parent is in another process.
    ///
    /// # Panics
    ///
    /// It is not.
    #[track_caller]
    pub fn has_remote_parent(&self) -> &Self {
        self.check(self.span.parent_is_remote, || {
            "has no remote parent".to_owned()
        })
    }

    /// Asserts that its parent is a captured span of this name, in the same trace.
    ///
    /// # Panics
    ///
    /// It is not.
    #[track_caller]
    pub fn is_child_of(&self, name: &str) -> &Self {
        let parent = self.all.iter().find(|span| {
            span.trace_id == self.span.trace_id && Some(span.span_id) == self.span.parent_span_id
        });
        let found = parent.map(|parent| parent.name.as_str());
        self.check(found == Some(name), || {
            format!("is not a child of {name:?} but of {found:?}")
        })
    }

    /// Asserts that a captured span of this name is in the same trace.
    ///
    /// # Panics
    ///
    /// None is.
    #[track_caller]
    pub fn is_in_trace_of(&self, name: &str) -> &Self {
        let is_there = self
            .all
            .iter()
            .any(|span| span.name == name && span.trace_id == self.span.trace_id);
        self.check(is_there, || format!("is in no trace with {name:?}"))
    }

    /// Asserts its kind.
    ///
    /// # Panics
    ///
    /// It has another.
    #[track_caller]
    pub fn has_kind(&self, kind: Kind) -> &Self {
        let found = self.span.kind;
        self.check(found == kind, || format!("is {found:?}, not {kind:?}"))
    }

    /// Asserts that it failed.
    ///
    /// # Panics
    ///
    /// It did not.
    #[track_caller]
    pub fn has_status_error(&self) -> &Self {
        self.has_status(StatusCode::Error)
    }

    /// Asserts its status.
    ///
    /// # Panics
    ///
    /// It has another.
    #[track_caller]
    pub fn has_status(&self, status: StatusCode) -> &Self {
        let found = self.span.status;
        self.check(found == status, || {
            format!("has the status {found:?}, not {status:?}")
        })
    }

    /// Asserts that it has an event of this name.
    ///
    /// # Panics
    ///
    /// It has none.
    #[track_caller]
    pub fn has_event(&self, name: &str) -> &Self {
        self.check(self.span.event(name).is_some(), || {
            format!("has no event {name:?}")
        })
    }

    /// Asserts that it has an exception with this message.
    ///
    /// # Panics
    ///
    /// It has none.
    #[track_caller]
    pub fn has_exception(&self, message: &str) -> &Self {
        let has_it = self.span.events.iter().any(|event| {
            let found = event.attribute("exception.message");
            event.name == "exception" && found.and_then(CapturedValue::as_str) == Some(message)
        });
        self.check(has_it, || format!("has no exception {message:?}"))
    }

    #[track_caller]
    fn check(&self, holds: bool, complaint: impl FnOnce() -> String) -> &Self {
        if holds {
            return self;
        }
        let name = &self.span.name;
        panic!("the span {name:?} {}\n\n{}", complaint(), page(&self.all));
    }
}
