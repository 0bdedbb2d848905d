use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::Certs;
use crate::control::ask;

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../receiver/otlp_receiver.py");
const REQUESTS: &str = "requests.jsonl";
const POLL: Duration = Duration::from_millis(20);

/// How a [`Receiver`] is started; the default is plain text, everything checked and kept.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "tests write it with ..Options::default()"
)]
pub struct Options<'a> {
    /// Serve TLS with the server's certificate on both ports.
    pub tls: Option<&'a Certs>,
    /// Ask for a client certificate signed by the same authority.
    pub client_auth: bool,
    /// Only count items: for loads that Python could not check in time.
    pub count_only: bool,
}

/// An OTLP receiver in another language and process, on free ports; it ends when dropped.
///
/// It takes gRPC, HTTP/protobuf and HTTP/JSON, refuses what the specification forbids, and
/// keeps every request. Its parts are in `tests/receiver/`.
#[derive(Debug)]
pub struct Receiver {
    child: Child,
    command: Vec<String>,
    ports: Ports,
    scheme: &'static str,
    folder: TempDir,
}

impl Receiver {
    /// Starts one and waits until it listens.
    ///
    /// `None`, with a line on stderr, when [`python`] has no interpreter: the test is skipped.
    #[must_use]
    pub fn start(options: Options<'_>) -> Option<Self> {
        let python = python()?;
        let folder = tempfile::tempdir().expect("a folder for the receiver");
        let mut command = vec![text(&python), PROGRAM.to_owned()];
        command.extend(["--out".to_owned(), text(&folder.path().join(REQUESTS))]);
        command.extend(tls_arguments(options));
        if options.count_only {
            command.push("--count-only".to_owned());
        }
        let (child, ports) = spawn(&command);
        let scheme = if options.tls.is_some() {
            "https"
        } else {
            "http"
        };
        Some(Self {
            child,
            command,
            ports,
            scheme,
            folder,
        })
    }

    /// Where gRPC goes: `http://127.0.0.1:PORT`, or `https` with TLS.
    #[must_use]
    pub fn grpc_endpoint(&self) -> String {
        format!("{}://127.0.0.1:{}", self.scheme, self.ports.grpc)
    }

    /// Where gRPC goes for tests of what the gRPC library hides: this server takes zstd and
    /// writes down each message's encoding, but is a small one; prefer
    /// [`grpc_endpoint`](Self::grpc_endpoint) as the judge of everything else.
    #[must_use]
    pub fn h2_endpoint(&self) -> String {
        format!("{}://127.0.0.1:{}", self.scheme, self.ports.h2)
    }

    /// Where HTTP goes, without `/v1/traces`.
    #[must_use]
    pub fn http_endpoint(&self) -> String {
        format!("{}://127.0.0.1:{}", self.scheme, self.ports.http)
    }

    /// Switches to a mode of `faults.py` with its defaults: `ok`, `unavailable`, `throttle`,
    /// `hang`, `slow`, `partial`, `unauthorized`, `not_found`, `reset`, `flaky`, `garbage`, `huge`.
    pub fn set_mode(&self, mode: &str) {
        self.set_fault(&json!({ "mode": mode }));
    }

    /// Switches to a mode with its settings: `{"mode": "slow", "delay_ms": 50, "times": 2}`.
    pub fn set_fault(&self, fault: &Value) {
        ask(self.ports.control, "POST", "/_control", &fault.to_string());
    }

    /// The counters: `requests`, `outcome.accepted`, `items.traces.accepted`, `bytes` and so on.
    #[must_use]
    pub fn stats(&self) -> Value {
        ask(self.ports.control, "GET", "/stats", "")
    }

    /// Ends the process at once, as a collector that crashes. What it wrote down stays.
    pub fn stop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }

    /// Starts again on the same ports after [`stop`](Self::stop).
    pub fn start_again(&mut self) {
        let mut command = self.command.clone();
        for (name, port) in [
            ("--grpc", self.ports.grpc),
            ("--h2", self.ports.h2),
            ("--http", self.ports.http),
            ("--control", self.ports.control),
        ] {
            command.extend([name.to_owned(), port.to_string()]);
        }
        (self.child, self.ports) = spawn(&command);
    }

    /// Every export request so far: transport, signal, outcome, errors, bytes, encoding, headers, request.
    #[must_use]
    pub fn requests(&self) -> Vec<Value> {
        let mut lines = self.lines();
        lines.retain(|line| line.get("signal").is_some());
        lines
    }

    /// The spans of the accepted requests, as OTLP/JSON with hex ids.
    #[must_use]
    pub fn spans(&self) -> Vec<Value> {
        self.items("resourceSpans", "scopeSpans", "spans")
    }

    /// The log records of the accepted requests, as OTLP/JSON with hex ids.
    #[must_use]
    pub fn logs(&self) -> Vec<Value> {
        self.items("resourceLogs", "scopeLogs", "logRecords")
    }

    /// The metrics of the accepted requests, as OTLP/JSON.
    #[must_use]
    pub fn metrics(&self) -> Vec<Value> {
        self.items("resourceMetrics", "scopeMetrics", "metrics")
    }

    /// Everything that the receiver found wrong, wrong paths and broken handshakes included.
    #[must_use]
    pub fn errors(&self) -> Vec<String> {
        let of_line = |line: &Value| {
            let invalid = array(line, "errors").filter_map(Value::as_str);
            let other = ["refused", "broken"].map(|kind| line.get(kind).and_then(Value::as_str));
            invalid
                .chain(other.into_iter().flatten())
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        self.lines().iter().flat_map(of_line).collect()
    }

    /// Waits until `met` holds; panics with what has come when `limit` has passed.
    #[track_caller]
    pub fn wait_for(&self, met: impl Fn(&Self) -> bool, limit: Duration) {
        let end = Instant::now() + limit;
        while !met(self) {
            assert!(
                Instant::now() < end,
                "not met within {limit:?}; received {}, errors {:?}",
                self.stats(),
                self.errors()
            );
            thread::sleep(POLL);
        }
    }

    /// The complete lines that the receiver has written.
    fn lines(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.folder.path().join(REQUESTS)).unwrap_or_default();
        let complete = text.rfind('\n').map_or("", |end| &text[..end]);
        let parse = |line: &str| serde_json::from_str(line).expect("a line of JSON");
        complete.lines().map(parse).collect()
    }

    fn items(&self, resources: &str, scopes: &str, items: &str) -> Vec<Value> {
        let mut requests = self.requests();
        requests.retain(|line| line["outcome"] == "accepted");
        requests
            .iter()
            .flat_map(|line| array(&line["request"], resources))
            .flat_map(|resource| array(resource, scopes))
            .flat_map(|scope| array(scope, items))
            .cloned()
            .collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The Python that has what the receiver needs, from `TELEMETRY_TEST_PYTHON`.
///
/// `scripts/test` sets it. Without it there is `None` and a line on stderr, but a panic when
/// `CI=true`, where nothing may be skipped.
#[must_use]
pub fn python() -> Option<PathBuf> {
    let ci = env::var_os("CI").is_some_and(|ci| ci == "true");
    python_or_skip(env::var_os("TELEMETRY_TEST_PYTHON"), ci)
}

/// The value of an attribute of a span, log record or resource, without its OTLP type wrapper:
/// `{"intValue": "3"}` is `"3"`.
#[must_use]
pub fn attribute(item: &Value, key: &str) -> Option<Value> {
    let found = array(item, "attributes").find(|attribute| attribute["key"] == key)?;
    found["value"].as_object()?.values().next().cloned()
}

fn python_or_skip(python: Option<OsString>, ci: bool) -> Option<PathBuf> {
    let python = python.filter(|path| !path.is_empty());
    if python.is_none() {
        assert!(!ci, "TELEMETRY_TEST_PYTHON is not set: run scripts/test");
        // Past the capture of the test harness: a skipped test passes, so nobody would see it.
        drop(writeln!(io::stderr(), "skipped: run scripts/test"));
    }
    python.map(PathBuf::from)
}

#[derive(Clone, Copy, Debug)]
struct Ports {
    grpc: u16,
    h2: u16,
    http: u16,
    control: u16,
}

fn spawn(command: &[String]) -> (Child, Ports) {
    let mut child = Command::new(&command[0])
        .args(&command[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", command[0]));
    let mut ready = String::new();
    let stdout = child.stdout.take().expect("stdout is piped");
    BufReader::new(stdout)
        .read_line(&mut ready)
        .expect("the receiver's first line");
    let port = |name: &str| {
        let found = ready
            .split_whitespace()
            .find_map(|word| word.strip_prefix(name));
        found
            .and_then(|port| port.parse().ok())
            .unwrap_or_else(|| panic!("the receiver did not start: {ready:?}"))
    };
    let ports = Ports {
        grpc: port("grpc="),
        h2: port("h2="),
        http: port("http="),
        control: port("control="),
    };
    (child, ports)
}

fn tls_arguments(options: Options<'_>) -> Vec<String> {
    let Some(certs) = options.tls else {
        return Vec::new();
    };
    let mut arguments = vec![
        "--tls-cert".to_owned(),
        text(&certs.server_cert()),
        "--tls-key".to_owned(),
        text(&certs.server_key()),
    ];
    if options.client_auth {
        arguments.extend(["--client-ca".to_owned(), text(&certs.ca())]);
    }
    arguments
}

fn array<'a>(tree: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    tree[key].as_array().into_iter().flatten()
}

fn text(path: &Path) -> String {
    path.to_str().expect("a path in UTF-8").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_python_a_test_is_skipped() {
        assert_eq!(python_or_skip(None, false), None);
        assert_eq!(python_or_skip(Some(OsString::new()), false), None);
        let python = Some(PathBuf::from("/venv/python"));
        assert_eq!(python_or_skip(Some("/venv/python".into()), true), python);
    }

    #[test]
    #[should_panic(expected = "run scripts/test")]
    fn without_python_a_test_fails_in_ci() {
        let _python = python_or_skip(None, true);
    }
}
