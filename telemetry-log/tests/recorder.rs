//! The flight recorder: what is kept, what is written and what is counted.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{DEADLINE, Json, Memory, NOW};
use opentelemetry::KeyValue;
use proptest::prelude::*;
use telemetry_core::clock::Clock;
use telemetry_core::metrics::{Points, Registry, RegistrySettings};
use telemetry_core::otlp::{AnyValueView, AttributeLimits, LogView, Severity};
use telemetry_core::pipeline::{Intake, Queue, QueueLimits};
use telemetry_core::trace::{Engine, EngineSettings, SpanLayer, record_lines};
use telemetry_log::{
    BaseFilter, Directives, JsonFormat, LogHandle, Logs, Override, PrettyFormat, Recorder,
    RecorderConfig, Scope, SinkConfig, SpanFields, Verbosity,
};
use tracing::level_filters::LevelFilter;
use tracing::{Dispatch, Event, Level, Subscriber, debug, error_span, info, info_span};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::layer::SubscriberExt;

/// A process's log with a flight recorder.
struct Log {
    memory: Memory,
    recorder: Recorder,
    handle: LogHandle,
    clock: Clock,
    queue: Arc<Queue>,
    verbosity: Verbosity,
    /// The messages that a layer of somebody else has seen.
    foreign: Seen,
    dispatch: Dispatch,
}

/// Sees the targets of events.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl<S: Subscriber> Layer<S> for Seen {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let target = event.metadata().target().to_owned();
        self.0.lock().unwrap().push(target);
    }
}

impl Log {
    fn with(config: RecorderConfig, base: &str, format: impl Fn(SinkConfig) -> SinkConfig) -> Self {
        let memory = Memory::default();
        let recorder = Recorder::new(config);
        let clock = Clock::manual(NOW);
        let queue = Arc::new(Queue::new(QueueLimits {
            items: 10_000,
            bytes: 1 << 24,
            wake_at: 10_000,
            item_bytes: 1 << 20,
        }));
        let intake = Intake::new([Arc::clone(&queue)]);
        let (layer, handle) = Logs::builder()
            .clock(clock.clone())
            .sink(format(SinkConfig::custom("memory", memory.clone())))
            .otlp(intake, AttributeLimits::default())
            .recorder(recorder.clone())
            .build()
            .unwrap();
        let mut settings = EngineSettings::new(Intake::default());
        settings.recorder = Some(recorder.line_recorder());
        let spans = SpanLayer::new(Arc::new(Engine::new(settings)));
        let filter = BaseFilter::new(Directives::parse(base).0)
            .keep_spans(LevelFilter::INFO)
            .recorder(recorder.clone());
        let foreign = Seen::default();
        let verbosity = filter.verbosity();
        let subscriber = tracing_subscriber::registry()
            .with(spans)
            .with(layer)
            .with(verbosity.at_base_level(foreign.clone()));
        Self {
            memory,
            recorder,
            handle,
            clock,
            queue,
            verbosity,
            foreign,
            dispatch: subscriber.with(filter).into(),
        }
    }

    fn new(config: RecorderConfig) -> Self {
        Self::with(config, "info", |sink| sink)
    }

    /// Does work that fails or not, within a recorded span.
    fn request(&self, failed: bool, work: impl FnOnce()) {
        self.within(|| {
            let span = info_span!("request", tenant = "acme", number = 7);
            let recording = record_lines(&span);
            span.in_scope(work);
            if let Some(recording) = recording {
                recording.end(failed);
            }
        });
    }

    fn within(&self, work: impl FnOnce()) {
        tracing::dispatcher::with_default(&self.dispatch, work);
    }

    fn text(&self) -> String {
        assert!(self.handle.flush(DEADLINE).in_time);
        self.memory.text()
    }

    fn lines(&self) -> Vec<Json> {
        assert!(self.handle.flush(DEADLINE).in_time);
        self.memory.lines()
    }

    fn messages(&self) -> Vec<String> {
        let lines = self.lines();
        lines
            .iter()
            .map(|line| line.text("message").to_owned())
            .collect()
    }
}

fn config() -> RecorderConfig {
    RecorderConfig::new().targets(["recorder"])
}

/// Values of each kind that an event can have.
#[derive(Clone, Debug)]
struct Values {
    text: String,
    long: usize,
    int: i64,
    uint: u64,
    huge: i128,
    float: f64,
    truth: bool,
    bytes: Vec<u8>,
}

#[derive(Debug)]
struct Outer(Inner);

#[derive(Debug)]
struct Inner;

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("outer")
    }
}

impl fmt::Display for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("inner")
    }
}

impl Error for Inner {}

impl Error for Outer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

impl Values {
    fn log(&self) {
        let error: &(dyn Error + 'static) = &Outer(Inner);
        let again: &(dyn Error + 'static) = &Inner;
        let bytes: &[u8] = &self.bytes;
        let long = "x".repeat(self.long);
        debug!(
            text = self.text,
            long,
            int = self.int,
            uint = self.uint,
            huge = self.huge,
            float = self.float,
            truth = self.truth,
            bytes,
            error,
            again,
            number = self.int,
            r#type = ?self.text,
            shown = %self.text,
            none = Option::<u64>::None,
            otel.severity = "FATAL",
            event.name = self.text,
            "said {} twice",
            self.text
        );
        debug!(self.uint);
        debug!("just text");
    }
}

fn values() -> impl Strategy<Value = Values> {
    let numbers = (any::<i64>(), any::<u64>(), any::<i128>(), any::<f64>());
    (
        ".{0,20}",
        0..8000_usize,
        numbers,
        any::<bool>(),
        any::<Vec<u8>>(),
    )
        .prop_map(
            |(text, long, (int, uint, huge, float), truth, bytes)| Values {
                text,
                long,
                int,
                uint,
                huge,
                float,
                truth,
                bytes,
            },
        )
}

/// The attributes of the records but for those that only recorded ones have, with their times.
fn records(log: &Log) -> Vec<(u64, Severity, String, Vec<String>)> {
    let batches = log.queue.take_all();
    let items = batches
        .iter()
        .flat_map(telemetry_core::pipeline::Batch::items);
    items
        .map(|item| {
            let view = LogView::read(item.message);
            let parts = view.parts;
            let shown = view
                .attributes()
                .filter(|(key, _)| *key != "recorded")
                .map(|(key, value): (&str, AnyValueView<'_>)| format!("{key}={value:?}"));
            (
                parts.unix_nanos,
                parts.severity,
                parts.body.to_owned(),
                shown.collect(),
            )
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_recorded_line_says_what_it_would_have_said(values in values()) {
        for format in [
            |sink: SinkConfig| sink,
            |sink: SinkConfig| sink.json(JsonFormat::new().spans(SpanFields::List)),
        ] {
            let recorded = Log::with(config(), "info", format);
            recorded.request(true, || values.log());
            let live = Log::with(config(), "debug", format);
            live.request(true, || values.log());
            let mut expected = live.lines();
            for line in &mut expected {
                let Json::Object(members) = line else { panic!("no object") };
                // the ids are random
                members.retain(|(name, _)| !name.ends_with("_id"));
            }
            let mut found = recorded.lines();
            for line in &mut found {
                prop_assert_eq!(line.get("recorded"), Some(&Json::Bool(true)));
                let Json::Object(members) = line else { panic!("no object") };
                members.retain(|(name, _)| !name.ends_with("_id") && name != "recorded");
            }
            prop_assert_eq!(found, expected);
            prop_assert_eq!(records(&recorded), records(&live));
        }
    }
}

#[test]
fn success_is_silent_and_only_failure_is_written() {
    let log = Log::new(config());
    log.within(|| debug!("before"));
    log.request(false, || debug!("fine"));
    log.request(true, || {
        debug!("first");
        log.clock.advance(Duration::from_millis(3));
        info!("second");
        log.clock.advance(Duration::from_millis(3));
        debug!("third");
    });
    log.within(|| debug!("after"));
    assert_eq!(log.messages(), ["second", "first", "third"]);
    let lines = log.lines();
    let times: Vec<_> = lines.iter().map(|line| line.text("timestamp")).collect();
    assert_eq!(
        times,
        [
            "2026-11-21T14:23:01.237567Z",
            "2026-11-21T14:23:01.234567Z",
            "2026-11-21T14:23:01.240567Z"
        ]
    );
    let status = log.recorder.status();
    assert_eq!((status.requests, status.written_requests), (2, 1));
    assert_eq!((status.kept_lines, status.written_lines), (3, 2));
}

#[test]
fn what_is_dropped_without_an_end_has_failed() {
    let log = Log::new(config());
    log.within(|| {
        let span = info_span!("job");
        let recording = record_lines(&span);
        span.in_scope(|| debug!("given up"));
        drop(recording);
    });
    assert_eq!(log.messages(), ["given up"]);
}

#[test]
fn a_pinned_one_is_written_whatever_happens() {
    let log = Log::new(config());
    log.within(|| {
        let span = info_span!("job");
        let recording = record_lines(&span).unwrap();
        span.in_scope(|| debug!("looked at"));
        recording.pin();
        recording.end(false);
    });
    assert_eq!(log.messages(), ["looked at"]);
}

#[test]
fn a_slow_one_is_written() {
    let log = Log::new(config().slow_after(Duration::from_secs(2)));
    for millis in [1999, 2000] {
        log.request(false, || {
            debug!("takes {millis}");
            log.clock.advance(Duration::from_millis(millis));
        });
    }
    assert_eq!(log.messages(), ["takes 2000"]);
}

#[test]
fn only_the_own_targets_are_kept_and_no_line_is_written_twice() {
    let log = Log::with(config(), "info,recorder::loud=debug", |sink| sink);
    log.request(true, || {
        debug!("own");
        debug!(target: "recorder::inner", "own module");
        debug!(target: "recorder::loud", "written anyway");
        debug!(target: "recorders", "another crate");
        debug!(target: "hyper", "a library");
        tracing::trace!("too fine");
    });
    assert_eq!(log.messages(), ["written anyway", "own", "own module"]);
    let recorded = |line: &Json| line.get("recorded").is_some();
    assert_eq!(
        log.lines().iter().map(recorded).collect::<Vec<_>>(),
        [false, true, true]
    );
    let all = Log::new(
        RecorderConfig::new()
            .targets([""])
            .level(LevelFilter::TRACE),
    );
    all.request(true, || {
        tracing::trace!(target: "hyper", "a library");
    });
    assert_eq!(all.messages(), ["a library"]);
}

#[test]
fn what_an_override_lets_through_is_written_at_once_and_not_twice() {
    let log = Log::new(config());
    let wish = Override::new(
        Scope::Target("recorder::loud".to_owned()),
        Level::DEBUG,
        Duration::from_secs(60),
    );
    log.request(true, || {
        // here: `tracing` asks the subscriber of the thread on which levels change
        let id = log.verbosity.set(wish).unwrap();
        debug!("kept");
        debug!(target: "recorder::loud", "written at once");
        log.verbosity.remove(id);
        debug!(target: "recorder::loud", "kept again");
    });
    assert_eq!(log.messages(), ["written at once", "kept", "kept again"]);
}

#[test]
fn layers_of_others_see_nothing_of_it() {
    let log = Log::new(config());
    log.request(true, || {
        debug!("kept");
        info!(target: "written", "seen");
    });
    assert_eq!(*log.foreign.0.lock().unwrap(), ["written"]);
    assert_eq!(log.messages(), ["seen", "kept"]);
}

#[test]
fn the_spans_of_the_moment_are_kept() {
    let log = Log::new(config());
    log.request(true, || {
        debug!("outer");
        let inner = info_span!("inner", step = 1, late = tracing::field::Empty).entered();
        debug!("inner");
        inner.record("late", "told");
        debug!("later");
        drop(inner);
        debug!("outer again");
        let other = error_span!(parent: None, "other", step = 2);
        other.in_scope(|| debug!("no part of it"));
    });
    assert_eq!(log.messages(), ["outer", "inner", "later", "outer again"]);
    let lines = log.lines();
    let [outer, inner, later, again] = &lines[..] else {
        panic!("{lines:?}")
    };
    assert_eq!((outer.int("number"), outer.get("step")), (7, None));
    assert_eq!((inner.int("step"), inner.get("late")), (1, None));
    assert_eq!(later.text("late"), "told");
    assert_eq!(again.get("late"), None);
    assert_eq!(outer.text("span_id"), again.text("span_id"));
    assert_ne!(outer.text("span_id"), inner.text("span_id"));
    assert_eq!(inner.text("span_id"), later.text("span_id"));
}

#[test]
fn the_fields_of_a_log_scope_are_kept() {
    let log = Log::new(config());
    log.request(true, || {
        let scope = telemetry_log::scope([KeyValue::new("batch", 7)]);
        scope.in_scope(|| debug!("inside"));
        debug!("outside");
    });
    let lines = log.lines();
    assert_eq!(
        (lines[0].text("message"), lines[0].int("batch")),
        ("inside", 7)
    );
    assert_eq!(lines[1].get("batch"), None);
}

#[test]
fn the_latest_lines_stay_and_the_first_says_how_many_were_cut() {
    let log = Log::new(config());
    log.request(true, || (0..300).for_each(|n| debug!(n, "counted")));
    let lines = log.lines();
    assert_eq!(lines.len(), 256);
    let numbers: Vec<_> = lines.iter().map(|line| line.int("n")).collect();
    assert_eq!(numbers, Vec::from_iter(44..300));
    assert_eq!(lines[0].int("recorded_cut"), 44);
    assert!(lines[1].get("recorded_cut").is_none());
    assert_eq!(log.recorder.status().cut_lines, 44);
}

#[test]
fn long_lines_are_bounded_by_bytes() {
    let log = Log::new(config());
    let text = "x".repeat(1000);
    log.request(true, || (0..100).for_each(|n| debug!(n, text, "long")));
    let lines = log.lines();
    assert!((40..66).contains(&lines.len()), "{}", lines.len());
    assert_eq!(lines.last().unwrap().int("n"), 99);
    assert_eq!(
        lines[0].int("recorded_cut"),
        100 - i64::try_from(lines.len()).unwrap()
    );
    let log = Log::new(config());
    let text = "x".repeat(100_000);
    log.request(true, || debug!(text, "huge"));
    let huge = &log.lines()[0];
    assert!(huge.text("text").ends_with("…[truncated 91808 bytes]"));
}

#[test]
fn requests_beyond_the_total_are_counted_and_not_recorded() {
    let log = Log::new(config().total_bytes(2 * 64 * 1024));
    log.within(|| {
        let spans = [(); 3].map(|()| info_span!("job"));
        let mut recordings: Vec<_> = spans.iter().map(record_lines).collect();
        assert!(recordings[1].is_some());
        assert!(recordings[2].is_none());
        for (number, span) in spans.iter().enumerate() {
            span.in_scope(|| debug!(number, "works"));
        }
        drop(recordings.remove(0));
        assert!(record_lines(&spans[2]).is_some(), "there is room again");
    });
    assert_eq!(log.recorder.status().refused_requests, 1);
    let numbers: Vec<_> = log.lines().iter().map(|line| line.int("number")).collect();
    assert_eq!(numbers, [0, 1]);
}

#[test]
fn what_is_open_at_shutdown_is_dropped_and_counted() {
    let log = Log::new(config());
    log.within(|| {
        let span = info_span!("job");
        let recording = record_lines(&span);
        span.in_scope(|| debug!("waits"));
        assert!(log.handle.shutdown(DEADLINE).in_time);
        span.in_scope(|| debug!("too late"));
        assert!(record_lines(&span).is_none());
        drop(recording);
    });
    assert_eq!(log.memory.text(), "");
    assert_eq!(log.recorder.status().unfinished_lines, 1);
    assert_eq!(log.handle.lines(), 0);
}

#[test]
fn threads_of_one_request_lose_no_line() {
    let log = Log::new(config());
    log.request(true, || {
        let span = tracing::Span::current();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (span, dispatch) = (&span, &log.dispatch);
                scope.spawn(move || {
                    let _default = tracing::dispatcher::set_default(dispatch);
                    span.in_scope(|| (0..60).for_each(|n| debug!(thread, n, "at once")));
                });
            }
        });
    });
    let lines = log.lines();
    assert_eq!(lines.len(), 240);
    for thread in 0..4 {
        let of_it = lines.iter().filter(|line| line.int("thread") == thread);
        let numbers: Vec<_> = of_it.map(|line| line.int("n")).collect();
        assert_eq!(numbers, Vec::from_iter(0..60));
    }
}

#[test]
fn a_sink_that_does_not_want_debug_gets_none() {
    let log = Log::with(config(), "info", |sink| sink.level(LevelFilter::INFO));
    log.request(true, || debug!("not for this sink"));
    assert_eq!(log.text(), "");
    assert_eq!(records(&log).len(), 1);
}

#[test]
fn people_see_which_lines_were_recorded() {
    let log = Log::with(config(), "info", |sink| sink.pretty(PrettyFormat::new()));
    log.request(true, || debug!(n = 1, "seen"));
    let text = log.text();
    assert!(text.contains("seen n=1 recorded=true"), "{text}");
    assert!(text.contains("request{"), "{text}");
}

#[test]
fn a_field_of_that_name_keeps_its_value() {
    let log = Log::new(config());
    log.request(true, || {
        info!(recorded = "vinyl", "live");
        debug!(recorded = "vinyl", "kept");
    });
    let lines = log.lines();
    assert_eq!(lines[0].text("recorded"), "vinyl");
    assert_eq!(lines[1].get("recorded"), Some(&Json::Bool(true)));
    assert_eq!(lines[1].text("fields.recorded"), "vinyl");
}

#[test]
fn what_became_of_requests_and_lines_is_measured() {
    let log = Log::new(config().total_bytes(1).max_lines(2));
    let registry = Registry::new(RegistrySettings::default());
    log.handle.observe(&registry);
    log.request(false, || debug!("discarded"));
    log.request(true, || (0..3).for_each(|n| debug!(n, "written")));
    log.within(|| {
        let _open = record_lines(&info_span!("job")).unwrap();
        assert!(record_lines(&info_span!("another job")).is_none());
    });
    let mut found = BTreeMap::new();
    for metric in registry.collect().metrics {
        let Points::Sum(points) = &metric.points else {
            continue;
        };
        if let Some(kind) = metric
            .descriptor
            .name
            .strip_prefix("telemetry.log.recorder.")
        {
            for point in points {
                let labels = point.attributes.iter();
                let outcome: String = labels.map(|label| label.value.to_string()).collect();
                found.insert(format!("{kind} {outcome}"), point.value.as_f64());
            }
        }
    }
    let expected = [
        ("lines cut", 1.0),
        ("lines discarded", 1.0),
        ("lines unfinished", 0.0),
        ("lines written", 2.0),
        // one of them has failed without a line
        ("requests discarded", 2.0),
        ("requests refused", 1.0),
        ("requests written", 1.0),
    ];
    let expected = expected.map(|(name, count)| (name.to_owned(), count));
    assert_eq!(found, BTreeMap::from(expected));
}
