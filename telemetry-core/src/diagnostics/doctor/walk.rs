//! The walk to one destination, step by step; each needs the one before.

use std::time::Duration;

use opentelemetry_sdk::Resource;

use super::destination::{Destination, Walked};
use super::finding::Finding;
use super::path::{Agreed, Path};
use super::step::Steps;
use super::trial::Trial;
use crate::config::OtlpPlan;
use crate::export::otlp::{self, OtlpExporter, OtlpSettings};
use crate::export::{Accepted, ExportError, Exporter as _};
use crate::pipeline::{Batch, Signal};

const SETTINGS: &str = "settings";
const NAME: &str = "name";
const CONNECTION: &str = "connection";
const TLS: &str = "tls";
const PROTOCOL: &str = "protocol";
const CREDENTIALS: &str = "credentials";
const SPAN: &str = "test span";
const RECORD: &str = "test log record";
const METRIC: &str = "test metric";

/// Walks to a destination and leaves the test data there.
pub(super) async fn walk(
    destination: &Destination,
    trial: &Trial,
    resource: &Resource,
    limit: Duration,
) -> Walked {
    let plan = &destination.signals.first().map(|(_, plan)| plan);
    let mut steps = Steps::new(limit, secrets(destination));
    let (mut endpoint, mut protocol) = (String::new(), String::new());
    if let Some(plan) = plan {
        (endpoint, protocol) = (plan.endpoint.to_string(), plan.protocol.to_string());
        let opened = async { opened(plan, limit) };
        if let Some(path) = steps.take(SETTINGS, opened).await {
            path.target.base().clone_into(&mut endpoint);
            // it says nothing that the configuration above does not
            steps.taken.clear();
            if approach(&mut steps, &path).await.is_some() {
                deliver(&mut steps, destination, trial, resource).await;
            }
        }
    }
    fill(&mut steps, destination);
    Walked {
        endpoint,
        protocol,
        signals: destination
            .signals
            .iter()
            .map(|(s, _)| s.as_str())
            .collect(),
        steps: steps.taken,
    }
}

fn opened(plan: &OtlpPlan, limit: Duration) -> Result<(Path, String), Finding> {
    let path = Path::of(plan, limit).map_err(|error| Finding::from(&error))?;
    Ok((path, String::new()))
}

/// As far as the protocol; `None` if a step failed.
async fn approach(steps: &mut Steps, path: &Path) -> Option<()> {
    let addresses = steps.take(NAME, path.resolve()).await?;
    let address = steps.take(CONNECTION, path.reach(&addresses)).await?;
    let agreed = if path.target.is_https() {
        steps.take(TLS, path.encrypt(address)).await?
    } else {
        steps.skip(TLS, "not encrypted: the endpoint begins with http://");
        Agreed::default()
    };
    steps.take(PROTOCOL, path.guess(address, agreed)).await
}

/// An empty request for the credentials, then the test data of each signal.
async fn deliver(steps: &mut Steps, destination: &Destination, trial: &Trial, resource: &Resource) {
    let Some((signal, plan)) = destination.signals.first() else {
        return;
    };
    let asking = credentials(*signal, plan, resource);
    if steps.take(CREDENTIALS, asking).await.is_none() {
        return;
    }
    for (signal, plan) in &destination.signals {
        let sending = delivery(*signal, plan, resource, trial.item(*signal));
        steps.take(step_name(*signal), sending).await;
    }
}

/// Whether an empty request is refused for its credentials. Any other refusal is the business of
/// the steps that follow.
async fn credentials(
    signal: Signal,
    plan: &OtlpPlan,
    resource: &Resource,
) -> Result<((), String), Finding> {
    let headers = if plan.headers.is_empty() {
        "no headers are sent".to_owned()
    } else {
        let names: Vec<&str> = plan.headers.iter().map(|(name, _)| name).collect();
        format!("headers: {}", names.join(", "))
    };
    match send(signal, plan, resource, &Batch::new()).await {
        Ok(_) => Ok(((), format!("not refused; {headers}"))),
        Err(error) if error.is_about_credentials() => Err(Finding::from(&error).remedy(format!(
            "Check OTEL_EXPORTER_OTLP_HEADERS ({headers}); write \
             authorization=Bearer%20<token> or what the receiver documents"
        ))),
        Err(error) => Ok(((), format!("not what an empty request fails for ({error})"))),
    }
}

async fn delivery(
    signal: Signal,
    plan: &OtlpPlan,
    resource: &Resource,
    batch: Batch,
) -> Result<((), String), Finding> {
    match send(signal, plan, resource, &batch).await {
        Ok(Accepted {
            rejected: 0,
            message,
        }) if message.is_empty() => Ok(((), "accepted".to_owned())),
        Ok(Accepted {
            rejected: 0,
            message,
        }) => Ok(((), format!("accepted: {message}"))),
        Ok(Accepted { message, .. }) => Err(Finding::problem(format!(
            "the receiver rejected it: {message}"
        ))),
        Err(error) => Err(Finding::from(&error)),
    }
}

async fn send(
    signal: Signal,
    plan: &OtlpPlan,
    resource: &Resource,
    batch: &Batch,
) -> Result<Accepted, ExportError> {
    let mut exporter = OtlpExporter::new(signal, &OtlpSettings::from(plan), resource)?;
    exporter.prepare(batch)?;
    exporter.attempt().await
}

/// Names the steps that were not reached.
fn fill(steps: &mut Steps, destination: &Destination) {
    let ways = [NAME, CONNECTION, TLS, PROTOCOL, CREDENTIALS];
    let signals = destination.signals.iter();
    for name in ways.into_iter().chain(signals.map(|(s, _)| step_name(*s))) {
        if steps.taken.iter().any(|step| step.name == name) {
            continue;
        }
        steps.skip(name, "not reached");
    }
}

fn step_name(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => SPAN,
        Signal::Logs => RECORD,
        Signal::Metrics => METRIC,
    }
}

/// What a receiver may quote and nobody may read.
fn secrets(destination: &Destination) -> Vec<String> {
    let plans = destination.signals.iter().map(|(_, plan)| plan);
    let secrets = plans.flat_map(|plan| otlp::secrets(&OtlpSettings::from(plan)));
    let mut secrets: Vec<String> = secrets.collect();
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.dedup();
    secrets
}

/// Whether a signal's test data was taken.
pub(super) fn was_accepted(walked: &[Walked], signal: Signal) -> bool {
    let name = step_name(signal);
    let mut steps = walked.iter().flat_map(|walked| &walked.steps);
    steps.any(|step| step.name == name && matches!(step.outcome, super::step::Outcome::Done(_)))
}
