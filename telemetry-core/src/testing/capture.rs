//! Spans, log records and metrics of a test.

use std::sync::Arc;

use opentelemetry::InstrumentationScope;
use opentelemetry::metrics::Meter;

use super::tree::{outline, page};
use super::{LogAssertion, SpanAssertion};
use crate::export::memory::{Captured, CapturedLog, CapturedSpan};
use crate::metrics::{Metric, Registry, RegistrySettings};
use crate::pipeline::{Intake, Queue, QueueLimits};
use crate::trace::{Engine, EngineSettings, SpanLayer};

/// Captures what is recorded through its layer and its intakes, and nothing else: any number may
/// live side by side in one process, and no global is touched.
///
/// Nothing needs to be flushed: a span is there as soon as it has ended.
#[derive(Debug)]
pub struct Capture {
    layer: SpanLayer,
    spans: Arc<Queue>,
    logs: Arc<Queue>,
    registry: Registry,
    captured: Captured,
}

/// Large enough for any test; a test that records without end fails by what it misses, not by
/// taking the machine's memory.
const LIMITS: QueueLimits = QueueLimits {
    items: 100_000,
    bytes: 256 << 20,
    wake_at: usize::MAX,
    item_bytes: 64 << 20,
};

impl Default for Capture {
    fn default() -> Self {
        Self::new()
    }
}

impl Capture {
    /// A capture that samples everything.
    #[must_use]
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    /// A capture whose engine is set up by `configure`: sampler, limits, clock.
    #[must_use]
    pub fn with(configure: impl FnOnce(&mut EngineSettings)) -> Self {
        let spans = Arc::new(Queue::new(LIMITS));
        let mut settings = EngineSettings::new(Intake::new([Arc::clone(&spans)]));
        configure(&mut settings);
        Self {
            layer: SpanLayer::new(Arc::new(Engine::new(settings))),
            spans,
            logs: Arc::new(Queue::new(LIMITS)),
            registry: Registry::new(RegistrySettings::default()),
            captured: Captured::new(),
        }
    }

    /// The layer that records spans into this capture.
    #[must_use]
    pub fn layer(&self) -> SpanLayer {
        self.layer.clone()
    }

    /// Where a layer that makes log records puts them.
    #[must_use]
    pub fn log_intake(&self) -> Intake {
        Intake::new([Arc::clone(&self.logs)])
    }

    /// A meter whose instruments record into this capture.
    #[must_use]
    pub fn meter(&self, name: &'static str) -> Meter {
        self.registry
            .meter(InstrumentationScope::builder(name).build())
    }

    /// What was measured with the instruments of this capture's meters.
    #[must_use]
    pub fn metrics(&self) -> Vec<Metric> {
        self.registry.collect().metrics
    }

    /// The metric with this name.
    ///
    /// # Panics
    ///
    /// There is none.
    #[must_use]
    #[track_caller]
    #[expect(clippy::panic, reason = "an assertion of a test")]
    pub fn metric(&self, name: &str) -> Metric {
        let metrics = self.metrics();
        let found = metrics.iter().find(|it| it.descriptor.name == name);
        found.cloned().unwrap_or_else(|| {
            let names: Vec<_> = metrics.iter().map(|it| &*it.descriptor.name).collect();
            panic!("no metric {name:?} among {names:?}")
        })
    }

    /// The spans that have ended, in that order.
    #[must_use]
    pub fn spans(&self) -> Vec<CapturedSpan> {
        self.collect();
        let mut spans = self.captured.spans();
        spans.sort_by_key(|span| span.end_unix_nanos);
        spans
    }

    /// The first span with this name.
    ///
    /// # Panics
    ///
    /// There is none.
    #[must_use]
    #[track_caller]
    pub fn span(&self, name: &str) -> CapturedSpan {
        self.assert_span(name).span().clone()
    }

    /// The spans with this name.
    #[must_use]
    pub fn spans_named(&self, name: &str) -> Vec<CapturedSpan> {
        let mut spans = self.spans();
        spans.retain(|span| span.name == name);
        spans
    }

    /// The first span with this name, to make assertions about.
    ///
    /// # Panics
    ///
    /// There is none.
    #[track_caller]
    #[expect(
        clippy::must_use_candidate,
        reason = "that the span exists is an assertion"
    )]
    pub fn assert_span(&self, name: &str) -> SpanAssertion {
        SpanAssertion::find(self.spans(), name)
    }

    /// Asserts that no span has this name.
    ///
    /// # Panics
    ///
    /// One has.
    #[track_caller]
    pub fn assert_no_span(&self, name: &str) {
        let found = self.spans_named(name).len();
        assert!(
            found == 0,
            "{found} spans are named {name:?}\n\n{}",
            self.page()
        );
    }

    /// The log records in the order of their time.
    #[must_use]
    pub fn logs(&self) -> Vec<CapturedLog> {
        self.collect();
        let mut logs = self.captured.logs();
        logs.sort_by_key(|log| log.unix_nanos);
        logs
    }

    /// The first log record with this message, to make assertions about.
    ///
    /// # Panics
    ///
    /// There is none.
    #[track_caller]
    #[expect(
        clippy::must_use_candidate,
        reason = "that the record exists is an assertion"
    )]
    pub fn assert_log(&self, message: &str) -> LogAssertion {
        LogAssertion::find(self.logs(), self.spans(), message)
    }

    /// The spans as a tree of names, kinds and failures, without ids and times: the same for
    /// each run, so that a test can compare it whole. Siblings stand in the order of their start.
    #[must_use]
    pub fn tree(&self) -> String {
        outline(&self.spans())
    }

    /// Forgets what was captured so far.
    pub fn clear(&self) {
        self.collect();
        self.captured.clear();
    }

    fn page(&self) -> String {
        page(&self.spans())
    }

    fn collect(&self) {
        for batch in self.spans.take_all() {
            let spans = batch.items().map(CapturedSpan::read).collect();
            self.captured.extend(spans, Vec::new());
        }
        for batch in self.logs.take_all() {
            let logs = batch.items().map(CapturedLog::read).collect();
            self.captured.extend(Vec::new(), logs);
        }
    }
}
