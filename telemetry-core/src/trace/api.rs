//! Spans made with the OpenTelemetry API join the same pipeline.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{
    self as otel, SpanBuilder, SpanContext as ApiSpanContext, Status, TraceContextExt,
};
use opentelemetry::{Context, InstrumentationScope, KeyValue};

use super::engine::Engine;
use super::record::Record;
use super::state::SpanState;
use crate::clock::saturating_nanos;
use crate::context::SpanContext;
use crate::context::current;
use crate::otlp::{Kind, ScopeId, StatusCode};

/// A [`opentelemetry::trace::TracerProvider`] whose spans are recorded by our engine.
///
/// Install it with [`opentelemetry::global::set_tracer_provider`]. The first tracer that anybody
/// gets from it makes `tracing` spans attach an OpenTelemetry context when they are entered, so
/// that parents are right in both directions.
#[derive(Clone, Debug)]
pub struct TracerProvider {
    engine: Arc<Engine>,
}

impl TracerProvider {
    /// A provider that records into `engine`.
    #[must_use]
    pub fn new(engine: Arc<Engine>) -> Self {
        Self { engine }
    }
}

impl otel::TracerProvider for TracerProvider {
    type Tracer = Tracer;

    fn tracer_with_scope(&self, scope: InstrumentationScope) -> Tracer {
        current::arm();
        Tracer {
            engine: Arc::clone(&self.engine),
            scope: ScopeId::of(&scope),
        }
    }
}

/// A tracer of a [`TracerProvider`].
#[derive(Clone, Debug)]
pub struct Tracer {
    engine: Arc<Engine>,
    scope: ScopeId,
}

impl otel::Tracer for Tracer {
    type Span = Span;

    fn build_with_context(&self, builder: SpanBuilder, parent: &Context) -> Span {
        if parent.is_telemetry_suppressed() {
            return Span {
                engine: Arc::clone(&self.engine),
                scope: self.scope,
                name: builder.name,
                context: ApiSpanContext::NONE,
                state: None,
            };
        }
        let kind = builder
            .span_kind
            .as_ref()
            .map_or(Kind::Internal, Kind::from);
        let attributes = builder.attributes.unwrap_or_default();
        let links = builder.links.as_deref().unwrap_or_default();
        let mut state =
            self.engine
                .start_with(parent_of(parent), &builder.name, kind, &attributes, links);
        self.engine.opened(&state);
        if let Some(start) = builder.start_time {
            state.start = state.start.shifted_to(unix_nanos(start));
        }
        if let Some(record) = state.record.as_deref_mut() {
            record.attributes.extend(
                attributes
                    .iter()
                    .map(|entry| (entry.key.as_str(), &entry.value)),
            );
            for link in links {
                record.add_link(&SpanContext::from(&link.span_context), &link.attributes);
            }
            for event in builder.events.iter().flatten() {
                add_event(
                    record,
                    &event.name,
                    unix_nanos(event.timestamp),
                    &event.attributes,
                );
            }
        }
        let context = (&state.span_context()).into();
        Span {
            engine: Arc::clone(&self.engine),
            scope: self.scope,
            name: builder.name,
            context,
            state: Some(state),
        }
    }
}

/// The parent that a context names; a `tracing` span that was entered before contexts were
/// attached counts too.
fn parent_of(context: &Context) -> Option<SpanContext> {
    if context.has_active_span() {
        return Some(SpanContext::from(context.span().span_context()));
    }
    if current::with_opentelemetry(TraceContextExt::has_active_span) == Some(true) {
        return None;
    }
    let slot = current::slot()?;
    current::mark_used();
    Some(SpanContext::new(
        slot.ids.trace_id,
        slot.ids.span_id,
        slot.ids.trace_flags,
    ))
}

/// A span of a [`Tracer`]. It ends when it is dropped, if not before.
#[derive(Debug)]
pub struct Span {
    engine: Arc<Engine>,
    scope: ScopeId,
    name: Cow<'static, str>,
    context: ApiSpanContext,
    state: Option<SpanState>,
}

impl Span {
    fn record(&mut self) -> Option<&mut Record> {
        self.state.as_mut()?.record.as_deref_mut()
    }
}

impl otel::Span for Span {
    fn add_event_with_timestamp<T>(
        &mut self,
        name: T,
        timestamp: SystemTime,
        attributes: Vec<KeyValue>,
    ) where
        T: Into<Cow<'static, str>>,
    {
        if let Some(record) = self.record() {
            add_event(record, &name.into(), unix_nanos(timestamp), &attributes);
        }
    }

    fn span_context(&self) -> &ApiSpanContext {
        &self.context
    }

    fn is_recording(&self) -> bool {
        self.state
            .as_ref()
            .is_some_and(|state| state.record.is_some())
    }

    fn set_attribute(&mut self, attribute: KeyValue) {
        if let Some(record) = self.record() {
            record
                .attributes
                .set(attribute.key.as_str(), &attribute.value);
        }
    }

    fn set_attributes(&mut self, attributes: impl IntoIterator<Item = KeyValue>) {
        let attributes: Vec<KeyValue> = attributes.into_iter().collect();
        if let Some(record) = self.record() {
            record.attributes.extend(
                attributes
                    .iter()
                    .map(|entry| (entry.key.as_str(), &entry.value)),
            );
        }
    }

    fn set_status(&mut self, status: Status) {
        let Some(record) = self.record() else { return };
        match status {
            Status::Unset => {}
            Status::Ok => record.set_status(StatusCode::Ok, ""),
            Status::Error { description } => record.set_status(StatusCode::Error, description),
        }
    }

    fn update_name<T>(&mut self, new_name: T)
    where
        T: Into<Cow<'static, str>>,
    {
        self.name = new_name.into();
    }

    fn add_link(&mut self, span_context: ApiSpanContext, attributes: Vec<KeyValue>) {
        if let Some(record) = self.record() {
            record.add_link(&SpanContext::from(&span_context), &attributes);
        }
    }

    fn end(&mut self) {
        if let Some(mut state) = self.state.take().filter(|state| state.record.is_some()) {
            self.engine.end(&mut state, self.scope, &self.name);
        }
    }

    fn end_with_timestamp(&mut self, timestamp: SystemTime) {
        if let Some(mut state) = self.state.take() {
            self.engine
                .end_at(&mut state, self.scope, &self.name, unix_nanos(timestamp));
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        otel::Span::end(self);
    }
}

fn add_event(record: &mut Record, name: &str, unix_nanos: u64, attributes: &[KeyValue]) {
    let mut encoded = record.event_attributes();
    encoded.extend(
        attributes
            .iter()
            .map(|entry| (entry.key.as_str(), &entry.value)),
    );
    record.add_event(unix_nanos, name, &encoded);
}

fn unix_nanos(time: SystemTime) -> u64 {
    saturating_nanos(time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO))
}
