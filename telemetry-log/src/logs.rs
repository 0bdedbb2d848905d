//! The log of a process, assembled.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use telemetry_core::clock::Clock;
use telemetry_core::diagnostics::self_metrics;
use telemetry_core::metrics::Registry;
use telemetry_core::otlp::{AttributeLimits, Severity};
use telemetry_core::pipeline::{Drops, Intake, Ledger, is_own_thread};
use telemetry_core::redact::Redaction;
use tracing_core::LevelFilter;

use crate::json::{Reserved, SpanFields};
use crate::layer::{FormatSinks, LineFormat, LogLayer, Shared, Sink, Wants};
use crate::limit::{Counts, LimitRules, Limits, Suppressed, SuppressedBy};
use crate::recorder::Recorder;
use crate::sink::{Destination, Diagnostics, Format, Queue, SinkConfig, Writer};
use crate::verbosity::Verbosity;
use crate::visit::VisitOptions;

/// The longest text of one value.
const VALUE_BYTES: usize = 64 * 1024;

/// The longest line: what most collectors of container logs take in one piece is far less, and
/// the largest that they can be told to take is of this order.
const LINE_BYTES: usize = 1024 * 1024;

/// Assembles the log of a process: its sinks, its OTLP records, and the layer that feeds both.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use telemetry_log::{Logs, SinkConfig};
/// use tracing_subscriber::layer::SubscriberExt;
///
/// let (layer, handle) = Logs::builder()
///     .service("shop")
///     .sink(SinkConfig::stderr())
///     .build()?;
/// let subscriber = tracing_subscriber::registry().with(layer);
/// tracing::subscriber::with_default(subscriber, || tracing::info!(lang = "en", "greeting"));
/// let report = handle.shutdown(Duration::from_secs(1));
/// assert_eq!(report.left, 0);
/// # Ok::<(), telemetry_log::BuildError>(())
/// ```
#[derive(Debug)]
pub struct Logs {
    service: String,
    sinks: Vec<SinkConfig>,
    otlp: Option<(Intake, AttributeLimits)>,
    clock: Clock,
    value_bytes: usize,
    line_bytes: usize,
    code_location: bool,
    recorder: Option<Recorder>,
    diagnostics: Diagnostics,
    verbosity: Option<Verbosity>,
    redaction: Redaction,
    pub(crate) limits: LimitRules,
}

impl Logs {
    /// A log without a sink.
    #[must_use]
    pub fn builder() -> Self {
        Self {
            service: String::new(),
            sinks: Vec::new(),
            otlp: None,
            clock: Clock::system(),
            value_bytes: VALUE_BYTES,
            line_bytes: LINE_BYTES,
            code_location: false,
            recorder: None,
            diagnostics: Diagnostics::default(),
            verbosity: None,
            redaction: Redaction::default(),
            limits: LimitRules::default(),
        }
    }

    /// Names the service; without a name lines have no `service`.
    #[must_use]
    pub fn service(mut self, name: impl Into<String>) -> Self {
        self.service = name.into();
        self
    }

    /// Adds a sink.
    #[must_use]
    pub fn sink(mut self, sink: SinkConfig) -> Self {
        self.sinks.push(sink);
        self
    }

    /// Adds sinks.
    #[must_use]
    pub fn sinks(mut self, sinks: impl IntoIterator<Item = SinkConfig>) -> Self {
        self.sinks.extend(sinks);
        self
    }

    /// Emits OTLP log records into this intake as well.
    #[must_use]
    pub fn otlp(mut self, intake: Intake, limits: AttributeLimits) -> Self {
        self.otlp = intake.is_active().then_some((intake, limits));
        self
    }

    /// Reads the time from this clock.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Cuts the text of a value after this many bytes, with the mark `…[truncated N bytes]`.
    /// Default: 64 KiB.
    #[must_use]
    pub fn max_value_len(mut self, bytes: usize) -> Self {
        self.value_bytes = bytes;
        self
    }

    /// Leaves fields out that would make a line longer than this, and says how many in
    /// `dropped_fields`. The message always stays. Default: 1 MiB.
    #[must_use]
    pub fn max_line_len(mut self, bytes: usize) -> Self {
        self.line_bytes = bytes;
        self
    }

    /// Adds `code.file.path` and `code.line.number`. Default: off.
    #[must_use]
    pub fn code_location(mut self, on: bool) -> Self {
        self.code_location = on;
        self
    }

    /// Says which overrides there are: lines within the scope of one that belongs to a session carry it
    /// as `autolog.session.id`.
    #[must_use]
    pub fn verbosity(mut self, verbosity: Verbosity) -> Self {
        self.verbosity = Some(verbosity);
        self
    }

    /// Hides secrets by these rules, in lines and log records. Default: the values of the keys of
    /// [`RedactionRules::BUILT_IN`](telemetry_core::redact::RedactionRules::BUILT_IN).
    #[must_use]
    pub fn redaction(mut self, redaction: Redaction) -> Self {
        self.redaction = redaction;
        self
    }

    /// Writes what this recorder keeps, when a request fails. Default: none.
    #[must_use]
    pub fn recorder(mut self, recorder: Recorder) -> Self {
        self.recorder = Some(recorder);
        self
    }

    /// Tells this function when lines are lost; the default writes to the standard error output.
    #[must_use]
    pub fn diagnostics(mut self, tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.diagnostics = Diagnostics(Arc::new(tell));
        self
    }

    /// Starts the sinks.
    ///
    /// # Errors
    ///
    /// [`BuildError`] if a standard output is closed or a thread cannot be started.
    pub fn build(self) -> Result<(LogLayer, LogHandle), BuildError> {
        let (layer, handle, failed) = self.build_lossy();
        failed.into_iter().next().map_or(Ok((layer, handle)), Err)
    }

    /// Starts the sinks that can be started; the others are left out and named.
    #[must_use]
    pub fn build_lossy(self) -> (LogLayer, LogHandle, Vec<BuildError>) {
        let mut failed = Vec::new();
        let mut reserved = Reserved::default();
        let mut wants = Wants::default();
        let mut max_level = LevelFilter::OFF;
        let mut groups: Vec<(Format, Vec<Sink>)> = Vec::new();
        for config in self.sinks {
            max_level = max_level.max(config.level);
            wants.add(&config.format);
            if let Format::Json(json) = &config.format {
                json.reserve(&mut reserved);
            }
            let format = config.format.clone();
            let sink = match start(config, &self.diagnostics) {
                Ok(sink) => sink,
                Err(error) => {
                    failed.push(error);
                    continue;
                }
            };
            match groups.iter_mut().find(|(other, _)| *other == format) {
                Some((_, sinks)) => sinks.push(sink),
                None => groups.push((format, vec![sink])),
            }
        }
        let (otlp, limits) = self.otlp.unzip();
        let service = self.service;
        let shared = Arc::new(Shared {
            clock: self.clock,
            visit: VisitOptions {
                reserved,
                value_bytes: self.value_bytes,
                otlp: limits,
                redaction: self.redaction,
            },
            formats: groups
                .into_iter()
                .map(|(format, sinks)| FormatSinks {
                    format: compile(format, &service),
                    sinks,
                })
                .collect(),
            otlp,
            max_level,
            line_bytes: self.line_bytes,
            code_location: self.code_location,
            verbosity: self.verbosity,
            limits: Limits::new(&self.limits),
            counts: Counts::default(),
            wants,
            recorder: self.recorder,
        });
        if let Some(recorder) = &shared.recorder {
            recorder.write_to(&shared);
        }
        (
            LogLayer::new(Arc::clone(&shared)),
            LogHandle(shared),
            failed,
        )
    }
}

impl Wants {
    fn add(&mut self, format: &Format) {
        match format {
            Format::Json(json) => {
                self.fields |= json.spans != SpanFields::Off;
                self.list |= json.spans == SpanFields::List;
            }
            Format::Pretty(_) => {
                self.fields = true;
                self.names = true;
            }
        }
    }
}

fn compile(format: Format, service: &str) -> LineFormat {
    match format {
        Format::Json(json) => LineFormat::Json(json.compile(service)),
        Format::Pretty(pretty) => LineFormat::Pretty(pretty),
    }
}

fn start(config: SinkConfig, diagnostics: &Diagnostics) -> Result<Sink, BuildError> {
    let name = config.destination.name();
    let failed = |source| BuildError {
        sink: name.clone(),
        source,
    };
    let sink = match config.destination {
        Destination::Stdout => crate::sink::stdout().map_err(failed)?,
        Destination::Stderr => crate::sink::stderr().map_err(failed)?,
        Destination::File(file) => file.open(),
        Destination::Custom(_, sink) => sink,
    };
    let queue = Queue::new(config.limits, config.overflow);
    let writer = Writer::start(name.clone(), queue, sink, diagnostics.clone()).map_err(failed)?;
    Ok(Sink {
        writer,
        level: config.level,
        below: config.below,
    })
}

/// A sink could not be started.
#[derive(Debug)]
pub struct BuildError {
    sink: String,
    source: io::Error,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the log cannot write to {}; leave that sink out, or see that it is open",
            self.sink
        )
    }
}

impl Error for BuildError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

/// Looks after the sinks of a log. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct LogHandle(Arc<Shared>);

/// What became of the lines by the end of a flush or shutdown, all sinks together. A line for
/// two sinks counts twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FlushReport {
    /// Lines that the sinks took, since the start.
    pub written: u64,
    /// Lines that were lost, since the start.
    pub dropped: Drops,
    /// Lines that had not been written by the deadline: lost after a shutdown.
    pub left: u64,
    /// Whether everything was written by the deadline.
    pub in_time: bool,
}

impl LogHandle {
    /// Writes everything that was logged before the call, within `deadline`.
    #[must_use = "the report says whether everything was written"]
    pub fn flush(&self, deadline: Duration) -> FlushReport {
        self.0.say_all_suppressed();
        let asked: Vec<_> = self
            .writers()
            .map(|writer| (writer, writer.ask_flush()))
            .collect();
        self.wait(deadline, asked, |(writer, ticket), left| {
            writer.await_flush(ticket, left)
        })
    }

    /// Writes everything that waits, within `deadline`, and ends the sinks: later lines are
    /// dropped and counted. A sink that is stuck is left behind.
    #[must_use = "the report says what was lost"]
    pub fn shutdown(&self, deadline: Duration) -> FlushReport {
        self.0.say_all_suppressed();
        if let Some(recorder) = &self.0.recorder {
            recorder.close();
        }
        for writer in self.writers() {
            writer.queue.close();
        }
        self.wait(deadline, self.writers(), Writer::await_exit)
    }

    fn wait<T>(
        &self,
        deadline: Duration,
        writers: impl IntoIterator<Item = T>,
        ready: impl Fn(T, Duration) -> bool,
    ) -> FlushReport {
        let clock = Clock::system();
        let start = clock.now();
        let mut in_time = true;
        for writer in writers {
            let passed = clock.now().since(start);
            in_time &= ready(writer, deadline.saturating_sub(passed));
        }
        let ledger = self.ledger();
        FlushReport {
            written: ledger.exported,
            dropped: ledger.dropped,
            left: ledger.pending,
            in_time,
        }
    }

    /// Flushes when a thread panics, within `budget`, before the process may abort.
    ///
    /// The hook that was set before runs first. It stays for the life of the process. After one
    /// flush that was not in time there are no further ones, so that panics that a program
    /// catches do not each cost the budget.
    pub fn flush_on_panic(&self, budget: Duration) {
        let handle = self.clone();
        let stuck = std::sync::atomic::AtomicBool::new(false);
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            use std::sync::atomic::Ordering::Relaxed;
            previous(panic);
            // a sink's own thread would wait for itself
            if !is_own_thread() && !stuck.load(Relaxed) && !handle.flush(budget).in_time {
                stuck.store(true, Relaxed);
            }
        }));
    }

    /// The balance of all lines: offered, written, dropped, waiting.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        let mut sum = Ledger::default();
        for ledger in self.writers().map(Writer::ledger) {
            sum.created += ledger.created;
            sum.exported += ledger.exported;
            sum.dropped.merge(&ledger.dropped);
            sum.pending += ledger.pending;
        }
        sum
    }

    /// The balance of each sink, by name.
    #[must_use]
    pub fn sinks(&self) -> Vec<SinkStatus> {
        self.writers()
            .map(|writer| SinkStatus {
                name: writer.name.clone(),
                ledger: writer.ledger(),
                last_error: writer.last_error(),
            })
            .collect()
    }

    /// How many lines were lost, by reason.
    #[must_use]
    pub fn dropped(&self) -> Drops {
        self.ledger().dropped
    }

    /// How many lines were offered to the sinks.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.ledger().created
    }

    /// How many lines of a severity were offered to the sinks.
    #[must_use]
    pub fn lines_of(&self, severity: Severity) -> u64 {
        self.writers()
            .map(|writer| writer.queue.offered().0[severity as usize / 4])
            .sum()
    }

    /// How many lines were held back before they were made, by reason.
    #[must_use]
    pub fn suppressed(&self) -> Suppressed {
        self.0.counts.suppressed()
    }

    /// How many records there were, by severity and, where it was known, the route of the request;
    /// those that were held back are among them.
    #[must_use]
    pub fn records(&self) -> Vec<(Severity, Option<&'static str>, u64)> {
        self.0.counts.all()
    }

    /// Tells `registry` how many records there were, and what became of the lines of each sink, as
    /// long as the log is there.
    pub fn observe(&self, registry: &Registry) {
        let log = Arc::downgrade(&self.0);
        let records = log.clone();
        let suppressed = log.clone();
        self_metrics::register_records(
            registry,
            move || {
                let log = records.upgrade();
                log.map(|log| log.counts.all()).unwrap_or_default()
            },
            move || {
                let log = suppressed.upgrade();
                let counts = log.map(|log| log.counts.suppressed()).unwrap_or_default();
                SuppressedBy::ALL
                    .map(|it| (it.as_str(), counts.get(it)))
                    .to_vec()
            },
        );
        self_metrics::register_lines(registry, move || {
            let sinks = log.upgrade().map(|log| Self(log).sinks());
            let balances = sinks.into_iter().flatten();
            balances.map(|sink| (sink.name, sink.ledger)).collect()
        });
        if let Some(recorder) = &self.0.recorder {
            recorder.observe(registry);
        }
    }

    fn writers(&self) -> impl Iterator<Item = &Writer> {
        self.0.writers()
    }
}

/// How one sink fares.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SinkStatus {
    /// What it writes to.
    pub name: String,
    /// The balance of its lines.
    pub ledger: Ledger,
    /// What went wrong last, if anything did.
    pub last_error: Option<String>,
}

impl Shared {
    fn writers(&self) -> impl Iterator<Item = &Writer> {
        self.formats
            .iter()
            .flat_map(|group| &group.sinks)
            .map(|sink| &*sink.writer)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // nobody can log or flush any more: the threads write what waits and end
        for writer in self.writers() {
            writer.queue.close();
        }
    }
}
