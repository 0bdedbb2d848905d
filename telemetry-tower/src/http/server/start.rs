//! The beginning of a request.

use std::sync::Arc;

use http::Method;
use telemetry_core::clock::Timestamp;
use telemetry_core::context::propagate::{self, Extracted};
use telemetry_core::context::{Baggage, CurrentIds, RequestScope, SpanContext, verbose};
use telemetry_core::otlp::{Attributes, Kind};
use telemetry_core::trace::{Prepared, prepare};
use tracing::Span;

use super::notes::Notes;
use super::operation::Operation;
use super::options::Options;
use super::surroundings::{Surroundings, ids};
use super::{CorrelationId, TARGET, attributes};
use crate::RequestHead;
use crate::http::subject::{Call, Subject};
use crate::metrics::{Measured, Scheme, Target};

/// The name of a span that is only prepared, for its ids.
const LEFT_OUT: &str = "HTTP";

/// Finds the parent, decides whether to record, and makes the span.
pub(super) fn start(options: &Arc<Options>, head: RequestHead<'_>) -> Operation {
    let mut incoming = propagate::extract(head.headers());
    let caller = options.is_public(&head).then(|| part(&mut incoming));
    let grant = verbose::accept(head.headers(), &mut incoming);
    let correlation = options
        .correlation
        .as_ref()
        .map(|it| it.of(head.headers(), &mut incoming.baggage));
    let subject = Subject::of(options, head);
    let beginning = Beginning {
        options,
        head,
        caller: caller.flatten(),
        correlation,
        request: RequestScope::NONE
            .with_route(subject.route_id())
            .with_grant(grant),
        subject,
    };
    let operation = if options.traces(&head) {
        beginning.trace(&incoming)
    } else {
        beginning.leave_out(incoming)
    };
    operation.about(beginning.subject)
}

/// Takes the parent away from a request that begins a trace of its own, and the baggage: what a
/// stranger says must not go on to other services.
fn part(incoming: &mut Extracted) -> Option<SpanContext> {
    incoming.sampled = None;
    incoming.debug = false;
    incoming.baggage = Baggage::EMPTY;
    incoming.span_context.take()
}

/// What is known of a request before it has a span.
struct Beginning<'a> {
    options: &'a Arc<Options>,
    head: RequestHead<'a>,
    /// Who called, if it is no parent.
    caller: Option<SpanContext>,
    correlation: Option<CorrelationId>,
    request: RequestScope,
    subject: Subject,
}

impl Beginning<'_> {
    /// A request with a span, if there is an engine.
    fn trace(&self, incoming: &Extracted) -> Operation {
        if let Some(refused) = &self.options.refused {
            refused.tell();
        }
        self.subject.with_name(|name| {
            let Some(mut prepared) = prepare(incoming, name, Kind::Server) else {
                let span = self.span();
                let identity = incoming.span_context.as_ref();
                let operation = self.carry(span, identity, incoming, false);
                return operation.measured(self.measure(None));
            };
            let measured = self.measure(prepared.started());
            prepared.set_request(self.request);
            if let Some(record) = prepared.record_mut() {
                record.set_name(name);
                self.fill(&mut record.attributes);
                if let Some(caller) = &self.caller {
                    record.add_link(caller, &[]);
                }
            }
            self.make(prepared, incoming).measured(measured)
        })
    }

    fn measure(&self, started: Option<Timestamp>) -> Measured {
        let target = Target {
            scheme: Some(Scheme::of(self.head.uri().scheme_str())),
            version: attributes::version(self.head.version()),
            peer: None,
        };
        let instruments = &self.options.instruments;
        instruments.begin(&self.subject, target, started)
    }

    fn fill(&self, attributes: &mut Attributes) {
        let Self { options, head, .. } = *self;
        match &self.subject.call {
            Call::Http { method, route } => {
                let method = method.as_ref().map(Method::as_str);
                attributes::fill(attributes, head, method, route.as_ref(), options);
            }
            Call::Grpc { method } => {
                attributes::fill_rpc(attributes, head, method.as_ref(), options);
            }
        }
    }

    /// A request that was left out: nothing inside it is recorded by a sampler that follows its
    /// parent.
    fn leave_out(&self, mut incoming: Extracted) -> Operation {
        incoming.set_decision(false, false);
        let identity = incoming.span_context.clone().or_else(|| {
            let own = prepare(&incoming, LEFT_OUT, Kind::Server)?.span_context();
            Some(own.with_sampled(false))
        });
        self.carry(Span::none(), identity.as_ref(), &incoming, true)
    }

    /// A request that nobody records: a context passes through.
    fn carry(
        &self,
        span: Span,
        identity: Option<&SpanContext>,
        incoming: &Extracted,
        left_out: bool,
    ) -> Operation {
        let surroundings = Surroundings::without_span(identity, incoming, self.request);
        let operation = Operation::new(span, None, surroundings, self.options);
        operation.noting(self.notes(identity.map(ids), left_out))
    }

    fn make(&self, mut prepared: Prepared, incoming: &Extracted) -> Operation {
        let identity = prepared.span_context();
        let lines = prepared.record_lines();
        if let Some(lines) = lines.as_ref().filter(|_| incoming.debug) {
            lines.pin(); // the caller wants to see everything of this one
        }
        let offer = prepared.offer(TARGET);
        let span = self.span();
        if !offer.is_taken() {
            // no span, no lines
            if let Some(lines) = lines {
                lines.end(false);
            }
            return self.carry(span, Some(&identity), incoming, false);
        }
        let surroundings = Surroundings::with_span(incoming);
        let ids = ids(&identity);
        let recorded = identity.is_sampled().then_some(ids);
        let operation = Operation::new(span, recorded, surroundings, self.options);
        let operation = operation.recording(lines);
        operation.noting(self.notes(Some(ids), false))
    }

    fn notes(&self, ids: Option<CurrentIds>, left_out: bool) -> Option<Box<Notes>> {
        let correlation = self.correlation.as_ref();
        let route = self.subject.route();
        Notes::new(self.options, self.head, route, ids, correlation, left_out)
    }

    /// A field of the span is in every line within it.
    fn span(&self) -> Span {
        match &self.correlation {
            None => tracing::info_span!(target: TARGET, "HTTP request"),
            Some(id) => {
                tracing::info_span!(target: TARGET, "HTTP request", correlation_id = id.as_str())
            }
        }
    }
}
