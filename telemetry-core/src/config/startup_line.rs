//! The one line that says at start-up what goes where.

use super::exporter::ExporterKind;
use super::logs::{LogFormat, LogsPlan};
use super::otlp::OtlpPlan;
use super::plan::Plan;
use super::redact;
use super::report::{Hint, Ignored, Report};
use super::setting::Source;

/// What goes where, sampled how, and what was ignored, on one line for standard error.
///
/// `metrics_page` is where metrics can be read, such as `/metrics`; `None` leaves metrics out.
///
/// ```
/// use telemetry_core::config::{Env, Overrides, Plan, startup_line};
///
/// let env = Env::from_pairs([("OTEL_SERVICE_NAME", "shop")]).with_terminals(false, true);
/// let (plan, report) = Plan::resolve(&Overrides::default(), &env);
/// assert_eq!(
///     startup_line(&plan, &report, Some("/metrics")),
///     "telemetry 0.1.0 · shop · traces console (terminal, no endpoint set) · metrics /metrics · \
///      logs stdout json info · sampler parentbased_always_on · ignored: none"
/// );
/// ```
#[must_use]
pub fn startup_line(plan: &Plan, report: &Report, metrics_page: Option<&str>) -> String {
    let mut parts = vec![concat!("telemetry ", env!("CARGO_PKG_VERSION")).to_owned()];
    parts.push(redact::value("OTEL_SERVICE_NAME", &plan.service_name()));
    if plan.disabled {
        parts.push(format!("disabled ({})", source(plan, "OTEL_SDK_DISABLED")));
        parts.push(format!(
            "logs {}",
            lines(&plan.logs).unwrap_or_else(|| "none".to_owned())
        ));
    } else {
        parts.push(format!("traces {}", traces(plan)));
        parts.extend(metrics_page.map(|page| format!("metrics {}", metrics(plan, page))));
        parts.push(format!("logs {}", logs(plan)));
        parts.push(format!("sampler {}", sampler(plan)));
    }
    parts.push(format!("ignored: {}", ignored(report)));
    if !report.hints.is_empty() {
        let hints = report
            .hints
            .iter()
            .map(Hint::in_brackets)
            .collect::<Vec<_>>();
        parts.push(format!("check: {}", hints.join(", ")));
    }
    parts.join(" · ")
}

fn traces(plan: &Plan) -> String {
    let name = "OTEL_TRACES_EXPORTER";
    let by_default = plan
        .setting(name)
        .is_none_or(|setting| setting.source == Source::Default);
    let why = match (by_default, plan.stderr_is_terminal) {
        (true, true) => " (terminal, no endpoint set)",
        (true, false) => " (no endpoint set)",
        (false, _) => "",
    };
    let shown = |kind: &ExporterKind| match kind {
        ExporterKind::Otlp => otlp(
            plan,
            &plan.traces.otlp,
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        ),
        other => format!("{other}{why}"),
    };
    or_none(plan.traces.exporters.iter().map(shown), || {
        source(plan, name)
    })
}

fn logs(plan: &Plan) -> String {
    let shown = |kind: &ExporterKind| match kind {
        ExporterKind::Otlp => Some(otlp(
            plan,
            &plan.logs.otlp,
            "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
        )),
        // Standard output is its own part of the line.
        _ => None,
    };
    let sent = plan.logs.exporters.iter().filter_map(shown);
    or_none(lines(&plan.logs).into_iter().chain(sent), || {
        source(plan, "LOG_FORMAT")
    })
}

fn metrics(plan: &Plan, page: &str) -> String {
    let shown = |kind: &ExporterKind| match kind {
        ExporterKind::Otlp => otlp(
            plan,
            &plan.metrics.otlp,
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
        ),
        ExporterKind::Console => kind.to_string(),
        ExporterKind::Prometheus => {
            format!(
                "prometheus {}:{}",
                plan.metrics.prometheus_host, plan.metrics.prometheus_port
            )
        }
    };
    let pushed = plan.metrics.exporters.iter().map(shown);
    or_none([page.to_owned()].into_iter().chain(pushed), String::new)
}

fn lines(logs: &LogsPlan) -> Option<String> {
    let level = redact::value("RUST_LOG", &logs.level);
    (logs.format != LogFormat::Off).then(|| format!("stdout {} {level}", logs.format))
}

fn otlp(plan: &Plan, otlp: &OtlpPlan, endpoint_variable: &str) -> String {
    let by_default = plan
        .setting(endpoint_variable)
        .is_none_or(|setting| setting.source == Source::Default);
    let why = if by_default { " (default)" } else { "" };
    format!("otlp {} {}{why}", otlp.protocol, otlp.endpoint)
}

fn sampler(plan: &Plan) -> String {
    let custom = plan.traces.custom_sampler.clone();
    custom.unwrap_or_else(|| plan.traces.sampler.to_string())
}

fn or_none(parts: impl Iterator<Item = String>, who: impl Fn() -> String) -> String {
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() {
        format!("none ({})", who())
    } else {
        parts.join(" + ")
    }
}

fn source(plan: &Plan, name: &str) -> String {
    plan.setting(name)
        .map(|setting| setting.source.to_string())
        .unwrap_or_default()
}

fn ignored(report: &Report) -> String {
    if report.ignored.is_empty() {
        return "none".to_owned();
    }
    report
        .ignored
        .iter()
        .map(Ignored::in_brackets)
        .collect::<Vec<_>>()
        .join(", ")
}
