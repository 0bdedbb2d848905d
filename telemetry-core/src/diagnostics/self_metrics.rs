//! What telemetry measures of itself, by OpenTelemetry's own conventions.
//!
//! Everything is read from counters that are there anyway, when metrics are collected; only an
//! export, of a whole batch, records its time. Source:
//! <https://opentelemetry.io/docs/specs/semconv/otel/sdk-metrics/>.

use std::sync::{Arc, Weak};

use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Histogram, Meter};

use crate::clock::Clock;
use crate::metrics::{Producer, Registry, Snapshot};
use crate::otlp::Severity;
use crate::pipeline::{DropReason, Lane, Ledger, Signal, component, error_type};
use crate::redact::{Place, Redaction};
use crate::semconv::{self, Metric, signed};
use crate::trace::{Engine, SpanCounters};

/// Tells `registry` how the lanes and the engine are doing. It does not keep them alive: when they
/// are gone, their metrics are.
pub fn register(registry: &Registry, lanes: &[Arc<Lane>], engine: Option<&Arc<Engine>>) {
    let meter = semconv::meter(registry);
    let refused = registry.refused_later();
    semconv::METRIC_TELEMETRY_METRIC_REFUSED.observe_counter(&meter, move |out| {
        out.observe(refused(), &[]);
    });
    if let Some(engine) = engine {
        spans(&meter, engine);
    }
    for signal in [Signal::Traces, Signal::Logs, Signal::Metrics] {
        let lanes = lanes.iter().filter(|lane| lane.signal() == signal);
        let lanes: Vec<_> = lanes.map(Arc::clone).collect();
        if !lanes.is_empty() {
            Lanes::of(signal, &meter, &lanes).observe(signal, &meter);
        }
    }
}

/// Tells `registry` what became of log lines; `sinks` gives the balance of each sink by name, and
/// nothing when the log is gone.
pub fn register_lines<F>(registry: &Registry, sinks: F)
where
    F: Fn() -> Vec<(String, Ledger)> + Clone + Send + Sync + 'static,
{
    let meter = semconv::meter(registry);
    let balances = sinks.clone();
    semconv::METRIC_TELEMETRY_LOG_LINES.observe_counter(&meter, move |out| {
        for (name, ledger) in balances() {
            let sink = [KeyValue::new(semconv::TELEMETRY_LOG_SINK, name)];
            out.observe(ledger.exported, &sink);
            for (reason, count) in ledger.dropped.iter() {
                observe_failed(out, count, &sink, reason);
            }
        }
    });
    semconv::METRIC_TELEMETRY_LOG_LINES_PENDING.observe_up_down_counter(&meter, move |out| {
        for (name, ledger) in sinks() {
            let sink = KeyValue::new(semconv::TELEMETRY_LOG_SINK, name);
            out.observe(signed(ledger.pending), &[sink]);
        }
    });
}

/// Tells `registry` how many log records there were by severity and route, and how many were held
/// back, by reason.
pub fn register_records(
    registry: &Registry,
    records: impl Fn() -> Vec<(Severity, Option<&'static str>, u64)> + Send + Sync + 'static,
    suppressed: impl Fn() -> Vec<(&'static str, u64)> + Send + Sync + 'static,
) {
    let meter = semconv::meter(registry);
    semconv::METRIC_TELEMETRY_LOG_RECORDS.observe_counter(&meter, move |out| {
        for (severity, route, count) in records() {
            let level = KeyValue::new(semconv::LEVEL, severity.as_str());
            match route {
                Some(route) => {
                    out.observe(count, &[level, KeyValue::new(semconv::HTTP_ROUTE, route)]);
                }
                None => out.observe(count, &[level]),
            }
        }
    });
    semconv::METRIC_TELEMETRY_LOG_SUPPRESSED.observe_counter(&meter, move |out| {
        for (reason, count) in suppressed().into_iter().filter(|it| it.1 > 0) {
            out.observe(
                count,
                &[KeyValue::new(semconv::TELEMETRY_SUPPRESSED_BY, reason)],
            );
        }
    });
}

/// Tells `registry` how many values were hidden, and where.
pub fn register_redaction(registry: &Registry, redaction: &Redaction) {
    if !redaction.is_on() {
        return;
    }
    let meter = semconv::meter(registry);
    let redaction = redaction.clone();
    semconv::METRIC_TELEMETRY_REDACTED_VALUES.observe_counter(&meter, move |out| {
        for place in Place::ALL {
            let hidden = redaction.hidden(place);
            if hidden > 0 {
                let place = KeyValue::new(semconv::TELEMETRY_REDACTED_PLACE, place.as_str());
                out.observe(hidden, &[place]);
            }
        }
    });
}

/// Tells `registry` what became of the requests and the lines of a flight recorder, by
/// `telemetry.log.recorder.outcome`; `counts` gives both, and nothing when the recorder is gone.
pub fn register_recorder<F>(registry: &Registry, counts: F)
where
    F: Fn() -> [Vec<(&'static str, u64)>; 2] + Clone + Send + Sync + 'static,
{
    let meter = semconv::meter(registry);
    let observe = |out: &dyn AsyncInstrument<u64>, counts: &[(&'static str, u64)]| {
        for (outcome, count) in counts {
            let outcome = KeyValue::new(semconv::TELEMETRY_LOG_RECORDER_OUTCOME, *outcome);
            out.observe(*count, &[outcome]);
        }
    };
    let requests = counts.clone();
    semconv::METRIC_TELEMETRY_LOG_RECORDER_REQUESTS
        .observe_counter(&meter, move |out| observe(out, &requests()[0]));
    semconv::METRIC_TELEMETRY_LOG_RECORDER_LINES
        .observe_counter(&meter, move |out| observe(out, &counts()[1]));
}

/// Collects a registry for a reader, and records how long that took, for the next collection.
///
/// ```
/// use telemetry_core::diagnostics::self_metrics::Timed;
/// use telemetry_core::metrics::{Producer, Registry};
///
/// let reader = Timed::new(Registry::global(), "periodic_metric_reader");
/// let snapshot = reader.collect();
/// ```
#[derive(Debug)]
pub struct Timed {
    registry: Registry,
    durations: Histogram<f64>,
    reader: [KeyValue; 2],
}

impl Timed {
    /// What reads `registry` for a reader of this kind, as a value of `otel.component.type`.
    #[must_use]
    pub fn new(registry: &Registry, reader: &'static str) -> Self {
        let durations = semconv::METRIC_OTEL_SDK_METRIC_READER_COLLECTION_DURATION
            .histogram(&semconv::meter(registry), &EXPORT_SECONDS);
        Self {
            registry: registry.clone(),
            durations,
            reader: component(reader, 0),
        }
    }
}

impl Producer for Timed {
    fn collect(&self) -> Snapshot {
        let clock = Clock::system();
        let began = clock.now();
        let snapshot = self.registry.collect();
        let took = clock.now().since(began);
        self.durations.record(took.as_secs_f64(), &self.reader);
        snapshot
    }

    fn without_callbacks(&self) -> Option<Snapshot> {
        self.registry.without_callbacks()
    }
}

/// The boundaries of exports and collections, which take from microseconds to the 30 seconds after
/// which a batch is given up. The conventions name none.
const EXPORT_SECONDS: [f64; 11] = [
    0.0001, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0,
];

fn spans(meter: &Meter, engine: &Arc<Engine>) {
    fn observe<T: From<u32>>(
        engine: &Weak<Engine>,
        out: &dyn AsyncInstrument<T>,
        read: impl Fn(&SpanCounters) -> T,
    ) {
        let sampled = KeyValue::new(semconv::OTEL_SPAN_SAMPLING_RESULT, "RECORD_AND_SAMPLE");
        if let Some(engine) = engine.upgrade() {
            out.observe(read(engine.counters()), &[sampled]);
        }
    }
    let of = Arc::downgrade(engine);
    semconv::METRIC_OTEL_SDK_SPAN_STARTED.observe_counter(meter, move |out| {
        observe(&of, out, SpanCounters::total);
    });
    let of = Arc::downgrade(engine);
    semconv::METRIC_OTEL_SDK_SPAN_LIVE.observe_up_down_counter(meter, move |out| {
        observe(&of, out, |counters| signed(counters.open()));
    });
    let of = Arc::downgrade(engine);
    semconv::METRIC_TELEMETRY_SPAN_LATE_PARENTS.observe_counter(meter, move |out| {
        if let Some(engine) = of.upgrade() {
            out.observe(engine.counters().late_parents(), &[]);
        }
    });
}

/// The lanes of one signal.
#[derive(Clone)]
struct Lanes {
    lanes: Arc<[Weak<Lane>]>,
    names: &'static Names,
}

/// What is measured of the lanes of a signal.
struct Names {
    /// None where nothing waits: metrics are asked for.
    processor: Option<Processor>,
    in_flight: Metric,
    exported: Metric,
}

/// What is measured in front of an exporter.
#[derive(Clone, Copy)]
struct Processor {
    component_type: &'static str,
    size: Metric,
    capacity: Metric,
    processed: Metric,
}

const SPANS: Names = Names {
    processor: Some(Processor {
        component_type: "batching_span_processor",
        size: semconv::METRIC_OTEL_SDK_PROCESSOR_SPAN_QUEUE_SIZE,
        capacity: semconv::METRIC_OTEL_SDK_PROCESSOR_SPAN_QUEUE_CAPACITY,
        processed: semconv::METRIC_OTEL_SDK_PROCESSOR_SPAN_PROCESSED,
    }),
    in_flight: semconv::METRIC_OTEL_SDK_EXPORTER_SPAN_INFLIGHT,
    exported: semconv::METRIC_OTEL_SDK_EXPORTER_SPAN_EXPORTED,
};

const LOGS: Names = Names {
    processor: Some(Processor {
        component_type: "batching_log_processor",
        size: semconv::METRIC_OTEL_SDK_PROCESSOR_LOG_QUEUE_SIZE,
        capacity: semconv::METRIC_OTEL_SDK_PROCESSOR_LOG_QUEUE_CAPACITY,
        processed: semconv::METRIC_OTEL_SDK_PROCESSOR_LOG_PROCESSED,
    }),
    in_flight: semconv::METRIC_OTEL_SDK_EXPORTER_LOG_INFLIGHT,
    exported: semconv::METRIC_OTEL_SDK_EXPORTER_LOG_EXPORTED,
};

const METRICS: Names = Names {
    processor: None,
    in_flight: semconv::METRIC_OTEL_SDK_EXPORTER_METRIC_DATA_POINT_INFLIGHT,
    exported: semconv::METRIC_OTEL_SDK_EXPORTER_METRIC_DATA_POINT_EXPORTED,
};

impl Lanes {
    fn of(signal: Signal, meter: &Meter, lanes: &[Arc<Lane>]) -> Self {
        let durations =
            semconv::METRIC_OTEL_SDK_EXPORTER_OPERATION_DURATION.histogram(meter, &EXPORT_SECONDS);
        for (number, lane) in lanes.iter().enumerate() {
            lane.exports().observe(number, durations.clone());
        }
        Self {
            lanes: lanes.iter().map(Arc::downgrade).collect(),
            names: match signal {
                Signal::Traces => &SPANS,
                Signal::Logs => &LOGS,
                Signal::Metrics => &METRICS,
            },
        }
    }

    fn observe(&self, signal: Signal, meter: &Meter) {
        if let Some(processor) = self.names.processor {
            self.observe_processors(processor, meter);
        }
        self.observe_exporters(meter);
        if signal == Signal::Logs {
            let lanes = self.clone();
            semconv::METRIC_OTEL_SDK_LOG_CREATED.observe_counter(meter, move |out| {
                // every lane is offered every record
                if let Some((_, lane)) = lanes.alive().next() {
                    out.observe(lane.ledger().created, &[]);
                }
            });
        }
    }

    fn observe_processors(&self, processor: Processor, meter: &Meter) {
        let of = move |number| component(processor.component_type, number);
        let lanes = self.clone();
        processor.size.observe_up_down_counter(meter, move |out| {
            for (number, lane) in lanes.alive() {
                out.observe(signed(lane.queue().len()), &of(number));
            }
        });
        let lanes = self.clone();
        let limits = processor.capacity;
        limits.observe_up_down_counter(meter, move |out| {
            for (number, lane) in lanes.alive() {
                out.observe(signed(lane.queue().limits().items), &of(number));
            }
        });
        let lanes = self.clone();
        processor.processed.observe_counter(meter, move |out| {
            for (number, lane) in lanes.alive() {
                processed(&lane, &of(number), out);
            }
        });
    }

    fn observe_exporters(&self, meter: &Meter) {
        let (names, lanes) = (self.names, self.clone());
        names.in_flight.observe_up_down_counter(meter, move |out| {
            for (_, lane) in lanes.alive() {
                if let Some(attributes) = lane.exports().attributes(&lane) {
                    out.observe(signed(lane.exports().in_flight()), &attributes);
                }
            }
        });
        let lanes = self.clone();
        names.exported.observe_counter(meter, move |out| {
            for (_, lane) in lanes.alive() {
                exported(&lane, out);
            }
        });
    }

    fn alive(&self) -> impl Iterator<Item = (usize, Arc<Lane>)> {
        let numbered = self.lanes.iter().enumerate();
        numbered.filter_map(|(number, lane)| Some((number, lane.upgrade()?)))
    }
}

/// What left the queue for the exporter, and what never did.
fn processed(lane: &Lane, component: &[KeyValue], out: &dyn AsyncInstrument<u64>) {
    out.observe(lane.exports().submitted(), component);
    for (reason, count) in lane.ledger().dropped.iter() {
        let count = match reason {
            _ if is_before_export(reason) => count,
            DropReason::Unsent => count.saturating_sub(lane.exports().given_up()),
            _ => 0,
        };
        observe_failed(out, count, component, reason);
    }
}

/// What the exporter has done with what it got.
fn exported(lane: &Lane, out: &dyn AsyncInstrument<u64>) {
    let Some(component) = lane.exports().attributes(lane) else {
        return;
    };
    let ledger = lane.ledger();
    out.observe(ledger.exported, &component);
    for (reason, count) in ledger.dropped.iter() {
        let count = match reason {
            _ if is_before_export(reason) => 0,
            DropReason::Unsent => count.min(lane.exports().given_up()),
            _ => count,
        };
        observe_failed(out, count, &component, reason);
    }
}

fn observe_failed(
    out: &dyn AsyncInstrument<u64>,
    count: u64,
    component: &[KeyValue],
    reason: DropReason,
) {
    if count > 0 {
        let mut attributes = component.to_vec();
        attributes.push(error_type(reason));
        out.observe(count, &attributes);
    }
}

/// Whether what was dropped for this reason was never handed to the exporter.
fn is_before_export(reason: DropReason) -> bool {
    matches!(
        reason,
        DropReason::QueueFull
            | DropReason::QueueBytes
            | DropReason::TooLarge
            | DropReason::Shutdown
    )
}
