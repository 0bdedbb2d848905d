use std::env;
use std::fs;
use std::io::{PipeReader, Read, pipe};
use std::process::{self, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

const CASE: &str = "TELEMETRY_TEST_CHILD";
const REPORT: &str = "TELEMETRY_TEST_CHILD_REPORT";
const POLL: Duration = Duration::from_millis(10);
/// Longer than anything takes that ends at all.
const LIMIT: Duration = Duration::from_secs(40);

/// Runs the body of a test in a process of its own: what it touches is global to a process.
///
/// The child is this test binary again, told to run the same test; there [`run`](Self::run) runs
/// the body and ends the process, so that only the parent sees what comes after it. The variables
/// of the OpenTelemetry specification are unset in it.
#[derive(Debug, Default)]
pub struct Child {
    case: &'static str,
    variables: Vec<(String, String)>,
    wrapper: Vec<String>,
    unread: [bool; 2],
}

/// A child that has ended.
#[derive(Debug)]
#[non_exhaustive]
pub struct Ended {
    /// What the body returned; null if it ended the process itself.
    pub report: Value,
    /// What it wrote to the standard output, after the first line of the test harness.
    pub stdout: String,
    /// What it wrote to the standard error output.
    pub stderr: String,
    /// Its exit code; none after a signal.
    pub code: Option<i32>,
}

impl Child {
    /// A child with this environment, but for OpenTelemetry's variables.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells it from the other children of the same test, which must look at none of them before
    /// all have run.
    #[must_use]
    pub fn case(mut self, name: &'static str) -> Self {
        self.case = name;
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// Starts it through a command, which gets the child's as its last arguments.
    #[must_use]
    pub fn wrapped(mut self, command: &[&str]) -> Self {
        self.wrapper = command.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// Leaves its standard output unread while it runs.
    #[must_use]
    pub fn unread_stdout(mut self) -> Self {
        self.unread[0] = true;
        self
    }

    /// Leaves its standard error output unread while it runs.
    #[must_use]
    pub fn unread_stderr(mut self) -> Self {
        self.unread[1] = true;
        self
    }

    /// Runs `body` in the child. Panics in the parent unless the child ends well in time.
    #[track_caller]
    pub fn run(self, body: impl FnOnce() -> Value) -> Ended {
        let ended = self.run_to_any_end(body);
        assert!(
            ended.code == Some(0),
            "the child ended with {:?}\nstdout:\n{}\nstderr:\n{}",
            ended.code,
            ended.stdout,
            ended.stderr
        );
        ended
    }

    /// As [`run`](Self::run), but any exit code is an end; still not running is none.
    #[track_caller]
    pub fn run_to_any_end(self, body: impl FnOnce() -> Value) -> Ended {
        let test = thread::current().name().expect("a test's name").to_owned();
        match env::var(CASE) {
            Ok(case) if case == self.case => end(&body()),
            Ok(_) => Ended::elsewhere(),
            Err(_) => self.start(&test),
        }
    }

    #[track_caller]
    fn start(self, test: &str) -> Ended {
        let folder = tempfile::tempdir().expect("a folder for the report");
        let report = folder.path().join("report.json");
        let (out, stdout) = pipe().expect("a pipe");
        let (err, stderr) = pipe().expect("a pipe");
        let mut child = {
            let mut command = self.command(test);
            command.env(REPORT, &report);
            command.stdin(Stdio::null()).stdout(stdout).stderr(stderr);
            command.spawn().expect("this test binary")
        };
        let out = Output::of(out, self.unread[0]);
        let err = Output::of(err, self.unread[1]);
        let until = Instant::now() + LIMIT;
        let status = loop {
            if let Some(status) = child.try_wait().expect("a child") {
                break Some(status);
            }
            if Instant::now() > until {
                break None;
            }
            thread::sleep(POLL);
        };
        drop(child.kill());
        drop(child.wait());
        let (stdout, stderr) = (out.text(), err.text());
        let Some(status) = status else {
            panic!("the child did not end\nstdout:\n{stdout}\nstderr:\n{stderr}");
        };
        let report = fs::read_to_string(report).unwrap_or_default();
        Ended {
            report: serde_json::from_str(&report).unwrap_or(Value::Null),
            stdout,
            stderr,
            code: status.code(),
        }
    }

    fn command(&self, test: &str) -> Command {
        let mut words = self.wrapper.clone();
        let binary = env::current_exe().expect("this test binary");
        words.push(binary.to_str().expect("a path in UTF-8").to_owned());
        words.extend([test, "--exact", "--nocapture", "--quiet"].map(str::to_owned));
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        for (name, _) in env::vars_os() {
            let is_setting = name.to_str().is_some_and(|name| name.starts_with("OTEL_"));
            if is_setting || name == "RUST_LOG" || name == "LOG_FORMAT" {
                command.env_remove(name);
            }
        }
        command.env(CASE, self.case);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }
}

impl Ended {
    /// What the child of one case sees of another.
    fn elsewhere() -> Self {
        Self {
            report: Value::Null,
            stdout: String::new(),
            stderr: String::new(),
            code: Some(0),
        }
    }

    /// The lines of the standard output that are JSON objects.
    #[must_use]
    pub fn lines(&self) -> Vec<Value> {
        let objects = self.stdout.lines().filter(|line| line.starts_with('{'));
        objects
            .map(|line| serde_json::from_str(line).expect("a line of JSON"))
            .collect()
    }
}

enum Output {
    Reading(thread::JoinHandle<String>),
    Unread(PipeReader),
}

impl Output {
    fn of(pipe: PipeReader, unread: bool) -> Self {
        if unread {
            Self::Unread(pipe)
        } else {
            Self::Reading(thread::spawn(move || read(pipe)))
        }
    }

    fn text(self) -> String {
        match self {
            Self::Reading(reader) => reader.join().expect("a reader"),
            Self::Unread(pipe) => read(pipe),
        }
    }
}

fn read(mut pipe: PipeReader) -> String {
    let mut bytes = Vec::new();
    drop(pipe.read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

#[expect(
    clippy::exit,
    reason = "the harness would write to an output that may be stuck"
)]
fn end(report: &Value) -> ! {
    let path = env::var(REPORT).expect("the report's path");
    fs::write(path, report.to_string()).expect("a report");
    process::exit(0)
}
