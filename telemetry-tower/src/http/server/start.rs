//! The beginning of a request.

use std::sync::Arc;

use http::Method;
use telemetry_core::context::propagate::{self, Extracted};
use telemetry_core::otlp::{Attributes, Kind};
use telemetry_core::trace::{Prepared, prepare};
use tracing::Span;

use super::operation::Operation;
use super::options::Options;
use super::surroundings::Surroundings;
use super::{TARGET, attributes};
use crate::RequestHead;
use crate::http::subject::{Call, Subject};
use crate::metrics::{Labels, Measured, Scheme};

/// Finds the parent, decides whether to record, and makes the span.
pub(super) fn start(options: &Arc<Options>, head: RequestHead<'_>) -> Operation {
    let mut incoming = propagate::extract(head.headers());
    if !options.traces(&head) {
        incoming.set_decision(false, false);
        return carry(Span::none(), &incoming, options);
    }
    let subject = Subject::of(options, head);
    let measured = measure(options, head, &subject);
    let operation = subject.with_name(|name| {
        let Some(mut prepared) = prepare(&incoming, name, Kind::Server) else {
            return carry(span(), &incoming, options);
        };
        if let Some(record) = prepared.record_mut() {
            record.set_name(name);
            fill(&mut record.attributes, head, &subject);
        }
        make(prepared, &incoming, options)
    });
    operation.measured(measured).about(subject)
}

/// Begins to measure a request; those of gRPC are not measured.
fn measure(options: &Options, head: RequestHead<'_>, subject: &Subject) -> Option<Measured> {
    let Call::Http { method, route } = &subject.call else {
        return None;
    };
    Some(options.instruments.begin(Labels {
        method: method.clone(),
        route: route.clone(),
        scheme: Scheme::of(head.uri().scheme_str()),
        version: attributes::version(head.version()),
    }))
}

fn fill(attributes: &mut Attributes, head: RequestHead<'_>, subject: &Subject) {
    match &subject.call {
        Call::Http { method, route } => {
            let method = method.as_ref().map(Method::as_str);
            attributes::fill(attributes, head, method, route.as_ref());
        }
        Call::Grpc { method } => attributes::fill_rpc(attributes, head, method.as_ref()),
    }
}

/// A request that nobody records: the caller's context passes through.
fn carry(span: Span, incoming: &Extracted, options: &Arc<Options>) -> Operation {
    let surroundings = Surroundings::without_span(incoming.span_context.as_ref(), incoming);
    Operation::new(span, false, surroundings, options)
}

fn make(prepared: Prepared, incoming: &Extracted, options: &Arc<Options>) -> Operation {
    let identity = prepared.span_context();
    let offer = prepared.offer(TARGET);
    let span = span();
    if offer.is_taken() {
        let surroundings = Surroundings::with_span(incoming);
        Operation::new(span, identity.is_sampled(), surroundings, options)
    } else {
        let surroundings = Surroundings::without_span(Some(&identity), incoming);
        Operation::new(span, false, surroundings, options)
    }
}

fn span() -> Span {
    tracing::info_span!(target: TARGET, "HTTP request")
}
