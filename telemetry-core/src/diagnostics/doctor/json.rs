//! A diagnosis for programs.

use serde_json::{Value, json};

use super::backend::Asked;
use super::destination::Walked;
use super::diagnosis::Diagnosis;
use super::finding::Finding;
use super::linked::Linked;
use super::step::{Outcome, Step};
use crate::config::{Setting, Source};

impl Diagnosis {
    /// The diagnosis as a JSON object; `well` is its summary. Times are in milliseconds.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "well": self.is_well(),
            "problems": self.problems().count(),
            "service": self.service_name,
            "version": env!("CARGO_PKG_VERSION"),
            "trace_id": self.trace_id,
            "settings": list(&self.settings, setting),
            "blind_spots": self.blind_spots,
            "findings": list(&self.findings, finding),
            "destinations": list(&self.destinations, walked),
            "opentelemetry": list(&self.linked, linked),
            "backends": list(&self.asked, asked),
        })
    }
}

fn list<T>(items: &[T], show: fn(&T) -> Value) -> Vec<Value> {
    items.iter().map(show).collect()
}

fn setting(setting: &Setting) -> Value {
    let (source, variable) = match setting.source {
        Source::Code => ("code", None),
        Source::Env(variable) => ("environment", Some(variable)),
        Source::Default => ("default", None),
    };
    json!({ "name": setting.name, "value": setting.value, "source": source, "variable": variable })
}

fn finding(finding: &Finding) -> Value {
    json!({
        "severity": finding.severity.as_str(),
        "message": finding.message,
        "causes": finding.causes,
        "remedy": finding.remedy,
    })
}

fn walked(walked: &Walked) -> Value {
    json!({
        "endpoint": walked.endpoint,
        "protocol": walked.protocol,
        "signals": walked.signals,
        "steps": list(&walked.steps, step),
    })
}

fn step(step: &Step) -> Value {
    let (outcome, detail) = match &step.outcome {
        Outcome::Done(learnt) => ("done", Some(learnt)),
        Outcome::Failed(_) => ("failed", None),
        Outcome::Skipped(why) => ("skipped", Some(why)),
    };
    json!({
        "name": step.name,
        "outcome": outcome,
        "detail": detail,
        "finding": step.failure().map(finding),
        "ms": step.took.as_secs_f64() * 1000.0,
    })
}

fn linked(linked: &Linked) -> Value {
    let version = |version: &super::LinkedVersion| json!({ "version": version.version, "used_by": version.used_by });
    json!({
        "file": linked.file.display().to_string(),
        "versions": linked.versions.iter().map(version).collect::<Vec<_>>(),
        "finding": linked.finding.as_ref().map(finding),
    })
}

fn asked(asked: &Asked) -> Value {
    json!({
        "backend": asked.backend.as_str(),
        "address": asked.address,
        "step": step(&asked.step),
    })
}
