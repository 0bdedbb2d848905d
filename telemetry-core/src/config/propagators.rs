//! Which headers carry the context: `OTEL_PROPAGATORS`.

use std::fmt;

use super::list;
use super::resolver::Resolver;
use super::setting::Source;

const NAME: &str = "OTEL_PROPAGATORS";

/// A format in which context crosses a process boundary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PropagatorKind {
    /// W3C Trace Context: `traceparent` and `tracestate`.
    TraceContext,
    /// W3C Baggage: `baggage`.
    Baggage,
    /// B3 in one header: `b3`.
    B3,
    /// B3 in several headers: `x-b3-traceid` and the rest.
    B3Multi,
    /// Jaeger: `uber-trace-id`.
    Jaeger,
}

impl PropagatorKind {
    /// The specification's default.
    pub const DEFAULT: [Self; 2] = [Self::TraceContext, Self::Baggage];

    fn parse(name: &str) -> Result<Self, String> {
        match name {
            "tracecontext" => Ok(Self::TraceContext),
            "baggage" => Ok(Self::Baggage),
            "b3" => Ok(Self::B3),
            "b3multi" => Ok(Self::B3Multi),
            "jaeger" => Ok(Self::Jaeger),
            "xray" | "xray-lambda" => {
                Err("AWS X-Ray headers are not supported; write tracecontext".to_owned())
            }
            "ottrace" => {
                Err("OT Trace headers are not supported; write tracecontext or b3multi".to_owned())
            }
            _ => Err(
                "unknown propagator; write tracecontext, baggage, b3, b3multi, jaeger or none"
                    .to_owned(),
            ),
        }
    }
}

impl fmt::Display for PropagatorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TraceContext => "tracecontext",
            Self::Baggage => "baggage",
            Self::B3 => "b3",
            Self::B3Multi => "b3multi",
            Self::Jaeger => "jaeger",
        })
    }
}

/// The propagators in the order in which they apply; empty for none.
pub(crate) fn resolve(
    r: &mut Resolver<'_>,
    code: Option<&Vec<PropagatorKind>>,
) -> Vec<PropagatorKind> {
    let default = list::show(&PropagatorKind::DEFAULT);
    let env = r.text(NAME, &default);
    let env = env.and_then(|text| list::parse(r, NAME, text, &default, PropagatorKind::parse));
    let (kinds, source) = match (code, env) {
        (Some(kinds), _) => (list::deduplicated(kinds), Source::Code),
        (None, Some(kinds)) => (kinds, Source::Env(NAME)),
        (None, None) => (PropagatorKind::DEFAULT.to_vec(), Source::Default),
    };
    r.record(NAME, list::show(&kinds), source);
    kinds
}
