//! The test data: an item of each signal that nobody takes for real.

use std::sync::Arc;

use opentelemetry::trace::{SpanId, TraceFlags, TraceId};

use crate::clock::Clock;
use crate::metrics::{
    AttributeSet, Descriptor, InstrumentKind, Metric, Number, Point, Points, SeriesId,
    ValueTemporality,
};
use crate::otlp::{Kind, LogParts, MetricMessages, ScopeId, Severity, SpanParts, StatusCode};
use crate::pipeline::{Batch, Signal};
use crate::trace::random;

/// The name of the test span.
pub const SPAN_NAME: &str = "telemetry doctor";

/// How the test log record begins; the trace id follows.
pub const LOG_BODY: &str = "telemetry doctor: test record of trace";

/// The name of the test metric.
pub const METRIC_NAME: &str = "telemetry.doctor.last_run";

/// The instrumentation scope of the test data.
const SCOPE: &str = "telemetry.doctor";

/// What one run of the doctor sends. Everything carries one trace id.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trial {
    pub(super) trace_id: TraceId,
    pub(super) unix_nanos: u64,
    span_id: SpanId,
}

impl Trial {
    pub(super) fn new() -> Self {
        Self {
            trace_id: random::trace_id(),
            unix_nanos: Clock::system().now().unix_nanos(),
            span_id: random::span_id(),
        }
    }

    /// The test item of a signal.
    pub(super) fn item(&self, signal: Signal) -> Batch {
        let mut batch = Batch::new();
        let scope = ScopeId::of_name(SCOPE);
        match signal {
            Signal::Traces => batch.push(scope, |buffer| self.span().encode(buffer)),
            Signal::Logs => {
                let body = format!("{LOG_BODY} {}", self.trace_id);
                batch.push(scope, |buffer| self.record(&body).encode(buffer));
            }
            Signal::Metrics => {
                let metric = self.metric(scope);
                let mut messages = MetricMessages::new(&metric, self.unix_nanos);
                batch.push(scope, |buffer| {
                    messages.write_next(buffer, usize::MAX);
                });
            }
        }
        batch
    }

    pub(super) fn unix_seconds(&self) -> u64 {
        self.unix_nanos / 1_000_000_000
    }

    /// A gauge whose value is the time of the run, so that each run is told from those before
    /// without an attribute of its own.
    fn metric(&self, scope: ScopeId) -> Metric {
        let point = Point {
            series: SeriesId(0),
            attributes: Arc::new(AttributeSet::default()),
            start_unix_nanos: self.unix_nanos,
            value: Number::U64(self.unix_seconds()),
            exemplars: Vec::new(),
        };
        Metric {
            descriptor: Arc::new(Descriptor {
                scope,
                name: METRIC_NAME.into(),
                description: "When the doctor last ran, as a Unix time.".into(),
                unit: "s".into(),
                kind: InstrumentKind::Gauge,
            }),
            temporality: ValueTemporality::Cumulative,
            points: Points::Gauge(vec![point]),
        }
    }

    fn span(&self) -> SpanParts<'static> {
        SpanParts {
            trace_id: self.trace_id,
            span_id: self.span_id,
            parent_span_id: SpanId::INVALID,
            parent_is_remote: None,
            trace_flags: TraceFlags::SAMPLED,
            trace_state: "",
            name: SPAN_NAME,
            kind: Kind::Internal,
            start_unix_nanos: self.unix_nanos,
            end_unix_nanos: self.unix_nanos.saturating_add(1),
            attributes: &[],
            dropped_attributes: 0,
            events: &[],
            dropped_events: 0,
            links: &[],
            dropped_links: 0,
            status: StatusCode::Unset,
            status_message: "",
        }
    }

    fn record<'a>(&self, body: &'a str) -> LogParts<'a> {
        LogParts {
            unix_nanos: self.unix_nanos,
            observed_unix_nanos: self.unix_nanos,
            severity: Severity::Info,
            body,
            trace_id: self.trace_id,
            span_id: self.span_id,
            trace_flags: TraceFlags::SAMPLED,
            ..LogParts::empty()
        }
    }
}
