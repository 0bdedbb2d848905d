//! Makes a configured value fit to be shown.

use super::variables;
pub(crate) use crate::redact::REDACTED;

/// Longer values are cut: the report is for a terminal, and a variable may hold megabytes.
const MAX_SHOWN_CHARS: usize = 80;

/// A variable's value on one line, cut, and without secrets.
pub(crate) fn value(variable: &str, value: &str) -> String {
    let name = variable.split(' ').next().unwrap_or(variable);
    if variables::is_secret(name) {
        REDACTED.to_owned()
    } else if name.ends_with("_ENDPOINT") || name.ends_with("_URL") {
        cut(&url(value))
    } else {
        cut(value)
    }
}

/// A URL without its credentials and its query, both of which carry keys; works on text that is no URL, too.
///
/// Whatever stands before the last `@` counts as credentials, because a password may hold any character.
pub(crate) fn url(text: &str) -> String {
    let shown = match text.rsplit_once('@') {
        Some((before, host)) => match before.split_once("://") {
            Some((scheme, _)) if scheme.chars().all(|c| c.is_ascii_alphabetic()) => {
                format!("{scheme}://{REDACTED}@{host}")
            }
            _ => format!("{REDACTED}@{host}"),
        },
        None => text.to_owned(),
    };
    match shown.split_once('?') {
        Some((before, _)) => format!("{before}?{REDACTED}"),
        None => shown,
    }
}

fn cut(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(MAX_SHOWN_CHARS)
        .flat_map(char::escape_debug)
        .collect();
    if text.chars().nth(MAX_SHOWN_CHARS).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_and_queries_are_left_out() {
        for (text, shown) in [
            ("https://collector:4318", "https://collector:4318"),
            (
                "https://me:pass@collector/v1",
                "https://<redacted>@collector/v1",
            ),
            ("https://c/v1?api-key=1", "https://c/v1?<redacted>"),
            ("me:p@ss@collector", "<redacted>@collector"),
            ("me:pass://@collector", "<redacted>@collector"),
            (
                "http://me:p?s://s@collector?x",
                "http://<redacted>@collector?<redacted>",
            ),
        ] {
            assert_eq!(url(text), shown);
            assert_eq!(value("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", text), shown);
        }
    }

    #[test]
    fn header_values_are_never_shown() {
        assert_eq!(value("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "a=b"), REDACTED);
        assert_eq!(
            value("OTEL_EXPORTER_OTLP_HEADERS (in code)", "a=b"),
            REDACTED
        );
    }

    #[test]
    fn long_values_are_cut() {
        assert_eq!(
            value("OTEL_SERVICE_NAME", &"ä".repeat(1000))
                .chars()
                .count(),
            MAX_SHOWN_CHARS + 1
        );
    }
}
