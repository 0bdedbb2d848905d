use std::env;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{free_port, python};

const PAGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../receiver/metric_pages.py");
const POLL: Duration = Duration::from_millis(50);
const START: Duration = Duration::from_secs(30);

/// A real Prometheus with storage for exemplars, on a free port; it ends when dropped.
#[derive(Debug)]
pub struct Prometheus {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl Prometheus {
    /// Starts one that scrapes `http://TARGET/metrics` each second, and waits until it answers.
    ///
    /// `None`, with a line on stderr, where Prometheus is not installed: the test is skipped; with
    /// `CI=true` that panics.
    #[must_use]
    pub fn start(target: SocketAddr) -> Option<Self> {
        Self::start_with(target, "", "")
    }

    /// The same, with the text of a file of rules, each evaluated once a second, and more of the
    /// configuration, such as `alerting`.
    #[must_use]
    pub fn start_with(target: SocketAddr, rules: &str, config: &str) -> Option<Self> {
        let program = program("prometheus")?;
        let folder = tempfile::tempdir().expect("a folder for Prometheus");
        let file = |name, text: String| {
            fs::write(folder.path().join(name), text).expect("its configuration");
        };
        file("rules.yml", rules.to_owned());
        file(
            "prometheus.yml",
            format!(
                "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [rules.yml]\nscrape_configs:\n- job_name: test\n  static_configs:\n  - targets: ['{target}']\n{config}"
            ),
        );
        let port = free_port();
        let child = Command::new(program)
            .current_dir(folder.path())
            .arg("--config.file=prometheus.yml")
            .arg("--storage.tsdb.path=data")
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--enable-feature=exemplar-storage")
            .arg("--log.level=warn")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("prometheus");
        let prometheus = Self {
            child,
            port,
            _folder: folder,
        };
        let ready = || get(port, "/-/ready").map(drop);
        wait_for("Prometheus to start", START, ready);
        Some(prometheus)
    }

    /// Where it answers queries.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The result of an instant query: a list of series, each with `metric` and `value`.
    #[must_use]
    pub fn query(&self, expression: &str) -> Vec<Value> {
        let path = format!("/api/v1/query?query={}", escape(expression));
        let answer = self.ask(&path);
        let result = answer["data"]["result"].as_array();
        result.expect("a list of series").clone()
    }

    /// The value of the only series of an instant query.
    #[must_use]
    pub fn value(&self, expression: &str) -> Option<f64> {
        match self.query(expression).as_slice() {
            [one] => one["value"][1].as_str()?.parse().ok(),
            _ => None,
        }
    }

    /// The exemplars of the last hour: a list of series, each with `seriesLabels` and `exemplars`.
    #[must_use]
    pub fn exemplars(&self, expression: &str) -> Vec<Value> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.expect("a time after 1970").as_secs();
        let (from, to) = (now - 3600, now + 3600);
        let query = escape(expression);
        let answer = self.ask(&format!(
            "/api/v1/query_exemplars?query={query}&start={from}&end={to}"
        ));
        answer["data"].as_array().expect("a list of series").clone()
    }

    /// Waits until the query has one series with a value.
    #[track_caller]
    #[must_use]
    pub fn wait_for(&self, expression: &str, limit: Duration) -> f64 {
        wait_for(expression, limit, || self.value(expression))
    }

    fn ask(&self, path: &str) -> Value {
        let body = get(self.port, path).unwrap_or_else(|| panic!("Prometheus refuses {path}"));
        serde_json::from_str(&body).expect("JSON")
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What Python's strict parsers make of pages, given as `(is OpenMetrics, text)`: an object with
/// `families`, or with `error`, for each. One process judges all.
///
/// `None` when [`python`] has no interpreter.
#[must_use]
pub fn metric_families(pages: &[(bool, String)]) -> Option<Vec<Value>> {
    let mut input = String::new();
    for (open_metrics, text) in pages {
        let page = json!({ "open_metrics": open_metrics, "text": text });
        writeln!(input, "{page}").expect("memory");
    }
    let output = pipe(Command::new(python()?).arg(PAGES), &input);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let lines = String::from_utf8(output.stdout).expect("UTF-8");
    let parse = |line: &str| serde_json::from_str(line).expect("a line of JSON");
    let judged: Vec<Value> = lines.lines().map(parse).collect();
    assert_eq!(judged.len(), pages.len(), "{stderr}");
    Some(judged)
}

/// What `promtool check metrics` complains about on a classic page; empty if nothing.
///
/// `None`, with a line on stderr, where it is not installed; with `CI=true` that panics.
#[must_use]
pub fn promtool(page: &str) -> Option<String> {
    let output = pipe(
        Command::new(program("promtool")?).args(["check", "metrics"]),
        page,
    );
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(
        output.status.success(),
        complaints.is_empty(),
        "{complaints}"
    );
    Some(complaints)
}

fn pipe(command: &mut Command, input: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a child");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    let input = input.to_owned();
    let writer = thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().expect("its output");
    drop(writer.join());
    output
}

/// A program of a Debian package, from the `PATH`.
///
/// `None`, with a line on stderr, where it is not installed: the test is skipped; with `CI=true` that
/// panics.
#[must_use]
pub fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).map(|folder| folder.join(name));
    let found = found.into_iter().find(|path| Path::is_file(path));
    if found.is_none() {
        let ci = env::var_os("CI").is_some_and(|ci| ci == "true");
        assert!(!ci, "{name} is missing: run scripts/test");
        // Past the capture of the test harness: a skipped test passes, so nobody would see it.
        let line = format!("skipped: {name} is missing; run scripts/test as root");
        drop(writeln!(io::stderr(), "{line}"));
    }
    found
}

/// The body of the answer if its status is 200.
fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.contains(" 200 ").then(|| body.to_owned())
}

fn escape(text: &str) -> String {
    let escape = |byte: u8| match byte {
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}

#[track_caller]
fn wait_for<T>(what: &str, limit: Duration, met: impl Fn() -> Option<T>) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(found) = met() {
            return found;
        }
        assert!(Instant::now() < end, "waited {limit:?} for {what}");
        thread::sleep(POLL);
    }
}
