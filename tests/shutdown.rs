//! Shutdown and flush on good days and on bad ones; each in a process of its own.
//!
//! No case measures time: what is not bounded never ends, and the child's limit finds that.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod common;

use std::io::{self, Write};
use std::net::UdpSocket;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, OnceLock};
use std::thread;
use std::time::Duration;

use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use serde_json::{Value, json};
use telemetry::config::{ExporterKind, OtlpProtocol};
use telemetry::logs::{LogSink, SinkConfig};
use telemetry::{Builder, FlushError, Telemetry};
use test_support::{Child, Options, Receiver};
use tokio::runtime::{Builder as RuntimeBuilder, Runtime};

use common::{Blocking, Hanging, Kept, block_on, told, work};

const DEADLINE: Duration = Duration::from_millis(400);
/// For what does not end. Until then even a busy machine has a batch on its way, or a pipe full.
const SHORT: Duration = Duration::from_secs(1);
/// For what ends well: long, so that a slow machine does not fail.
const LONG: Duration = Duration::from_secs(30);

/// Spans go nowhere yet; lines go to the standard output.
fn quiet() -> Builder {
    telemetry::builder()
        .traces_exporters([])
        .logs_exporters([])
        .metrics_exporters([])
        .shutdown_timeout(DEADLINE)
}

fn to(endpoint: impl Into<String>) -> Builder {
    quiet()
        .traces_exporters([ExporterKind::Otlp])
        .otlp_endpoint(endpoint)
}

/// What a program does with its handle while the collector hangs, on the executor that runs it.
async fn life_with_a_hanging_collector() -> Value {
    let collector = Hanging::listen();
    let telemetry = to(collector.endpoint()).init().unwrap();
    work(3);
    assert_eq!(telemetry.flush(SHORT), Err(FlushError::Timeout));
    work(2);
    let report = telemetry.shutdown().await;
    let again = telemetry.shutdown_blocking(DEADLINE);
    assert_eq!(report.to_string(), again.to_string());
    told(&report)
}

async fn life_with_an_exporter() -> Value {
    let kept = Kept::default();
    let telemetry = quiet().span_exporter(kept.clone()).init().unwrap();
    work(3);
    telemetry.flush(LONG).unwrap();
    assert_eq!(kept.names().len(), 3);
    work(2);
    let report = telemetry.shutdown().await;
    assert_eq!(kept.names().len(), 5);
    told(&report)
}

/// Lives both lives on an executor.
#[track_caller]
fn lives_end_in_time(hanging: fn() -> Value, healthy: fn() -> Value) {
    let ended = Child::new().case("hanging").run(hanging);
    let well = Child::new().case("healthy").run(healthy);
    let lost = json!({ "created": 5, "unconfirmed": 3, "unsent": 2 });
    assert_eq!(ended.report["ledgers"], json!([lost]));
    assert_eq!(ended.report["lost"], 5);
    assert_eq!(ended.lines().len(), 6, "service.start and one a span");
    assert!(
        ended.stderr.contains("0 spans, 6 log lines; 5 lost"),
        "{}",
        ended.stderr
    );

    let all = json!({ "created": 5, "exported": 5 });
    assert_eq!(well.report["ledgers"], json!([all]));
    assert_eq!((&well.report["lost"], well.lines().len()), (&json!(0), 6));
}

fn current_thread() -> Runtime {
    RuntimeBuilder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

fn workers(count: usize) -> Runtime {
    RuntimeBuilder::new_multi_thread()
        .worker_threads(count)
        .enable_all()
        .build()
        .unwrap()
}

/// On a worker, not on the thread that waits for it.
fn spawned(runtime: &Runtime, life: impl Future<Output = Value> + Send + 'static) -> Value {
    runtime.block_on(runtime.spawn(life)).unwrap()
}

#[test]
fn on_a_current_thread_runtime() {
    lives_end_in_time(
        || current_thread().block_on(life_with_a_hanging_collector()),
        || current_thread().block_on(life_with_an_exporter()),
    );
}

#[test]
fn on_one_worker() {
    lives_end_in_time(
        || spawned(&workers(1), life_with_a_hanging_collector()),
        || spawned(&workers(1), life_with_an_exporter()),
    );
}

#[test]
fn on_many_workers() {
    lives_end_in_time(
        || spawned(&workers(4), life_with_a_hanging_collector()),
        || spawned(&workers(4), life_with_an_exporter()),
    );
}

#[test]
fn on_an_executor_that_is_not_tokio() {
    lives_end_in_time(
        || block_on(life_with_a_hanging_collector()),
        || block_on(life_with_an_exporter()),
    );
}

#[test]
fn without_any_executor() {
    let ended = Child::new().run(|| {
        let collector = Hanging::listen();
        let telemetry = to(collector.endpoint()).init().unwrap();
        work(3);
        assert_eq!(telemetry.flush(SHORT), Err(FlushError::Timeout));
        told(&telemetry.shutdown_blocking(DEADLINE))
    });
    let lost = json!({ "created": 3, "unconfirmed": 3 });
    assert_eq!(ended.report["ledgers"], json!([lost]));
}

#[test]
fn in_the_drop_of_another_value_while_it_unwinds() {
    struct Application {
        _telemetry: Telemetry,
    }
    let ended = Child::new().run(|| {
        let collector = Hanging::listen();
        let telemetry = to(collector.endpoint()).init().unwrap();
        let unwound = thread::spawn(|| {
            let _application = Application {
                _telemetry: telemetry,
            };
            work(3);
            panic!("the application fails");
        });
        assert!(unwound.join().is_err());
        Value::Null
    });
    let said = "0 spans, 5 log lines; 3 lost (traces to";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    assert!(ended.stderr.contains("3 unconfirmed"), "{}", ended.stderr);
}

#[test]
fn in_a_drop_within_an_async_task() {
    let ended = Child::new().run(|| {
        let collector = Hanging::listen();
        let telemetry = to(collector.endpoint()).init().unwrap();
        current_thread().block_on(async {
            let task = tokio::spawn(async move {
                work(3);
                tokio::task::yield_now().await;
                drop(telemetry);
            });
            task.await.unwrap();
        });
        Value::Null
    });
    assert!(ended.stderr.contains("3 unconfirmed"), "{}", ended.stderr);
}

#[test]
fn concurrently_everybody_gets_the_same_report() {
    let ended = Child::new().run(|| {
        let collector = Hanging::listen();
        let telemetry = to(collector.endpoint()).init().unwrap();
        work(3);
        let start = Barrier::new(5);
        let reports: Vec<Value> = thread::scope(|scope| {
            let flusher = scope.spawn(|| {
                start.wait();
                telemetry.flush(LONG)
            });
            let shutdown = |n| {
                let (telemetry, start) = (&telemetry, &start);
                scope.spawn(move || {
                    start.wait();
                    told(&match n % 2 {
                        0 => telemetry.shutdown_blocking(DEADLINE),
                        _ => block_on(telemetry.shutdown()),
                    })
                })
            };
            let callers: Vec<_> = (0..4).map(shutdown).collect();
            // the export that it waits for is given up at the deadline of the others
            let _ = flusher.join().unwrap();
            callers.into_iter().map(|it| it.join().unwrap()).collect()
        });
        reports.into()
    });
    let reports = ended.report.as_array().unwrap();
    assert_eq!(reports.len(), 4);
    assert!(
        reports.iter().all(|report| *report == reports[0]),
        "{reports:#?}"
    );
    assert_eq!(reports[0]["lost"], 3);
    assert_eq!(ended.stderr.matches("flushed in").count(), 1);
}

#[test]
fn the_shortest_deadline_is_everybodys() {
    let ended = Child::new().run(|| {
        let collector = Hanging::listen();
        let patient = to(collector.endpoint()).shutdown_timeout(Duration::MAX);
        let telemetry = patient.init().unwrap();
        work(3);
        thread::scope(|scope| {
            let patient = scope.spawn(|| block_on(telemetry.shutdown()));
            thread::sleep(SHORT);
            let hasty = told(&telemetry.shutdown_blocking(SHORT));
            json!([told(&patient.join().unwrap())["ledgers"], hasty["ledgers"]])
        })
    });
    let lost = json!([{ "created": 3, "unconfirmed": 3 }]);
    assert_eq!(ended.report, json!([lost, lost]));
}

static HANDLE: OnceLock<Telemetry> = OnceLock::new();

/// An exporter whose export ends all exports.
#[derive(Debug)]
struct Suicidal;

impl SpanExporter for Suicidal {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        let telemetry = HANDLE.wait();
        assert_eq!(telemetry.flush(SHORT), Err(FlushError::Timeout));
        telemetry.shutdown_blocking(DEADLINE);
        Ok(())
    }
}

#[test]
fn on_the_thread_of_an_exporter() {
    let ended = Child::new().run(|| {
        let telemetry = quiet().span_exporter(Suicidal).init().unwrap();
        let telemetry = HANDLE.get_or_init(|| telemetry);
        work(3);
        let _ = telemetry.flush(LONG);
        told(&telemetry.shutdown_blocking(DEADLINE))
    });
    let lost = json!({ "created": 3, "unconfirmed": 3 });
    assert_eq!(ended.report["ledgers"], json!([lost]));
}

/// A sink that ends what feeds it.
struct SuicidalSink;

impl LogSink for SuicidalSink {
    fn write(&mut self, _: &[u8]) -> io::Result<()> {
        let telemetry = HANDLE.wait();
        assert_eq!(telemetry.flush(SHORT), Err(FlushError::Timeout));
        telemetry.shutdown_blocking(DEADLINE);
        Ok(())
    }
}

#[test]
fn on_the_thread_of_a_sink() {
    let ended = Child::new().run(|| {
        let sink = SinkConfig::custom("suicidal", SuicidalSink);
        let telemetry = quiet().log_sink(sink).init().unwrap();
        let telemetry = HANDLE.get_or_init(|| telemetry);
        work(3);
        let _ = telemetry.flush(LONG);
        told(&telemetry.shutdown_blocking(DEADLINE))
    });
    let (lines, lost) = (&ended.report["lines"], &ended.report["lost_lines"]);
    assert_eq!(lines.as_u64().unwrap() + lost.as_u64().unwrap(), 8);
    assert!(lost.as_u64() > Some(0), "{}", ended.report);
    assert_eq!(ended.lines().len(), 4, "the other sink is spared");
}

#[test]
fn while_names_do_not_resolve() {
    // a nameserver that never answers, known to the child alone; that takes root and Linux
    let resolv = tempfile::NamedTempFile::new().unwrap();
    let nameserver = UdpSocket::bind("127.77.0.1:53");
    writeln!(&resolv, "nameserver 127.77.0.1\noptions timeout:30").unwrap();
    let mount = format!("mount --bind {} /etc/resolv.conf", resolv.path().display());
    let works = ["-m", "sh", "-c", &mount];
    let can = nameserver.is_ok()
        && Command::new("unshare")
            .args(works)
            .output()
            .is_ok_and(|it| it.status.success());
    let mount = format!(r#"{mount} && exec "$@""#);
    let child = Child::new();
    let (child, endpoint) = if can {
        let wrapper = ["unshare", "-m", "sh", "-c", &mount, "sh"];
        (child.wrapped(&wrapper), "http://collector.example:4318")
    } else {
        (child, "http://collector.invalid:4318")
    };
    let ended = child.env("ENDPOINT", endpoint).run(|| {
        let telemetry = to(std::env::var("ENDPOINT").unwrap()).init().unwrap();
        work(3);
        assert_eq!(telemetry.flush(SHORT), Err(FlushError::Timeout));
        told(&telemetry.shutdown_blocking(DEADLINE))
    });
    assert_eq!(ended.report["lost"], 3);
    if can {
        let nameserver = nameserver.unwrap();
        nameserver.set_read_timeout(Some(SHORT)).unwrap();
        let asked = nameserver.recv(&mut [0; 512]);
        assert!(asked.is_ok_and(|bytes| bytes > 0), "nobody asked");
    }
}

#[test]
fn with_an_exporter_that_blocks_for_ever() {
    let ended = Child::new().run(|| {
        let telemetry = quiet().span_exporter(Blocking).init().unwrap();
        work(3);
        assert_eq!(telemetry.flush(SHORT), Err(FlushError::Timeout));
        work(2);
        told(&telemetry.shutdown_blocking(DEADLINE))
    });
    let lost = json!({ "created": 5, "unconfirmed": 3, "unsent": 2 });
    assert_eq!(ended.report["ledgers"], json!([lost]));
    assert!(ended.stderr.contains("5 lost"), "{}", ended.stderr);
}

/// Writes to an output that nobody reads until nothing more fits.
fn fill(mut output: impl Write + Send + 'static) {
    let written = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&written);
    thread::spawn(move || {
        while output.write_all(&[b'x'; 512]).is_ok() && output.flush().is_ok() {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    });
    let mut before = usize::MAX;
    while before != written.load(Ordering::Relaxed) {
        before = written.load(Ordering::Relaxed);
        thread::sleep(SHORT);
    }
}

#[test]
fn with_stdout_a_stuck_pipe() {
    let ended = Child::new().unread_stdout().run(|| {
        fill(io::stdout());
        let kept = Kept::default();
        let telemetry = quiet().span_exporter(kept.clone()).init().unwrap();
        work(10);
        assert_eq!(telemetry.flush(SHORT), Err(FlushError::Timeout));
        let report = telemetry.shutdown_blocking(DEADLINE);
        assert_eq!(kept.names().len(), 10, "spans have their own way");
        told(&report)
    });
    let lost = json!([ended.report["lines"], ended.report["lost_lines"]]);
    assert_eq!(lost, json!([0, 11]));
    assert!(
        ended.stderr.contains("11 lost (lines: 11)"),
        "{}",
        ended.stderr
    );
}

#[test]
fn with_stderr_a_stuck_pipe() {
    let ended = Child::new().unread_stderr().run(|| {
        fill(io::stderr());
        let console = quiet().traces_exporters([ExporterKind::Console]);
        let telemetry = console.init().unwrap();
        work(10);
        let _ = telemetry.flush(SHORT);
        told(&telemetry.shutdown_blocking(DEADLINE))
    });
    assert_eq!(ended.report["ledgers"][0]["created"], 10);
    assert_eq!(ended.lines().len(), 11);
}

#[test]
fn with_both_outputs_stuck_and_a_collector_that_hangs() {
    let child = Child::new().unread_stdout().unread_stderr();
    let ended = child.run(|| {
        fill(io::stdout());
        fill(io::stderr());
        let collector = Hanging::listen();
        let both = [ExporterKind::Console, ExporterKind::Otlp];
        let endpoint = to(collector.endpoint()).traces_exporters(both);
        let telemetry = endpoint.span_exporter(Blocking).init().unwrap();
        work(10);
        assert!(telemetry.flush(SHORT).is_err());
        told(&telemetry.shutdown_blocking(DEADLINE))
    });
    assert_eq!(ended.report["lost_lines"], 11);
    let lost = json!({ "created": 10, "unconfirmed": 10 });
    assert_eq!(ended.report["ledgers"][1], lost);
    assert_eq!(ended.report["ledgers"][2], lost);
}

#[test]
fn nothing_is_lost_when_the_collector_restarts_grpc() {
    restarts(OtlpProtocol::Grpc);
}

#[test]
fn nothing_is_lost_when_the_collector_restarts_http() {
    restarts(OtlpProtocol::HttpProtobuf);
}

/// A collector that resets connections, then one that ends in mid-export and comes back.
#[track_caller]
fn restarts(protocol: OtlpProtocol) {
    if test_support::python().is_none() {
        return;
    }
    let ended = Child::new().run(|| {
        let mut receiver = Receiver::start(Options::default()).unwrap();
        let endpoint = match protocol {
            OtlpProtocol::Grpc => receiver.grpc_endpoint(),
            _ => receiver.http_endpoint(),
        };
        let telemetry = to(endpoint).otlp_protocol(protocol).init().unwrap();
        work(100);
        telemetry.flush(LONG).unwrap();

        receiver.set_fault(&json!({ "mode": "reset", "times": 2 }));
        work(100);
        telemetry.flush(LONG).unwrap();
        assert_eq!(ids(&receiver), 200);

        receiver.set_mode("hang");
        work(100);
        assert_eq!(telemetry.flush(SHORT), Err(FlushError::Timeout));
        receiver.stop();
        work(100);
        assert_eq!(telemetry.flush(SHORT), Err(FlushError::Timeout));
        receiver.start_again();
        let report = telemetry.shutdown_blocking(LONG);
        assert_eq!(ids(&receiver), 400);
        told(&report)
    });
    let all = json!({ "created": 400, "exported": 400 });
    assert_eq!(ended.report["ledgers"], json!([all]));
    assert!(ended.stderr.contains("400 spans"), "{}", ended.stderr);
}

fn ids(receiver: &Receiver) -> usize {
    let spans = receiver.spans();
    let ids: std::collections::HashSet<&str> = spans
        .iter()
        .filter_map(|span| span["spanId"].as_str())
        .collect();
    ids.len()
}
