//! A request that is being handled.

use std::any::type_name;
use std::fmt::{Debug, Display};
use std::sync::Arc;

use http::{HeaderMap, StatusCode, Version};
use telemetry_core::context::EnteredIds;
use telemetry_core::trace;
use tracing::Span;

use super::notes::Notes;
use super::options::Options;
use super::surroundings::Surroundings;
use crate::http::end::End;
use crate::http::error_text::error_text;
use crate::http::subject::Subject;
use crate::metrics::Measured;
use crate::{Failure, Side};

/// The span of a request and what is known of its end. Dropped before [`Operation::end`], it ends
/// as cancelled.
#[derive(Debug)]
pub(in crate::http) struct Operation {
    span: Span,
    surroundings: Surroundings,
    /// Whether there is a record to fill.
    recorded: bool,
    /// None if it is not measured, or not any more.
    measured: Option<Measured>,
    /// What the options want to know; none until its end and if they want nothing.
    notes: Option<Box<Notes>>,
    options: Arc<Options>,
    /// None once it has ended, and for what is left out.
    end: Option<End>,
}

impl Operation {
    /// A request with its span, which has a record or not.
    pub(in crate::http) fn new(
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
            end: None,
        }
    }

    /// The same request, which is measured too.
    pub(in crate::http) fn measured(mut self, measured: Measured) -> Self {
        self.measured = Some(measured);
        self
    }

    /// The same request, whose end is of interest.
    pub(in crate::http) fn about(mut self, subject: Subject) -> Self {
        self.end = Some(End::of(subject));
        self
    }

    /// Whether its end is told by gRPC.
    pub(in crate::http) fn is_grpc(&self) -> bool {
        self.end.as_ref().is_some_and(|end| end.subject.is_grpc())
    }

    /// The same request, of which more is noted.
    pub(in crate::http) fn noting(mut self, notes: Option<Box<Notes>>) -> Self {
        self.notes = notes;
        self
    }

    /// What is noted, if anything.
    #[inline]
    pub(in crate::http) fn notes(&self) -> Option<&Notes> {
        self.notes.as_deref()
    }

    /// Runs a part of the work inside the span. If it panics, the span ends.
    #[inline]
    pub(in crate::http) fn run<T>(&mut self, work: impl FnOnce() -> T) -> T {
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
    pub(in crate::http) fn response(
        &mut self,
        status: StatusCode,
        version: Version,
        headers: &mut HeaderMap,
    ) {
        let Some(end) = &mut self.end else { return };
        end.response(status, headers, &*self.options.classify);
        end.answered_over(version);
        if let (true, Some(captured)) = (self.recorded, &self.options.response_headers) {
            trace::with_record(&self.span, |record| {
                captured.fill(&mut record.attributes, headers);
            });
        }
        if let Some(notes) = &self.notes {
            notes.answer(&self.options, headers);
        }
    }

    /// Notes the trailers of the response.
    pub(in crate::http) fn trailers(&mut self, trailers: &HeaderMap) {
        if let Some(end) = &mut self.end {
            end.trailers(trailers, &*self.options.classify);
        }
    }

    /// Counts bytes of the response's body.
    #[inline]
    pub(in crate::http) fn sent(&mut self, bytes: usize) {
        if let Some(notes) = &mut self.notes {
            notes.sent(bytes);
        }
    }

    /// Notes that the service or the body failed.
    pub(in crate::http) fn error<E: Display + Debug>(&mut self, error: &E) {
        self.failed(type_name::<E>(), error);
    }

    /// The same with an error of this type, which is told by another.
    pub(in crate::http) fn failed<E: Display + Debug>(
        &mut self,
        type_name: &'static str,
        told: &E,
    ) {
        if let Some(end) = &mut self.end
            && end.failure.is_none()
        {
            end.failure = self.options.classify.error(type_name);
            end.message = self.recorded.then(|| error_text(told));
        }
    }

    /// Notes that the body was dropped before its end. A client that has its answer may not want the
    /// rest; how a call of gRPC ended is known only by its code.
    pub(in crate::http) fn left(&mut self) {
        let is_answered = self.end.as_ref().is_some_and(|end| {
            let Subject { side, .. } = end.subject;
            side == Side::Client && (end.code.is_some() || !end.subject.is_grpc())
        });
        if is_answered {
            self.finish();
        }
    }

    /// Ends the span.
    pub(in crate::http) fn end(mut self) {
        if let Some(end) = &mut self.end {
            end.complete(&*self.options.classify);
        }
        self.finish();
    }

    /// The one place where a request ends, whichever way it does.
    fn finish(&mut self) {
        let Some(mut end) = self.end.take() else {
            return;
        };
        let notes = self.notes.take();
        if let Some(notes) = notes.as_deref().filter(|notes| notes.compensates()) {
            self.compensate(notes, &end);
        }
        end.forget_unknown_method();
        let sizes = notes
            .as_deref()
            .and_then(|notes| notes.sizes(&self.options, end.status.is_some()));
        if let Some(measured) = self.measured.take() {
            // an exemplar takes the ids that are current
            let _entered = self.recorded.then(|| self.enter());
            self.options.instruments.end(&measured, &end);
            if let Some(sizes) = sizes {
                self.options.instruments.sizes(&measured, &end, sizes);
            }
        }
        let logging = notes.as_deref().filter(|notes| notes.logs());
        if std::mem::take(&mut self.recorded) {
            let sizes = sizes.unwrap_or_default();
            trace::end(&self.span, |record| end.write(record, sizes));
        }
        if let Some(notes) = logging {
            self.log(notes, &end);
        }
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
        if let Some(end) = &mut self.end {
            end.failure.get_or_insert(failure);
        }
        self.finish();
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        self.finish_early(Failure::CANCELLED);
    }
}

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
