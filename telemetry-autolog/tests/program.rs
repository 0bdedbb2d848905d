//! The service as a program.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests fail by panicking and wait in real time"
)]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use test_support::{Redis, free_port};

const PATIENCE: Duration = Duration::from_secs(40);

struct Program {
    child: Option<Child>,
    port: u16,
}

impl Program {
    fn start(variables: &[(&str, &str)]) -> Self {
        let port = free_port();
        let child = command(variables)
            .env("PORT", port.to_string())
            .spawn()
            .unwrap();
        let program = Self {
            child: Some(child),
            port,
        };
        let end = Instant::now() + PATIENCE;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(
                Instant::now() < end,
                "does not listen: {:?}",
                program.kill()
            );
            thread::sleep(Duration::from_millis(20));
        }
        program
    }

    /// The status and the whole answer.
    fn ask(&self, request: &str) -> (u16, String) {
        let mut stream = self.send(request);
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer)
    }

    fn get(&self, path: &str, headers: &str) -> (u16, String) {
        self.ask(&format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n"
        ))
    }

    fn post(&self, path: &str, body: &str) -> (u16, String) {
        let length = body.len();
        self.ask(&format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
    }

    fn send(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    /// Asks it to end; what it wrote.
    fn end(mut self) -> Output {
        let child = self.child.take().unwrap();
        let kill = format!("kill -TERM {}", child.id());
        assert!(
            Command::new("sh")
                .args(["-c", &kill])
                .status()
                .unwrap()
                .success()
        );
        child.wait_with_output().unwrap()
    }

    fn kill(mut self) -> Output {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait_with_output().unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

fn command(variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_telemetry-autolog"));
    command
        .env_clear()
        .envs([
            ("OTEL_TRACES_EXPORTER", "none"),
            ("OTEL_LOGS_EXPORTER", "console"),
            ("OTEL_METRICS_EXPORTER", "none"),
        ])
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

const SESSION: &str =
    r#"{"app":"shop","environment":"production","service":"shop","reason":"keep me"}"#;
const CHECK: &str = "/api/autolog/check?app=shop&environment=production";

#[test]
fn it_serves_on_loopback_warns_of_missing_secrets_and_ends_politely() {
    let program = Program::start(&[]);
    let (status, answer) = program.get("/health", "");
    assert!(
        status == 200 && answer.contains(r#""store":"memory""#),
        "{answer}"
    );
    assert_eq!(program.post("/api/autolog/enable", SESSION).0, 200);
    let (_, metrics) = program.get("/metrics", "");
    assert!(metrics.contains(r#"autolog_active_sessions{"#), "{metrics}");
    let (_, metrics) = program.get("/metrics", "Accept: application/openmetrics-text\r\n");
    assert!(metrics.ends_with("# EOF\n"), "{metrics}");

    let (_, answer) = program.get(CHECK, "");
    let tag = answer
        .lines()
        .find_map(|line| line.strip_prefix("etag: "))
        .unwrap();
    let mut waiting = program.send(&format!(
        "GET {CHECK}&wait=55 HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: {tag}\r\n\r\n"
    ));
    waiting
        .set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    waiting.read_exact(&mut [0]).expect_err("it waits");
    waiting.set_read_timeout(Some(PATIENCE)).unwrap();
    let start = Instant::now();
    let output = program.end();
    assert!(
        start.elapsed() < Duration::from_secs(40),
        "long before 55 s"
    );
    let mut answer = String::new();
    waiting.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 304"), "{answer}");
    assert!(output.status.success(), "{output:?}");
    let lines = String::from_utf8(output.stdout).unwrap();
    for variable in ["ALERTMANAGER_WEBHOOK_SECRET", "AUTOLOG_API_TOKEN"] {
        let warned = lines
            .lines()
            .any(|line| line.contains(variable) && line.contains("WARN"));
        assert!(warned, "{variable}: {lines}");
    }
    assert!(lines.contains("a person opened a session"), "{lines}");
    assert!(lines.contains("trace_id"), "it observes itself: {lines}");
}

#[test]
fn a_setting_that_cannot_be_used_is_named_and_it_does_not_start() {
    for (name, value, said) in [
        (
            "PORT",
            "http",
            "PORT=http is not a whole number from 0 to 65535",
        ),
        (
            "AUTOLOG_BIND",
            "here",
            "AUTOLOG_BIND=here is not an IP address",
        ),
        (
            "AUTOLOG_STORE",
            "files",
            "AUTOLOG_STORE is neither memory nor a URL",
        ),
        ("AUTOLOG_TTL_MINUTES", "0", "AUTOLOG_TTL_MINUTES=0 is not"),
        (
            "ERROR_THRESHOLD_COUNT",
            "-1",
            "ERROR_THRESHOLD_COUNT=-1 is not",
        ),
        (
            "ERROR_THRESHOLD_WINDOW_MINUTES",
            "1.5",
            "ERROR_THRESHOLD_WINDOW_MINUTES=1.5 is not",
        ),
    ] {
        let output = command(&[(name, value)]).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success(), "{name}");
        assert!(stderr.contains(said), "{stderr}");
    }
}

#[test]
fn redis_is_used_and_a_restart_loses_nothing() {
    let Some(redis) = Redis::start() else {
        return;
    };
    let url = redis.url();
    let port = url
        .trim_end_matches('/')
        .rsplit(':')
        .next()
        .unwrap()
        .to_owned();
    let first = Program::start(&[("AUTOLOG_STORE", &url)]);
    assert!(first.get("/health", "").1.contains(r#""store":"redis""#));
    let (status, answer) = first.post("/api/autolog/enable", SESSION);
    assert_eq!(status, 200, "{answer}");
    drop(first.kill());
    let second = Program::start(&[("REDIS_HOST", "127.0.0.1"), ("REDIS_PORT", &port)]);
    let (_, answer) = second.get(CHECK, "");
    assert!(answer.contains("keep me"), "{answer}");
    assert!(second.end().status.success());
}
