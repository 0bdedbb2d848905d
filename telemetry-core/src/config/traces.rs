//! The plan for traces.

use super::batch::{self, BatchPlan};
use super::exporter::{self, ExporterKind};
use super::limits;
use super::otlp::{self, OtlpPlan};
use super::overrides::Overrides;
use super::resolver::Resolver;
use super::sampler::{self, SamplerPlan};
use super::signal::Signal;
use crate::trace::SpanLimits;

/// How traces are sampled, bounded and sent.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TracesPlan {
    /// Where spans go; empty for nowhere.
    pub exporters: Vec<ExporterKind>,
    /// Which traces are kept, unless `custom_sampler` decides.
    pub sampler: SamplerPlan,
    /// What the sampler is called that the program brings.
    pub custom_sampler: Option<String>,
    /// How much a span may hold.
    pub limits: SpanLimits,
    /// The queue and its batches.
    pub batch: BatchPlan,
    /// How OTLP is spoken, if it is.
    pub otlp: OtlpPlan,
}

pub(crate) fn resolve(r: &mut Resolver<'_>, code: &Overrides) -> TracesPlan {
    let show_here = exporter::stays_here(r, Signal::Traces, code);
    let unconfigured = if show_here {
        ExporterKind::Console
    } else {
        ExporterKind::Otlp
    };
    TracesPlan {
        exporters: exporter::resolve(
            r,
            Signal::Traces,
            code.traces.exporters.as_ref(),
            &[unconfigured],
        ),
        sampler: sampler::resolve(r, code.traces.sampler),
        custom_sampler: sampler::custom(r, code.traces.custom_sampler.as_deref()),
        limits: limits::spans(r, &code.traces.limits),
        batch: batch::resolve(r, &batch::SPANS, &code.traces.batch),
        otlp: otlp::resolve(r, Signal::Traces, &code.otlp, &code.traces.otlp),
    }
}
