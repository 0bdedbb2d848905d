//! A server on a socket, a client that writes bytes, and the spans that were finished.
#![allow(
    dead_code,
    reason = "each test program compiles this file and uses a part of it"
)]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use telemetry_core::context::{SpanId, TraceId};
use telemetry_core::otlp::attributes::list_items;
use telemetry_core::otlp::{AnyValueView, Kind, SpanView, StatusCode};
use telemetry_core::pipeline::{Intake, Queue, QueueLimits};
use telemetry_core::trace::{Engine, EngineSettings, SpanLayer};
use telemetry_log::{BaseFilter, Directives, LogHandle, LogSink, Logs, Recorder, SinkConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tracing::Level;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;

pub(crate) const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
pub(crate) const PARENT: &str = "00f067aa0ba902b7";

/// An engine whose finished spans can be looked at.
#[derive(Clone)]
pub(crate) struct Telemetry {
    queue: Arc<Queue>,
    engine: Arc<Engine>,
}

/// A finished span.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) name: String,
    pub(crate) scope: String,
    pub(crate) kind: Kind,
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) parent: SpanId,
    pub(crate) status: StatusCode,
    pub(crate) message: String,
    pub(crate) nanos: u64,
    /// The spans it links to, `trace:span`.
    pub(crate) links: Vec<String>,
    /// The whole message, as it is exported.
    pub(crate) exported: String,
    attributes: BTreeMap<String, String>,
}

impl Telemetry {
    pub(crate) fn new() -> Self {
        Self::with(None)
    }

    fn with(recorder: Option<&Recorder>) -> Self {
        let queue = Arc::new(Queue::new(QueueLimits {
            items: 100_000,
            bytes: 1 << 26,
            wake_at: usize::MAX,
            item_bytes: 1 << 22,
        }));
        let intake = Intake::new([Arc::clone(&queue)]);
        let mut settings = EngineSettings::new(intake);
        settings.recorder = recorder.map(Recorder::line_recorder);
        let engine = Arc::new(Engine::new(settings));
        Self { queue, engine }
    }

    pub(crate) fn layer(&self) -> SpanLayer {
        SpanLayer::new(Arc::clone(&self.engine))
    }

    pub(crate) fn open(&self) -> u64 {
        self.engine.counters().open()
    }

    /// Waits for this many spans of the layer under test, and takes them.
    pub(crate) async fn spans(&self, count: usize) -> Vec<Finished> {
        let mut spans = Vec::new();
        for _ in 0..2000 {
            spans.extend(self.take());
            if spans.len() >= count {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(spans.len(), count, "{spans:#?}");
        spans
    }

    pub(crate) async fn span(&self) -> Finished {
        self.spans(1).await.remove(0)
    }

    pub(crate) fn take(&self) -> Vec<Finished> {
        let batches = self.queue.take_all();
        let items = batches.iter().flat_map(|batch| batch.items());
        items
            .map(|item| {
                let scope = item.scope.scope().get().name().to_owned();
                Finished::read(item.message, scope)
            })
            .collect()
    }
}

impl Finished {
    fn read(message: &[u8], scope: String) -> Self {
        let view = SpanView::read(message);
        let parts = view.parts;
        let attributes = view
            .attributes()
            .map(|(key, value)| (key.to_owned(), text(value)));
        Self {
            name: parts.name.to_owned(),
            scope,
            kind: parts.kind,
            trace_id: parts.trace_id,
            span_id: parts.span_id,
            parent: parts.parent_span_id,
            status: parts.status,
            message: parts.status_message.to_owned(),
            nanos: parts.end_unix_nanos - parts.start_unix_nanos,
            links: view
                .links()
                .map(|link| format!("{}:{}", link.trace_id, link.span_id))
                .collect(),
            exported: String::from_utf8_lossy(message).into_owned(),
            attributes: attributes.collect(),
        }
    }

    /// The attribute as text; empty if it is not set.
    pub(crate) fn get(&self, key: &str) -> &str {
        self.attributes.get(key).map_or("", String::as_str)
    }

    pub(crate) fn all(&self) -> Vec<(&str, &str)> {
        let pairs = self.attributes.iter();
        pairs
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect()
    }
}

fn text(value: AnyValueView<'_>) -> String {
    match value {
        AnyValueView::Str(text) => text.to_owned(),
        AnyValueView::Int(number) => number.to_string(),
        AnyValueView::List(list) => list_items(list).map(text).collect::<Vec<_>>().join("|"),
        other => format!("{other:?}"),
    }
}

/// The log lines that were written.
#[derive(Clone)]
pub(crate) struct Lines {
    memory: Memory,
    handle: LogHandle,
}

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl LogSink for Memory {
    fn write(&mut self, lines: &[u8]) -> std::io::Result<()> {
        self.0.lock().unwrap().extend_from_slice(lines);
        Ok(())
    }
}

impl Lines {
    /// Everything so far, as it was written.
    pub(crate) fn text(&self) -> String {
        let written = self.handle.flush(Duration::from_secs(10));
        assert!(written.in_time);
        let bytes = self.memory.0.lock().unwrap();
        String::from_utf8(bytes.clone()).unwrap()
    }

    /// The lines of a target.
    pub(crate) fn of(&self, target: &str) -> Vec<serde_json::Value> {
        let text = self.text();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        lines
            .filter(|line: &serde_json::Value| line["target"] == target)
            .collect()
    }
}

/// Runs a test on one thread, where its subscriber is the current one.
pub(crate) fn run<F: Future>(test: impl FnOnce(Telemetry, Lines) -> F) -> F::Output {
    let telemetry = Telemetry::new();
    let memory = Memory::default();
    let sink = SinkConfig::custom("memory", memory.clone());
    let (layer, handle) = Logs::builder().sink(sink).build().unwrap();
    let subscriber = tracing_subscriber::registry()
        .with(telemetry.layer())
        .with(layer)
        // hyper, h2 and tonic have spans of their own, below
        .with(filter_fn(|of| of.is_event() || *of.level() <= Level::INFO));
    let _current = tracing::subscriber::set_default(subscriber);
    block_on(test, &telemetry, Lines { memory, handle })
}

/// The same at level INFO, with a flight recorder.
pub(crate) fn run_recording<F: Future>(
    recorder: &Recorder,
    test: impl FnOnce(Telemetry, Lines) -> F,
) -> F::Output {
    let telemetry = Telemetry::with(Some(recorder));
    let memory = Memory::default();
    let sink = SinkConfig::custom("memory", memory.clone());
    let logs = Logs::builder().sink(sink).recorder(recorder.clone());
    let (layer, handle) = logs.build().unwrap();
    let subscriber = tracing_subscriber::registry()
        .with(telemetry.layer())
        .with(layer)
        .with(BaseFilter::new(Directives::default()).recorder(recorder.clone()));
    let _current = tracing::subscriber::set_default(subscriber);
    block_on(test, &telemetry, Lines { memory, handle })
}

fn block_on<F: Future>(
    test: impl FnOnce(Telemetry, Lines) -> F,
    telemetry: &Telemetry,
    lines: Lines,
) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let result = runtime.block_on(test(telemetry.clone(), lines));
    drop(runtime);
    assert_eq!(telemetry.open(), 0, "a span was left open");
    result
}

/// Serves `app` on a free port of this machine.
pub(crate) async fn serve(app: Router) -> SocketAddr {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(socket, service).await });
    address
}

/// Sends `request` and reads until the server closes the connection.
pub(crate) async fn exchange(address: SocketAddr, request: impl AsRef<[u8]>) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_ref()).await.unwrap();
    let mut response = Vec::new();
    let read = stream.read_to_end(&mut response);
    let read = tokio::time::timeout(Duration::from_secs(10), read).await;
    let _closed_or_reset = read.unwrap();
    String::from_utf8_lossy(&response).into_owned()
}

/// A request whose connection is closed after its response.
pub(crate) fn closing(line: &str, headers: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: shop.example:8080\r\nConnection: close\r\n{headers}\r\n")
}
