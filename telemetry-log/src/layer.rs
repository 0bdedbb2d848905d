//! From an event to its lines and its log record.

use std::cell::Cell;
use std::sync::Arc;

use opentelemetry::InstrumentationScope;
use telemetry_core::clock::Clock;
use telemetry_core::context::{
    CurrentIds, SpanId, TraceFlags, TraceId, current, recording, span_key,
};
use telemetry_core::diagnostics::is_opentelemetry_target;
use telemetry_core::otlp::{LogParts, ScopeId, Severity};
use telemetry_core::pipeline::{Intake, is_own_thread};
use telemetry_core::trace::{ids_of, scope_of};
use tracing_core::span::{Attributes, Id, Record as Values};
use tracing_core::{Event, Level, LevelFilter, Metadata, Subscriber};
use tracing_log::NormalizeEvent;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use crate::gathered::{self, Gathered};
use crate::json::{CompiledJson, Frame, JsonLine, RECORDED, TimeText, pinned};
use crate::limit::{self, Counts, Limits};
use crate::pretty::{PrettyFormat, PrettyLine};
use crate::recorder::{Buffer, KeptLine, NewLine, Place, Recorder, Tape, TapeVisitor, replay};
use crate::sink::Writer;
use crate::span;
use crate::spans::Spans;
use crate::verbosity::{SESSION_ID, Verbosity};
use crate::visit::{EventVisitor, Record, VisitOptions};

/// Writes events as log lines and as OTLP log records. Made by [`Logs`](crate::Logs).
///
/// It reads each span's fields once, when they are recorded, and each event's fields once for all
/// outputs. It never blocks and takes no lock while a value's `Debug` or `Display` runs.
#[derive(Clone, Debug)]
pub struct LogLayer {
    shared: Arc<Shared>,
    /// Of one registry: another one uses the same numbers.
    spans: Arc<Spans>,
}

impl LogLayer {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            spans: Arc::default(),
        }
    }
}

/// What the layer and its handle share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    pub(crate) visit: VisitOptions,
    pub(crate) formats: Vec<FormatSinks>,
    pub(crate) otlp: Option<Intake>,
    pub(crate) max_level: LevelFilter,
    pub(crate) line_bytes: usize,
    pub(crate) code_location: bool,
    pub(crate) verbosity: Option<Verbosity>,
    pub(crate) limits: Option<Limits>,
    pub(crate) counts: Counts,
    /// Whether an output wants the fields, the list or the names of spans.
    pub(crate) wants: Wants,
    pub(crate) recorder: Option<Recorder>,
}

/// What a span is read for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wants {
    pub(crate) fields: bool,
    pub(crate) list: bool,
    pub(crate) names: bool,
}

/// A format and the sinks that share its lines.
#[derive(Debug)]
pub(crate) struct FormatSinks {
    pub(crate) format: LineFormat,
    pub(crate) sinks: Vec<Sink>,
}

#[derive(Debug)]
pub(crate) enum LineFormat {
    Json(CompiledJson),
    Pretty(PrettyFormat),
}

#[derive(Debug)]
pub(crate) struct Sink {
    pub(crate) writer: Arc<Writer>,
    pub(crate) level: LevelFilter,
    pub(crate) below: Option<Level>,
}

/// A thread's memory for its next line. It is taken out while a line is written, so that a value
/// whose `Debug` logs finds none and makes its own.
#[derive(Debug, Default)]
struct Scratch {
    record: Record,
    gathered: Gathered,
    list: Vec<u8>,
    names: String,
    line: Vec<u8>,
    time: TimeText,
    tape: Tape,
    /// Whether the line was kept in memory first.
    recorded: bool,
    /// One for each format.
    frames: Vec<Frame>,
}

/// How many lines a line stands for that were held back.
const SUPPRESSED_FIELD: &str = "suppressed";
/// How many lines of a request the first of its recorded ones stands for as well.
const RECORDED_CUT: &str = "recorded_cut";

/// A thread keeps its memory up to this size.
const SCRATCH_BYTES: usize = 256 * 1024;

thread_local! {
    static SCRATCH: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
}

#[inline]
fn with_scratch(work: impl FnOnce(&mut Scratch)) {
    let taken = SCRATCH.try_with(Cell::take).ok().flatten();
    let mut scratch = taken.unwrap_or_default();
    work(&mut scratch);
    if scratch.capacity() <= SCRATCH_BYTES {
        // while the thread ends there is nobody to keep it for
        let _ = SCRATCH.try_with(|slot| slot.set(Some(scratch)));
    }
}

impl Shared {
    fn wants(&self, level: Level) -> bool {
        level <= self.max_level || self.otlp.is_some()
    }
}

impl Sink {
    #[inline]
    fn accepts(&self, level: Level) -> bool {
        level <= self.level && self.below.is_none_or(|below| level > below)
    }
}

impl<S> Layer<S> for LogLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_layer(&mut self, _: &mut S) {
        self.spans = Arc::default();
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        if self.shared.wants.fields {
            span::on_new_span(attributes, id, &self.spans, &self.shared.visit);
        }
    }

    fn on_record(&self, id: &Id, values: &Values<'_>, _: Context<'_, S>) {
        if self.shared.wants.fields {
            span::on_record(id, values, &self.spans, &self.shared.visit);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        let unwanted =
            !self.shared.wants(*metadata.level()) || is_opentelemetry_target(metadata.target());
        if unwanted || is_own_thread() {
            return;
        }
        with_scratch(|scratch| match self.shared.recorder_of(event, &context) {
            None => self.shared.write(scratch, event, &context, &self.spans),
            Some(recorder) => {
                let shared = &self.shared;
                shared.keep(recorder, scratch, event, &context, &self.spans);
            }
        });
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        if self.shared.wants.fields {
            span::on_close(&id, &self.spans);
        }
    }
}

impl Shared {
    #[inline]
    fn write<S>(
        &self,
        scratch: &mut Scratch,
        event: &Event<'_>,
        context: &Context<'_, S>,
        spans: &Spans,
    ) where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        if !self.admits(scratch, event, context) {
            return;
        }
        let unix_nanos = self.clock.now().unix_nanos();
        let metadata = event.metadata();
        let is_log = metadata.target() == "log" && event.is_log();
        scratch.record.clear(&self.visit);
        event.record(&mut EventVisitor {
            record: &mut scratch.record,
            options: &self.visit,
            is_log,
        });
        if is_log && is_opentelemetry_target(&scratch.record.origin.target) {
            return;
        }
        if self.code_location {
            self.add_location(&mut scratch.record, metadata);
        }
        if let Some(verbosity) = self.verbosity.as_ref().filter(|it| it.has_sessions()) {
            self.add_session(&mut scratch.record, verbosity, metadata, context);
        }
        crate::scope::add_to(&mut scratch.record, &self.visit);
        let ids = self.gather(scratch, event, context, spans);
        self.write_lines(scratch, metadata, unix_nanos, ids);
        if let Some(intake) = &self.otlp {
            push_record(intake, scratch, metadata, unix_nanos, ids);
        }
    }

    #[cold]
    fn add_session<S>(
        &self,
        record: &mut Record,
        verbosity: &Verbosity,
        metadata: &Metadata<'_>,
        context: &Context<'_, S>,
    ) where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        if let Some(session) = verbosity.session(target(record, metadata), context) {
            record.add_text(&self.visit, SESSION_ID, &session);
        }
    }

    /// Counts the event, and asks whether its line is to be written.
    #[inline]
    fn admits<S>(&self, scratch: &mut Scratch, event: &Event<'_>, context: &Context<'_, S>) -> bool
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        self.counts
            .count(limit::severity_of(event.metadata()), limit::route());
        match &self.limits {
            None => true,
            Some(limits) => self.admits_limited(limits, scratch, event, context),
        }
    }

    #[cold]
    fn admits_limited<S>(
        &self,
        limits: &Limits,
        scratch: &mut Scratch,
        event: &Event<'_>,
        context: &Context<'_, S>,
    ) -> bool
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let now = self.clock.now();
        if limits.due(now.monotonic_nanos()) {
            self.say_suppressed(limits, scratch, now.unix_nanos());
        }
        let ids = || line_ids(event, context.event_span(event).as_ref());
        let is_wanted = || self.is_asked_for(event);
        let admitted = limits.admit(event, now.monotonic_nanos(), ids, is_wanted);
        if let Err(reason) = admitted {
            self.counts.suppress(reason);
        }
        admitted.is_ok()
    }

    /// Whether only an override of the levels lets the event through: somebody wants to see all.
    fn is_asked_for(&self, event: &Event<'_>) -> bool {
        self.verbosity.as_ref().is_some_and(|verbosity| {
            let of_log = event.normalized_metadata();
            !verbosity.is_at_base_level(of_log.as_ref().unwrap_or(event.metadata()))
        })
    }

    /// Writes a line for each callsite that has lost some.
    fn say_suppressed(&self, limits: &Limits, scratch: &mut Scratch, unix_nanos: u64) {
        scratch.gathered.clear();
        scratch.list.clear();
        scratch.names.clear();
        limits.tell(|metadata, origin, lost| {
            let record = &mut scratch.record;
            record.clear(&self.visit);
            record.set_origin(&origin.target, &origin.file, origin.line);
            record.set_message(format_args!("{lost} similar suppressed"));
            let lost = i64::try_from(lost).unwrap_or(i64::MAX);
            record.add_int(&self.visit, SUPPRESSED_FIELD, lost);
            self.add_location(record, metadata);
            self.write_lines(scratch, metadata, unix_nanos, None);
            if let Some(intake) = &self.otlp {
                push_record(intake, scratch, metadata, unix_nanos, None);
            }
        });
    }

    /// Says now what was held back since it was said last.
    pub(crate) fn say_all_suppressed(&self) {
        if let Some(limits) = &self.limits {
            let mut scratch = Scratch::default();
            self.say_suppressed(limits, &mut scratch, self.clock.now().unix_nanos());
        }
    }

    fn add_location(&self, record: &mut Record, metadata: &Metadata<'_>) {
        let file = std::mem::take(&mut record.origin.file);
        let path = metadata.file().unwrap_or(&file);
        if !path.is_empty() {
            record.add_text(&self.visit, pinned::FILE, path);
        }
        let line = record.origin.line.or(metadata.line().map(u64::from));
        if let Some(line) = line.and_then(|line| i64::try_from(line).ok()) {
            record.add_int(&self.visit, pinned::LINE, line);
        }
        record.origin.file = file;
    }

    /// Reads the spans around the event and returns the ids for its line.
    #[inline]
    fn gather<S>(
        &self,
        scratch: &mut Scratch,
        event: &Event<'_>,
        context: &Context<'_, S>,
        spans: &Spans,
    ) -> Option<CurrentIds>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        scratch.gathered.clear();
        scratch.list.clear();
        scratch.names.clear();
        if event.is_contextual() && self.gather_again(scratch, context, spans) {
            return current();
        }
        let span = context.event_span(event);
        if let Some(span) = &span {
            self.gather_from(scratch, span, spans);
        }
        line_ids(event, span.as_ref())
    }

    /// Whether the current span is that of the thread's last line, and its fields are all that is
    /// wanted: then nothing needs to be looked up. A span that a filter hides from this layer has
    /// no fields here.
    #[inline]
    fn gather_again<S>(
        &self,
        scratch: &mut Scratch,
        context: &Context<'_, S>,
        spans: &Spans,
    ) -> bool
    where
        S: Subscriber,
    {
        if self.wants.list || self.wants.names {
            return false;
        }
        let log = self.visit.reserved.generation();
        let span = context.current_span();
        let number = span.id().and_then(|id| span::number(id, spans));
        number.is_some_and(|number| {
            let event = &scratch.record.fields;
            scratch.gathered.gather_again(log, event, number)
        })
    }

    fn gather_from<'a, S>(&self, scratch: &mut Scratch, span: &SpanRef<'a, S>, spans: &Spans)
    where
        S: LookupSpan<'a>,
    {
        if self.wants.fields {
            let log = self.visit.reserved.generation();
            let event = &scratch.record.fields;
            scratch.gathered.gather(log, event, span, spans);
        }
        if self.wants.list {
            span::put_list(&mut scratch.list, span, spans);
        }
        if self.wants.names {
            span::put_names(&mut scratch.names, span);
        }
    }

    #[inline]
    fn write_lines(
        &self,
        scratch: &mut Scratch,
        metadata: &Metadata<'_>,
        unix_nanos: u64,
        ids: Option<CurrentIds>,
    ) {
        let level = *metadata.level();
        let record = &scratch.record;
        let severity = severity(record, level);
        let message = record.has_message.then_some(record.message.as_str());
        for (index, FormatSinks { format, sinks }) in self.formats.iter().enumerate() {
            let mut sinks = sinks.iter().filter(|sink| sink.accepts(level)).peekable();
            if sinks.peek().is_none() {
                continue;
            }
            let line = &mut scratch.line;
            line.clear();
            match format {
                LineFormat::Json(json) => {
                    let parts = JsonLine {
                        unix_nanos,
                        severity,
                        target: target(record, metadata),
                        is_static: record.origin.target.is_empty(),
                        message,
                        ids,
                        fields: &record.fields,
                        inherited: scratch.gathered.fields(),
                        spans: &scratch.list,
                        max_len: self.line_bytes,
                        recorded: scratch.recorded,
                    };
                    let frame = frame(&mut scratch.frames, index);
                    json.put(line, frame, &mut scratch.time, &parts);
                }
                LineFormat::Pretty(pretty) => {
                    let parts = PrettyLine {
                        unix_nanos,
                        severity,
                        target: target(record, metadata),
                        message,
                        ids,
                        fields: &record.fields,
                        inherited: scratch.gathered.fields(),
                        span_names: &scratch.names,
                        recorded: scratch.recorded,
                    };
                    pretty.put(line, &mut scratch.time, &parts);
                }
            }
            for sink in sinks {
                sink.writer.queue.push(line, severity, unix_nanos);
            }
        }
    }
}

impl Scratch {
    fn capacity(&self) -> usize {
        self.record.capacity()
            + self.gathered.capacity()
            + self.list.capacity()
            + self.names.capacity()
            + self.line.capacity()
            + self.tape.capacity()
    }
}

/// Lines that are kept in memory, and written later or never.
impl Shared {
    /// Who keeps the line, if it is not written now.
    #[inline]
    fn recorder_of<S>(&self, event: &Event<'_>, context: &Context<'_, S>) -> Option<&Recorder>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let recorder = self.recorder.as_ref()?;
        let metadata = event.metadata();
        let is_written = if metadata.target() == "log" && event.is_log() {
            let of_log = event.normalized_metadata();
            recorder.is_written(of_log.as_ref().unwrap_or(metadata), context)
        } else {
            recorder.is_written(metadata, context)
        };
        (!is_written).then_some(recorder)
    }

    #[inline]
    fn keep<S>(
        &self,
        recorder: &Recorder,
        scratch: &mut Scratch,
        event: &Event<'_>,
        context: &Context<'_, S>,
        spans: &Spans,
    ) where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let Some(number) = recording() else { return };
        let unix_nanos = self.clock.now().unix_nanos();
        let mut tape = std::mem::take(&mut scratch.tape);
        tape.clear();
        event.record(&mut TapeVisitor {
            tape: &mut tape,
            options: &self.visit,
            value_bytes: recorder.value_bytes().min(self.visit.value_bytes),
        });
        let line = NewLine {
            metadata: event.metadata(),
            unix_nanos,
            place: place(event, context),
            log_scope: crate::scope::current_scope(),
            tape: tape.as_bytes(),
        };
        recorder.keep(number, line, |kept| {
            scratch.record.fields.clear();
            self.gather(scratch, event, context, spans);
            kept.fields.assign(scratch.gathered.fields());
            kept.list.clone_from(&scratch.list);
            kept.names.clone_from(&scratch.names);
        });
        scratch.tape = tape;
    }

    /// Writes the lines of a request, as if they were written when they were logged.
    pub(crate) fn write_kept(&self, buffer: &Buffer) {
        with_scratch(|scratch| {
            scratch.recorded = true;
            for line in buffer.lines() {
                self.write_again(scratch, &line);
            }
            scratch.recorded = false;
        });
    }

    fn write_again(&self, scratch: &mut Scratch, line: &KeptLine<'_>) {
        let metadata = line.metadata;
        scratch.record.clear(&self.visit);
        let mut visitor = EventVisitor {
            record: &mut scratch.record,
            options: &self.visit,
            is_log: metadata.target() == "log" && metadata.fields().field("log.target").is_some(),
        };
        replay(line.tape, metadata, &mut visitor);
        let record = &mut scratch.record;
        if self.code_location {
            self.add_location(record, metadata);
        }
        if let Some(scope) = line.log_scope {
            scope.add_to(record, &self.visit);
        }
        if let Ok(cut @ 1..) = i64::try_from(line.cut) {
            record.add_int(&self.visit, RECORDED_CUT, cut);
        }
        if self.otlp.is_some() {
            record.attributes.set(RECORDED, true);
        }
        let spans = line.spans;
        scratch.gathered.show_earlier(&spans.fields, &record.fields);
        scratch.list.clone_from(&spans.list);
        scratch.names.clone_from(&spans.names);
        self.write_lines(scratch, metadata, line.unix_nanos, line.ids);
        if let Some(intake) = &self.otlp {
            push_record(intake, scratch, metadata, line.unix_nanos, line.ids);
        }
    }
}

/// Where an event happens.
#[inline]
fn place<S>(event: &Event<'_>, context: &Context<'_, S>) -> Place
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let changes = gathered::changes();
    if event.is_contextual() {
        return Place {
            span: span_key(),
            ids: current(),
            changes,
        };
    }
    let span = context.event_span(event);
    Place {
        span: (
            u32::MAX,
            span.as_ref().map_or(0, |span| span.id().into_u64()),
        ),
        ids: span.as_ref().and_then(ids_of),
        changes,
    }
}

#[inline]
fn frame(frames: &mut Vec<Frame>, format: usize) -> &mut Frame {
    if frames.len() <= format {
        frames.resize_with(format + 1, Frame::default);
    }
    &mut frames[format]
}

/// The ids that a line carries: those of the span in which the event happened, which is the
/// current one unless the event names another.
fn line_ids<'a, S>(event: &Event<'_>, span: Option<&SpanRef<'a, S>>) -> Option<CurrentIds>
where
    S: LookupSpan<'a>,
{
    if event.is_contextual() {
        current()
    } else {
        ids_of(span?)
    }
}

fn push_record(
    intake: &Intake,
    scratch: &Scratch,
    metadata: &'static Metadata<'static>,
    unix_nanos: u64,
    ids: Option<CurrentIds>,
) {
    let scope = scope(&scratch.record, metadata);
    let record = &scratch.record;
    let parts = LogParts {
        unix_nanos,
        observed_unix_nanos: unix_nanos,
        severity: severity(record, *metadata.level()),
        body: &record.message,
        attributes: record.attributes.as_bytes(),
        dropped_attributes: record.attributes.dropped(),
        trace_id: ids.map_or(TraceId::INVALID, |ids| ids.trace_id),
        span_id: ids.map_or(SpanId::INVALID, |ids| ids.span_id),
        trace_flags: ids.map_or(TraceFlags::NOT_SAMPLED, |ids| ids.trace_flags),
        event_name: &record.event_name,
    };
    intake.push(scope, |buffer| parts.encode(buffer));
}

/// The scope that the event's target names.
fn scope(record: &Record, metadata: &'static Metadata<'static>) -> ScopeId {
    let target = &record.origin.target;
    if target.is_empty() {
        return scope_of(metadata);
    }
    ScopeId::of(&InstrumentationScope::builder(target.clone()).build())
}

fn severity(record: &Record, level: Level) -> Severity {
    if record.fatal {
        Severity::Fatal
    } else {
        level.into()
    }
}

fn target<'a>(record: &'a Record, metadata: &'a Metadata<'_>) -> &'a str {
    if record.origin.target.is_empty() {
        metadata.target()
    } else {
        &record.origin.target
    }
}
