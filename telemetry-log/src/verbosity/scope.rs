//! Where an override applies.

use std::fmt;

use telemetry_core::context::{RequestScope, RouteId, TraceId, baggage_is, current_request, peek};

/// Where an [`Override`](super::Override) applies.
///
/// A request is in a route, a trace or a baggage entry from where its span or identity is current;
/// tasks that are spawned within it need its span (`tracing::Instrument`), as they do for the
/// trace id.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scope {
    /// Everywhere.
    Everything,
    /// Targets that begin with this.
    Target(String),
    /// Requests of this route: the value of `http.route`, such as `/users/{id}`, or for gRPC that of
    /// `rpc.method`, such as `package.Service/Method`.
    Route(String),
    /// One trace.
    Trace(TraceId),
    /// Requests whose baggage has this entry.
    Baggage {
        /// The entry's key.
        key: String,
        /// The entry's value.
        value: String,
    },
    /// Requests whose token grants this level; see [`Tokens`](super::Tokens).
    Token,
    /// Within spans that have this attribute: a field that they got while the override was set, or an
    /// attribute of a sampled span. Numbers and booleans compare as they are written.
    Attribute {
        /// The attribute's key.
        key: String,
        /// The attribute's value.
        value: String,
    },
}

impl Scope {
    /// A baggage entry.
    #[must_use]
    pub fn baggage(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self::Baggage {
            key: key.into(),
            value: value.into(),
        }
    }

    /// An attribute of a span.
    #[must_use]
    pub fn attribute(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self::Attribute {
            key: key.into(),
            value: value.into(),
        }
    }

    /// None if a text is longer than `max`, or if there are too many routes.
    pub(super) fn compile(&self, max: usize) -> Option<Matcher> {
        let texts = match self {
            Self::Everything | Self::Trace(_) | Self::Token => [""; 2],
            Self::Target(text) | Self::Route(text) => [text, ""],
            Self::Baggage { key, value } | Self::Attribute { key, value } => [&**key, &**value],
        };
        if texts.iter().any(|text| text.len() > max) {
            return None;
        }
        Some(match self {
            Self::Everything => Matcher::Everything,
            Self::Target(prefix) => Matcher::Target(prefix.as_str().into()),
            Self::Route(route) => Matcher::Route(RouteId::of(route)?),
            Self::Trace(trace_id) => Matcher::Trace(*trace_id),
            Self::Token => Matcher::Token,
            Self::Baggage { key, value } => {
                Matcher::Baggage(key.as_str().into(), value.as_str().into())
            }
            Self::Attribute { key, value } => {
                Matcher::Attribute(key.as_str().into(), value.as_str().into())
            }
        })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => f.write_str("everything"),
            Self::Target(prefix) => write!(f, "target {prefix}"),
            Self::Route(route) => write!(f, "route {route}"),
            Self::Trace(trace_id) => write!(f, "trace {trace_id}"),
            Self::Token => f.write_str("requests with a token"),
            Self::Baggage { key, value } => write!(f, "baggage {key}={value}"),
            Self::Attribute { key, value } => write!(f, "attribute {key}={value}"),
        }
    }
}

/// A scope, ready to be compared.
#[derive(Clone, Debug)]
pub(super) enum Matcher {
    Everything,
    Target(Box<str>),
    Route(RouteId),
    Trace(TraceId),
    Token,
    Baggage(Box<str>, Box<str>),
    Attribute(Box<str>, Box<str>),
}

/// What an event or span is compared with.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) target: &'a str,
    pub(super) request: RequestScope,
    pub(super) trace_id: Option<TraceId>,
    /// Whether a span around it has the attribute.
    pub(super) has_attribute: &'a dyn Fn(&str, &str) -> bool,
}

impl<'a> Place<'a> {
    /// An event that happens here and now.
    pub(super) fn here(target: &'a str, has_attribute: &'a dyn Fn(&str, &str) -> bool) -> Self {
        Self {
            target,
            request: current_request(),
            trace_id: peek().map(|ids| ids.trace_id),
            has_attribute,
        }
    }
}

impl Matcher {
    pub(super) fn matches(&self, place: &Place<'_>) -> bool {
        match self {
            Self::Everything => true,
            Self::Target(prefix) => place.target.starts_with(&**prefix),
            Self::Route(route) => place.request.route() == Some(*route),
            Self::Trace(trace_id) => place.trace_id == Some(*trace_id),
            Self::Token => place.request.grant().is_some(),
            Self::Baggage(key, value) => baggage_is(key, value),
            Self::Attribute(key, value) => (place.has_attribute)(key, value),
        }
    }
}
