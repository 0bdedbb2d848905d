use std::collections::HashSet;
use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Ended;

const POLL: Duration = Duration::from_millis(10);
const START_LIMIT: Duration = Duration::from_secs(20);
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// The quickstart in a process of its own, on a free port; it is killed when dropped.
///
/// `cargo test` builds it. `cargo test --test NAME` does not: run `cargo build --examples
/// --all-features` before that.
#[derive(Debug)]
pub struct Service {
    child: Child,
    port: u16,
    stdout: Output,
    stderr: Output,
}

/// What a [`Service`] answered.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "tests only read it")]
pub struct Answer {
    /// The status code; 0 if the connection broke before it came.
    pub status: u16,
    /// What came after the head.
    pub body: String,
}

impl Service {
    /// Starts one with these environment variables and no others, and waits until it listens.
    #[must_use]
    pub fn start(variables: &[(&str, &str)]) -> Self {
        loop {
            let mut service = Self::spawn(free_port(), variables);
            if service.is_up() {
                return service;
            }
            let stderr = service.stderr.text();
            assert!(stderr.contains("AddrInUse"), "did not start: {stderr}");
        }
    }

    fn spawn(port: u16, variables: &[(&str, &str)]) -> Self {
        let program = example("quickstart");
        let mut child = Command::new(&program)
            .env_clear()
            .envs(variables.iter().copied())
            .env("PORT", port.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let stdout = Output::read(child.stdout.take().expect("stdout is piped"));
        let stderr = Output::read(child.stderr.take().expect("stderr is piped"));
        Self {
            child,
            port,
            stdout,
            stderr,
        }
    }

    /// Waits until it listens; false if it ended instead.
    fn is_up(&mut self) -> bool {
        let limit = Instant::now() + START_LIMIT;
        while connect(self.port).is_err() {
            assert!(
                Instant::now() < limit,
                "does not listen: {}",
                self.stderr.text()
            );
            thread::sleep(POLL);
        }
        self.child.try_wait().expect("a child").is_none()
    }

    /// Asks for a path, with these headers.
    #[must_use]
    pub fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.get_at(self.port, path, headers)
    }

    /// Asks another port of the same program.
    #[must_use]
    pub fn get_at(&self, port: u16, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("Connection: close\r\n\r\n");
        send(port, request.as_bytes())
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Sends bytes and reads until the connection ends, politely or not.
    #[must_use]
    pub fn send(&self, request: &[u8]) -> Answer {
        send(self.port, request)
    }

    /// What `GET /telemetry/status` says.
    #[must_use]
    pub fn status(&self) -> Value {
        let answer = self.get("/telemetry/status", &[]);
        assert_eq!(answer.status, 200, "{answer:?}");
        serde_json::from_str(&answer.body).expect("JSON")
    }

    /// Waits until the status is as wanted; panics with the last one when `limit` has passed.
    #[track_caller]
    pub fn wait_for(&self, met: impl Fn(&Value) -> bool, limit: Duration) -> Value {
        let end = Instant::now() + limit;
        loop {
            let status = self.status();
            if met(&status) {
                return status;
            }
            let stderr = self.stderr.text();
            assert!(
                Instant::now() < end,
                "not met within {limit:?}: {status:#}\n{stderr}"
            );
            thread::sleep(POLL);
        }
    }

    /// What it has written to standard output so far.
    #[must_use]
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// What it has written to standard error so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// The names of its threads, cut to 15 bytes by the kernel; empty where there is no `/proc`.
    #[must_use]
    pub fn threads(&self) -> Vec<String> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id()));
        let name = |task: io::Result<fs::DirEntry>| {
            let name = fs::read_to_string(task.ok()?.path().join("comm")).ok()?;
            Some(name.trim_end().to_owned())
        };
        tasks.into_iter().flatten().filter_map(name).collect()
    }

    /// Sends `TERM` or `INT` and waits at most `limit` for its end.
    #[must_use]
    #[track_caller]
    pub fn end(mut self, signal: &str, limit: Duration) -> Ended {
        let kill = format!("kill -{signal} {}", self.child.id());
        let killed = Command::new("sh").args(["-c", &kill]).status();
        assert!(killed.expect("a shell").success(), "{kill}");
        let end = Instant::now() + limit;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                break status;
            }
            let stderr = self.stderr.text();
            assert!(
                Instant::now() < end,
                "still runs {limit:?} after {signal}: {stderr}"
            );
            thread::sleep(POLL);
        };
        Ended {
            report: Value::Null,
            code: status.code(),
            stdout: self.stdout.join(),
            stderr: self.stderr.join(),
        }
    }
}

/// Connects to a port of this machine where somebody listens. A free one can be reached, too: when the
/// system happens to give this end the same number, it is connected with itself.
fn connect(port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    if stream.local_addr()? == stream.peer_addr()? {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Ok(stream)
}

fn send(port: u16, request: &[u8]) -> Answer {
    let mut stream = connect(port).expect("a service");
    stream
        .set_read_timeout(Some(ANSWER_LIMIT))
        .expect("a timeout");
    // it may answer and hang up before it has read everything
    drop(stream.write_all(request));
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    Answer {
        status: status.unwrap_or(0),
        body: body.to_owned(),
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What a child writes, read line by line.
#[derive(Debug)]
struct Output {
    text: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Output {
    fn read(from: impl Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let into = Arc::clone(&text);
        let mut from = BufReader::new(from);
        let reader = thread::spawn(move || {
            let mut line = String::new();
            while from.read_line(&mut line).expect("UTF-8") > 0 {
                into.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push_str(&line);
                line.clear();
            }
        });
        Self {
            text,
            reader: Some(reader),
        }
    }

    fn text(&self) -> String {
        self.text
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn join(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("text");
        }
        self.text()
    }
}

/// The path of an example of this workspace, beside the test that runs: `target/debug/deps/TEST` and
/// `target/debug/examples/NAME`.
#[must_use]
pub fn example(name: &str) -> PathBuf {
    let test = env::current_exe().expect("the test's path");
    let folder = test.ancestors().nth(2).expect("the build's folder");
    let program = folder.join("examples").join(name);
    let missing = "is missing: run cargo build --examples --all-features";
    assert!(program.exists(), "{} {missing}", program.display());
    program
}

/// A port that nobody listens on now, never the same twice.
#[must_use]
pub fn free_port() -> u16 {
    static TAKEN: Mutex<Option<HashSet<u16>>> = Mutex::new(None);
    let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    let taken = taken.get_or_insert_default();
    loop {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        if taken.insert(port) {
            return port;
        }
    }
}
