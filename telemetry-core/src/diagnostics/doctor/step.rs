//! One step of a walk: bounded, timed, and in words.

use std::future::Future;
use std::time::Duration;

use tokio::time::timeout;

use super::finding::Finding;
use crate::clock::Clock;
use crate::export::otlp::hide;

/// One step on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// What was tried.
    pub name: &'static str,
    /// How long it took.
    pub took: Duration,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It went well; what was learnt.
    Done(String),
    /// It did not go well.
    Failed(Finding),
    /// It was not tried; why.
    Skipped(String),
}

impl Step {
    /// What is wrong, if something is.
    #[must_use]
    pub fn failure(&self) -> Option<&Finding> {
        match &self.outcome {
            Outcome::Failed(finding) => Some(finding),
            Outcome::Done(_) | Outcome::Skipped(_) => None,
        }
    }
}

/// The steps of one walk as they are taken.
#[derive(Debug)]
pub(super) struct Steps {
    pub(super) taken: Vec<Step>,
    limit: Duration,
    secrets: Vec<String>,
}

impl Steps {
    pub(super) fn new(limit: Duration, secrets: Vec<String>) -> Self {
        Self {
            taken: Vec::new(),
            limit,
            secrets,
        }
    }

    /// Takes a step, and returns what the next one needs; `None` if it failed.
    pub(super) async fn take<T>(
        &mut self,
        name: &'static str,
        trying: impl Future<Output = Result<(T, String), Finding>>,
    ) -> Option<T> {
        let clock = Clock::system();
        let began = clock.now();
        let outcome = timeout(self.limit, trying).await;
        let took = clock.now().since(began);
        let (value, outcome) = match outcome {
            Ok(Ok((value, mut learnt))) => {
                hide(&mut learnt, &self.secrets);
                (Some(value), Outcome::Done(learnt))
            }
            Ok(Err(finding)) => (None, Outcome::Failed(finding.without(&self.secrets))),
            Err(_) => (None, Outcome::Failed(late(self.limit))),
        };
        self.taken.push(Step {
            name,
            took,
            outcome,
        });
        value
    }

    pub(super) fn skip(&mut self, name: &'static str, why: impl Into<String>) {
        self.taken.push(Step {
            name,
            took: Duration::ZERO,
            outcome: Outcome::Skipped(why.into()),
        });
    }
}

fn late(limit: Duration) -> Finding {
    Finding::problem(format!("no answer within {limit:?}"))
        .remedy("See whether the receiver is overloaded and whether a firewall is between")
}
