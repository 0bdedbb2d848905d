//! What the doctor has found out.

use super::backend::Asked;
use super::destination::Walked;
use super::finding::{Finding, Severity};
use super::linked::Linked;
use super::step::Step;
use crate::config::Setting;

/// What the doctor has found out. `Display` writes it for people, [`to_json`](Self::to_json) for
/// programs; neither holds a secret.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Diagnosis {
    /// Who would send: the resource's `service.name`.
    pub service_name: String,
    /// Every setting, its value and who decided it.
    pub settings: Vec<Setting>,
    /// What the doctor cannot see.
    pub blind_spots: Vec<String>,
    /// What the settings alone reveal.
    pub findings: Vec<Finding>,
    /// The OTLP destinations.
    pub destinations: Vec<Walked>,
    /// The versions of `opentelemetry` in the files that were looked at.
    pub linked: Vec<Linked>,
    /// The backends that were asked for the test data.
    pub asked: Vec<Asked>,
    /// The trace id of the test data, in hex; `None` if none was accepted.
    pub trace_id: Option<String>,
}

impl Diagnosis {
    /// Whether there is no problem. Hints do not count.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.problems().next().is_none()
    }

    /// Everything that is wrong, in the order in which it was found.
    pub fn problems(&self) -> impl Iterator<Item = &Finding> {
        self.all_findings()
            .filter(|finding| finding.severity == Severity::Problem)
    }

    /// Problems and hints.
    pub(super) fn all_findings(&self) -> impl Iterator<Item = &Finding> {
        let walked = self.destinations.iter().flat_map(|walked| &walked.steps);
        let asked = self.asked.iter().map(|asked| &asked.step);
        let linked = self.linked.iter().flat_map(|linked| &linked.finding);
        let steps = walked.chain(asked).filter_map(Step::failure);
        self.findings.iter().chain(linked).chain(steps)
    }
}
