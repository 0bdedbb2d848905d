//! The plan for metrics.

use std::fmt;
use std::time::Duration;

use super::exporter::{self, ExporterKind};
use super::kind::{self, Kind, MILLIS, PORT, TEXT};
use super::otlp::{self, OtlpPlan};
use super::overrides::Overrides;
use super::resolver::Resolver;
use super::signal::Signal;

/// How metrics are aggregated, sent and served.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MetricsPlan {
    /// Where metrics are pushed or served; empty for nowhere.
    pub exporters: Vec<ExporterKind>,
    /// The time between two exports.
    pub interval: Duration,
    /// The longest time one export may take.
    pub timeout: Duration,
    /// What an exported value counts from.
    pub temporality: Temporality,
    /// How histograms are aggregated.
    pub histogram_aggregation: HistogramAggregation,
    /// Which measurements may become exemplars.
    pub exemplar_filter: ExemplarFilter,
    /// How OTLP is spoken, if it is.
    pub otlp: OtlpPlan,
    /// The host on which the page for Prometheus is served.
    pub prometheus_host: String,
    /// The port on which the page for Prometheus is served.
    pub prometheus_port: u16,
}

/// What an exported value counts from.
///
/// Source: <https://opentelemetry.io/docs/specs/otel/metrics/sdk_exporters/otlp/#additional-environment-variable-configuration>.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Temporality {
    /// The start of the process.
    #[default]
    Cumulative,
    /// The last export, except for what goes up and down.
    Delta,
    /// The last export for what is cheap to keep so.
    LowMemory,
}

/// How histograms are aggregated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HistogramAggregation {
    /// Fixed boundaries.
    #[default]
    ExplicitBucket,
    /// Boundaries at powers of a base that adapts to the values.
    Base2Exponential,
}

/// Which measurements may become exemplars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ExemplarFilter {
    /// All.
    AlwaysOn,
    /// None.
    AlwaysOff,
    /// Those taken within a sampled trace.
    #[default]
    TraceBased,
}

impl fmt::Display for Temporality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cumulative => "cumulative",
            Self::Delta => "delta",
            Self::LowMemory => "lowmemory",
        })
    }
}

impl fmt::Display for HistogramAggregation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ExplicitBucket => "explicit_bucket_histogram",
            Self::Base2Exponential => "base2_exponential_bucket_histogram",
        })
    }
}

impl fmt::Display for ExemplarFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlwaysOn => "always_on",
            Self::AlwaysOff => "always_off",
            Self::TraceBased => "trace_based",
        })
    }
}

const TEMPORALITY: Kind<Temporality> = Kind {
    parse: |text| {
        let known = [
            ("cumulative", Temporality::Cumulative),
            ("delta", Temporality::Delta),
            ("lowmemory", Temporality::LowMemory),
        ];
        kind::one_of(text, &known, |_| None)
    },
    check: |_| Ok(()),
    show: Temporality::to_string,
};

const AGGREGATION: Kind<HistogramAggregation> = Kind {
    parse: |text| {
        let known = [
            (
                "explicit_bucket_histogram",
                HistogramAggregation::ExplicitBucket,
            ),
            (
                "base2_exponential_bucket_histogram",
                HistogramAggregation::Base2Exponential,
            ),
        ];
        kind::one_of(text, &known, |_| None)
    },
    check: |_| Ok(()),
    show: HistogramAggregation::to_string,
};

const FILTER: Kind<ExemplarFilter> = Kind {
    parse: |text| {
        let known = [
            ("always_on", ExemplarFilter::AlwaysOn),
            ("always_off", ExemplarFilter::AlwaysOff),
            ("trace_based", ExemplarFilter::TraceBased),
        ];
        kind::one_of(text, &known, |_| None)
    },
    check: |_| Ok(()),
    show: ExemplarFilter::to_string,
};

const TEMPORALITY_NAME: &str = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
const AGGREGATION_NAME: &str = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION";

/// Source: <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#periodic-exporting-metricreader>.
const INTERVAL: Duration = Duration::from_millis(60_000);
const TIMEOUT: Duration = Duration::from_millis(30_000);

/// Source: <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#prometheus-exporter>.
const PROMETHEUS_HOST: &str = "localhost";
const PROMETHEUS_PORT: u16 = 9464;

pub(crate) fn resolve(r: &mut Resolver<'_>, code: &Overrides) -> MetricsPlan {
    let metrics = &code.metrics;
    let host = metrics.prometheus_host.clone();
    MetricsPlan {
        exporters: exporters(r, code),
        interval: r.value(
            &["OTEL_METRIC_EXPORT_INTERVAL"],
            metrics.interval,
            &MILLIS,
            INTERVAL,
        ),
        timeout: r.value(
            &["OTEL_METRIC_EXPORT_TIMEOUT"],
            metrics.timeout,
            &MILLIS,
            TIMEOUT,
        ),
        temporality: r.value(
            &[TEMPORALITY_NAME],
            metrics.temporality,
            &TEMPORALITY,
            Temporality::default(),
        ),
        histogram_aggregation: r.value(
            &[AGGREGATION_NAME],
            metrics.histogram_aggregation,
            &AGGREGATION,
            HistogramAggregation::default(),
        ),
        exemplar_filter: r.value(
            &["OTEL_METRICS_EXEMPLAR_FILTER"],
            metrics.exemplar_filter,
            &FILTER,
            ExemplarFilter::default(),
        ),
        otlp: otlp::resolve(r, Signal::Metrics, &code.otlp, &metrics.otlp),
        prometheus_host: r.value(
            &["OTEL_EXPORTER_PROMETHEUS_HOST"],
            host,
            &TEXT,
            PROMETHEUS_HOST.to_owned(),
        ),
        prometheus_port: r.value(
            &["OTEL_EXPORTER_PROMETHEUS_PORT"],
            metrics.prometheus_port,
            &PORT,
            PROMETHEUS_PORT,
        ),
    }
}

/// With nothing configured on a terminal, metrics are read from the application's own page and pushed nowhere.
fn exporters(r: &mut Resolver<'_>, code: &Overrides) -> Vec<ExporterKind> {
    let shown_here = exporter::stays_here(r, Signal::Metrics, code);
    let unconfigured: &[ExporterKind] = if shown_here {
        &[]
    } else {
        &[ExporterKind::Otlp]
    };
    exporter::resolve(
        r,
        Signal::Metrics,
        code.metrics.exporters.as_ref(),
        unconfigured,
    )
}
