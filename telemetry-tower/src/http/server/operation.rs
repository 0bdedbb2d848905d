//! A request that is being handled.

use std::any::type_name;
use std::borrow::Cow;
use std::fmt::Display;
use std::sync::Arc;

use http::{HeaderMap, StatusCode};
use telemetry_core::context::EnteredIds;
use telemetry_core::otlp::StatusCode as SpanStatus;
use telemetry_core::trace::{self, Record};
use tracing::Span;

use super::attributes::cut;
use super::notes::Notes;
use super::options::Options;
use super::surroundings::Surroundings;
use crate::metrics::{End, Measured};
use crate::{Failure, semconv};

/// The span of a request and what is known of its end. Dropped before [`Operation::end`], it ends
/// as cancelled.
#[derive(Debug)]
pub(super) struct Operation {
    span: Span,
    surroundings: Surroundings,
    /// Whether there is a record to fill.
    recorded: bool,
    /// None if it is not measured, or not any more.
    measured: Option<Measured>,
    /// What the options want to know; none until its end and if they want nothing.
    notes: Option<Box<Notes>>,
    options: Arc<Options>,
    status: Option<StatusCode>,
    failure: Option<Failure>,
    message: Option<String>,
}

impl Operation {
    /// A request with its span, which has a record or not.
    pub(super) fn new(
        span: Span,
        recorded: bool,
        surroundings: Surroundings,
        options: &Arc<Options>,
    ) -> Self {
        Self {
            span,
            surroundings,
            recorded,
            measured: None,
            notes: None,
            options: Arc::clone(options),
            status: None,
            failure: None,
            message: None,
        }
    }

    /// The same request, which is measured too.
    pub(super) fn measured(mut self, measured: Measured) -> Self {
        self.measured = Some(measured);
        self
    }

    /// The same request, of which more is noted.
    pub(super) fn noting(mut self, notes: Option<Box<Notes>>) -> Self {
        self.notes = notes;
        self
    }

    /// What is noted, if anything.
    #[inline]
    pub(super) fn notes(&self) -> Option<&Notes> {
        self.notes.as_deref()
    }

    /// Runs a part of the work inside the span. If it panics, the span ends.
    #[inline]
    pub(super) fn run<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let mut guard = PanicGuard {
            operation: self,
            passed: false,
        };
        let result = {
            let _entered = guard.operation.enter();
            work()
        };
        guard.passed = true;
        result
    }

    #[inline]
    fn enter(&self) -> Entered<'_> {
        let context = self.surroundings.attach();
        let span = self.span.enter();
        Entered {
            _ids: self.surroundings.enter(),
            _span: span,
            _context: context,
        }
    }

    /// Notes the head of the response, and adds to it what the caller is to know.
    pub(super) fn response(&mut self, status: StatusCode, headers: &mut HeaderMap) {
        if !self.is_watched() {
            return;
        }
        self.status = Some(status);
        self.failure = self.options.classify.response(status, headers);
        if let (true, Some(captured)) = (self.recorded, &self.options.response_headers) {
            trace::with_record(&self.span, |record| {
                captured.fill(&mut record.attributes, headers);
            });
        }
        if let Some(notes) = &self.notes {
            notes.answer(&self.options, headers);
        }
    }

    /// Counts bytes of the response's body.
    #[inline]
    pub(super) fn sent(&mut self, bytes: usize) {
        if let Some(notes) = &mut self.notes {
            notes.sent(bytes);
        }
    }

    /// Notes that the service or the body failed.
    pub(super) fn error<E: Display>(&mut self, error: &E) {
        if self.is_watched() && self.failure.is_none() {
            self.failure = self.options.classify.error(type_name::<E>());
            self.message = Some(cut(&error.to_string()).to_owned());
        }
    }

    /// Ends the span.
    pub(super) fn end(mut self) {
        self.finish();
    }

    /// Whether somebody wants to know how it ends.
    fn is_watched(&self) -> bool {
        self.recorded || self.measured.is_some() || self.notes.is_some()
    }

    fn finish(&mut self) {
        let notes = self.notes.take();
        let end = End {
            status: self.status,
            failure: self.failure.take(),
        };
        if let Some(notes) = notes.as_deref().filter(|notes| notes.compensates()) {
            self.compensate(notes, &end);
        }
        if let Some(measured) = self.measured.take() {
            // an exemplar takes the ids that are current
            let _entered = self.recorded.then(|| self.enter());
            self.options.instruments.end(measured, &end);
        }
        if std::mem::take(&mut self.recorded) {
            let sizes = notes.as_deref().map_or([None; 2], |notes| {
                notes.sizes(&self.options, end.status.is_some())
            });
            self.end_span(&end, sizes);
        }
        if let Some(notes) = notes.as_deref().filter(|notes| notes.logs()) {
            self.log(notes, &end);
        }
    }

    fn end_span(&mut self, end: &End, sizes: [Option<u64>; 2]) {
        let End { status, failure } = end;
        let message = self.message.take();
        trace::end(&self.span, |record| {
            if let Some(status) = status {
                let code = i64::from(status.as_u16());
                record
                    .attributes
                    .set(semconv::HTTP_RESPONSE_STATUS_CODE, code);
            }
            for (key, size) in SIZES.into_iter().zip(sizes) {
                if let Some(size) = size.and_then(|size| i64::try_from(size).ok()) {
                    record.attributes.set(key, size);
                }
            }
            if let Some(failure) = failure {
                fail(record, failure, message);
            }
        });
    }

    /// Before the span ends, so that what is done is inside it.
    #[cold]
    fn compensate(&self, notes: &Notes, end: &End) {
        if let Some(compensation) = &self.options.compensation {
            let _entered = self.enter();
            compensation.run(&notes.outcome(end));
        }
    }

    /// After the span has ended: the line of a failure is no event of it.
    fn log(&self, notes: &Notes, end: &End) {
        let _entered = self.enter();
        notes.log(&self.options, &notes.outcome(end));
    }

    fn finish_early(&mut self, failure: Failure) {
        self.failure.get_or_insert(failure);
        self.finish();
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        if self.is_watched() {
            self.finish_early(Failure::CANCELLED);
        }
    }
}

const SIZES: [&str; 2] = [
    semconv::HTTP_REQUEST_BODY_SIZE,
    semconv::HTTP_RESPONSE_BODY_SIZE,
];

/// The work runs inside the span until this is dropped, in the order of the fields.
struct Entered<'a> {
    _ids: Option<EnteredIds>,
    _span: tracing::span::Entered<'a>,
    _context: Option<opentelemetry::ContextGuard>,
}

struct PanicGuard<'a> {
    operation: &'a mut Operation,
    passed: bool,
}

impl Drop for PanicGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        if !self.passed {
            self.operation.finish_early(Failure::PANIC);
        }
    }
}

fn fail(record: &mut Record, failure: &Failure, message: Option<String>) {
    // what the handler has said itself is more precise
    if record.attributes.get(semconv::ERROR_TYPE).is_none() {
        record
            .attributes
            .push(semconv::ERROR_TYPE, failure.error_type());
    }
    let message = message.map_or(Cow::Borrowed(""), Cow::Owned);
    record.set_status(SpanStatus::Error, message);
}
