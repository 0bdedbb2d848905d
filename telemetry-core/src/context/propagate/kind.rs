//! The formats by name.

use std::fmt;

/// A format in which context crosses a process boundary, as `OTEL_PROPAGATORS` names it,
/// <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PropagatorKind {
    /// `tracecontext`: W3C Trace Context.
    TraceContext,
    /// `baggage`: W3C Baggage.
    Baggage,
    /// `b3`: B3 in one header.
    B3,
    /// `b3multi`: B3 in several headers.
    B3Multi,
    /// `jaeger`: `uber-trace-id`.
    Jaeger,
}

impl PropagatorKind {
    /// The specification's default.
    pub const DEFAULT: [Self; 2] = [Self::TraceContext, Self::Baggage];

    /// The format of a name, if it is one of ours.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "tracecontext" => Some(Self::TraceContext),
            "baggage" => Some(Self::Baggage),
            "b3" => Some(Self::B3),
            "b3multi" => Some(Self::B3Multi),
            "jaeger" => Some(Self::Jaeger),
            _ => None,
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TraceContext => "tracecontext",
            Self::Baggage => "baggage",
            Self::B3 => "b3",
            Self::B3Multi => "b3multi",
            Self::Jaeger => "jaeger",
        }
    }
}

impl fmt::Display for PropagatorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
