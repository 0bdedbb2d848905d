//! Our stack, as the facade would assemble it, with exporters that drop.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use telemetry_core::clock::Clock;
use telemetry_core::diagnostics::Voice;
use telemetry_core::export::{Accepted, ExportError, ExportFuture, Exporter};
use telemetry_core::pipeline::{
    Backoff, Batch, ExporterFactory, Intake, Lane, LaneSettings, Pipeline, QueueLimits, Signal,
};
use telemetry_core::trace::{Engine, EngineSettings, Sampler, SpanLayer, TracerProvider};
use telemetry_log::{LogHandle, LogLayer, LogSink, Logs, Recorder, SinkConfig};

const PATIENCE: Duration = Duration::from_secs(20);

/// The engine and the pipeline behind it.
pub(crate) struct Ours {
    pub(crate) engine: Arc<Engine>,
    pub(crate) pipeline: Pipeline,
}

impl Ours {
    /// Spans go to an exporter that drops them.
    pub(crate) fn start(sampler: Sampler) -> Self {
        Self::exporting(sampler, "nowhere", Box::new(|| Ok(Box::new(Nowhere))))
    }

    pub(crate) fn exporting(sampler: Sampler, to: &str, factory: ExporterFactory) -> Self {
        Self::with(sampler, to, factory, None)
    }

    /// Requests are recorded.
    pub(crate) fn recording(recorder: &Recorder) -> Self {
        let sampler = Sampler::parent_based_always_on();
        let factory: ExporterFactory = Box::new(|| Ok(Box::new(Nowhere)));
        Self::with(sampler, "nowhere", factory, Some(recorder))
    }

    fn with(
        sampler: Sampler,
        to: &str,
        factory: ExporterFactory,
        recorder: Option<&Recorder>,
    ) -> Self {
        let lane = Arc::new(Lane::new(settings(), to, Clock::system(), Voice::silent()));
        let mut engine = EngineSettings::new(Intake::new([Arc::clone(lane.queue())]));
        engine.sampler = sampler;
        engine.recorder = recorder.map(Recorder::line_recorder);
        Self {
            engine: Arc::new(Engine::new(engine)),
            pipeline: Pipeline::start(vec![(lane, factory)]).unwrap(),
        }
    }

    pub(crate) fn layer(&self) -> SpanLayer {
        SpanLayer::new(Arc::clone(&self.engine))
    }

    /// Makes spans attach OpenTelemetry contexts, as the first use of that API does.
    pub(crate) fn arm(&self) {
        use opentelemetry::trace::TracerProvider as _;
        drop(TracerProvider::new(Arc::clone(&self.engine)).tracer("peer"));
    }

    pub(crate) fn flush(&self) {
        self.pipeline.flush(PATIENCE).unwrap();
        let lane = &self.pipeline.lanes()[0];
        assert_eq!(lane.ledger().dropped.total(), 0);
    }
}

/// The facade's settings, with a queue that holds what a batch of the harness puts in.
fn settings() -> LaneSettings {
    LaneSettings {
        signal: Signal::Traces,
        queue: QueueLimits {
            items: 1 << 16,
            bytes: 1 << 26,
            wake_at: 512,
            item_bytes: 1 << 22,
        },
        schedule_delay: Duration::from_secs(5),
        export_timeout: Duration::from_secs(30),
        attempt_timeout: Duration::from_secs(10),
        batch_items: 512,
        batch_bytes: 1 << 22,
        backoff: Backoff::default(),
    }
}

struct Nowhere;

impl Exporter for Nowhere {
    fn destination(&self) -> String {
        "nowhere".to_owned()
    }

    fn prepare(&mut self, _: &Batch) -> Result<(), ExportError> {
        Ok(())
    }

    fn attempt(&mut self) -> ExportFuture<'_, Result<Accepted, ExportError>> {
        Box::pin(std::future::ready(Ok(Accepted::all())))
    }
}

struct Null;

impl LogSink for Null {
    fn write(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
}

/// JSON lines through the non-blocking sink to nowhere.
pub(crate) fn logs() -> (LogLayer, LogHandle) {
    let sink = SinkConfig::custom("nowhere", Null);
    Logs::builder().service("shop").sink(sink).build().unwrap()
}

/// The same, with what a flight recorder keeps.
pub(crate) fn recorded_logs(recorder: &Recorder) -> (LogLayer, LogHandle) {
    let sink = SinkConfig::custom("nowhere", Null);
    let logs = Logs::builder().service("shop").sink(sink);
    logs.recorder(recorder.clone()).build().unwrap()
}

pub(crate) fn flush_logs(logs: &LogHandle) {
    let report = logs.flush(PATIENCE);
    assert!(report.in_time);
    assert_eq!(report.left, 0);
}
