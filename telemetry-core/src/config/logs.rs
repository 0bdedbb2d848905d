//! The plan for logs.

use std::fmt;

use tracing::level_filters::LevelFilter;

use super::batch::{self, BatchPlan};
use super::exporter::{self, ExporterKind};
use super::flood::{self, FloodPlan};
use super::kind::{self, Kind, TEXT};
use super::limits;
use super::otlp::{self, OtlpPlan};
use super::overrides::Overrides;
use super::resolver::Resolver;
use super::signal::Signal;
use crate::otlp::AttributeLimits;

/// How logs are filtered, written and sent.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LogsPlan {
    /// Where log records go beside standard output; empty for nowhere.
    pub exporters: Vec<ExporterKind>,
    /// How much a log record may hold.
    pub limits: AttributeLimits,
    /// The queue and its batches.
    pub batch: BatchPlan,
    /// How OTLP is spoken, if it is.
    pub otlp: OtlpPlan,
    /// Level directives as they were given: `RUST_LOG`, else `LOG_LEVEL`, else `info`.
    pub level: String,
    /// The lines on standard output.
    pub format: LogFormat,
    /// The level of telemetry's own diagnostics on standard error.
    pub own_level: DiagnosticLevel,
    /// What holds a flood of lines back.
    pub flood: FloodPlan,
}

/// The format of the lines on standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LogFormat {
    /// One JSON object a line: the default where standard output is no terminal.
    Json,
    /// For people: the default on a terminal.
    Pretty,
    /// No lines.
    Off,
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "json",
            Self::Pretty => "pretty",
            Self::Off => "off",
        })
    }
}

/// How much telemetry says about itself: `OTEL_LOG_LEVEL`. Each level includes those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DiagnosticLevel {
    /// Nothing.
    Off,
    /// What is lost.
    Error,
    /// What may be lost.
    Warn,
    /// The start-up and shutdown lines.
    #[default]
    Info,
    /// Each export.
    Debug,
    /// Everything.
    Trace,
}

impl fmt::Display for DiagnosticLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "none",
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        })
    }
}

const FORMAT: Kind<LogFormat> = Kind {
    parse: |text| {
        let known = [LogFormat::Json, LogFormat::Pretty, LogFormat::Off];
        let known = known.map(|format| (format.to_string(), format));
        let known = known
            .each_ref()
            .map(|(name, format)| (name.as_str(), *format));
        kind::one_of(text, &known, |_| None)
    },
    check: |_| Ok(()),
    show: LogFormat::to_string,
};

const OWN_LEVEL: Kind<DiagnosticLevel> = Kind {
    parse: |text| {
        let known = [
            ("none", DiagnosticLevel::Off),
            ("error", DiagnosticLevel::Error),
            ("warn", DiagnosticLevel::Warn),
            ("info", DiagnosticLevel::Info),
            ("debug", DiagnosticLevel::Debug),
            ("trace", DiagnosticLevel::Trace),
            // Other languages' words for the same.
            ("off", DiagnosticLevel::Off),
            ("fatal", DiagnosticLevel::Error),
            ("warning", DiagnosticLevel::Warn),
            ("verbose", DiagnosticLevel::Trace),
        ];
        kind::one_of(text, &known, |_| {
            Some("unknown; write none, error, warn, info, debug or trace".to_owned())
        })
    },
    check: |_| Ok(()),
    show: DiagnosticLevel::to_string,
};

pub(crate) fn resolve(r: &mut Resolver<'_>, code: &Overrides) -> LogsPlan {
    let logs = &code.logs;
    let default_format = if r.env.stdout_is_terminal() {
        LogFormat::Pretty
    } else {
        LogFormat::Json
    };
    let format = r.value(&["LOG_FORMAT"], logs.format, &FORMAT, default_format);
    let exporters = exporters(r, code);
    if format == LogFormat::Off && exporters.contains(&ExporterKind::Console) {
        r.report.hint(
            "LOG_FORMAT",
            "off",
            "no lines are written, although OTEL_LOGS_EXPORTER names console; write json",
        );
    }
    if let Some((feature, advice)) = compiled_out(tracing::level_filters::STATIC_MAX_LEVEL) {
        r.report.hint("tracing", &feature, advice);
    }
    LogsPlan {
        exporters,
        limits: limits::logs(r, &logs.limits),
        batch: batch::resolve(r, &batch::LOG_RECORDS, &logs.batch),
        otlp: otlp::resolve(r, Signal::Logs, &code.otlp, &logs.otlp),
        level: r.value(
            &["RUST_LOG", "LOG_LEVEL"],
            logs.level.clone(),
            &TEXT,
            "info".to_owned(),
        ),
        format,
        own_level: r.value(
            &["OTEL_LOG_LEVEL"],
            logs.own_level,
            &OWN_LEVEL,
            DiagnosticLevel::default(),
        ),
        flood: flood::resolve(r, logs),
    }
}

/// What the features of `tracing` leave out of the program, where no level can bring it back.
fn compiled_out(level: LevelFilter) -> Option<(String, &'static str)> {
    (level < LevelFilter::TRACE).then(|| {
        (
            format!("max_level_{level}"),
            "this feature leaves more verbose lines out of the program: no level and no override can \
             bring them back",
        )
    })
}

/// With nothing configured on a terminal, standard output has the lines and nobody need hear them twice.
fn exporters(r: &mut Resolver<'_>, code: &Overrides) -> Vec<ExporterKind> {
    let shown_here = exporter::stays_here(r, Signal::Logs, code);
    let unconfigured: &[ExporterKind] = if shown_here {
        &[]
    } else {
        &[ExporterKind::Otlp]
    };
    exporter::resolve(r, Signal::Logs, code.logs.exporters.as_ref(), unconfigured)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compiled_out_is_named() {
        let (feature, advice) = compiled_out(LevelFilter::INFO).unwrap();
        assert_eq!(feature, "max_level_info");
        assert!(advice.contains("no override"));
        assert_eq!(compiled_out(LevelFilter::TRACE), None);
    }
}
