//! Which traces are kept: `OTEL_TRACES_SAMPLER` and its argument.

use std::fmt;

use super::kind::{self, Kind};
use super::resolver::Resolver;
use super::setting::Source;
use crate::trace::{Ratio, Sampler};

const NAME: &str = "OTEL_TRACES_SAMPLER";
const ARG: &str = "OTEL_TRACES_SAMPLER_ARG";

/// The head sampler. A ratio is between 0 and 1, both included.
///
/// `Display` writes the specification's name, with the ratio: `parentbased_traceidratio(0.1)`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum SamplerPlan {
    /// Every trace.
    AlwaysOn,
    /// No trace.
    AlwaysOff,
    /// This share of traces, chosen by trace id.
    TraceIdRatio(f64),
    /// As the caller decided; every trace that starts here.
    #[default]
    ParentBasedAlwaysOn,
    /// As the caller decided; no trace that starts here.
    ParentBasedAlwaysOff,
    /// As the caller decided; this share of the traces that start here.
    ParentBasedTraceIdRatio(f64),
}

impl SamplerPlan {
    fn name(self) -> &'static str {
        match self {
            Self::AlwaysOn => "always_on",
            Self::AlwaysOff => "always_off",
            Self::TraceIdRatio(_) => "traceidratio",
            Self::ParentBasedAlwaysOn => "parentbased_always_on",
            Self::ParentBasedAlwaysOff => "parentbased_always_off",
            Self::ParentBasedTraceIdRatio(_) => "parentbased_traceidratio",
        }
    }

    fn ratio(self) -> Option<f64> {
        match self {
            Self::TraceIdRatio(ratio) | Self::ParentBasedTraceIdRatio(ratio) => Some(ratio),
            Self::AlwaysOn
            | Self::AlwaysOff
            | Self::ParentBasedAlwaysOn
            | Self::ParentBasedAlwaysOff => None,
        }
    }

    fn with_ratio(self, ratio: f64) -> Self {
        match self {
            Self::TraceIdRatio(_) => Self::TraceIdRatio(ratio),
            Self::ParentBasedTraceIdRatio(_) => Self::ParentBasedTraceIdRatio(ratio),
            other => other,
        }
    }
}

impl fmt::Display for SamplerPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ratio() {
            Some(ratio) => write!(f, "{}({ratio})", self.name()),
            None => f.write_str(self.name()),
        }
    }
}

/// The sampler that does it.
impl From<SamplerPlan> for Sampler {
    fn from(plan: SamplerPlan) -> Self {
        let parent_based = |root| Self::ParentBased(Box::new(root));
        match plan {
            SamplerPlan::AlwaysOn => Self::AlwaysOn,
            SamplerPlan::AlwaysOff => Self::AlwaysOff,
            SamplerPlan::TraceIdRatio(ratio) => Self::Ratio(Ratio::new(ratio)),
            SamplerPlan::ParentBasedAlwaysOn => parent_based(Self::AlwaysOn),
            SamplerPlan::ParentBasedAlwaysOff => parent_based(Self::AlwaysOff),
            SamplerPlan::ParentBasedTraceIdRatio(ratio) => {
                parent_based(Self::Ratio(Ratio::new(ratio)))
            }
        }
    }
}

const SAMPLER: Kind<SamplerPlan> = Kind {
    parse: |text| {
        // The specification's ratio where no argument is given is 1.
        let known = [
            SamplerPlan::AlwaysOn,
            SamplerPlan::AlwaysOff,
            SamplerPlan::TraceIdRatio(1.0),
            SamplerPlan::ParentBasedAlwaysOn,
            SamplerPlan::ParentBasedAlwaysOff,
            SamplerPlan::ParentBasedTraceIdRatio(1.0),
        ];
        kind::one_of(
            text,
            &known.map(|sampler| (sampler.name(), sampler)),
            unsupported,
        )
    },
    check: |sampler| {
        sampler
            .ratio()
            .map_or(Ok(()), |ratio| (RATIO.check)(&ratio))
    },
    show: SamplerPlan::to_string,
};

const RATIO: Kind<f64> = Kind {
    parse: |text| {
        text.parse()
            .map_err(|_| "not a number between 0 and 1".to_owned())
    },
    check: |ratio| {
        if (0.0..=1.0).contains(ratio) {
            Ok(())
        } else {
            Err("not a number between 0 and 1".to_owned())
        }
    },
    show: f64::to_string,
};

fn unsupported(name: &str) -> Option<String> {
    let remedy = "write parentbased_traceidratio and a ratio in OTEL_TRACES_SAMPLER_ARG";
    match name {
        "jaeger_remote" | "parentbased_jaeger_remote" => {
            Some(format!("there is no Jaeger remote sampler; {remedy}"))
        }
        "xray" => Some(format!("there is no AWS X-Ray sampler; {remedy}")),
        _ => None,
    }
}

pub(crate) fn resolve(r: &mut Resolver<'_>, code: Option<SamplerPlan>) -> SamplerPlan {
    let name = r.choose(&[NAME], code, &SAMPLER, SamplerPlan::default());
    if name.source == Source::Env(NAME) && name.value.ratio().is_some() {
        let ratio = r.value(&[ARG], None, &RATIO, 1.0);
        let sampler = name.value.with_ratio(ratio);
        r.correct(NAME, sampler.to_string());
        return sampler;
    }
    if name.source == Source::Code && r.env.is_set(NAME) {
        // The argument is beaten together with its sampler, which is no mistake.
        return name.value;
    }
    if let Some(arg) = r.text(ARG, &name.value.to_string()) {
        let reason = "only traceidratio and parentbased_traceidratio, set by OTEL_TRACES_SAMPLER, take an argument";
        r.report.ignore(ARG, arg, reason, name.value.to_string());
    }
    name.value
}

/// Notes that the program brings a sampler, which beats every other.
pub(crate) fn custom(r: &mut Resolver<'_>, name: Option<&str>) -> Option<String> {
    let shown = format!("{} (custom)", name?);
    r.settings.retain(|setting| setting.name != NAME);
    r.record(NAME, shown.clone(), Source::Code);
    Some(shown)
}
