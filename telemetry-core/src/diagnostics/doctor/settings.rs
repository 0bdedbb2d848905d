//! What the settings alone reveal.

use super::destination;
use super::finding::Finding;
use crate::config::{Plan, Report, SamplerPlan, Source};

/// Everything that is wrong or odd about the settings.
pub(super) fn findings(plan: &Plan, report: &Report) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    findings.extend(disabled(plan));
    findings.extend(sampler(plan));
    findings.extend(nowhere(plan));
    findings.extend(report.ignored.iter().map(Finding::from));
    findings.extend(report.hints.iter().map(Finding::from));
    findings
}

fn disabled(plan: &Plan) -> Option<Finding> {
    plan.disabled.then(|| {
        let by = source(plan, "OTEL_SDK_DISABLED");
        Finding::problem(format!(
            "telemetry is disabled ({by}): nothing is recorded, nothing is sent"
        ))
        .remedy(format!("{}; then run the doctor again", undo(plan)))
    })
}

fn undo(plan: &Plan) -> &'static str {
    match plan.setting("OTEL_SDK_DISABLED").map(|s| s.source) {
        Some(Source::Code) => "Remove what disables telemetry in code",
        _ => "Unset OTEL_SDK_DISABLED",
    }
}

/// A sampler that keeps no trace which starts here.
fn sampler(plan: &Plan) -> Option<Finding> {
    if plan.traces.custom_sampler.is_some() || plan.traces.exporters.is_empty() {
        return None;
    }
    let sampler = plan.traces.sampler;
    let scope = match sampler {
        SamplerPlan::AlwaysOff => "every trace",
        SamplerPlan::TraceIdRatio(ratio) if ratio <= 0.0 => "every trace",
        SamplerPlan::ParentBasedAlwaysOff => "every trace that starts here",
        SamplerPlan::ParentBasedTraceIdRatio(ratio) if ratio <= 0.0 => {
            "every trace that starts here"
        }
        _ => return None,
    };
    let by = source(plan, "OTEL_TRACES_SAMPLER");
    Some(
        Finding::problem(format!("the sampler {sampler} ({by}) drops {scope}")).remedy(
            "Set OTEL_TRACES_SAMPLER=parentbased_always_on, or parentbased_traceidratio and \
             a ratio above 0 in OTEL_TRACES_SAMPLER_ARG",
        ),
    )
}

/// Signals that leave the program nowhere.
fn nowhere(plan: &Plan) -> impl Iterator<Item = Finding> {
    destination::signals(plan)
        .into_iter()
        .filter(|(_, exporters, _)| exporters.is_empty())
        .map(|(signal, ..)| {
            let signal = signal.as_str();
            let variable = format!("OTEL_{}_EXPORTER", signal.to_ascii_uppercase());
            let by = source(plan, &variable);
            Finding::hint(format!("{signal} are exported nowhere ({variable}: {by})"))
                .remedy(format!("Set {variable}=otlp to send them"))
        })
        .collect::<Vec<_>>()
        .into_iter()
}

fn source(plan: &Plan, name: &str) -> String {
    plan.setting(name)
        .map(|setting| setting.source.to_string())
        .unwrap_or_default()
}
