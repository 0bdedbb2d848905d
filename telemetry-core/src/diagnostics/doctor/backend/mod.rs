//! Asking a backend whether the test data has arrived.

mod get;
mod query;

use std::fmt;
use std::time::Duration;

use super::destination::Walked;
use super::finding::Finding;
use super::step::{Step, Steps};
use super::trial::Trial;
use super::walk::was_accepted;
use crate::config::redacted_url;
use crate::pipeline::Signal;
use get::Getter;
use query::Query;

/// Where the backends answer queries, each a URL such as `http://localhost:9090`.
///
/// Credentials in a URL become an `authorization: Basic` header. `Debug` shows none.
#[derive(Clone, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "one address for each backend; more would be a new question"
)]
pub struct Backends {
    /// Grafana Tempo, usually on port 3200.
    pub tempo: Option<String>,
    /// Jaeger's query service, usually on port 16686.
    pub jaeger: Option<String>,
    /// Prometheus, usually on port 9090.
    pub prometheus: Option<String>,
    /// Grafana Loki, usually on port 3100.
    pub loki: Option<String>,
}

/// A backend that can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Backend {
    /// Grafana Tempo, for the span.
    Tempo,
    /// Jaeger, for the span.
    Jaeger,
    /// Prometheus, for the metric.
    Prometheus,
    /// Grafana Loki, for the log record.
    Loki,
}

/// What came of asking one backend.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Asked {
    /// Which backend.
    pub backend: Backend,
    /// Its address, without credentials and query.
    pub address: String,
    /// Whether it has the test data.
    pub step: Step,
}

impl Backend {
    /// The name in lower case, as on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tempo => "tempo",
            Self::Jaeger => "jaeger",
            Self::Prometheus => "prometheus",
            Self::Loki => "loki",
        }
    }

    fn signal(self) -> Signal {
        match self {
            Self::Tempo | Self::Jaeger => Signal::Traces,
            Self::Prometheus => Signal::Metrics,
            Self::Loki => Signal::Logs,
        }
    }

    fn item(self) -> &'static str {
        match self {
            Self::Tempo | Self::Jaeger => "the test span",
            Self::Prometheus => "the test metric",
            Self::Loki => "the test log record",
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Backends {
    fn each(&self) -> impl Iterator<Item = (Backend, &str)> {
        let all = [
            (Backend::Tempo, &self.tempo),
            (Backend::Jaeger, &self.jaeger),
            (Backend::Prometheus, &self.prometheus),
            (Backend::Loki, &self.loki),
        ];
        all.into_iter()
            .filter_map(|(backend, address)| Some((backend, address.as_deref()?)))
    }
}

impl fmt::Debug for Backends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self
            .each()
            .map(|(backend, url)| (backend, redacted_url(url)));
        f.debug_map().entries(shown).finish()
    }
}

/// The time between two questions.
const PAUSE: Duration = Duration::from_millis(250);

/// Asks every backend until it has the test data, or its time is up.
pub(super) async fn ask(
    backends: &Backends,
    trial: &Trial,
    service: &str,
    walked: &[Walked],
    limit: Duration,
) -> Vec<Asked> {
    let mut asked = Vec::new();
    for (backend, address) in backends.each() {
        // the bound of the step comes after that of the search, which has more to say
        let mut steps = Steps::new(limit + PAUSE, Vec::new());
        let name = backend.as_str();
        if was_accepted(walked, backend.signal()) {
            let query = Query::of(backend, trial, service);
            steps
                .take(name, search(backend, address, &query, limit))
                .await;
        } else {
            steps.skip(name, format!("{} was not accepted before", backend.item()));
        }
        asked.extend(steps.taken.pop().map(|step| Asked {
            backend,
            address: redacted_url(address),
            step,
        }));
    }
    asked
}

async fn search(
    backend: Backend,
    address: &str,
    query: &Query,
    limit: Duration,
) -> Result<((), String), Finding> {
    let getter = Getter::of(backend, address)?;
    let item = backend.item();
    let mut last = format!("{backend} did not answer");
    let found = tokio::time::timeout(limit, async {
        loop {
            let (status, body) = getter.get(&query.path).await?;
            match query.judge(status, &body) {
                Some(true) => return Ok(()),
                Some(false) => last = format!("{backend} does not have it yet"),
                None => last = format!("{backend} answered {status} {}", beginning(&body)),
            }
            tokio::time::sleep(PAUSE).await;
        }
    })
    .await;
    match found {
        Ok(Ok(())) => Ok(((), format!("{item} has arrived"))),
        Ok(Err(finding)) => Err(finding),
        Err(_) => Err(Finding::problem(format!(
            "{item} did not arrive within {limit:?}: {last}"
        ))
        .remedy(format!(
            "The receiver took it, so look at what is behind it: does the collector's pipeline \
             export to this {backend}, does it sample or filter, what does its log say?"
        ))),
    }
}

fn beginning(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body.get(..400).unwrap_or(body));
    let line = text.trim().lines().next().unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).take(120).collect()
}
