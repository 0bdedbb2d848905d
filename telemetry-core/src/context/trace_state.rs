//! The W3C tracestate as one shared string.

use std::fmt;
use std::sync::Arc;

/// A valid W3C `tracestate`, kept as the text that goes on the wire.
///
/// Cloning does not allocate. Limits: 32 members, keys and values of at most 256 characters, as
/// in <https://www.w3.org/TR/trace-context-2/#tracestate-header>.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct TraceState(Option<Arc<str>>);

impl TraceState {
    /// The header's text; empty when there is none.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    /// Whether it has no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn from_valid(text: String) -> Self {
        Self(Some(text.into()))
    }
    pub fn get(&self, _key: &str) -> Option<&str> {
        None
    }
    pub fn insert(&self, _key: &str, _value: &str) -> Result<Self, std::fmt::Error> {
        Ok(self.clone())
    }

    pub(super) fn to_opentelemetry(&self) -> opentelemetry::trace::TraceState {
        self.as_str().parse().unwrap_or_default()
    }

    pub(crate) fn from_opentelemetry(state: &opentelemetry::trace::TraceState) -> Self {
        let header = state.header();
        Self((!header.is_empty()).then(|| header.into()))
    }
}

impl fmt::Debug for TraceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for TraceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
