//! How much a service logs with DEBUG always, with INFO, and with INFO and the flight recorder.
#![expect(clippy::unwrap_used, reason = "a test that prints a table")]

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use telemetry_core::pipeline::Intake;
use telemetry_core::trace::{Engine, EngineSettings, SpanLayer};
use telemetry_log::{
    BaseFilter, Directives, LogSink, Logs, Overflow, Recorder, RecorderConfig, SinkConfig,
};
use telemetry_tower::{AccessLog, ServerLayer};
use tower::ServiceExt;
use tracing::{Instrument, debug, info, info_span, warn};
use tracing_subscriber::layer::SubscriberExt;

const REQUESTS: u64 = 10_000;

/// One in so many fails.
const FAILS: u64 = 100;

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl LogSink for Memory {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().extend_from_slice(lines);
        Ok(())
    }
}

/// A handler as many are: some lines at DEBUG for each at INFO.
async fn order(Path(number): Path<u64>) -> StatusCode {
    let span = info_span!("order", number, tenant = "acme");
    async {
        debug!(cart = number * 3, "cart read");
        for item in 0..3 {
            debug!(item, cents = 495 + item, in_stock = true, "item priced");
        }
        debug!(rule = "vat-19", country = "DE", "taxes applied");
        tokio::task::yield_now().await;
        debug!(table = "orders", rows = 1, "saved");
        info!(items = 3, cents = 1488, "order placed");
        debug!(queue = "mails", "confirmation queued");
        if number % FAILS == 0 {
            warn!("the mail server is away");
            return StatusCode::BAD_GATEWAY;
        }
        StatusCode::OK
    }
    .instrument(span)
    .await
}

/// What the service logs for the requests, and what its recorder has done.
fn run(level: &str, recorder: Option<&Recorder>) -> String {
    let memory = Memory::default();
    let sink = SinkConfig::custom("memory", memory.clone()).overflow(Overflow::Block);
    let mut logs = Logs::builder().service("shop").sink(sink);
    let mut filter = BaseFilter::new(Directives::parse(level).0);
    let mut settings = EngineSettings::new(Intake::default());
    if let Some(recorder) = recorder {
        logs = logs.recorder(recorder.clone());
        filter = filter.recorder(recorder.clone());
        settings.recorder = Some(recorder.line_recorder());
    }
    let (layer, handle) = logs.build().unwrap();
    let subscriber = tracing_subscriber::registry()
        .with(SpanLayer::new(Arc::new(Engine::new(settings))))
        .with(layer)
        .with(filter);
    let _current = tracing::subscriber::set_default(subscriber);
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(async {
        let app = Router::new()
            .route("/orders/{number}", get(order))
            .layer(ServerLayer::new().access_log(AccessLog::new()));
        for number in 1..=REQUESTS {
            let request = Request::get(format!("/orders/{number}"));
            let request = request.body(Body::empty()).unwrap();
            app.clone().oneshot(request).await.unwrap();
        }
    });
    let report = handle.shutdown(Duration::from_secs(60));
    assert!(report.in_time && report.dropped.total() == 0, "{report:?}");
    let bytes = memory.0.lock().unwrap();
    String::from_utf8(bytes.clone()).unwrap()
}

/// The DEBUG lines of each order: what they say, without when and under which ids.
fn debug_lines(text: &str) -> BTreeMap<u64, Vec<String>> {
    let mut lines: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for line in text.lines() {
        let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
        if line["level"] != "DEBUG" || line["target"] != "recorder_volume" {
            continue;
        }
        let members = line.as_object_mut().unwrap();
        for key in ["timestamp", "trace_id", "span_id", "recorded"] {
            members.remove(key);
        }
        let number = members["number"].as_u64().unwrap();
        lines.entry(number).or_default().push(line.to_string());
    }
    lines
}

#[test]
fn the_debug_log_of_the_failed_requests_at_little_more_than_info() {
    let recorder = Recorder::new(RecorderConfig::new());
    let always = run("debug", None);
    let info = run("info", None);
    let recorded = run("info", Some(&recorder));

    println!("{REQUESTS} requests, {} of them failed", REQUESTS / FAILS);
    println!("| log | lines | bytes | of DEBUG always |\n|---|---|---|---|");
    for (name, text) in [
        ("DEBUG always", &always),
        ("INFO", &info),
        ("INFO with recorder", &recorded),
    ] {
        let share = text.len() * 1000 / always.len();
        println!(
            "| {name} | {} | {} | {}.{} % |",
            text.lines().count(),
            text.len(),
            share / 10,
            share % 10
        );
    }

    let mut failed = debug_lines(&always);
    failed.retain(|number, _| number % FAILS == 0);
    assert_eq!(failed.len() as u64, REQUESTS / FAILS);
    assert!(failed.values().all(|lines| lines.len() == 7));
    assert_eq!(
        debug_lines(&recorded),
        failed,
        "each DEBUG line of each, and no other"
    );
    assert!(
        recorded.len() * 10 <= always.len() * 4,
        "60 percent smaller"
    );
    assert_eq!(debug_lines(&info).len(), 0);
    let extra = recorded.lines().count() - info.lines().count();
    assert_eq!(extra as u64, recorder.status().written_lines);
    assert_eq!(recorder.status().cut_lines, 0);
}
