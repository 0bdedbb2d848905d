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

    /// Notes the head of the response.
    pub(super) fn response(&mut self, status: StatusCode, headers: &HeaderMap) {
        if self.is_watched() {
            self.status = Some(status);
            self.failure = self.options.classify.response(status, headers);
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
        self.recorded || self.measured.is_some()
    }

    fn finish(&mut self) {
        let failure = self.failure.take();
        let end = End {
            status: self.status,
            failure,
        };
        if let Some(measured) = self.measured.take() {
            // an exemplar takes the ids that are current
            let _entered = self.recorded.then(|| self.enter());
            self.options.instruments.end(measured, &end);
        }
        if std::mem::take(&mut self.recorded) {
            self.end_span(end);
        }
    }

    fn end_span(&mut self, end: End) {
        let End { status, failure } = end;
        let message = self.message.take();
        trace::end(&self.span, |record| {
            if let Some(status) = status {
                let code = i64::from(status.as_u16());
                record
                    .attributes
                    .set(semconv::HTTP_RESPONSE_STATUS_CODE, code);
            }
            if let Some(failure) = &failure {
                fail(record, failure, message);
            }
        });
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
