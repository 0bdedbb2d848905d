//! A request that is being handled.

use std::any::type_name;
use std::cell::RefCell;
use std::fmt::{Debug, Display};
use std::sync::Arc;

use http::{HeaderMap, StatusCode, Version};
use telemetry_core::context::{CurrentIds, EnteredIds, enter_ids};
use telemetry_core::trace::{self, Recording};
use tracing::Span;

use super::notes::Notes;
use super::options::Options;
use super::surroundings::Surroundings;
use crate::http::end::End;
use crate::http::error_text::error_text;
use crate::http::subject::Subject;
use crate::metrics::Measured;
use crate::{Failure, Side};

/// A request that is being handled, from its head to the last byte of the response. Dropped before
/// [`Operation::end`], it ends as cancelled.
///
/// One word, because it moves with the response through all that is around the service.
#[derive(Debug)]
pub(in crate::http) struct Operation(Box<State>);

/// The span of a request and what is known of its end.
#[derive(Debug, Default)]
struct State {
    inside: Inside,
    /// The ids of the span, if there is a record to fill.
    recorded: Option<CurrentIds>,
    /// None if it is not measured, or not any more.
    measured: Option<Measured>,
    /// The request's lines, if they are kept until it ends.
    lines: Option<Recording>,
    /// What the options want to know; none until its end and if they want nothing.
    notes: Option<Box<Notes>>,
    options: Option<Arc<Options>>,
    /// None once it has ended, and for what is left out.
    end: Option<End>,
}

/// What the work runs in.
#[derive(Debug)]
struct Inside {
    span: Span,
    surroundings: Surroundings,
}

/// How many states a thread keeps for reuse: more than the requests that it usually works on at
/// once, and 32 KiB at most.
const POOLED: usize = 64;

thread_local! {
    #[expect(clippy::vec_box, reason = "the boxes themselves are what is reused")]
    static POOL: RefCell<Vec<Box<State>>> = const { RefCell::new(Vec::new()) };
}

impl Operation {
    /// A request with its span. If the span has a record, `recorded` are its ids.
    pub(in crate::http) fn new(
        span: Span,
        recorded: Option<CurrentIds>,
        surroundings: Surroundings,
        options: &Arc<Options>,
    ) -> Self {
        let pooled = POOL.try_with(|pool| pool.try_borrow_mut().ok()?.pop());
        let mut state = pooled.ok().flatten().unwrap_or_default();
        state.inside = Inside { span, surroundings };
        state.recorded = recorded;
        state.options = Some(Arc::clone(options));
        Self(state)
    }

    /// The same request, which is measured too.
    pub(in crate::http) fn measured(mut self, measured: Measured) -> Self {
        self.0.measured = Some(measured);
        self
    }

    /// The same request, whose end is of interest.
    pub(in crate::http) fn about(mut self, subject: Subject) -> Self {
        self.0.end = Some(End::of(subject));
        self
    }

    /// Whether its end is told by gRPC.
    pub(in crate::http) fn is_grpc(&self) -> bool {
        self.0.end.as_ref().is_some_and(|end| end.subject.is_grpc())
    }

    /// The same request, whose lines are kept.
    pub(super) fn recording(mut self, lines: Option<Recording>) -> Self {
        self.0.lines = lines;
        self
    }

    /// The same request, of which more is noted.
    pub(in crate::http) fn noting(mut self, notes: Option<Box<Notes>>) -> Self {
        self.0.notes = notes;
        self
    }

    /// What is noted, if anything.
    #[inline]
    pub(in crate::http) fn notes(&self) -> Option<&Notes> {
        self.0.notes.as_deref()
    }

    /// Runs a part of the work inside the span. If it panics, the span ends.
    #[inline]
    pub(in crate::http) fn run<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let mut guard = PanicGuard {
            state: &mut self.0,
            passed: false,
        };
        let result = {
            let _entered = guard.state.inside.enter();
            work()
        };
        guard.passed = true;
        result
    }

    /// Notes the head of the response, and adds to it what the caller is to know.
    pub(in crate::http) fn response(
        &mut self,
        status: StatusCode,
        version: Version,
        headers: &mut HeaderMap,
    ) {
        let state = &mut *self.0;
        let (Some(end), Some(options)) = (&mut state.end, &state.options) else {
            return;
        };
        end.response(status, headers, &*options.classify);
        end.answered_over(version);
        if let (Some(_), Some(captured)) = (state.recorded, &options.response_headers) {
            trace::with_record(&state.inside.span, |record| {
                captured.fill(&mut record.attributes, headers);
            });
        }
        if let Some(notes) = &state.notes {
            notes.answer(options, headers);
        }
    }

    /// Notes the trailers of the response.
    pub(in crate::http) fn trailers(&mut self, trailers: &HeaderMap) {
        if let (Some(end), Some(options)) = (&mut self.0.end, &self.0.options) {
            end.trailers(trailers, &*options.classify);
        }
    }

    /// Counts bytes of the response's body.
    #[inline]
    pub(in crate::http) fn sent(&mut self, bytes: usize) {
        if let Some(notes) = &mut self.0.notes {
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
        let state = &mut *self.0;
        if let (Some(end), Some(options)) = (&mut state.end, &state.options)
            && end.failure.is_none()
        {
            end.failure = options.classify.error(type_name);
            end.message = state.recorded.map(|_| error_text(told));
        }
    }

    /// Ends the span.
    pub(in crate::http) fn end(mut self) {
        if let (Some(end), Some(options)) = (&mut self.0.end, &self.0.options) {
            end.complete(&*options.classify);
        }
        self.0.finish();
        self.0.put_back();
    }

    /// Ends the span of a request that nobody waits for any more.
    pub(in crate::http) fn cancel(mut self) {
        self.0.finish_early(Failure::CANCELLED);
        self.0.put_back();
    }

    /// Ends the span of a request whose response was dropped before its end. A client that has its
    /// answer may not want the rest; how a call of gRPC ended is known only by its code.
    pub(in crate::http) fn leave(mut self) {
        let is_answered = self.0.end.as_ref().is_some_and(|end| {
            let Subject { side, .. } = end.subject;
            side == Side::Client && (end.code.is_some() || !end.subject.is_grpc())
        });
        if is_answered {
            self.0.finish();
        }
        self.cancel();
    }
}

impl State {
    /// The one place where a request ends, whichever way it does.
    fn finish(&mut self) {
        let Some(end) = &mut self.end else { return };
        let Some(options) = &self.options else { return };
        let notes = self.notes.take();
        let recorded = self.recorded.take();
        if let Some(notes) = notes.as_deref().filter(|notes| notes.compensates()) {
            self.inside.compensate(options, notes, end);
        }
        if let Some(lines) = self.lines.take() {
            lines.end(end.failure.is_some());
        }
        end.forget_unknown_method();
        let sizes = notes
            .as_deref()
            .and_then(|notes| notes.sizes(options, end.status.is_some()));
        let ended = recorded.and_then(|_| {
            let sizes = sizes.unwrap_or_default();
            trace::end(&self.inside.span, |record| end.write(record, sizes))
        });
        if let Some(measured) = self.measured.take() {
            // an exemplar takes the ids that are current
            let _entered = recorded.map(|ids| enter_ids(Some(ids)));
            options.instruments.end(&measured, end, ended);
            if let Some(sizes) = sizes {
                options.instruments.sizes(&measured, end, sizes);
            }
        }
        if let Some(notes) = notes.as_deref().filter(|notes| notes.logs()) {
            self.inside.log(options, notes, end);
        }
        self.end = None;
    }

    fn finish_early(&mut self, failure: Failure) {
        if let Some(end) = &mut self.end {
            end.failure.get_or_insert(failure);
        }
        self.finish();
    }

    /// Gives the memory back to this thread's pool.
    fn put_back(mut self: Box<Self>) {
        self.inside = Inside::default();
        self.options = None;
        let _ = POOL.try_with(|pool| {
            if let Ok(mut pool) = pool.try_borrow_mut()
                && pool.len() < POOLED
            {
                pool.push(self);
            }
        });
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.finish_early(Failure::CANCELLED);
    }
}

impl Inside {
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

    /// Before the span ends, so that what is done is inside it.
    #[cold]
    fn compensate(&self, options: &Options, notes: &Notes, end: &End) {
        if let Some(compensation) = &options.compensation {
            let _entered = self.enter();
            compensation.run(&notes.outcome(end));
        }
    }

    /// After the span has ended: the line of a failure is no event of it.
    fn log(&self, options: &Options, notes: &Notes, end: &End) {
        let _entered = self.enter();
        notes.log(options, &notes.outcome(end));
    }
}

impl Default for Inside {
    fn default() -> Self {
        Self {
            span: Span::none(),
            surroundings: Surroundings::default(),
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
    state: &'a mut State,
    passed: bool,
}

impl Drop for PanicGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        if !self.passed {
            self.state.finish_early(Failure::PANIC);
        }
    }
}
