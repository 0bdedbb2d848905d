//! A measured program: a child process, its memory, its CPU, and what it reports.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStderr, Command, Stdio};

use crate::Failure;

/// What a line of a report begins with; everything else on stderr is telemetry's own voice.
const MARK: &str = "soak:";

/// Says something to the parent, in one write: others speak on stderr too.
pub(crate) fn report(key: &str, value: impl std::fmt::Display) {
    let line = format!("{MARK}{key}={value}\n");
    drop(std::io::stderr().write_all(line.as_bytes()));
}

/// A running child. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
}

/// What the kernel knows of a process, in KiB and seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    pub(crate) resident: u64,
    pub(crate) peak: u64,
    pub(crate) cpu: f64,
}

impl Program {
    /// Starts this executable as `child ARGUMENTS` with these variables and none of OpenTelemetry's.
    pub(crate) fn start(arguments: &[&str], variables: &[(&str, String)]) -> Result<Self, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("child").args(arguments);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("OTEL_")) {
            command.env_remove(name);
        }
        for (name, value) in variables {
            command.env(name, value);
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let stderr = child.stderr.take().ok_or("the child has no stderr")?;
        Ok(Self {
            child,
            lines: BufReader::new(stderr).lines(),
        })
    }

    /// Waits for the next thing that it says.
    pub(crate) fn next(&mut self) -> Result<Option<(String, String)>, Failure> {
        for line in self.lines.by_ref() {
            let line = line?;
            if let Some((key, value)) = line
                .strip_prefix(MARK)
                .and_then(|said| said.split_once('='))
            {
                return Ok(Some((key.to_owned(), value.to_owned())));
            }
            if std::env::var_os("SOAK_VERBOSE").is_some() {
                println!("> {line}");
            }
        }
        Ok(None)
    }

    /// Waits until it ends; everything that it still said.
    pub(crate) fn finish(mut self) -> Result<BTreeMap<String, String>, Failure> {
        drop(self.child.stdin.take());
        let mut said = BTreeMap::new();
        while let Some((key, value)) = self.next()? {
            said.insert(key, value);
        }
        let status = self.child.wait()?;
        if status.success() {
            Ok(said)
        } else {
            Err(
                format!("the measured program ended with {status}; SOAK_VERBOSE=1 shows why")
                    .into(),
            )
        }
    }

    pub(crate) fn usage(&self) -> Result<Usage, Failure> {
        usage(&self.child.id().to_string())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What the kernel knows of a process, by number or as `self`: proc(5).
pub(crate) fn usage(process: &str) -> Result<Usage, Failure> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let kib = |key: &str| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(key))?;
        line.split_whitespace().next()?.parse().ok()
    };
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, fields) = stat
        .rsplit_once(')')
        .ok_or("no /proc/PID/stat as expected")?;
    let ticks: f64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum();
    Ok(Usage {
        resident: kib("VmRSS:").ok_or("no VmRSS")?,
        peak: kib("VmHWM:").ok_or("no VmHWM")?,
        cpu: ticks / TICKS_PER_SECOND,
    })
}

/// USER_HZ, the same on every Linux of today: proc(5), time(7).
const TICKS_PER_SECOND: f64 = 100.0;
