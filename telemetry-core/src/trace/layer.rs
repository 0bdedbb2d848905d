//! The `tracing` layer that makes spans.

use std::sync::Arc;

use tracing_core::span::{Attributes as NewSpan, Id, Record as LateFields};
use tracing_core::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use super::engine::{Engine, SpanEvents, key_values};
use super::event::{self, Happening};
use super::record::Record;
use super::state::SpanState;
use super::visit::{Special, Visitor};
use super::{attach, handoff, scope, table};
use crate::context::SpanContext;
use crate::context::current::{self, Slot};
use crate::otlp::Kind;

/// Turns `tracing` spans into OpenTelemetry spans.
///
/// The head decision is taken when a span is made; a span that is not sampled keeps its ids, for
/// logs and propagation, and nothing else. A sampled span is one record, filled in place and
/// encoded as it is filled. Cloning is cheap; the clones share one engine.
#[derive(Clone, Debug)]
pub struct SpanLayer {
    engine: Arc<Engine>,
}

impl SpanLayer {
    /// A layer that records into `engine`.
    #[must_use]
    pub fn new(engine: Arc<Engine>) -> Self {
        Self { engine }
    }

    /// What the layer records into.
    #[must_use]
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    fn start<S>(&self, new: &NewSpan<'_>, context: &Context<'_, S>) -> SpanState
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let metadata = new.metadata();
        if let Some(mut state) = handoff::take(&self.engine, metadata.target()) {
            fill(&mut state, new, true);
            return state;
        }
        let parent = self.parent(new, context);
        if self.engine.sampler().reads_attributes() {
            return self.start_with_attributes(parent, new);
        }
        let mut state = self.engine.start(parent, metadata.name(), Kind::Internal);
        fill(&mut state, new, scope::has_repeated_fields());
        state
    }

    /// Visits the fields first, because the sampler wants to see them.
    fn start_with_attributes(&self, parent: Option<SpanContext>, new: &NewSpan<'_>) -> SpanState {
        let mut gathered = Record::take(self.engine.limits());
        let special = visit(&mut gathered, |visitor| new.record(visitor), true);
        let kind = special.kind.unwrap_or_default();
        let name = special.name.clone();
        let name = name.as_deref().unwrap_or_else(|| new.metadata().name());
        let mut state = self
            .engine
            .start_with(parent, name, kind, &key_values(&gathered));
        if let Some(record) = state.record.as_deref_mut() {
            for (key, value) in gathered.attributes.raw() {
                record.attributes.set(key, value);
            }
            special.apply(record);
        }
        Record::put_back(gathered);
        state
    }

    fn parent<S>(&self, new: &NewSpan<'_>, context: &Context<'_, S>) -> Option<SpanContext>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        if let Some(id) = new.parent() {
            let span = context.span(id)?;
            let mut extensions = span.extensions_mut();
            let state = extensions.get_mut::<SpanState>()?;
            if !state.used {
                state.used = true;
                table::forget(id.into_u64());
            }
            return Some(state.span_context());
        }
        let slot = current::slot();
        if let Some(parent) = handoff::scoped_parent(slot.map(|slot| slot.ids)) {
            return Some(parent);
        }
        if new.is_root() {
            return None;
        }
        attach::foreign_parent(slot).or_else(|| self.contextual_parent(slot?, context))
    }

    fn contextual_parent<S>(&self, slot: Slot, context: &Context<'_, S>) -> Option<SpanContext>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let parent = SpanContext::new(slot.ids.trace_id, slot.ids.span_id, slot.ids.trace_flags);
        if slot.engine == 0 {
            return Some(parent.remote());
        }
        if slot.engine != self.engine.id() {
            return None;
        }
        current::mark_used();
        if !slot.has_trace_state {
            return Some(parent);
        }
        let span = context.lookup_current()?;
        let extensions = span.extensions();
        extensions.get::<SpanState>().map(SpanState::span_context)
    }

    /// The ids of a span, from this thread's memory or from the registry.
    #[inline]
    fn slot<S>(&self, id: &Id, context: &Context<'_, S>) -> Option<Slot>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let key = id.into_u64();
        table::get(self.engine.id(), key).or_else(|| {
            let span = context.span(id)?;
            let slot = span.extensions().get::<SpanState>()?.slot(self.engine.id());
            table::put(key, slot);
            Some(slot)
        })
    }

    /// Remembers that the ids of a local root are known to others.
    #[cold]
    fn mark_used<S>(id: &Id, context: &Context<'_, S>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        if let Some(span) = context.span(id)
            && let Some(state) = span.extensions_mut().get_mut::<SpanState>()
        {
            state.used = true;
            table::forget(id.into_u64());
        }
    }

    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        match self.engine.events() {
            SpanEvents::None => false,
            SpanEvents::Errors => *metadata.level() == Level::ERROR,
            SpanEvents::All => true,
        }
    }
}

impl<S> Layer<S> for SpanLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> tracing_core::Interest {
        scope::note_fields(metadata);
        tracing_core::Interest::always()
    }

    fn on_new_span(&self, new: &NewSpan<'_>, id: &Id, context: Context<'_, S>) {
        let state = self.start(new, &context);
        let Some(span) = context.span(id) else { return };
        table::put(id.into_u64(), state.slot(self.engine.id()));
        span.extensions_mut().replace(state);
    }

    fn on_record(&self, id: &Id, fields: &LateFields<'_>, context: Context<'_, S>) {
        let Some(slot) = self.slot(id, &context) else {
            return;
        };
        if !slot.ids.trace_flags.is_sampled() {
            return;
        }
        let mut gathered = Record::take(self.engine.limits());
        let special = visit(&mut gathered, |visitor| fields.record(visitor), true);
        if let Some(span) = context.span(id)
            && let Some(state) = span.extensions_mut().get_mut::<SpanState>()
            && let Some(record) = state.record.as_deref_mut()
        {
            for (key, value) in gathered.attributes.raw() {
                record.attributes.set(key, value);
            }
            special.apply(record);
        }
        Record::put_back(gathered);
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, context: Context<'_, S>) {
        let Some(followed) = context.span(follows) else {
            return;
        };
        let Some(target) = followed
            .extensions()
            .get::<SpanState>()
            .map(SpanState::span_context)
        else {
            return;
        };
        if let Some(span) = context.span(id)
            && let Some(state) = span.extensions_mut().get_mut::<SpanState>()
            && let Some(record) = state.record.as_deref_mut()
        {
            record.add_link(&target, &[]);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if !self.wants(event.metadata()) || event.metadata().target().starts_with("opentelemetry") {
            return;
        }
        let Some(span) = context.event_span(event) else {
            return;
        };
        let unsampled = span
            .extensions()
            .get::<SpanState>()
            .is_none_or(|state| state.record.is_none());
        if unsampled {
            return;
        }
        let happening = Happening::gather(event, self.engine.limits(), self.engine.clock().now());
        add(&span, &happening);
        event::put_back(happening);
    }

    #[inline]
    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        let Some(slot) = self.slot(id, &context) else {
            return;
        };
        current::push(key(self.engine.id(), id), slot);
        if current::is_armed() {
            attach::enter(key(self.engine.id(), id), id, &context);
        }
    }

    #[inline]
    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        let key = key(self.engine.id(), id);
        if current::pop(key) && self.slot(id, &context).is_some_and(|slot| slot.tracks_use) {
            Self::mark_used(id, &context);
        }
        if current::is_armed() {
            attach::exit(key);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else {
            return;
        };
        table::forget(id.into_u64());
        let state = span.extensions_mut().remove::<SpanState>();
        if let Some(state) = state
            && state.record.is_some()
        {
            self.engine
                .end(state, scope::of(span.metadata()), span.name());
        }
    }
}

fn add<S: for<'a> LookupSpan<'a>>(span: &SpanRef<'_, S>, happening: &Happening) {
    if let Some(state) = span.extensions_mut().get_mut::<SpanState>()
        && let Some(record) = state.record.as_deref_mut()
    {
        record.add_event(happening.unix_nanos, &happening.name, &happening.attributes);
    }
}

/// Engines of one process may give the same number to different spans.
#[inline]
fn key(engine: u32, id: &Id) -> u64 {
    id.into_u64() ^ (u64::from(engine) << 48)
}

/// Writes the fields of a new span into its record.
#[inline]
fn fill(state: &mut SpanState, new: &NewSpan<'_>, again: bool) {
    if let Some(record) = state.record.as_deref_mut() {
        let special = visit(record, |visitor| new.record(visitor), again);
        special.apply(record);
    }
}

#[inline]
fn visit(record: &mut Record, fields: impl FnOnce(&mut Visitor<'_>), again: bool) -> Special {
    let mut special = Special::default();
    let mut exception = None;
    fields(&mut Visitor {
        attributes: &mut record.attributes,
        special: &mut special,
        exception: &mut exception,
        again,
        event: false,
    });
    special
}
