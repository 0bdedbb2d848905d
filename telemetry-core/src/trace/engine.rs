//! What makes spans: ids, the head decision, the clock, and where finished spans go.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use opentelemetry::KeyValue;
use opentelemetry::trace::{Link, SpanId, SpanKind};

use super::counters::SpanCounters;
use super::limits::SpanLimits;
use super::random;
use super::record::Record;
use super::recording::LineRecorder;
use super::sample::{self, Decision, Question, Sampler};
use super::state::SpanState;
use super::table;
use crate::clock::{Clock, Timestamp};
use crate::context::propagate::Extracted;
use crate::context::{CurrentIds, RequestScope, SpanContext};
use crate::otlp::{AnyValueView, Kind, ScopeId, SpanParts};
use crate::pipeline::Intake;
use crate::redact::Redaction;

/// What makes and finishes spans. One per [`SpanLayer`](super::SpanLayer), shared by everything
/// that records into it.
#[derive(Debug)]
pub struct Engine {
    id: u32,
    sampler: Sampler,
    limits: SpanLimits,
    clock: Clock,
    intake: Intake,
    counters: SpanCounters,
    events: SpanEvents,
    redaction: Redaction,
    recorder: Option<Arc<dyn LineRecorder>>,
}

/// Which `tracing` events also become events of their span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpanEvents {
    /// None: log lines carry the ids, which is enough to find them.
    None,
    /// `error!` becomes an exception event.
    #[default]
    Errors,
    /// Every event.
    All,
}

/// How an [`Engine`] is set up.
#[derive(Debug)]
#[non_exhaustive]
pub struct EngineSettings {
    /// The head sampler.
    pub sampler: Sampler,
    /// The limits of each span.
    pub limits: SpanLimits,
    /// Where time is read.
    pub clock: Clock,
    /// Where finished spans go.
    pub intake: Intake,
    /// Which `tracing` events are copied onto spans.
    pub events: SpanEvents,
    /// What is hidden.
    pub redaction: Redaction,
    /// What keeps the lines of requests, if anything does.
    pub recorder: Option<Arc<dyn LineRecorder>>,
}

impl EngineSettings {
    /// The defaults, with finished spans going to `intake`.
    #[must_use]
    pub fn new(intake: Intake) -> Self {
        Self {
            sampler: Sampler::parent_based_always_on(),
            limits: SpanLimits::default(),
            clock: Clock::system(),
            intake,
            events: SpanEvents::default(),
            redaction: Redaction::default(),
            recorder: None,
        }
    }
}

impl Engine {
    /// An engine.
    #[must_use]
    pub fn new(settings: EngineSettings) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            sampler: settings.sampler,
            limits: settings.limits,
            clock: settings.clock,
            intake: settings.intake,
            counters: SpanCounters::default(),
            events: settings.events,
            redaction: settings.redaction,
            recorder: settings.recorder,
        }
    }

    /// Distinguishes the engines of one process.
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// The limits of each span.
    #[must_use]
    pub fn limits(&self) -> &SpanLimits {
        &self.limits
    }

    /// How many spans were started and ended.
    #[must_use]
    pub fn counters(&self) -> &SpanCounters {
        &self.counters
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) fn events(&self) -> SpanEvents {
        self.events
    }

    pub(crate) fn redaction(&self) -> &Redaction {
        &self.redaction
    }

    pub(crate) fn recorder(&self) -> Option<&Arc<dyn LineRecorder>> {
        self.recorder.as_ref()
    }

    pub(crate) fn sampler(&self) -> &Sampler {
        &self.sampler
    }

    /// Starts a span whose decision needs no attributes, or that has none yet.
    pub(crate) fn start(&self, parent: Option<SpanContext>, name: &str, kind: Kind) -> SpanState {
        self.start_with(parent, name, kind, &[], &[])
    }

    /// Starts a span. It counts as open once it is [`opened`](Self::opened).
    pub(crate) fn start_with(
        &self,
        parent: Option<SpanContext>,
        name: &str,
        kind: Kind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SpanState {
        let parent = parent.filter(SpanContext::is_valid);
        let sampled = parent.as_ref().map(SpanContext::is_sampled);
        let known = Known {
            name,
            kind,
            attributes,
            links,
        };
        self.begin(parent, sampled, known)
    }

    /// Starts a span for what came in: a parent, a decision, both or none.
    pub(crate) fn start_incoming(&self, incoming: &Extracted, name: &str, kind: Kind) -> SpanState {
        let parent = incoming.span_context.clone().filter(SpanContext::is_valid);
        let known = Known {
            name,
            kind,
            attributes: &[],
            links: &[],
        };
        self.begin(parent, incoming.sampled, known)
    }

    fn begin(
        &self,
        parent: Option<SpanContext>,
        sampled: Option<bool>,
        known: Known<'_>,
    ) -> SpanState {
        let trace_id = parent
            .as_ref()
            .map_or_else(random::trace_id, SpanContext::trace_id);
        let kind = SpanKind::from(known.kind);
        let question = Question {
            parent: parent.as_ref(),
            sampled,
            trace_id,
            name: known.name,
            kind: &kind,
            attributes: known.attributes,
            links: known.links,
        };
        let decision = self.sampler.decide(question);
        let ids = CurrentIds {
            trace_id,
            span_id: random::span_id(),
            trace_flags: sample::flags(parent.as_ref(), decision.sampled),
        };
        self.state(ids, parent.as_ref(), decision, known.kind)
    }

    fn state(
        &self,
        ids: CurrentIds,
        parent: Option<&SpanContext>,
        decision: Decision,
        kind: Kind,
    ) -> SpanState {
        let record = decision.sampled.then(|| {
            let mut record = Record::take(&self.limits, &self.redaction);
            record.kind = kind;
            for entry in &decision.attributes {
                record.attributes.set(entry.key.as_str(), &entry.value);
            }
            record
        });
        SpanState {
            ids,
            trace_state: decision.trace_state,
            parent_span_id: parent.map_or(SpanId::INVALID, SpanContext::span_id),
            parent_is_remote: parent.map(SpanContext::is_remote),
            start: record
                .as_ref()
                .map_or(Timestamp::NONE, |_| self.clock.now()),
            used: AtomicBool::new(false),
            home: table::thread(),
            record,
            recording: None,
            baggage: None,
            request: RequestScope::NONE,
        }
    }

    /// Counts a span that somebody now holds.
    #[inline]
    pub(crate) fn opened(&self, state: &SpanState) {
        if state.record.is_some() {
            self.counters.started();
        }
    }

    /// Takes the ids and the decision of `fresh`, which was started for the same span with another
    /// parent, and keeps what was recorded.
    pub(crate) fn restart(&self, state: &mut SpanState, fresh: SpanState) {
        let record = match (state.record.take(), fresh.record) {
            (Some(mut old), Some(new)) => {
                old.add_missing(&new);
                Record::put_back(new);
                Some(old)
            }
            (Some(old), None) => {
                Record::put_back(old);
                self.counters.ended();
                None
            }
            (None, Some(new)) => {
                self.counters.started();
                state.start = fresh.start;
                Some(new)
            }
            (None, None) => None,
        };
        state.ids = fresh.ids;
        state.trace_state = fresh.trace_state;
        state.parent_span_id = fresh.parent_span_id;
        state.parent_is_remote = fresh.parent_is_remote;
        state.record = record;
    }

    /// Ends a span: its message goes to the exporters, its memory back to the pool.
    pub(crate) fn end(&self, state: &mut SpanState, scope: ScopeId, name: &str) -> Timestamp {
        let now = self.clock.now();
        self.end_at(state, scope, name, now.unix_nanos_from(state.start));
        now
    }

    /// Ends a span at a time that somebody else has read.
    pub(crate) fn end_at(
        &self,
        state: &mut SpanState,
        scope: ScopeId,
        name: &str,
        end_unix_nanos: u64,
    ) {
        let Some(mut record) = state.record.take() else {
            return;
        };
        let status_message = std::mem::replace(&mut record.status_message, Cow::Borrowed(""));
        let parts = SpanParts {
            trace_id: state.ids.trace_id,
            span_id: state.ids.span_id,
            parent_span_id: state.parent_span_id,
            parent_is_remote: state.parent_is_remote,
            trace_flags: state.ids.trace_flags,
            trace_state: state.trace_state.as_str(),
            name: record.name().unwrap_or(name),
            kind: record.kind,
            start_unix_nanos: state.start.unix_nanos(),
            end_unix_nanos: end_unix_nanos.max(state.start.unix_nanos()),
            attributes: record.attributes.as_bytes(),
            dropped_attributes: record.attributes.dropped(),
            events: &record.events.bytes,
            dropped_events: record.events.dropped,
            links: &record.links.bytes,
            dropped_links: record.links.dropped,
            status: record.status,
            status_message: &status_message,
        };
        self.intake.push(scope, |buffer| parts.encode(buffer));
        self.counters.ended();
        Record::put_back(record);
    }
}

/// What is known of a span when it starts.
#[derive(Clone, Copy)]
struct Known<'a> {
    name: &'a str,
    kind: Kind,
    attributes: &'a [KeyValue],
    links: &'a [Link],
}

/// The recorded attributes in the API's types, for samplers that read them.
pub(crate) fn key_values(record: &Record) -> Vec<KeyValue> {
    record
        .attributes
        .iter()
        .filter_map(|(key, value)| {
            let key = key.to_owned();
            match value {
                AnyValueView::Str(text) => Some(KeyValue::new(key, text.to_owned())),
                AnyValueView::Bool(value) => Some(KeyValue::new(key, value)),
                AnyValueView::Int(value) => Some(KeyValue::new(key, value)),
                AnyValueView::Double(value) => Some(KeyValue::new(key, value)),
                _ => None,
            }
        })
        .collect()
}
