//! The beginning of a request.

use std::sync::Arc;

use telemetry_core::context::{CurrentIds, SpanContext, TraceFlags};
use telemetry_core::otlp::Kind;
use telemetry_core::trace::{Prepared, prepare};
use tracing::Span;

use super::operation::Operation;
use super::options::Options;
use super::{TARGET, attributes, name};
use crate::{RequestHead, incoming};

/// The name of a span whose method is not known.
const UNKNOWN: &str = "HTTP";

/// Finds the parent, decides whether to record, and makes the span.
pub(super) fn start(options: &Arc<Options>, head: RequestHead<'_>) -> Operation {
    let parent = incoming::extract(head.headers());
    let incoming = parent.as_ref().map(ids);
    if !options.traces(&head) {
        let ids = incoming.map(unsampled);
        return Operation::outside(Span::none(), ids, Arc::clone(options));
    }
    let method = options.methods.name(head.method());
    let route = options.route.route(&head);
    name::with_name(method.unwrap_or(UNKNOWN), route.as_ref(), |name| {
        let Some(mut prepared) = prepare(parent, name, Kind::Server) else {
            return Operation::outside(span(), incoming, Arc::clone(options));
        };
        if let Some(record) = prepared.record_mut() {
            record.set_name(name);
            attributes::fill(&mut record.attributes, head, method, route.as_ref());
        }
        make(prepared, options)
    })
}

fn make(prepared: Prepared, options: &Arc<Options>) -> Operation {
    let ids = prepared.ids();
    let offer = prepared.offer(TARGET);
    let span = span();
    if offer.is_taken() {
        Operation::new(span, ids, Arc::clone(options))
    } else {
        Operation::outside(span, Some(ids), Arc::clone(options))
    }
}

fn span() -> Span {
    tracing::info_span!(target: TARGET, "HTTP request")
}

fn ids(context: &SpanContext) -> CurrentIds {
    CurrentIds {
        trace_id: context.trace_id(),
        span_id: context.span_id(),
        trace_flags: context.trace_flags(),
    }
}

fn unsampled(ids: CurrentIds) -> CurrentIds {
    CurrentIds {
        trace_flags: ids.trace_flags & !TraceFlags::SAMPLED,
        ..ids
    }
}
