//! What the tests of the facade share.
#![allow(dead_code, reason = "no test uses all of it")]

use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use axum::Router;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogBatch, LogExporter, SdkLogRecord};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use serde_json::{Value, json};
use telemetry::{Ledger, Shutdown};

/// A collector that accepts connections and never says a word.
pub(crate) struct Hanging(TcpListener);

impl Hanging {
    pub(crate) fn listen() -> Self {
        Self(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap())
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.0.local_addr().unwrap())
    }
}

/// An exporter written for the SDK that keeps the names of its spans.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept(Arc<Mutex<Vec<String>>>);

impl Kept {
    pub(crate) fn names(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl SpanExporter for Kept {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let names = batch.into_iter().map(|span| span.name.into_owned());
        self.0.lock().unwrap().extend(names);
        Ok(())
    }
}

/// An exporter written for the SDK that keeps the name, the severity and the text of its records.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeptLogs(Arc<Mutex<Vec<Value>>>);

impl KeptLogs {
    pub(crate) fn records(&self) -> Vec<Value> {
        self.0.lock().unwrap().clone()
    }
}

impl LogExporter for KeptLogs {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let told = |record: &SdkLogRecord| {
            let severity = record.severity_text();
            let body = record.body().map(|body| format!("{body:?}"));
            json!({ "name": record.event_name(), "severity": severity, "body": body })
        };
        let records = batch.iter().map(|(record, _)| told(record));
        self.0.lock().unwrap().extend(records);
        Ok(())
    }
}

/// An exporter written for the SDK that blocks its thread for ever.
#[derive(Debug)]
pub(crate) struct Blocking;

impl SpanExporter for Blocking {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        match forever() {}
    }
}

pub(crate) fn forever() -> Infallible {
    loop {
        thread::park();
    }
}

/// Spans with a log line in each.
pub(crate) fn work(times: usize) {
    for _ in 0..times {
        tracing::info_span!("work").in_scope(|| tracing::info!("done"));
    }
}

/// A report as the child hands it to its parent.
pub(crate) fn told(report: &Shutdown) -> Value {
    let exporters = &report.exporters.exporters;
    json!({
        "text": report.to_string(),
        "lines": report.lines,
        "lost_lines": report.lost_lines,
        "lost": report.lost(),
        "ledgers": exporters.iter().map(|exporter| ledger(&exporter.ledger)).collect::<Value>(),
    })
}

/// Where items went, without what is zero; panics if it does not balance.
fn ledger(ledger: &Ledger) -> Value {
    assert!(ledger.balances(), "{ledger:?}");
    let mut counts = json!({ "created": ledger.created });
    let rest = [("exported", ledger.exported), ("pending", ledger.pending)];
    let dropped = ledger.dropped.iter().map(|(why, n)| (why.as_str(), n));
    for (name, count) in rest.into_iter().chain(dropped) {
        if count > 0 {
            counts[name] = count.into();
        }
    }
    counts
}

/// Serves one request with these header lines, which succeeds, and returns its answer.
pub(crate) fn ask(app: Router, path: &str, headers: &str) -> String {
    let answer = exchange(app, path, headers);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer
}

/// Serves one request with these header lines and returns its answer, whatever that is.
pub(crate) fn exchange(app: Router, path: &str, headers: &str) -> String {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let socket = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let socket = runtime.block_on(socket).unwrap();
    let mut client = TcpStream::connect(socket.local_addr().unwrap()).unwrap();
    runtime.spawn(async { axum::serve(socket, app).await });
    let close = "Host: test\r\nConnection: close\r\n";
    write!(client, "GET {path} HTTP/1.1\r\n{close}{headers}\r\n").unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    answer
}

/// The smallest executor: it polls on the calling thread and parks in between.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}
