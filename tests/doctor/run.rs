//! Running it.

use std::process::{Command, Output};

use serde_json::Value;

/// What one run said.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs `telemetry` in an empty folder with these variables and no others.
pub(crate) fn telemetry(arguments: &[&str], variables: &[(&str, &str)]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_telemetry"))
        .args(arguments)
        .current_dir(folder.path())
        .env_clear()
        .envs(variables.iter().copied())
        .output();
    let Output {
        status,
        stdout,
        stderr,
    } = output.unwrap();
    Run {
        code: status.code(),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

/// Runs `telemetry doctor --json` with short times.
pub(crate) fn doctor(arguments: &[&str], variables: &[(&str, &str)]) -> Run {
    let given = [&["doctor", "--json", "--timeout", "3"], arguments].concat();
    telemetry(&given, variables)
}

/// Only traces, to this endpoint, in this protocol.
pub(crate) fn traces<'a>(endpoint: &'a str, protocol: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("OTEL_LOGS_EXPORTER", "none"),
        ("OTEL_METRICS_EXPORTER", "none"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
    ]
}

impl Run {
    pub(crate) fn json(&self) -> Value {
        let parsed = serde_json::from_str(&self.stdout);
        parsed.unwrap_or_else(|error| unreadable(self, &error))
    }

    /// The step of the first destination.
    #[track_caller]
    pub(crate) fn step(&self, name: &str) -> Value {
        let json = self.json();
        let steps = json["destinations"][0]["steps"].as_array().unwrap();
        let step = steps.iter().find(|step| step["name"] == name);
        step.unwrap_or_else(|| absent(self, name)).clone()
    }

    /// Checks that the walk failed at this step, with these words in its message and its remedy,
    /// that all before it went well and nothing after it was tried.
    #[track_caller]
    pub(crate) fn assert_failed_at(&self, name: &str, message: &str, remedy: &str) {
        assert_eq!(self.code, Some(1), "{self:?}");
        let step = self.step(name);
        assert_eq!(step["outcome"], "failed", "{step:#}\n{}", self.stdout);
        let said = |member: &str| {
            step["finding"][member]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        assert!(said("message").contains(message), "{step:#}");
        assert!(said("remedy").contains(remedy), "{step:#}");
        let json = self.json();
        let steps = json["destinations"][0]["steps"].as_array().unwrap();
        let at = steps.iter().position(|step| step["name"] == name).unwrap();
        assert!(
            steps[..at].iter().all(|step| step["outcome"] != "failed"),
            "{json:#}"
        );
        assert!(
            steps[at + 1..]
                .iter()
                .all(|step| step["outcome"] == "skipped"),
            "{json:#}"
        );
    }
}

#[track_caller]
#[expect(clippy::panic, reason = "a test fails by panicking")]
fn unreadable(run: &Run, error: &serde_json::Error) -> ! {
    panic!("{error}: {run:?}")
}

#[track_caller]
#[expect(clippy::panic, reason = "a test fails by panicking")]
fn absent(run: &Run, name: &str) -> ! {
    panic!("no step {name}: {run:?}")
}
