//! What the user writes.

use std::fmt;
use std::time::Duration;

use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::logs::LogExporter;
use opentelemetry_sdk::trace::{ShouldSample, SpanExporter};
use telemetry_core::clock::Clock;
#[cfg(any(
    feature = "verbose-token",
    feature = "autolog-client",
    all(feature = "log", feature = "tower")
))]
use telemetry_core::config::Secret;
use telemetry_core::config::{
    Env, ExporterKind, LogFormat, OtlpProtocol, Overrides, PropagatorKind, SamplerPlan,
};
use telemetry_core::redact::Pattern;
use telemetry_core::trace::SpanEvents;
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;

use crate::error::InitError;
use crate::exporters::Extra;
use crate::handle::Telemetry;
use crate::init as steps;
use crate::lines::{Recording, Sinks};
use crate::metrics::{Choices, View};

/// Starts telemetry with everything decided by the environment and the defaults.
///
/// Call it first in `main`, keep the handle, drop it last: dropping flushes. A program that forks
/// to become a daemon calls it after that: a child has none of its parent's threads but the one
/// that forked, so what it records would wait for ever.
///
/// # Errors
///
/// [`InitError`]: it was called before, another global subscriber is set, or the operating system
/// refuses a thread. A wrong setting is never an error: it is named in the start-up line.
///
/// ```
/// let telemetry = telemetry::init()?;
/// tracing::info!(answer = 42, "started");
/// # Ok::<(), telemetry::InitError>(())
/// ```
#[track_caller]
pub fn init() -> Result<Telemetry, InitError> {
    builder().init()
}

/// Starts telemetry and returns its layers, for those who compose their own subscriber.
///
/// What belongs to the subscriber as a whole stays with whoever makes it: records of the `log`
/// crate (`tracing_log`), and the event `service.start`. The levels of `RUST_LOG` decide for every
/// layer of the subscriber.
///
/// # Errors
///
/// As [`init`], but another subscriber is none of its business.
///
/// ```
/// use tracing_subscriber::layer::SubscriberExt;
///
/// let (telemetry, layers) = telemetry::layers()?;
/// let subscriber = tracing_subscriber::registry().with(layers);
/// tracing::subscriber::with_default(subscriber, || tracing::info!("composed"));
/// # Ok::<(), telemetry::InitError>(())
/// ```
#[track_caller]
pub fn layers<S>() -> Result<(Telemetry, impl Layer<S> + Send + Sync + 'static), InitError>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a> + Send + Sync + 'static,
{
    builder().layers()
}

/// A [`Builder`] that decides nothing yet.
pub fn builder() -> Builder {
    Builder::default()
}

/// Decides what the environment shall not.
///
/// A value set here beats the environment, which beats the default.
///
/// ```
/// use std::time::Duration;
///
/// let telemetry = telemetry::builder()
///     .service_name("shop")
///     .service_version(env!("CARGO_PKG_VERSION"))
///     .shutdown_timeout(Duration::from_secs(2))
///     .init()?;
/// # Ok::<(), telemetry::InitError>(())
/// ```
#[derive(Debug)]
#[must_use = "nothing starts before init()"]
pub struct Builder {
    pub(crate) overrides: Overrides,
    pub(crate) env: Option<Env>,
    pub(crate) sampler: Option<Box<dyn ShouldSample>>,
    pub(crate) extra: Vec<Extra>,
    pub(crate) sinks: Sinks,
    pub(crate) recorder: Recording,
    pub(crate) events: SpanEvents,
    pub(crate) metrics: Choices,
    pub(crate) clock: Clock,
    pub(crate) shutdown_timeout: Duration,
    pub(crate) panic_hook: bool,
}

/// How long dropping the handle may take: long enough for a collector in the same region, short
/// enough for the grace period of a container (Kubernetes gives 30 s to everything).
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

impl Default for Builder {
    fn default() -> Self {
        Self {
            overrides: Overrides::default(),
            env: None,
            sampler: None,
            extra: Vec::new(),
            sinks: Sinks::default(),
            recorder: Recording::default(),
            events: SpanEvents::default(),
            metrics: Choices::default(),
            clock: Clock::system(),
            shutdown_timeout: SHUTDOWN_TIMEOUT,
            panic_hook: true,
        }
    }
}

impl Builder {
    /// Sets `service.name`.
    pub fn service_name(mut self, name: impl Into<String>) -> Self {
        self.overrides.service_name = Some(name.into());
        self
    }

    /// Sets `service.name` for where neither [`service_name`](Self::service_name),
    /// `OTEL_SERVICE_NAME` nor `OTEL_RESOURCE_ATTRIBUTES` does. Default: `unknown_service:`
    /// followed by the program's name.
    pub fn default_service_name(mut self, name: impl Into<String>) -> Self {
        self.overrides.default_service_name = Some(name.into());
        self
    }

    /// Sets `service.version`.
    pub fn service_version(mut self, version: impl Into<String>) -> Self {
        self.overrides.service_version = Some(version.into());
        self
    }

    /// Sets `service.namespace`.
    pub fn service_namespace(mut self, namespace: impl Into<String>) -> Self {
        self.overrides.service_namespace = Some(namespace.into());
        self
    }

    /// Sets the commit that was built, `vcs.ref.head.revision`; takes `option_env!("GIT_COMMIT")`.
    pub fn commit(mut self, commit: impl Into<Option<&'static str>>) -> Self {
        self.overrides.commit = commit.into().map(str::to_owned);
        self
    }

    /// Adds an attribute to the resource.
    pub fn resource_attribute(mut self, key: &'static str, value: impl Into<Value>) -> Self {
        self.overrides
            .resource_attributes
            .push(KeyValue::new(key, value));
        self
    }

    /// Sets where OTLP goes, for all signals; over HTTP each signal appends its path.
    pub fn otlp_endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.overrides.otlp.endpoint = Some(endpoint.into());
        self
    }

    /// Sets what is spoken to the OTLP endpoint. Default: HTTP with protobuf.
    pub fn otlp_protocol(mut self, protocol: OtlpProtocol) -> Self {
        self.overrides.otlp.protocol = Some(protocol);
        self
    }

    /// Adds a header to each OTLP request.
    pub fn otlp_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.overrides.otlp.headers.insert(name, value);
        self
    }

    /// Sets where traces go; an empty list is nowhere.
    pub fn traces_exporters(mut self, exporters: impl IntoIterator<Item = ExporterKind>) -> Self {
        self.overrides.traces.exporters = Some(exporters.into_iter().collect());
        self
    }

    /// Sets where log records go beside standard output; an empty list is nowhere.
    pub fn logs_exporters(mut self, exporters: impl IntoIterator<Item = ExporterKind>) -> Self {
        self.overrides.logs.exporters = Some(exporters.into_iter().collect());
        self
    }

    /// Sets where metrics are pushed or served beside [`Telemetry::routes`]; an empty list is
    /// nowhere.
    pub fn metrics_exporters(mut self, exporters: impl IntoIterator<Item = ExporterKind>) -> Self {
        self.overrides.metrics.exporters = Some(exporters.into_iter().collect());
        self
    }

    /// Changes instruments on their way to the readers: names, attributes, aggregations.
    pub fn view(mut self, view: View) -> Self {
        self.metrics.views.push(view);
        self
    }

    /// Sets the most series of one instrument. Default: 2000; the rest goes to a series of its
    /// own, `otel.metric.overflow`.
    pub fn cardinality_limit(mut self, series: usize) -> Self {
        self.metrics.cardinality_limit = Some(series);
        self
    }

    /// Forgets series that were not recorded into for this long. Default: never.
    ///
    /// An up-down counter stays until it is zero. The layers for HTTP keep the series that each thread
    /// has used last, of durations up to 64.
    pub fn series_expiry(mut self, idle: Duration) -> Self {
        self.metrics.idle_expiry = Some(idle);
        self
    }

    /// Shows traces on stderr when no endpoint is set, also where it is no terminal.
    pub fn console_when_unconfigured(mut self) -> Self {
        self.overrides.console_when_unconfigured = true;
        self
    }

    /// Sets the head sampler.
    pub fn sampler(mut self, sampler: SamplerPlan) -> Self {
        self.overrides.traces.sampler = Some(sampler);
        self
    }

    /// Uses any sampler written for the OpenTelemetry SDK. It beats the one of
    /// [`sampler`](Self::sampler) and of the environment.
    pub fn custom_sampler(mut self, sampler: impl ShouldSample + 'static) -> Self {
        self.overrides.traces.custom_sampler = Some(type_name(&sampler));
        self.sampler = Some(Box::new(sampler));
        self
    }

    /// Sets which headers carry context; an empty list is none.
    pub fn propagators(mut self, propagators: impl IntoIterator<Item = PropagatorKind>) -> Self {
        self.overrides.propagators = Some(propagators.into_iter().collect());
        self
    }

    /// Sets which `tracing` events also become events of their span. Default: errors.
    pub fn span_events(mut self, events: SpanEvents) -> Self {
        self.events = events;
        self
    }

    /// Sets the levels, in the syntax of `RUST_LOG`.
    pub fn log_level(mut self, directives: impl Into<String>) -> Self {
        self.overrides.logs.level = Some(directives.into());
        self
    }

    /// Sets the format of the lines on standard output.
    pub fn log_format(mut self, format: LogFormat) -> Self {
        self.overrides.logs.format = Some(format);
        self
    }

    /// Sets the secret that signs the tokens of verbose requests, at least 32 bytes; see
    /// [`logs::Tokens`](crate::logs::Tokens). All services have the same.
    #[cfg(feature = "verbose-token")]
    pub fn verbose_secret(mut self, secret: impl Into<String>) -> Self {
        self.overrides.verbose.secret = Some(Secret::new(secret));
        self
    }

    /// Sets the hosts to which the token of a verbose request goes on through
    /// [`client_layer`](crate::client_layer): names, or `*.` and the end of a name. Default: none.
    #[cfg(feature = "verbose-token")]
    pub fn verbose_hosts<H: Into<String>>(mut self, hosts: impl IntoIterator<Item = H>) -> Self {
        self.overrides.verbose.hosts = Some(hosts.into_iter().map(Into::into).collect());
        self
    }

    /// Sets the bearer token of [`Telemetry::loggers_router`], at least 32 bytes.
    #[cfg(all(feature = "log", feature = "tower"))]
    pub fn loggers_token(mut self, token: impl Into<String>) -> Self {
        self.overrides.verbose.loggers_token = Some(Secret::new(token));
        self
    }

    /// Sets the most lines of one callsite in a second. Default: no limit; see
    /// `Logs::rate_limit`.
    pub fn log_rate_limit(mut self, lines: u32) -> Self {
        self.overrides.logs.rate_limit = Some(lines);
        self
    }

    /// Sets the most lines of a level in a second, all callsites together. Default: no limit.
    pub fn log_budget(mut self, level: tracing::Level, lines: u32) -> Self {
        let budgets = self.overrides.logs.budgets.get_or_insert_default();
        budgets.push((level, lines));
        self
    }

    /// Sets the share of the lines of INFO, DEBUG or TRACE that is kept, by traces. Default: 1.
    pub fn log_sample(mut self, level: tracing::Level, share: f64) -> Self {
        let samples = self.overrides.logs.samples.get_or_insert_default();
        samples.push((level, share));
        self
    }

    /// Hides the values of a key in all signals, see [`RedactionRules`](crate::redact::RedactionRules).
    /// It joins the built-in keys, and those of `TELEMETRY_REDACT_KEYS`.
    pub fn redact_key(mut self, name: impl Into<String>) -> Self {
        self.overrides.redaction.keys.push(name.into());
        self
    }

    /// Hides what a pattern finds in the text of all signals. It joins those of
    /// `TELEMETRY_REDACT_PATTERNS`.
    ///
    /// ```
    /// use telemetry::redact::Pattern;
    ///
    /// let telemetry = telemetry::builder()
    ///     .redact_pattern(Pattern::CARD)
    ///     .redact_pattern(Pattern::regex(r"sk_live_\w+")?.only_with("sk_live_"))
    ///     .init()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn redact_pattern(mut self, pattern: Pattern) -> Self {
        self.overrides.redaction.patterns.push(pattern);
        self
    }

    /// Shows the values of the built-in keys
    /// ([`RedactionRules::BUILT_IN`](crate::redact::RedactionRules::BUILT_IN)).
    pub fn without_built_in_redaction(mut self) -> Self {
        self.overrides.redaction.built_in = Some(false);
        self
    }

    /// Sets where the auto-log service is, such as `http://autolog:5000`: its sessions make this program
    /// verbose. Default: none is asked.
    ///
    /// ```
    /// let telemetry = telemetry::builder()
    ///     .service_name("shop")
    ///     .autolog_url("http://autolog:5000")
    ///     .autolog_environment("staging")
    ///     .init()?;
    /// # Ok::<(), telemetry::InitError>(())
    /// ```
    #[cfg(feature = "autolog-client")]
    pub fn autolog_url(mut self, url: impl Into<String>) -> Self {
        self.overrides.autolog.url = Some(url.into());
        self
    }

    /// Sets the app whose sessions hold here. Default: the service's name.
    #[cfg(feature = "autolog-client")]
    pub fn autolog_app(mut self, app: impl Into<String>) -> Self {
        self.overrides.autolog.app = Some(app.into());
        self
    }

    /// Sets the environment whose sessions hold here. Default: `deployment.environment.name`, else
    /// `production`.
    #[cfg(feature = "autolog-client")]
    pub fn autolog_environment(mut self, environment: impl Into<String>) -> Self {
        self.overrides.autolog.environment = Some(environment.into());
        self
    }

    /// Sets the bearer token with which errors are reported to the auto-log service.
    #[cfg(feature = "autolog-client")]
    pub fn autolog_token(mut self, token: impl Into<String>) -> Self {
        self.overrides.autolog.token = Some(Secret::new(token));
        self
    }

    /// Sets the time between two questions to an auto-log service that does not hold them until there is
    /// news, between a second and an hour; it is spread by a tenth. Default: 15 s.
    #[cfg(feature = "autolog-client")]
    pub fn autolog_poll_interval(mut self, interval: Duration) -> Self {
        self.overrides.autolog.poll_interval = Some(interval);
        self
    }

    /// Sets what the targets begin with that a session makes verbose, such as the service's own crates.
    /// Default: all.
    #[cfg(feature = "autolog-client")]
    pub fn autolog_targets<T: Into<String>>(
        mut self,
        targets: impl IntoIterator<Item = T>,
    ) -> Self {
        self.overrides.autolog.targets = Some(targets.into_iter().map(Into::into).collect());
        self
    }

    /// Adds a sink for log lines beside standard output.
    #[cfg(feature = "log")]
    pub fn log_sink(mut self, sink: telemetry_log::SinkConfig) -> Self {
        self.sinks.push(sink);
        self
    }

    /// Keeps the DEBUG lines of each request in memory, and writes them if it fails. Default: off.
    ///
    /// ```
    /// use telemetry::logs::RecorderConfig;
    ///
    /// let telemetry = telemetry::builder()
    ///     .recorder(RecorderConfig::new().targets([env!("CARGO_CRATE_NAME")]))
    ///     .init()?;
    /// # Ok::<(), telemetry::InitError>(())
    /// ```
    #[cfg(feature = "log")]
    pub fn recorder(mut self, config: telemetry_log::RecorderConfig) -> Self {
        self.recorder = Some(config);
        self
    }

    /// Sends spans to any exporter written for the OpenTelemetry SDK too.
    pub fn span_exporter(mut self, exporter: impl SpanExporter + 'static) -> Self {
        self.extra.push(Extra::spans(exporter));
        self
    }

    /// Sends log records to any exporter written for the OpenTelemetry SDK too.
    pub fn log_exporter(mut self, exporter: impl LogExporter + 'static) -> Self {
        self.extra.push(Extra::logs(exporter));
        self
    }

    /// Decides what has no method of its own here.
    pub fn configure(mut self, change: impl FnOnce(&mut Overrides)) -> Self {
        change(&mut self.overrides);
        self
    }

    /// Reads variables from here instead of the process's environment.
    ///
    /// Layers for HTTP may be made before telemetry, and so read
    /// `OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS` from the process's environment all the same; their
    /// `known_methods` says otherwise.
    pub fn env(mut self, env: Env) -> Self {
        self.env = Some(env);
        self
    }

    /// Reads time from here.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Sets how long dropping the handle may take. Default: 5 s.
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = timeout;
        self
    }

    /// Leaves the panic hook as it is: a panic is then no log line, and nothing is flushed by it.
    pub fn without_panic_hook(mut self) -> Self {
        self.panic_hook = false;
        self
    }

    /// Starts telemetry and makes it the global subscriber.
    ///
    /// # Errors
    ///
    /// As [`init`].
    #[track_caller]
    pub fn init(self) -> Result<Telemetry, InitError> {
        steps::global(self)
    }

    /// Starts telemetry and returns its layers, as [`layers`] does.
    ///
    /// # Errors
    ///
    /// As [`layers`].
    #[track_caller]
    pub fn layers<S>(self) -> Result<(Telemetry, impl Layer<S> + Send + Sync + 'static), InitError>
    where
        S: tracing::Subscriber + for<'a> LookupSpan<'a> + Send + Sync + 'static,
    {
        steps::composed(self)
    }
}

/// The first word of what a value says of itself.
fn type_name(value: &impl fmt::Debug) -> String {
    let text = format!("{value:?}");
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    text[..end.unwrap_or(text.len())].to_owned()
}
