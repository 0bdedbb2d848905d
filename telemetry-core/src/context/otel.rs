//! The same propagators behind the OpenTelemetry API.

use std::borrow::Cow;

use http::HeaderName;
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::TraceContextExt;

use super::propagate::{Composite, Extracted};
use super::{Baggage, Carrier, CarrierMut, SpanContext, current, current_span_context};

/// A [`Composite`] as a propagator of the OpenTelemetry API, for
/// [`opentelemetry::global::set_text_map_propagator`].
///
/// Code that only knows that API then reads and writes the same headers. A sampling decision
/// without a parent and the debug mark have no place in an OpenTelemetry [`Context`] and are lost
/// on this way.
#[derive(Debug)]
pub struct TextMap {
    composite: Composite,
    fields: Vec<String>,
}

impl TextMap {
    /// The propagator for these formats.
    #[must_use]
    pub fn new(composite: Composite) -> Self {
        let fields = composite.fields().map(HeaderName::to_string).collect();
        Self { composite, fields }
    }
}

impl TextMapPropagator for TextMap {
    fn inject_context(&self, cx: &Context, injector: &mut dyn Injector) {
        // whoever injects through this API looks for spans in its contexts: from now on they are
        // there; this time the current span may have been entered before
        arm();
        let (mut span_context, baggage) = from_context(cx);
        let is_there = current::with_opentelemetry(TraceContextExt::has_active_span);
        if !span_context.is_valid() && is_there != Some(true) {
            span_context = current_span_context().unwrap_or(SpanContext::NONE);
        }
        let mut carrier = InjectorCarrier(injector);
        self.composite.inject(&span_context, &baggage, &mut carrier);
    }

    fn extract_with_context(&self, cx: &Context, extractor: &dyn Extractor) -> Context {
        // whoever extracts through this API attaches the context next
        arm();
        let extracted = self.composite.extract(&ExtractorCarrier(extractor));
        to_context(&extracted, cx)
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&self.fields)
    }
}

/// Makes `tracing` spans attach an OpenTelemetry context when they are entered, from now on: it is
/// where baggage lives. Costs one allocation a span.
pub fn arm() {
    current::arm();
}

/// Whether [`arm`] was called, or a tracer of the OpenTelemetry API is in use.
#[must_use]
pub fn is_armed() -> bool {
    current::is_armed()
}

/// The OpenTelemetry context `cx` with what was extracted; what was not there stays as it is in
/// `cx`.
#[must_use]
pub fn to_context(extracted: &Extracted, cx: &Context) -> Context {
    let mut cx = match &extracted.span_context {
        Some(parent) => cx.with_remote_span_context(parent.into()),
        None => cx.clone(),
    };
    if !extracted.baggage.is_empty() {
        cx = cx.with_baggage(opentelemetry::baggage::Baggage::from(&extracted.baggage));
    }
    cx
}

/// The span context and the baggage of an OpenTelemetry context.
#[must_use]
pub fn from_context(cx: &Context) -> (SpanContext, Baggage) {
    let span_context = SpanContext::from(cx.span().span_context());
    (span_context, Baggage::from(cx.baggage()))
}

struct ExtractorCarrier<'e>(&'e dyn Extractor);

impl Carrier for ExtractorCarrier<'_> {
    fn get_all<'a>(&'a self, name: &HeaderName, visit: &mut dyn FnMut(&'a str)) {
        let values = self.0.get_all(name.as_str());
        values.into_iter().flatten().for_each(visit);
    }

    fn each<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a str)) {
        for name in self.0.keys() {
            let values = self.0.get_all(name);
            values
                .into_iter()
                .flatten()
                .for_each(|value| visit(name, value));
        }
    }

    fn get<'a>(&'a self, name: &HeaderName) -> Option<&'a str> {
        self.0.get(name.as_str())
    }
}

struct InjectorCarrier<'i>(&'i mut dyn Injector);

impl CarrierMut for InjectorCarrier<'_> {
    fn set(&mut self, name: &HeaderName, value: Cow<'_, str>) {
        self.0.set(name.as_str(), value.into_owned());
    }

    fn remove(&mut self, _: &HeaderName) {
        // an Injector cannot
    }
}

#[cfg(test)]
mod tests;
