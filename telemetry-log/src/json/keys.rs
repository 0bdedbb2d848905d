//! How the members of a line are called.

use std::borrow::Cow;

use telemetry_core::otlp::Severity;

/// The key of the list of spans.
pub(crate) const SPANS: &str = "spans";

/// Counts the fields that did not fit into a line.
pub(crate) const DROPPED_FIELDS: &str = "dropped_fields";

/// What says that a line was kept in memory first.
pub(crate) const RECORDED: &str = "recorded";

/// What no format can rename.
pub(crate) const OWN: [&str; 3] = [SPANS, DROPPED_FIELDS, RECORDED];

/// A member that the line itself has, beside the fields of the event and of its spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Key {
    /// When it happened: RFC 3339 in UTC with microseconds.
    Timestamp,
    /// The severity.
    Level,
    /// The event's target: the module path, unless the program says otherwise.
    Target,
    /// The message.
    Message,
    /// The service's name.
    Service,
    /// The trace in which it happened; left out outside of a trace.
    TraceId,
    /// The span in which it happened; left out outside of a trace.
    SpanId,
    /// Whether the trace is sampled; left out outside of a trace.
    TraceFlags,
    /// The name of an event, see [`event`](crate::event()).
    EventName,
    /// The type of an error.
    ExceptionType,
    /// The message of an error.
    ExceptionMessage,
    /// An error with the chain of its causes.
    ExceptionStacktrace,
    /// The source file, if asked for.
    File,
    /// The line in the source file, if asked for.
    Line,
}

/// How the ids are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum IdStyle {
    /// Lower-case hexadecimal digits, as in W3C Trace Context; the flags as two of them.
    Hex,
    /// As [`IdStyle::Hex`], the trace as the name of a resource, the flags as a truth value.
    Gcp { trace_prefix: String },
    /// The low 64 bits as a decimal number in a string.
    Decimal,
}

/// How severities are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LevelNames {
    /// `TRACE` to `FATAL`.
    #[default]
    Upper,
    /// `trace` to `fatal`.
    Lower,
    /// Google Cloud's `LogSeverity`: `DEBUG`, `INFO`, `WARNING`, `ERROR`, `CRITICAL`.
    Gcp,
}

impl LevelNames {
    /// The severity's name.
    #[must_use]
    pub const fn name(self, severity: Severity) -> &'static str {
        match (self, severity) {
            (Self::Upper, severity) => severity.as_str(),
            (Self::Lower, Severity::Trace) => "trace",
            (Self::Lower, Severity::Debug) => "debug",
            (Self::Lower, Severity::Info) => "info",
            (Self::Lower, Severity::Warn) => "warn",
            (Self::Lower, Severity::Error) => "error",
            (Self::Lower, Severity::Fatal) => "fatal",
            (Self::Gcp, Severity::Trace | Severity::Debug) => "DEBUG",
            (Self::Gcp, Severity::Info) => "INFO",
            (Self::Gcp, Severity::Warn) => "WARNING",
            (Self::Gcp, Severity::Error) => "ERROR",
            (Self::Gcp, Severity::Fatal) => "CRITICAL",
        }
    }
}

/// The names of a line's own members, and which of them there are, in order.
///
/// A field of the user's that has one of these names is written as `fields.<name>`, so that a
/// line never has a key twice.
///
/// # Examples
///
/// ```
/// use telemetry_log::{Key, Keys};
///
/// let keys = Keys::opentelemetry()
///     .rename(Key::TraceId, "traceId")
///     .rename(Key::SpanId, "spanId")
///     .without(Key::TraceFlags);
/// assert_eq!(keys.get(Key::TraceId), Some("traceId"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    names: Vec<(Key, Cow<'static, str>)>,
    pub(crate) constants: Vec<(&'static str, &'static str)>,
    pub(crate) ids: IdStyle,
    pub(crate) levels: LevelNames,
}

impl Default for Keys {
    fn default() -> Self {
        Self::opentelemetry()
    }
}

impl Keys {
    /// The default: OpenTelemetry's names of trace context in logs that are not OTLP, and short
    /// names for the rest.
    ///
    /// Source: <https://opentelemetry.io/docs/specs/otel/compatibility/logging_trace_context/>.
    #[must_use]
    pub fn opentelemetry() -> Self {
        Self::of(
            [
                (Key::Timestamp, "timestamp"),
                (Key::Level, "level"),
                (Key::Target, "target"),
                (Key::Message, "message"),
                (Key::Service, "service"),
                (Key::TraceId, "trace_id"),
                (Key::SpanId, "span_id"),
                (Key::TraceFlags, "trace_flags"),
                (Key::EventName, "event.name"),
                (Key::ExceptionType, "exception.type"),
                (Key::ExceptionMessage, "exception.message"),
                (Key::ExceptionStacktrace, "exception.stacktrace"),
                (Key::File, "code.file.path"),
                (Key::Line, "code.line.number"),
            ],
            IdStyle::Hex,
        )
    }

    /// Elastic Common Schema.
    ///
    /// Source: <https://github.com/elastic/ecs-logging/tree/main/spec>, which also demands the
    /// order of the first keys and `ecs.version`.
    #[must_use]
    pub fn ecs() -> Self {
        let mut keys = Self::of(
            [
                (Key::Timestamp, "@timestamp"),
                (Key::Level, "log.level"),
                (Key::Message, "message"),
                (Key::Target, "log.logger"),
                (Key::Service, "service.name"),
                (Key::TraceId, "trace.id"),
                (Key::SpanId, "span.id"),
                (Key::EventName, "event.action"),
                (Key::ExceptionType, "error.type"),
                (Key::ExceptionMessage, "error.message"),
                (Key::ExceptionStacktrace, "error.stack_trace"),
                (Key::File, "log.origin.file.name"),
                (Key::Line, "log.origin.file.line"),
            ],
            IdStyle::Hex,
        );
        keys.constants.push(("ecs.version", "8.11.0"));
        keys
    }

    /// Google Cloud Logging, for traces of `project`.
    ///
    /// Source: <https://cloud.google.com/logging/docs/structured-logging#structured_logging_special_fields>.
    #[must_use]
    pub fn gcp(project: &str) -> Self {
        let mut keys = Self::of(
            [
                (Key::Timestamp, "time"),
                (Key::Level, "severity"),
                (Key::Target, "target"),
                (Key::Message, "message"),
                (Key::Service, "service"),
                (Key::TraceId, "logging.googleapis.com/trace"),
                (Key::SpanId, "logging.googleapis.com/spanId"),
                (Key::TraceFlags, "logging.googleapis.com/trace_sampled"),
                (Key::EventName, "event.name"),
                (Key::ExceptionType, "exception.type"),
                (Key::ExceptionMessage, "exception.message"),
                (Key::ExceptionStacktrace, "stack_trace"),
                (Key::File, "code.file.path"),
                (Key::Line, "code.line.number"),
            ],
            IdStyle::Gcp {
                trace_prefix: format!("projects/{project}/traces/"),
            },
        );
        keys.levels = LevelNames::Gcp;
        keys
    }

    /// Datadog: ids as decimal numbers of 64 bits.
    ///
    /// Source: <https://docs.datadoghq.com/tracing/guide/span_and_trace_id_format/> and
    /// <https://docs.datadoghq.com/logs/log_configuration/attributes_naming_convention/>.
    #[must_use]
    pub fn datadog() -> Self {
        Self::of(
            [
                (Key::Timestamp, "timestamp"),
                (Key::Level, "status"),
                (Key::Target, "logger.name"),
                (Key::Message, "message"),
                (Key::Service, "service"),
                (Key::TraceId, "dd.trace_id"),
                (Key::SpanId, "dd.span_id"),
                (Key::EventName, "evt.name"),
                (Key::ExceptionType, "error.kind"),
                (Key::ExceptionMessage, "error.message"),
                (Key::ExceptionStacktrace, "error.stack"),
                (Key::File, "code.file.path"),
                (Key::Line, "code.line.number"),
            ],
            IdStyle::Decimal,
        )
        .levels(LevelNames::Lower)
    }

    fn of(names: impl IntoIterator<Item = (Key, &'static str)>, ids: IdStyle) -> Self {
        Self {
            names: names
                .into_iter()
                .map(|(key, name)| (key, Cow::Borrowed(name)))
                .collect(),
            constants: Vec::new(),
            ids,
            levels: LevelNames::Upper,
        }
    }

    /// Gives a member another name. A name that another member already has is refused, and so
    /// are `spans` and `dropped_fields`: the member keeps the one it had.
    #[must_use]
    pub fn rename(mut self, key: Key, name: impl Into<Cow<'static, str>>) -> Self {
        let name = name.into();
        let taken = OWN.contains(&&*name)
            || self.names.iter().any(|(_, other)| *other == name)
            || self.constants.iter().any(|(other, _)| *other == name);
        if taken {
            return self;
        }
        match self.names.iter_mut().find(|(member, _)| *member == key) {
            Some((_, old)) => *old = name,
            None => self.names.push((key, name)),
        }
        self
    }

    /// Leaves a member out.
    #[must_use]
    pub fn without(mut self, key: Key) -> Self {
        self.names.retain(|(member, _)| *member != key);
        self
    }

    /// Writes severities in another way.
    #[must_use]
    pub fn levels(mut self, levels: LevelNames) -> Self {
        self.levels = levels;
        self
    }

    /// The member's name, unless it is left out.
    #[must_use]
    pub fn get(&self, key: Key) -> Option<&str> {
        self.iter()
            .find(|(member, _)| *member == key)
            .map(|(_, name)| name)
    }

    /// The members among the fields that this format does not want.
    pub(crate) fn left_out(&self) -> impl Iterator<Item = &'static str> {
        const OPTIONAL: [Key; 6] = [
            Key::EventName,
            Key::ExceptionType,
            Key::ExceptionMessage,
            Key::ExceptionStacktrace,
            Key::File,
            Key::Line,
        ];
        OPTIONAL
            .into_iter()
            .filter(|key| self.get(*key).is_none())
            .filter_map(Key::pinned)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Key, &str)> {
        self.names.iter().map(|(key, name)| (*key, &**name))
    }
}

/// The canonical names of members that are kept among the event's fields until a line is written.
pub(crate) mod pinned {
    pub(crate) const EVENT_NAME: &str = "event.name";
    pub(crate) const EXCEPTION_TYPE: &str = "exception.type";
    pub(crate) const EXCEPTION_MESSAGE: &str = "exception.message";
    pub(crate) const EXCEPTION_STACKTRACE: &str = "exception.stacktrace";
    pub(crate) const FILE: &str = "code.file.path";
    pub(crate) const LINE: &str = "code.line.number";
}

impl Key {
    /// The name under which the member is kept among the fields; none for those that are not.
    pub(crate) const fn pinned(self) -> Option<&'static str> {
        match self {
            Self::EventName => Some(pinned::EVENT_NAME),
            Self::ExceptionType => Some(pinned::EXCEPTION_TYPE),
            Self::ExceptionMessage => Some(pinned::EXCEPTION_MESSAGE),
            Self::ExceptionStacktrace => Some(pinned::EXCEPTION_STACKTRACE),
            Self::File => Some(pinned::FILE),
            Self::Line => Some(pinned::LINE),
            _ => None,
        }
    }
}
