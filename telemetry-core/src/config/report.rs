//! What configuration could not use, and what to write instead.

use std::fmt;

use super::redact;

/// What [`Plan::resolve`](super::Plan::resolve) has to tell the user.
///
/// `Display` writes one line for each finding, ready for standard error; it is empty when all is well. Secrets (header
/// values, passwords, credentials and queries in URLs) are never part of a report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Values that had no effect.
    pub ignored: Vec<Ignored>,
    /// Values that are in use and probably not what was meant.
    pub hints: Vec<Hint>,
}

/// A value that was given and not used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ignored {
    /// The variable; a value set by the program carries the variable's name and `(in code)`.
    pub variable: String,
    /// The value, fit for a terminal: one line, cut after 80 characters, without secrets.
    pub value: String,
    /// What is used instead.
    pub used: String,
    /// Why it was not used, and what would work.
    pub reason: String,
}

/// A value that is used although it looks wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hint {
    /// The variable, or the file it names.
    pub variable: String,
    /// The value, fit for a terminal and without secrets.
    pub value: String,
    /// What looks wrong, and the value that would work.
    pub advice: String,
}

impl Report {
    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ignored.is_empty() && self.hints.is_empty()
    }

    pub(crate) fn ignore(
        &mut self,
        variable: &str,
        value: &str,
        reason: impl Into<String>,
        used: impl Into<String>,
    ) {
        let (reason, used) = (reason.into(), used.into());
        let value = redact::value(variable, value);
        let same =
            |i: &&mut Ignored| i.variable == variable && i.value == value && i.reason == reason;
        match self.ignored.iter_mut().find(same) {
            // A generic variable is read once for each signal, and each may fall back to something else.
            Some(known) if known.used.split(", ").any(|u| u == used) => {}
            Some(known) => known.used = format!("{}, {used}", known.used),
            None => self.ignored.push(Ignored {
                variable: variable.to_owned(),
                value,
                used,
                reason,
            }),
        }
    }

    pub(crate) fn hint(&mut self, variable: &str, value: &str, advice: impl Into<String>) {
        let value = redact::value(variable, value);
        let hint = Hint {
            variable: variable.to_owned(),
            value,
            advice: advice.into(),
        };
        if !self.hints.contains(&hint) {
            self.hints.push(hint);
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ignored in &self.ignored {
            writeln!(f, "telemetry: ignored {ignored}")?;
        }
        for hint in &self.hints {
            writeln!(f, "telemetry: check {hint}")?;
        }
        Ok(())
    }
}

impl Ignored {
    /// For a list within a line.
    pub(crate) fn in_brackets(&self) -> String {
        format!(
            "{} ({}; used: {})",
            given(&self.variable, &self.value),
            self.reason,
            self.used
        )
    }
}

impl Hint {
    /// For a list within a line.
    pub(crate) fn in_brackets(&self) -> String {
        format!("{} ({})", given(&self.variable, &self.value), self.advice)
    }
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {}; used: {}",
            given(&self.variable, &self.value),
            self.reason,
            self.used
        )
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", given(&self.variable, &self.value), self.advice)
    }
}

/// The variable as it was set, or its name alone where the value is better left unsaid.
fn given(variable: &str, value: &str) -> String {
    if value.is_empty() {
        variable.to_owned()
    } else {
        format!("{variable}={value}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_generic_value_is_one_finding_with_every_fallback() {
        let mut report = Report::default();
        for used in ["10000 ms", "10000 ms", "5000 ms"] {
            report.ignore("OTEL_EXPORTER_OTLP_TIMEOUT", "soon", "not a number", used);
        }
        assert_eq!(
            report.to_string(),
            "telemetry: ignored OTEL_EXPORTER_OTLP_TIMEOUT=soon: not a number; used: 10000 ms, 5000 ms\n"
        );
    }

    #[test]
    fn a_finding_is_one_line() {
        let mut report = Report::default();
        report.ignore(
            "OTEL_TRACES_SAMPLER",
            "a\nb\u{1b}[2J",
            "unknown",
            "parentbased_always_on",
        );
        assert_eq!(report.to_string().lines().count(), 1);
        assert!(!report.to_string().contains('\u{1b}'));
    }
}
