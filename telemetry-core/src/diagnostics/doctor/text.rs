//! A diagnosis for people.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use super::diagnosis::Diagnosis;
use super::finding::{Finding, Severity};
use super::linked::Linked;
use super::step::{Outcome, Step};

impl Display for Diagnosis {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let version = env!("CARGO_PKG_VERSION");
        writeln!(f, "telemetry doctor {version} · {}", self.service_name)?;
        self.write_settings(f)?;
        self.write_findings(f)?;
        for walked in &self.destinations {
            let (endpoint, protocol) = (&walked.endpoint, &walked.protocol);
            let signals = walked.signals.join(", ");
            writeln!(f, "\n{endpoint} · {protocol} · {signals}")?;
            walked
                .steps
                .iter()
                .try_for_each(|step| write_step(f, step.name, step))?;
        }
        self.linked
            .iter()
            .try_for_each(|linked| write_linked(f, linked))?;
        self.write_asked(f)?;
        self.write_end(f)
    }
}

impl Diagnosis {
    fn write_settings(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nSettings: what each is, and who decided")?;
        let width = self
            .settings
            .iter()
            .map(|s| s.name.len())
            .max()
            .unwrap_or(0);
        for setting in &self.settings {
            let (name, value, source) = (setting.name, &setting.value, setting.source);
            writeln!(f, "  {name:width$}  {value}  ({source})")?;
        }
        for blind in &self.blind_spots {
            writeln!(f, "  not seen: {blind}")?;
        }
        Ok(())
    }

    fn write_findings(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if !self.findings.is_empty() {
            writeln!(f, "\nFindings")?;
        }
        for finding in &self.findings {
            writeln!(f, "  {} {}", mark(finding), finding.message)?;
            write_rest(f, finding)?;
        }
        Ok(())
    }

    fn write_asked(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if !self.asked.is_empty() {
            writeln!(f, "\nBackends")?;
        }
        for asked in &self.asked {
            write_step(f, asked.backend.as_str(), &asked.step)?;
        }
        Ok(())
    }

    fn write_end(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let trace_id = self.trace_id.as_deref();
        if let Some(trace_id) = trace_id {
            writeln!(f, "\nThe test data has the trace id {trace_id}.")?;
        }
        let hints = self.all_findings().filter(|f| f.severity == Severity::Hint);
        match (self.problems().count(), hints.count()) {
            (0, 0) => writeln!(f, "\nAll is well."),
            (0, hints) => writeln!(f, "\nAll is well; {}.", counted(hints, "hint")),
            (problems, _) => writeln!(f, "\n{}.", counted(problems, "problem")),
        }
    }
}

fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    }
}

fn mark(finding: &Finding) -> char {
    match finding.severity {
        Severity::Problem => '✗',
        Severity::Hint => '!',
    }
}

fn write_step(f: &mut Formatter<'_>, name: &str, step: &Step) -> fmt::Result {
    let took = millis(step.took);
    match &step.outcome {
        Outcome::Done(learnt) => writeln!(f, "  ✓ {name:15} {took}  {learnt}"),
        Outcome::Skipped(why) => writeln!(f, "  – {name:15} {:>10}  {why}", ""),
        Outcome::Failed(finding) => {
            let (mark, message) = (mark(finding), &finding.message);
            writeln!(f, "  {mark} {name:15} {took}  {message}")?;
            write_rest(f, finding)
        }
    }
}

fn write_rest(f: &mut Formatter<'_>, finding: &Finding) -> fmt::Result {
    for cause in &finding.causes {
        writeln!(f, "      ← {cause}")?;
    }
    match &finding.remedy {
        Some(remedy) => writeln!(f, "      → {remedy}"),
        None => Ok(()),
    }
}

fn write_linked(f: &mut Formatter<'_>, linked: &Linked) -> fmt::Result {
    writeln!(f, "\nopentelemetry in {}", linked.file.display())?;
    for version in &linked.versions {
        write!(f, "    {}", version.version)?;
        if !version.used_by.is_empty() {
            write!(f, "  used by {}", version.used_by.join(", "))?;
        }
        writeln!(f)?;
    }
    match &linked.finding {
        Some(finding) => {
            writeln!(f, "  {} {}", mark(finding), finding.message)?;
            write_rest(f, finding)
        }
        None => Ok(()),
    }
}

fn millis(took: Duration) -> String {
    format!("{:>7.2} ms", took.as_secs_f64() * 1000.0)
}
