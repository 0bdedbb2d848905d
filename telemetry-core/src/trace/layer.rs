//! The `tracing` layer that makes spans.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tracing_core::span::{Attributes as NewSpan, Id, Record as LateFields};
use tracing_core::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use super::engine::{Engine, SpanEvents, key_values};
use super::event::{self, Happening};
use super::exception::Exception;
use super::record::Record;
use super::state::SpanState;
use super::visit::{Special, Visitor};
use super::{attach, handoff, scope, table};
use crate::clock::Timestamp;
use crate::context::current::{self, Key, Slot};
use crate::context::{RequestScope, SpanContext, TraceId};
use crate::diagnostics::is_opentelemetry_target;
use crate::otlp::Kind;
use crate::pipeline::is_own_thread;

/// Turns `tracing` spans into OpenTelemetry spans.
///
/// The head decision is taken when a span is made; a span that is not sampled keeps its ids, for
/// logs and propagation, and nothing else. A sampled span is one record, filled in place and
/// encoded as it is filled. Cloning is cheap; the clones share one engine and may be put over
/// different registries.
#[derive(Clone, Debug)]
pub struct SpanLayer {
    engine: Arc<Engine>,
    /// Distinguishes the registries of one process.
    number: u32,
    gate: Gate,
    tag: Tag,
}

/// An attribute that depends on where a span begins.
#[derive(Clone, Default)]
struct Tag(Option<(&'static str, Arc<TagValue>)>);

type TagValue = dyn Fn(&Metadata<'_>, RequestScope, TraceId) -> Option<Arc<str>> + Send + Sync;

/// Which callsites belong to traces.
#[derive(Clone, Default)]
struct Gate(Option<Arc<Belongs>>);

type Belongs = dyn Fn(&Metadata<'_>) -> bool + Send + Sync;

impl SpanLayer {
    /// A layer that records into `engine`.
    #[must_use]
    pub fn new(engine: Arc<Engine>) -> Self {
        Self {
            engine,
            number: next_number(),
            gate: Gate::default(),
            tag: Tag::default(),
        }
    }

    /// Leaves out the spans and events whose callsites `belongs` does not let pass, such as those that
    /// a log is verbose for at the moment: traces keep their shape. What is inside such a span is a
    /// child of the span around it.
    #[must_use]
    pub fn only(mut self, belongs: impl Fn(&Metadata<'_>) -> bool + Send + Sync + 'static) -> Self {
        self.gate = Gate(Some(Arc::new(belongs)));
        self
    }

    /// Gives each sampled span that begins, and for whose place `value` has one, this attribute.
    #[must_use]
    pub fn tag(
        mut self,
        key: &'static str,
        value: impl Fn(&Metadata<'_>, RequestScope, TraceId) -> Option<Arc<str>> + Send + Sync + 'static,
    ) -> Self {
        self.tag = Tag(Some((key, Arc::new(value))));
        self
    }

    /// What the layer records into.
    #[must_use]
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    #[inline]
    pub(super) fn key(&self, id: &Id) -> Key {
        Key {
            layer: self.number,
            span: id.into_u64(),
        }
    }

    fn start<S>(&self, new: &NewSpan<'_>, context: &Context<'_, S>) -> SpanState
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let metadata = new.metadata();
        if let Some(mut state) = handoff::take(&self.engine, metadata.target()) {
            self.fill(&mut state, new, true);
            return state;
        }
        let parent = self.parent(new, context);
        if self.engine.sampler().reads_attributes(parent.is_some()) {
            return self.start_with_attributes(parent, new);
        }
        let mut state = self.engine.start(parent, metadata.name(), Kind::Internal);
        self.fill(&mut state, new, scope::has_repeated_fields());
        state
    }

    /// Visits the fields first, because the sampler wants to see them.
    fn start_with_attributes(&self, parent: Option<SpanContext>, new: &NewSpan<'_>) -> SpanState {
        let gathered = self.gather(|visitor| new.record(visitor));
        let kind = gathered.special.kind.unwrap_or_default();
        let name = gathered.special.name.as_deref();
        let mut state = self.engine.start_with(
            parent,
            name.unwrap_or_else(|| new.metadata().name()),
            kind,
            &key_values(&gathered.record),
            &[],
        );
        gathered.put_into(&mut state);
        state
    }

    /// Writes the fields of a new span into its record.
    #[inline]
    fn fill(&self, state: &mut SpanState, new: &NewSpan<'_>, again: bool) {
        let start = state.start;
        let Some(record) = state.record.as_deref_mut() else {
            return;
        };
        let mut special = Special::default();
        let mut exception = None;
        new.record(&mut Visitor {
            attributes: &mut record.attributes,
            special: &mut special,
            exception: &mut exception,
            again,
            event: false,
        });
        special.apply(record);
        if let Some(exception) = exception {
            record.add_exception(start.unix_nanos(), &exception);
        }
    }

    /// Visits fields before the span is locked: their values are the user's code.
    fn gather(&self, fields: impl FnOnce(&mut Visitor<'_>)) -> Gathered {
        let limits = self.engine.limits().without_count();
        let mut record = Record::take(&limits, self.engine.redaction());
        let mut special = Special::default();
        let mut exception = None;
        fields(&mut Visitor {
            attributes: &mut record.attributes,
            special: &mut special,
            exception: &mut exception,
            again: true,
            event: false,
        });
        Gathered {
            now: self.engine.clock().now(),
            record,
            special,
            exception,
        }
    }

    fn parent<S>(&self, new: &NewSpan<'_>, context: &Context<'_, S>) -> Option<SpanContext>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        if let Some(id) = new.parent() {
            return nearest(context.span(id)?);
        }
        if let Some(parent) = handoff::scoped_parent() {
            return Some(parent);
        }
        if new.is_root() {
            return None;
        }
        let slot = current::slot();
        attach::foreign_parent(slot).or_else(|| self.contextual_parent(slot?, context))
    }

    fn contextual_parent<S>(&self, slot: Slot, context: &Context<'_, S>) -> Option<SpanContext>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        if slot.key.layer == 0 {
            return Some(current::entered_span_context(slot).remote());
        }
        let parent = SpanContext::new(slot.ids.trace_id, slot.ids.span_id, slot.ids.trace_flags);
        if slot.key.layer != self.number {
            // another subscriber's span is entered: what is current in this one lies below it
            return nearest(context.lookup_current()?);
        }
        current::mark_used();
        if !slot.marks.has_trace_state() {
            return Some(parent);
        }
        nearest(context.span(&Id::from_u64(slot.key.span))?)
    }

    /// The recording that a new span belongs to: that of its parent.
    #[inline]
    fn recording<S>(&self, new: &NewSpan<'_>, context: &Context<'_, S>) -> Option<NonZeroU64>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        self.engine.recorder()?;
        match new.parent() {
            Some(parent) => NonZeroU64::new(self.slot(parent, context)?.recording),
            None if new.is_root() => None,
            None => current::recording(),
        }
    }

    /// The ids of a span, from this thread's memory or from the registry.
    #[inline]
    fn slot<S>(&self, id: &Id, context: &Context<'_, S>) -> Option<Slot>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        table::get(self.key(id)).or_else(|| self.look_up(id, context))
    }

    #[cold]
    fn look_up<S>(&self, id: &Id, context: &Context<'_, S>) -> Option<Slot>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let key = self.key(id);
        let epoch = table::epoch(key.span);
        let span = context.span(id)?;
        let mut extensions = span.extensions_mut();
        let state = extensions.get_mut::<SpanState>()?;
        state.remembered();
        let slot = state.slot(key);
        table::put(slot, epoch);
        Some(slot)
    }

    /// Remembers that the ids of a local root are known to others.
    #[cold]
    fn mark_used<S>(&self, id: &Id, context: &Context<'_, S>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        if let Some(span) = context.span(id)
            && let Some(state) = span.extensions().get::<SpanState>()
        {
            state.mark_used();
        }
        table::forget_here(id.into_u64());
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

    fn on_layer(&mut self, _: &mut S) {
        self.number = next_number();
    }

    fn on_new_span(&self, new: &NewSpan<'_>, id: &Id, context: Context<'_, S>) {
        if is_own_thread() || !self.gate.passes(new.metadata()) {
            return;
        }
        let mut state = self.start(new, &context);
        state.recording = state.recording.or_else(|| self.recording(new, &context));
        let Some(span) = context.span(id) else { return };
        state.baggage = attach::baggage();
        if state.request == RequestScope::NONE {
            state.request = request(new, &context);
        }
        self.tag.put(new.metadata(), &mut state);
        self.engine.opened(&state);
        let key = self.key(id);
        table::put(state.slot(key), table::epoch(key.span));
        span.extensions_mut().replace(state);
    }

    fn on_record(&self, id: &Id, fields: &LateFields<'_>, context: Context<'_, S>) {
        let sampled = self
            .slot(id, &context)
            .is_some_and(|slot| slot.ids.trace_flags.is_sampled());
        if !sampled {
            return;
        }
        let gathered = self.gather(|visitor| fields.record(visitor));
        if let Some(span) = context.span(id)
            && let Some(state) = span.extensions_mut().get_mut::<SpanState>()
        {
            gathered.put_into(state);
        }
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
        let metadata = event.metadata();
        if !self.wants(metadata)
            || is_opentelemetry_target(metadata.target())
            || !self.gate.passes(metadata)
        {
            return;
        }
        let Some(span) = context.event_span(event).and_then(of_trace) else {
            return;
        };
        let recorded = span
            .extensions()
            .get::<SpanState>()
            .is_some_and(|state| state.record.is_some());
        if !recorded {
            return;
        }
        let happening = Happening::gather(event, &self.engine);
        if let Some(state) = span.extensions_mut().get_mut::<SpanState>() {
            happening.add_to(state);
        }
        event::put_back(happening);
    }

    #[inline]
    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        let Some(slot) = self.slot(id, &context) else {
            return;
        };
        current::push(slot);
        if current::is_armed() {
            attach::enter(&context);
        }
    }

    #[inline]
    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        let key = self.key(id);
        if current::pop(key)
            && self
                .slot(id, &context)
                .is_some_and(|slot| slot.marks.tracks_use())
        {
            self.mark_used(id, &context);
        }
        if current::is_armed() {
            attach::exit(key);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else {
            return;
        };
        let state = span.extensions_mut().remove::<SpanState>();
        let Some(mut state) = state else { return };
        if state.home == table::thread() {
            table::forget_here(id.into_u64());
        } else {
            table::forget(id.into_u64());
        }
        if state.record.is_some() {
            let scope = scope::of(span.metadata());
            self.engine.end(&mut state, scope, span.name());
        }
    }
}

impl Gate {
    #[inline]
    fn passes(&self, metadata: &Metadata<'_>) -> bool {
        self.0.as_ref().is_none_or(|belongs| belongs(metadata))
    }
}

impl Tag {
    #[inline]
    fn put(&self, metadata: &Metadata<'_>, state: &mut SpanState) {
        if let Some((key, value)) = &self.0
            && let Some(record) = state.record.as_deref_mut()
            && let Some(value) = value(metadata, state.request, state.ids.trace_id)
        {
            record.attributes.set(key, &*value);
        }
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0.as_ref().map(|(key, _)| key), f)
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Some" } else { "None" })
    }
}

/// Fields on their way into a span.
struct Gathered {
    now: Timestamp,
    record: Box<Record>,
    special: Special,
    exception: Option<Exception>,
}

impl Gathered {
    fn put_into(self, state: &mut SpanState) {
        let now = self.now.unix_nanos_from(state.start);
        if let Some(record) = state.record.as_deref_mut() {
            for (key, value) in self.record.attributes.raw() {
                record.attributes.set_raw(key, value);
            }
            self.special.apply(record);
            if let Some(exception) = &self.exception {
                record.add_exception(now, exception);
            }
        }
        Record::put_back(self.record);
    }
}

/// The span, or the nearest one around it that is recorded here.
fn nearest<'a, R>(span: SpanRef<'a, R>) -> Option<SpanContext>
where
    R: LookupSpan<'a>,
{
    span.scope().find_map(|span| {
        let extensions = span.extensions();
        extensions.get::<SpanState>().map(SpanState::span_context)
    })
}

/// The span, or the nearest one around it that belongs to a trace.
fn of_trace<'a, R>(span: SpanRef<'a, R>) -> Option<SpanRef<'a, R>>
where
    R: LookupSpan<'a>,
{
    let mut scope = span.scope();
    scope.find(|span| span.extensions().get::<SpanState>().is_some())
}

/// What is known of the request in which a span is made.
fn request<S>(new: &NewSpan<'_>, context: &Context<'_, S>) -> RequestScope
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    if let Some(parent) = new.parent() {
        return context
            .span(parent)
            .and_then(around)
            .unwrap_or(RequestScope::NONE);
    }
    if new.is_root() {
        return RequestScope::NONE;
    }
    current::request()
}

fn around<'a, R>(span: SpanRef<'a, R>) -> Option<RequestScope>
where
    R: LookupSpan<'a>,
{
    span.scope()
        .find_map(|span| Some(span.extensions().get::<SpanState>()?.request))
}

fn next_number() -> u32 {
    // 0 stands for ids without a span
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed).max(1)
}
