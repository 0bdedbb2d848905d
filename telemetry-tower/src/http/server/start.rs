//! The beginning of a request.

use std::sync::Arc;

use telemetry_core::context::propagate::{self, Extracted};
use telemetry_core::otlp::Kind;
use telemetry_core::trace::{Prepared, prepare};
use tracing::Span;

use super::operation::Operation;
use super::options::Options;
use super::surroundings::Surroundings;
use super::{TARGET, attributes, name};
use crate::RequestHead;
use crate::metrics::{Labels, Scheme};

/// The name of a span whose method is not known.
const UNKNOWN: &str = "HTTP";

/// Finds the parent, decides whether to record, and makes the span.
pub(super) fn start(options: &Arc<Options>, head: RequestHead<'_>) -> Operation {
    let mut incoming = propagate::extract(head.headers());
    if !options.traces(&head) {
        incoming.set_decision(false, false);
        return carry(Span::none(), &incoming, options);
    }
    let method = options.methods.name(head.method());
    let route = options.route.route(&head);
    let measured = options.instruments.begin(Labels {
        method: method.map(|_| head.method().clone()),
        route: route.clone(),
        scheme: Scheme::of(head.uri().scheme_str()),
        version: attributes::version(head.version()),
    });
    let operation = name::with_name(method.unwrap_or(UNKNOWN), route.as_ref(), |name| {
        let Some(mut prepared) = prepare(&incoming, name, Kind::Server) else {
            return carry(span(), &incoming, options);
        };
        if let Some(record) = prepared.record_mut() {
            record.set_name(name);
            attributes::fill(&mut record.attributes, head, method, route.as_ref());
        }
        make(prepared, &incoming, options)
    });
    operation.measured(measured)
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
