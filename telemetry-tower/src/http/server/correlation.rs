//! One id that a caller can quote.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use telemetry_core::context::Baggage;

/// The longest id that is accepted, in bytes: enough for every id in use, and little in a log line.
const MAX_LEN: usize = 128;

static X_CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");

/// Gives each request a correlation id: the caller's, or a new one.
///
/// The caller's is accepted from the header, or else from the baggage, if it has 1 to 128 visible
/// ASCII characters; a new one has 32 hexadecimal digits. It is returned in the same header of the
/// response, goes on to other services in the baggage, and is a field of the request's span, and
/// so of each log line within it. In these places its name is [`KEY`](Self::KEY). The handler finds
/// a [`CorrelationId`] in the request's extensions.
///
/// ```
/// use http::HeaderName;
/// use telemetry_tower::{Correlation, ServerLayer};
///
/// let layer = ServerLayer::new()
///     .correlation_id(Correlation::new().header(HeaderName::from_static("x-request-id")));
/// # let _ = layer;
/// ```
#[derive(Clone, Debug)]
pub struct Correlation {
    header: HeaderName,
}

/// The correlation id of a request. Cloning does not copy it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CorrelationId(Arc<str>);

impl Correlation {
    /// The name of the field, the attribute and the baggage entry.
    pub const KEY: &'static str = "correlation_id";

    /// The id travels in `x-correlation-id`.
    #[must_use]
    pub fn new() -> Self {
        Self {
            header: X_CORRELATION_ID.clone(),
        }
    }

    /// The header in which it travels.
    #[must_use]
    pub fn header(mut self, name: HeaderName) -> Self {
        self.header = name;
        self
    }

    /// The id of a request, which is then in its baggage.
    pub(super) fn of(&self, headers: &HeaderMap, baggage: &mut Baggage) -> CorrelationId {
        let id = self
            .sent(headers)
            .or_else(|| CorrelationId::accept(baggage.get(Self::KEY)?))
            .unwrap_or_else(CorrelationId::random);
        // fails only if the baggage is full, and then what the caller wants to pass on is first
        let _full = baggage.insert(Self::KEY, id.as_str());
        id
    }

    /// The one that the caller sent; of several, none counts.
    fn sent(&self, headers: &HeaderMap) -> Option<CorrelationId> {
        let mut values = headers.get_all(&self.header).iter();
        let only = values.next().filter(|_| values.next().is_none())?;
        CorrelationId::accept(only.to_str().ok()?)
    }

    /// Returns the id to the caller.
    pub(super) fn answer(&self, id: &CorrelationId, headers: &mut HeaderMap) {
        if let Ok(value) = HeaderValue::from_str(id.as_str()) {
            // fails only at 32,768 headers
            drop(headers.try_insert(&self.header, value));
        }
    }
}

impl Default for Correlation {
    fn default() -> Self {
        Self::new()
    }
}

impl CorrelationId {
    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn accept(text: &str) -> Option<Self> {
        let valid =
            (1..=MAX_LEN).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        valid.then(|| Self(text.into()))
    }

    /// Each `RandomState` has keys of its own.
    fn random() -> Self {
        let [high, low] = [(); 2].map(|()| RandomState::new().build_hasher().finish());
        Self(format!("{high:016x}{low:016x}").into())
    }
}

impl fmt::Display for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_visible_ids_are_accepted() {
        let long = "x".repeat(MAX_LEN + 1);
        for refused in ["", "a b", "ä", "a\n", "\u{7f}", &long] {
            assert_eq!(CorrelationId::accept(refused), None, "{refused:?}");
        }
        assert!(CorrelationId::accept(&long[1..]).is_some());
    }

    #[test]
    fn new_ids_differ() {
        let ids: std::collections::HashSet<_> =
            (0..1000).map(|_| CorrelationId::random()).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| id.as_str().len() == 32));
    }

    #[test]
    fn baggage_stands_in_for_the_header_and_two_headers_for_none() {
        let correlation = Correlation::new();
        let mut headers = HeaderMap::new();
        let mut baggage = Baggage::parse("correlation_id=upstream");
        assert_eq!(correlation.of(&headers, &mut baggage).as_str(), "upstream");
        headers.append("x-correlation-id", "mine".parse().unwrap());
        assert_eq!(correlation.of(&headers, &mut baggage).as_str(), "mine");
        assert_eq!(baggage.get("correlation_id"), Some("mine"));
        headers.append("x-correlation-id", "other".parse().unwrap());
        let mut none = Baggage::EMPTY;
        assert_eq!(correlation.of(&headers, &mut none).as_str().len(), 32);
    }
}
