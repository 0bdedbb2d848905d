//! The beginning of a request.

use std::sync::Arc;

use http::Request;
use telemetry_core::context::propagate::{self, Extracted};
use telemetry_core::context::{self, SpanContext, verbose};
use telemetry_core::otlp::Kind;
use telemetry_core::trace::{Prepared, prepare};
use tracing::Span;

use super::{TARGET, attributes};
use crate::RequestHead;
use crate::http::server::notes::Notes;
use crate::http::server::operation::Operation;
use crate::http::server::options::Options;
use crate::http::server::surroundings::{Surroundings, ids};
use crate::http::subject::Subject;
use crate::metrics::{Peer, Scheme, Target};

/// Decides whether to record, makes the span, and lets the request carry its context, and the token of
/// a verbose request where that may go.
///
/// `length` is that of the request's body, if it is known.
pub(super) fn start<B>(
    options: &Arc<Options>,
    request: &mut Request<B>,
    length: Option<u64>,
) -> Operation {
    let operation = begin(options, request, length);
    if context::current_request().grant().is_some() {
        let head = RequestHead::of(request);
        let server = attributes::server(head, options).map(|server| server.host.to_owned());
        if let Some(host) = server {
            verbose::inject(&host, request.headers_mut());
        }
    }
    operation
}

fn begin<B>(options: &Arc<Options>, request: &mut Request<B>, length: Option<u64>) -> Operation {
    let head = RequestHead::of(request);
    if !options.traces(&head) {
        context::inject(request.headers_mut());
        return Operation::new(Span::none(), None, Surroundings::default(), options);
    }
    let subject = Subject::of(options, head);
    let server = attributes::server(head, options);
    let target = Target {
        scheme: attributes::scheme(head, options).map(|it| Scheme::of(Some(it.as_str()))),
        version: None,
        peer: server.map(Peer::of),
    };
    let parent = current();
    let prepared = subject.with_name(|name| {
        let mut prepared = prepare(&parent, name, Kind::Client)?;
        if let Some(record) = prepared.record_mut() {
            record.set_name(name);
            attributes::fill(&mut record.attributes, head, &subject, options, server);
        }
        Some(prepared)
    });
    let started = prepared.as_ref().and_then(Prepared::started);
    let measured = options.instruments.begin(&subject, target, started);
    let operation = match prepared {
        Some(prepared) => {
            let identity = prepared.span_context();
            let operation = make(prepared, &identity, options);
            let baggage = context::current_baggage();
            propagate::inject(&identity, &baggage, request.headers_mut());
            operation
        }
        None => {
            context::inject(request.headers_mut());
            Operation::new(span(), None, Surroundings::default(), options)
        }
    };
    let operation = operation.measured(measured).about(subject);
    let notes = Notes::of_sent(options, RequestHead::of(request), length);
    operation.noting(notes)
}

/// The parent: what is current here, and the decision that was taken for it.
fn current() -> Extracted {
    let mut current = Extracted::default();
    current.span_context = context::current_span_context();
    current.sampled = current.span_context.as_ref().map(SpanContext::is_sampled);
    current
}

fn make(prepared: Prepared, identity: &SpanContext, options: &Arc<Options>) -> Operation {
    let offer = prepared.offer(TARGET);
    let span = span();
    if offer.is_taken() {
        let recorded = identity.is_sampled().then(|| ids(identity));
        Operation::new(span, recorded, Surroundings::default(), options)
    } else {
        let surroundings = Surroundings::without_span(
            Some(identity),
            &Extracted::default(),
            context::current_request(),
        );
        Operation::new(span, None, surroundings, options)
    }
}

fn span() -> Span {
    tracing::info_span!(target: TARGET, "HTTP client request")
}
