//! The log's lines and records, with feature `log`.

use std::sync::Arc;
use std::time::Duration;

use telemetry_core::clock::Clock;
use telemetry_core::config::{FloodPlan, LogFormat, Plan};
use telemetry_core::diagnostics::{Level, Voice};
use telemetry_core::pipeline::Service;
use telemetry_core::trace::{LineRecorder, SpanLayer};
use telemetry_log::{
    BaseFilter, Directives, LogHandle, LogLayer, Logs, PrettyFormat, Rate, RecorderConfig,
    SESSION_ID, SinkConfig, Verbosity, init_log_bridge,
};
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;

use crate::init::LineParts;
use crate::verbosity;

pub(crate) use telemetry_log::{BaseFilter as Filter, Recorder};

/// The sinks that the user brings.
pub(crate) type Sinks = Vec<SinkConfig>;

/// What the user says of the flight recorder, if it is on.
pub(crate) type Recording = Option<RecorderConfig>;

/// Starts the flight recorder, if it is on: before the engine, which tells it of requests.
pub(crate) fn recorder(plan: &Plan, config: Recording, voice: &Voice) -> Option<Recorder> {
    let config = config.filter(|_| !plan.disabled)?;
    let recorder = Recorder::new(config.service(plan.service_name()));
    let targets = recorder.targets().join(", ");
    voice.say(
        Level::Info,
        format_args!("telemetry: the flight recorder keeps lines of these targets: {targets}"),
    );
    Some(recorder)
}

/// The recorder as the engine knows it.
pub(crate) fn line_recorder(recorder: Option<&Recorder>) -> Option<Arc<dyn LineRecorder>> {
    recorder.map(Recorder::line_recorder)
}

/// What writes the lines.
#[derive(Debug)]
pub(crate) struct Lines {
    handle: LogHandle,
    verbosity: Verbosity,
}

/// What makes the lines, and the filter before everything.
#[derive(Debug)]
pub(crate) struct LineLayers {
    filter: BaseFilter,
    log: LogLayer,
}

/// The filter before everything, at the plan's levels.
pub(crate) fn filter(plan: &Plan, clock: &Clock, voice: &Voice) -> BaseFilter {
    let (directives, errors) = Directives::parse(&plan.logs.level);
    for error in errors {
        voice.say(Level::Warn, format_args!("telemetry: {error}"));
    }
    let only_targets = directives.default_level() == LevelFilter::OFF
        && !plan
            .logs
            .level
            .split(',')
            .any(|it| matches!(it.trim(), "off" | "OFF" | "none"));
    if only_targets {
        let level = &plan.logs.level;
        let hint = "for the others too, write";
        voice.say(
            Level::Warn,
            format_args!("telemetry: only the targets of {level} are logged; {hint} info,{level}"),
        );
    }
    // spans are kept whatever the level of the lines: a quiet log must not cut traces
    let filter = BaseFilter::new(directives)
        .keep_spans(LevelFilter::INFO)
        .clock(clock.clone());
    filter.verbosity().make_global();
    #[cfg(feature = "verbose-token")]
    verbosity::accept(&filter.verbosity(), plan);
    filter
}

/// What takes overrides of the filter away when they expire.
pub(crate) fn timer(filter: &BaseFilter, voice: &Voice) -> Option<Service> {
    Some(verbosity::timer(filter.verbosity(), voice.clone()))
}

/// Starts the sinks that the plan and the user ask for.
pub(crate) fn start(
    plan: &Plan,
    parts: LineParts<'_>,
    clock: &Clock,
    voice: &Voice,
) -> (LineLayers, Lines) {
    let LineParts {
        mut filter,
        mut sinks,
        ..
    } = parts;
    match plan.logs.format {
        LogFormat::Json => sinks.insert(0, SinkConfig::stdout()),
        LogFormat::Pretty => sinks.insert(0, SinkConfig::stdout().pretty(PrettyFormat::new())),
        _ => {}
    }
    let verbosity = filter.verbosity();
    let mut logs = Logs::builder()
        .sinks(sinks)
        .otlp(parts.records, plan.logs.limits)
        .redaction(parts.redaction.clone());
    if let Some(recorder) = parts.recorder {
        logs = logs.recorder(recorder.clone());
        filter = filter.recorder(recorder);
    }
    let (log, handle) = build(plan, logs, clock, voice, &verbosity);
    handle.observe(telemetry_core::metrics::Registry::global());
    (LineLayers { filter, log }, Lines { handle, verbosity })
}

/// Builds the log; a sink that cannot be opened is left out and said, and the others are kept.
fn build(
    plan: &Plan,
    logs: Logs,
    clock: &Clock,
    voice: &Voice,
    verbosity: &Verbosity,
) -> (LogLayer, LogHandle) {
    let say = voice.clone();
    let logs = logs
        .service(plan.service_name())
        .clock(clock.clone())
        .diagnostics(move |line| say.say(Level::Warn, line))
        .verbosity(verbosity.clone());
    let logs = limited(logs, &plan.logs.flood);
    let (layer, handle, failed) = logs.build_lossy();
    for error in failed {
        voice.say(Level::Error, format_args!("telemetry: {error}"));
    }
    (layer, handle)
}

/// Holds floods back as the plan says.
fn limited(mut logs: Logs, flood: &FloodPlan) -> Logs {
    logs = logs
        .max_value_len(flood.max_value_len)
        .max_line_len(flood.max_line_len);
    if let Some(lines) = flood.rate_limit {
        logs = logs.rate_limit(Rate::per_second(lines));
    }
    for (level, lines) in &flood.budgets {
        logs = logs.budget(*level, Rate::per_second(*lines));
    }
    for (level, share) in &flood.samples {
        logs = logs.sample(*level, *share);
    }
    logs
}

impl LineLayers {
    /// Leaves out of traces what only an override lets through: they keep their shape. Their spans say
    /// under which session they were made.
    pub(crate) fn shield(&self, spans: SpanLayer) -> SpanLayer {
        let verbosity = self.filter.verbosity();
        let sessions = verbosity.clone();
        spans
            .only(move |metadata| verbosity.is_at_base_level(metadata))
            .tag(SESSION_ID, move |metadata, request, trace_id| {
                sessions.session_of_span(metadata, request, trace_id)
            })
    }

    /// The filter, then the layer of the caller, then the lines: those need its ids.
    pub(crate) fn around<S>(
        self,
        spans: Option<impl Layer<S> + Send + Sync>,
    ) -> impl Layer<S> + Send + Sync
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        self.log.and_then(spans).and_then(self.filter)
    }
}

impl Lines {
    /// What makes the lines more verbose.
    pub(crate) fn verbosity(&self) -> &Verbosity {
        &self.verbosity
    }

    /// What counts them.
    #[cfg(feature = "autolog-client")]
    pub(crate) fn handle(&self) -> &LogHandle {
        &self.handle
    }

    /// Takes the records of the `log` crate too. Another logger may have them already; it is said.
    pub(crate) fn bridge(&self, voice: &Voice) {
        match init_log_bridge() {
            Ok(()) => self.verbosity.govern_log(),
            Err(error) => voice.say(Level::Warn, format_args!("telemetry: {error}")),
        }
    }

    /// Writes what waits. Returns whether that was done in time.
    pub(crate) fn flush(&self, timeout: Duration) -> bool {
        self.handle.flush(timeout).in_time
    }

    pub(crate) fn shutdown(&self, timeout: Duration) -> (u64, u64) {
        let report = self.handle.shutdown(timeout);
        (report.written, report.dropped.total() + report.left)
    }

    /// Lines that were written.
    pub(crate) fn written(&self) -> u64 {
        self.handle.ledger().exported
    }

    /// Lines that were held back before they were made.
    pub(crate) fn suppressed(&self) -> u64 {
        self.handle.suppressed().total()
    }

    /// Lines that were dropped.
    pub(crate) fn dropped(&self) -> u64 {
        self.handle.dropped().total()
    }
}

/// Records that the service has started, with its version, commit and instance.
pub(crate) fn service_start(plan: &Plan) {
    let of_resource = |key: &'static str| {
        let value = plan
            .resource
            .get(&opentelemetry::Key::from_static_str(key))?;
        Some(opentelemetry::KeyValue::new(key, value))
    };
    let keys = [
        "service.version",
        "vcs.ref.head.revision",
        "service.instance.id",
    ];
    telemetry_log::event("service.start", keys.into_iter().filter_map(of_resource));
}
