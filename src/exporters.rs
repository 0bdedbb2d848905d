//! From the plan to the lanes: which exporters there are and how each is driven.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::LogExporter;
use opentelemetry_sdk::trace::SpanExporter;
use telemetry_core::clock::Clock;
use telemetry_core::config::{BatchPlan, ExporterKind, OtlpPlan, Plan};
use telemetry_core::diagnostics::Voice;
use telemetry_core::diagnostics::self_metrics::Timed;
use telemetry_core::export::console::{
    ConsoleLogExporter, ConsoleMetricExporter, ConsoleSpanExporter, Terminal,
};
use telemetry_core::export::sdk::{SdkLogExporter, SdkSpanExporter};
use telemetry_core::export::{ExportError, Exporter};
use telemetry_core::metrics::Registry;
use telemetry_core::pipeline::{
    Backoff, ExporterFactory, Intake, Lane, LaneSettings, MetricSource, Pipeline, QueueLimits,
    Service, Signal,
};

use crate::voice::Stderr;

/// Makes an exporter once the resource is known.
type Make = Box<dyn FnOnce(&Resource) -> io::Result<Box<dyn Exporter>> + Send>;

/// An exporter that the user brings.
pub(crate) struct Extra {
    signal: Signal,
    make: Make,
}

/// What people read of an exporter that has no address.
const SDK_EXPORTER: &str = "sdk exporter";

impl Extra {
    pub(crate) fn spans(exporter: impl SpanExporter + 'static) -> Self {
        let make: Make = Box::new(move |resource| {
            Ok(Box::new(SdkSpanExporter::new(
                SDK_EXPORTER,
                exporter,
                resource,
            )?))
        });
        Self {
            signal: Signal::Traces,
            make,
        }
    }

    pub(crate) fn logs(exporter: impl LogExporter + 'static) -> Self {
        let make: Make = Box::new(move |resource| {
            Ok(Box::new(SdkLogExporter::new(
                SDK_EXPORTER,
                exporter,
                resource,
            )?))
        });
        Self {
            signal: Signal::Logs,
            make,
        }
    }
}

impl fmt::Debug for Extra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Extra")
            .field("signal", &self.signal)
            .finish_non_exhaustive()
    }
}

/// The lanes of a pipeline that is not started yet.
pub(crate) struct Lanes<'a> {
    plan: &'a Plan,
    clock: &'a Clock,
    voice: &'a Voice,
    stderr: &'a Stderr,
    lanes: Vec<(Arc<Lane>, ExporterFactory)>,
    services: Vec<Service>,
}

/// The largest request: what gRPC receivers take by default (4 MiB), less some room for the
/// resource and the scopes. <https://grpc.io/docs/guides/performance/>
const BATCH_BYTES: usize = 4_000_000;

/// How often the console looks for traces that are complete: quick enough to feel immediate.
const CONSOLE_DELAY: Duration = Duration::from_millis(100);

impl<'a> Lanes<'a> {
    pub(crate) fn of(
        plan: &'a Plan,
        clock: &'a Clock,
        voice: &'a Voice,
        stderr: &'a Stderr,
    ) -> Self {
        let mut lanes = Self {
            plan,
            clock,
            voice,
            stderr,
            lanes: Vec::new(),
            services: Vec::new(),
        };
        if !plan.disabled {
            for kind in &plan.traces.exporters {
                lanes.add(Signal::Traces, *kind);
            }
            for kind in &plan.logs.exporters {
                lanes.add(Signal::Logs, *kind);
            }
            for kind in &plan.metrics.exporters {
                lanes.add(Signal::Metrics, *kind);
            }
        }
        lanes
    }

    /// Adds the exporters that the user brings.
    pub(crate) fn bring(&mut self, extra: Vec<Extra>) {
        if self.plan.disabled {
            return;
        }
        for Extra { signal, make } in extra {
            let resource = self.plan.resource.clone();
            let factory =
                Box::new(move || make(&resource).map_err(|error| no_thread(SDK_EXPORTER, error)));
            self.push(self.settings(signal), SDK_EXPORTER.to_owned(), factory);
        }
    }

    /// Adds what else runs on the telemetry thread.
    pub(crate) fn host(&mut self, service: Option<Service>) {
        self.services.extend(service);
    }

    /// Starts the telemetry thread, if there is anything for it to do.
    pub(crate) fn start(self) -> io::Result<Option<Pipeline>> {
        if self.lanes.is_empty() && self.services.is_empty() {
            return Ok(None);
        }
        Pipeline::start_with(self.lanes, self.services).map(Some)
    }

    /// Where finished items of a signal enter.
    pub(crate) fn intake(&self, signal: Signal) -> Intake {
        let of_signal = self
            .lanes
            .iter()
            .filter(|(lane, _)| lane.signal() == signal);
        Intake::new(of_signal.map(|(lane, _)| Arc::clone(lane.queue())))
    }

    fn add(&mut self, signal: Signal, kind: ExporterKind) {
        let settings = self.settings(signal);
        match kind {
            ExporterKind::Otlp => self.add_otlp(signal, settings),
            ExporterKind::Console => self.add_console(signal, settings),
            _ => {}
        }
    }

    fn add_console(&mut self, signal: Signal, settings: LaneSettings) {
        let Some(writer) = self.stderr.writer().cloned() else {
            return;
        };
        let (terminal, clock) = (Terminal::stderr(), self.clock.clone());
        let settings = LaneSettings {
            schedule_delay: match signal {
                Signal::Metrics => settings.schedule_delay,
                _ => CONSOLE_DELAY,
            },
            batch_items: usize::MAX,
            batch_bytes: usize::MAX,
            ..settings
        };
        let factory: ExporterFactory = match signal {
            Signal::Logs => {
                Box::new(move || Ok(Box::new(ConsoleLogExporter::new(writer, terminal))))
            }
            Signal::Metrics => {
                Box::new(move || Ok(Box::new(ConsoleMetricExporter::new(writer, terminal))))
            }
            _ => Box::new(move || Ok(Box::new(ConsoleSpanExporter::new(writer, terminal, clock)))),
        };
        self.push(settings, "console".to_owned(), factory);
    }

    fn add_otlp(&mut self, signal: Signal, settings: LaneSettings) {
        let otlp = self.otlp(signal);
        let settings = LaneSettings {
            attempt_timeout: otlp.timeout,
            ..settings
        };
        let factory = otlp_exporter(signal, otlp, &self.plan.resource);
        // without the query, which may hold a key
        let shown = otlp.endpoint.as_str().split('?').next();
        self.push(settings, shown.unwrap_or_default().to_owned(), factory);
    }

    fn push(&mut self, settings: LaneSettings, destination: String, factory: ExporterFactory) {
        let lane = Lane::new(
            settings,
            destination,
            self.clock.clone(),
            self.voice.clone(),
        );
        let lane = match settings.signal {
            Signal::Metrics => lane.collecting(self.source()),
            _ => lane,
        };
        self.lanes.push((Arc::new(lane), factory));
    }

    fn source(&self) -> MetricSource {
        MetricSource {
            producer: Arc::new(Timed::new(Registry::global(), "periodic_metric_reader")),
            temporality: self.plan.metrics.temporality,
        }
    }

    fn settings(&self, signal: Signal) -> LaneSettings {
        match signal {
            Signal::Metrics => self.collected(),
            _ => self.batched(signal),
        }
    }

    /// What is collected at an interval waits in no queue.
    fn collected(&self) -> LaneSettings {
        let metrics = &self.plan.metrics;
        LaneSettings {
            signal: Signal::Metrics,
            queue: QueueLimits {
                items: 0,
                bytes: 0,
                wake_at: usize::MAX,
                item_bytes: BATCH_BYTES,
            },
            schedule_delay: metrics.interval,
            export_timeout: metrics.timeout,
            attempt_timeout: metrics.timeout,
            batch_items: usize::MAX,
            batch_bytes: BATCH_BYTES,
            backoff: Backoff::default(),
        }
    }

    fn batched(&self, signal: Signal) -> LaneSettings {
        let batch = self.batch(signal);
        LaneSettings {
            signal,
            queue: QueueLimits {
                items: batch.max_queue_size,
                bytes: batch.max_queue_bytes,
                wake_at: batch.max_export_batch_size,
                item_bytes: BATCH_BYTES,
            },
            schedule_delay: batch.schedule_delay,
            export_timeout: batch.export_timeout,
            attempt_timeout: batch.export_timeout,
            batch_items: batch.max_export_batch_size,
            batch_bytes: BATCH_BYTES,
            backoff: Backoff::default(),
        }
    }

    fn batch(&self, signal: Signal) -> &'a BatchPlan {
        match signal {
            Signal::Logs => &self.plan.logs.batch,
            _ => &self.plan.traces.batch,
        }
    }

    fn otlp(&self, signal: Signal) -> &'a OtlpPlan {
        match signal {
            Signal::Logs => &self.plan.logs.otlp,
            Signal::Metrics => &self.plan.metrics.otlp,
            _ => &self.plan.traces.otlp,
        }
    }
}

/// Certificates are read here, before the telemetry thread runs.
#[cfg(any(feature = "otlp-grpc", feature = "otlp-http"))]
fn otlp_exporter(signal: Signal, plan: &OtlpPlan, resource: &Resource) -> ExporterFactory {
    use telemetry_core::export::otlp::{OtlpExporter, OtlpSettings};
    let made = OtlpExporter::new(signal, &OtlpSettings::from(plan), resource);
    Box::new(move || made.map(|exporter| Box::new(exporter) as Box<dyn Exporter>))
}

#[cfg(not(any(feature = "otlp-grpc", feature = "otlp-http")))]
fn otlp_exporter(_: Signal, _: &OtlpPlan, _: &Resource) -> ExporterFactory {
    let error = ExportError::permanent("this build has no OTLP transport")
        .with_remedy("Enable feature otlp-http or otlp-grpc of telemetry-sdk.");
    Box::new(move || Err(error))
}

fn no_thread(what: &str, error: io::Error) -> ExportError {
    ExportError::permanent(format!("no thread could be started for the {what}"))
        .with_remedy("Check the limits of processes and threads.")
        .with_source(error)
}
