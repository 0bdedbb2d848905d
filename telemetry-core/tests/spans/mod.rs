//! Finished spans, read back as a receiver reads them.
#![allow(
    clippy::panic,
    dead_code,
    unreachable_pub,
    reason = "each test file uses what it needs of it"
)]

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use telemetry_core::clock::Clock;
use telemetry_core::context::{SpanContext, SpanId, TraceFlags, TraceId};
use telemetry_core::otlp::{AnyValueView, Kind, SpanView, StatusCode};
use telemetry_core::pipeline::{Intake, Queue, QueueLimits};
use telemetry_core::trace::{Engine, EngineSettings, SpanLayer};
use tracing::Dispatch;
use tracing_subscriber::layer::SubscriberExt;

/// The wall time of [`Capture`]'s clock.
pub const NOW: u64 = 1_700_000_000_000_000_000;

/// An engine with a queue that tests read.
#[derive(Clone, Debug)]
pub struct Capture {
    queue: Arc<Queue>,
    pub engine: Arc<Engine>,
    pub clock: Clock,
}

#[derive(Clone, Debug)]
pub struct Finished {
    pub name: String,
    pub scope: String,
    pub trace_id: TraceId,
    pub span_id: SpanId,
    pub parent: SpanId,
    pub parent_is_remote: Option<bool>,
    pub flags: TraceFlags,
    pub trace_state: String,
    pub kind: Kind,
    pub status: StatusCode,
    pub status_message: String,
    pub start: u64,
    pub end: u64,
    pub attributes: Fields,
    pub events: Vec<(String, u64, Fields)>,
    pub links: Vec<(TraceId, SpanId, Fields)>,
    /// Attributes, events and links.
    pub dropped: [u32; 3],
    pub dropped_of_items: u32,
}

/// Attributes with their values as text that tells the type.
pub type Fields = Vec<(String, String)>;

impl Capture {
    pub fn new() -> Self {
        Self::with(|_| ())
    }

    pub fn with(change: impl FnOnce(&mut EngineSettings)) -> Self {
        let queue = Arc::new(Queue::new(QueueLimits {
            items: 1_000_000,
            bytes: 1 << 30,
            wake_at: 1_000_000,
            item_bytes: 1 << 26,
        }));
        let clock = Clock::manual(NOW);
        let mut settings = EngineSettings::new(Intake::new([Arc::clone(&queue)]));
        settings.clock = clock.clone();
        change(&mut settings);
        let engine = Arc::new(Engine::new(settings));
        Self {
            queue,
            engine,
            clock,
        }
    }

    pub fn dispatch(&self) -> Dispatch {
        let layer = SpanLayer::new(Arc::clone(&self.engine));
        Dispatch::new(tracing_subscriber::registry().with(layer))
    }

    /// What `work` has finished, in the order in which it ended.
    pub fn run(&self, work: impl FnOnce()) -> Vec<Finished> {
        tracing::dispatcher::with_default(&self.dispatch(), work);
        self.take()
    }

    /// The only span that `work` has finished.
    pub fn one(&self, work: impl FnOnce()) -> Finished {
        let mut spans = self.run(work);
        assert_eq!(spans.len(), 1, "{spans:#?}");
        spans.remove(0)
    }

    pub fn take(&self) -> Vec<Finished> {
        let batches = self.queue.take_all();
        batches
            .iter()
            .flat_map(telemetry_core::pipeline::Batch::items)
            .map(|item| {
                let scope = item.scope.scope().get().name().to_owned();
                Finished::read(scope, &SpanView::read(item.message))
            })
            .collect()
    }

    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    pub fn open(&self) -> u64 {
        self.engine.counters().open()
    }
}

impl Finished {
    fn read(scope: String, span: &SpanView<'_>) -> Self {
        let parts = &span.parts;
        Self {
            name: parts.name.to_owned(),
            scope,
            trace_id: parts.trace_id,
            span_id: parts.span_id,
            parent: parts.parent_span_id,
            parent_is_remote: parts.parent_is_remote,
            flags: parts.trace_flags,
            trace_state: parts.trace_state.to_owned(),
            kind: parts.kind,
            status: parts.status,
            status_message: parts.status_message.to_owned(),
            start: parts.start_unix_nanos,
            end: parts.end_unix_nanos,
            attributes: fields(span.attributes()),
            events: span
                .events()
                .map(|event| {
                    let name = event.name.to_owned();
                    (name, event.unix_nanos, fields(event.attributes()))
                })
                .collect(),
            links: span
                .links()
                .map(|link| (link.trace_id, link.span_id, fields(link.attributes())))
                .collect(),
            dropped: [
                parts.dropped_attributes,
                parts.dropped_events,
                parts.dropped_links,
            ],
            dropped_of_items: span
                .events()
                .map(|event| event.dropped_attributes)
                .chain(span.links().map(|link| link.dropped_attributes))
                .sum(),
        }
    }

    pub fn get(&self, key: &str) -> &str {
        get(&self.attributes, key)
    }
}

fn fields<'a>(attributes: impl Iterator<Item = (&'a str, AnyValueView<'a>)>) -> Fields {
    attributes
        .map(|(key, value)| (key.to_owned(), format!("{value:?}")))
        .collect()
}

/// The value of a key that is there exactly once, else what is wrong.
pub fn get<'a>(fields: &'a Fields, key: &str) -> &'a str {
    let mut values = fields.iter().filter(|(name, _)| name == key);
    match (values.next(), values.next()) {
        (Some((_, value)), None) => value,
        (None, _) => "absent",
        (Some(_), Some(_)) => "repeated",
    }
}

#[track_caller]
pub fn find<'a>(spans: &'a [Finished], name: &str) -> &'a Finished {
    let mut found = spans.iter().filter(|span| span.name == name);
    match (found.next(), found.next()) {
        (Some(span), None) => span,
        _ => panic!("not exactly one span {name:?} in {spans:#?}"),
    }
}

#[track_caller]
pub fn assert_child(child: &Finished, parent: &Finished) {
    assert_eq!(
        (child.trace_id, child.parent),
        (parent.trace_id, parent.span_id),
        "{} is no child of {}",
        child.name,
        parent.name
    );
}

#[track_caller]
pub fn assert_root(span: &Finished) {
    assert_eq!(span.parent, SpanId::INVALID, "{} has a parent", span.name);
}

pub fn remote() -> SpanContext {
    remote_with(TraceFlags::SAMPLED)
}

pub fn remote_with(flags: TraceFlags) -> SpanContext {
    SpanContext::new(TraceId::from(7), SpanId::from(9), flags).remote()
}

pub fn text(value: impl Debug) -> String {
    format!("Str({value:?})")
}

/// Makes `dispatch` the default of this thread for good.
pub fn stay_default(dispatch: &Dispatch) {
    leak(tracing::dispatcher::set_default(dispatch));
}

/// Never drops `guard`.
#[expect(
    clippy::mem_forget,
    reason = "a guard that is never dropped is the case"
)]
pub fn leak<T>(guard: T) {
    std::mem::forget(guard);
}
