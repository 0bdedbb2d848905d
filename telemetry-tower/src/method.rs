//! Which methods are known.

use std::sync::LazyLock;

use http::Method;

/// The methods that are recorded by their name; all others are `_OTHER`, because clients can send
/// any word.
///
/// By default those in the variable [`VARIABLE`](Self::VARIABLE), which is read once; if it is
/// unset, or names no method, those of RFC 9110, `PATCH` (RFC 5789) and `QUERY`, as in
/// <https://opentelemetry.io/docs/specs/semconv/attributes-registry/http/>.
#[derive(Clone, Debug, Default)]
pub struct KnownMethods(Option<Box<[Method]>>);

/// What the environment says, from the first look on.
static ENVIRONMENT: LazyLock<Option<Box<[Method]>>> = LazyLock::new(|| {
    let list = std::env::var(KnownMethods::VARIABLE).ok()?;
    // a list of nothing that could be a method is a mistake, not a wish to know none
    KnownMethods::from_list(&list).0.filter(|it| !it.is_empty())
});

impl KnownMethods {
    /// The variable with the names of the known methods: `OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS`.
    pub const VARIABLE: &'static str = "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS";

    /// Exactly these methods, and none of the default ones.
    ///
    /// ```
    /// use http::Method;
    /// use telemetry_tower::KnownMethods;
    ///
    /// let known = KnownMethods::only([Method::GET, Method::POST]);
    /// assert_eq!(known.name(&Method::PUT), None);
    /// ```
    #[must_use]
    pub fn only(methods: impl IntoIterator<Item = Method>) -> Self {
        Self(Some(methods.into_iter().collect()))
    }

    /// The methods in a comma-separated, case-sensitive list: the value of
    /// `OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS`. Words that cannot be methods are left out.
    #[must_use]
    pub fn from_list(list: &str) -> Self {
        Self::only(list.split(',').filter_map(|word| word.trim().parse().ok()))
    }

    /// The name of `method` if it is known.
    #[must_use]
    pub fn name<'a>(&self, method: &'a Method) -> Option<&'a str> {
        let known = match self.0.as_ref().or(ENVIRONMENT.as_ref()) {
            None => is_standard(method.as_str()),
            Some(methods) => methods.contains(method),
        };
        known.then(|| method.as_str())
    }
}

fn is_standard(method: &str) -> bool {
    matches!(
        method,
        "GET"
            | "POST"
            | "PUT"
            | "DELETE"
            | "HEAD"
            | "OPTIONS"
            | "PATCH"
            | "CONNECT"
            | "TRACE"
            | "QUERY"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_replaces_the_defaults() {
        let known = KnownMethods::from_list("GET, PURGE,not a method,");
        assert_eq!(known.name(&Method::GET), Some("GET"));
        assert_eq!(known.name(&"PURGE".parse().unwrap()), Some("PURGE"));
        assert_eq!(known.name(&Method::POST), None);
    }

    #[test]
    fn names_are_case_sensitive() {
        assert_eq!(KnownMethods::default().name(&"get".parse().unwrap()), None);
    }
}
