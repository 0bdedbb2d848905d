//! Exporters that block, behind the real pipeline: shutdown keeps its deadline, nothing is
//! counted twice or forgotten.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests fail by panicking and bound their own waits"
)]

use std::io::Write;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use opentelemetry::trace::{SpanId, TraceFlags, TraceId};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use telemetry_core::clock::Clock;
use telemetry_core::diagnostics::{Level, Voice};
use telemetry_core::export::Exporter;
use telemetry_core::export::console::{ConsoleSpanExporter, Terminal};
use telemetry_core::export::memory::{Captured, MemoryExporter};
use telemetry_core::export::sdk::SdkSpanExporter;
use telemetry_core::export::writer::{WriterLimits, WriterThread};
use telemetry_core::otlp::{Kind, ScopeId, SpanParts, StatusCode};
use telemetry_core::pipeline::{
    Backoff, ExporterFactory, Lane, LaneSettings, Pipeline, QueueLimits, Signal,
};

const SETTINGS: LaneSettings = LaneSettings {
    signal: Signal::Traces,
    queue: QueueLimits {
        items: 1000,
        bytes: 1 << 20,
        wake_at: 16,
        item_bytes: 1 << 16,
    },
    schedule_delay: Duration::from_millis(5),
    export_timeout: Duration::from_secs(30),
    attempt_timeout: Duration::from_secs(10),
    batch_items: 16,
    batch_bytes: 1 << 16,
    backoff: Backoff {
        initial: Duration::from_millis(1),
        max: Duration::from_millis(4),
    },
};

fn lane(name: &str) -> Arc<Lane> {
    let voice = Voice::new(Level::Info, |_| {});
    Arc::new(Lane::new(SETTINGS, name, Clock::system(), voice))
}

fn factory(exporter: impl Exporter + 'static) -> ExporterFactory {
    Box::new(move || Ok(Box::new(exporter)))
}

fn push(lanes: &[&Arc<Lane>], count: u64) {
    for id in 1..=count {
        let parts = SpanParts {
            trace_id: TraceId::from(u128::from(id)),
            span_id: SpanId::from(id),
            parent_span_id: SpanId::INVALID,
            parent_is_remote: None,
            trace_flags: TraceFlags::SAMPLED,
            trace_state: "",
            name: "work",
            kind: Kind::Internal,
            start_unix_nanos: 1,
            end_unix_nanos: 2,
            attributes: &[],
            dropped_attributes: 0,
            events: &[],
            dropped_events: 0,
            links: &[],
            dropped_links: 0,
            status: StatusCode::Unset,
            status_message: "",
        };
        for lane in lanes {
            let scope = ScopeId::of_name("test");
            lane.queue().push(scope, |buffer| parts.encode(buffer));
        }
    }
}

/// Blocks for as long as the test holds the other end.
#[derive(Debug)]
struct Blocked(Mutex<Receiver<()>>);

impl SpanExporter for Blocked {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        let _ = self.0.lock().unwrap().recv();
        Ok(())
    }
}

impl Write for Blocked {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let _ = self.0.lock().unwrap().recv();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn blocked_exporters_hold_neither_shutdown_nor_their_neighbours() {
    let (_stuck, blocked) = channel();
    let resource = Resource::builder_empty().build();
    let sdk = SdkSpanExporter::new("blocked", Blocked(Mutex::new(blocked)), &resource).unwrap();
    let (_pipe, unread) = channel();
    let limits = WriterLimits { items: 2, bytes: 1 };
    let writer = Box::new(Blocked(Mutex::new(unread)));
    let writer = Arc::new(WriterThread::spawn("stuck-stderr", writer, limits).unwrap());
    let console = ConsoleSpanExporter::new(writer, Terminal::plain(), Clock::system());
    let captured = Captured::new();
    let memory = MemoryExporter::new(Signal::Traces, captured.clone());
    let [first, second, third] = [lane("blocked"), lane("console"), lane("memory")];
    let pipeline = Pipeline::start(vec![
        (Arc::clone(&first), factory(sdk)),
        (Arc::clone(&second), factory(console)),
        (Arc::clone(&third), factory(memory)),
    ])
    .unwrap();
    push(&[&first, &second, &third], 100);

    let began = Instant::now();
    pipeline.shutdown(Duration::from_millis(500));
    let took = began.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(captured.spans().len(), 100);
    assert_eq!(first.ledger().exported, 0);
    for lane in [&first, &second, &third] {
        assert!(lane.ledger().balances(), "{:?}", lane.ledger());
    }
    assert_eq!(third.ledger().exported, 100);
    assert!(second.ledger().dropped.total() > 0);
}
