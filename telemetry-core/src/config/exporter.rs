//! Which exporters a signal has.

use std::fmt;

use super::list;
use super::otlp;
use super::overrides::Overrides;
use super::resolver::{Resolver, in_code};
use super::setting::Source;
use super::signal::Signal;

/// A kind of exporter that configuration can choose. A signal without any has an empty list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ExporterKind {
    /// OTLP, over the protocol of the signal's [`OtlpPlan`](super::OtlpPlan).
    Otlp,
    /// Traces: a tree on standard error. Logs: the lines on standard output.
    Console,
    /// Metrics on a page for Prometheus to read.
    Prometheus,
}

impl ExporterKind {
    fn parse(name: &str, signal: Signal) -> Result<Self, String> {
        match name {
            "otlp" => Ok(Self::Otlp),
            "console" => Ok(Self::Console),
            "prometheus" if signal == Signal::Metrics => Ok(Self::Prometheus),
            "prometheus" => Err("Prometheus takes metrics only; write otlp or console".to_owned()),
            "zipkin" => Err("there is no Zipkin exporter; write otlp and let a collector translate".to_owned()),
            "jaeger" => Err("there is no Jaeger exporter; write otlp, which Jaeger takes on ports 4317 and 4318".to_owned()),
            "logging" | "stdout" => Err("not the specification's name (any more); write console".to_owned()),
            "otlp/stdout" | "otlp_file" => Err("there is no OTLP file exporter; write otlp or console".to_owned()),
            _ => Err(format!("unknown exporter; write {}", known(signal))),
        }
    }
}

impl fmt::Display for ExporterKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Otlp => "otlp",
            Self::Console => "console",
            Self::Prometheus => "prometheus",
        })
    }
}

/// Whether a signal for which nobody chose an exporter is better shown than sent: no endpoint is set for it, and there
/// is a terminal, or the program asks for it.
pub(crate) fn stays_here(r: &Resolver<'_>, signal: Signal, code: &Overrides) -> bool {
    let wanted = code.console_when_unconfigured || r.env.stderr_is_terminal();
    wanted && !otlp::endpoint_is_set(r, signal, code)
}

/// The exporters of a signal: those of the code, those of the variable, or `unconfigured`.
pub(crate) fn resolve(
    r: &mut Resolver<'_>,
    signal: Signal,
    code: Option<&Vec<ExporterKind>>,
    unconfigured: &[ExporterKind],
) -> Vec<ExporterKind> {
    let name = signal.exporter_variable();
    let code = code.map(|kinds| accepted(r, signal, kinds));
    // Nothing usable in the variable is not the same as no variable: the specification's default stands in.
    let env = r.text(name, "otlp");
    let env = env.map(|text| {
        list::parse(r, name, text, "otlp", |item| {
            ExporterKind::parse(item, signal)
        })
    });
    let (kinds, source) = match (code, env) {
        (Some(kinds), _) => (kinds, Source::Code),
        (None, Some(Some(kinds))) => (kinds, Source::Env(name)),
        (None, Some(None)) => (vec![ExporterKind::Otlp], Source::Default),
        (None, None) => (unconfigured.to_vec(), Source::Default),
    };
    r.record(name, list::show(&kinds), source);
    kinds
}

/// What the program asked for, without what this signal cannot do.
fn accepted(r: &mut Resolver<'_>, signal: Signal, kinds: &[ExporterKind]) -> Vec<ExporterKind> {
    let usable = |kind: &ExporterKind| ExporterKind::parse(&kind.to_string(), signal);
    let accepted: Vec<_> = list::deduplicated(kinds)
        .into_iter()
        .filter(|kind| usable(kind).is_ok())
        .collect();
    for kind in kinds {
        if let Err(reason) = usable(kind) {
            let variable = in_code(&[signal.exporter_variable()]);
            r.report
                .ignore(&variable, &kind.to_string(), reason, list::show(&accepted));
        }
    }
    accepted
}

fn known(signal: Signal) -> &'static str {
    match signal {
        Signal::Metrics => "otlp, prometheus, console or none",
        Signal::Traces | Signal::Logs => "otlp, console or none",
    }
}
