//! What is said when an instrument has too many series.

use std::collections::{HashMap, HashSet};

use super::AttributeSet;
use crate::config::{REDACTED, redacted_url};

/// The attribute of the series that takes what has no place.
///
/// Source: <https://opentelemetry.io/docs/specs/otel/metrics/sdk/#overflow-attribute>.
pub(super) const OVERFLOW: &str = "otel.metric.overflow";

/// Names the attribute that has the most values, and one of them.
pub(super) fn warning<'a>(
    instrument: &str,
    limit: usize,
    sets: impl Iterator<Item = &'a AttributeSet>,
) -> String {
    let mut values: HashMap<&str, HashSet<String>> = HashMap::new();
    for pair in sets.flatten().filter(|pair| pair.key.as_str() != OVERFLOW) {
        let value = pair.value.as_str().into_owned();
        values.entry(pair.key.as_str()).or_default().insert(value);
    }
    let most = values.into_iter().max_by_key(|(key, values)| {
        // of equals, always the same
        (values.len(), std::cmp::Reverse(*key))
    });
    let head = format!(
        "telemetry: \"{instrument}\" has reached its limit of {limit} series; what is new is summed up in the one with {OVERFLOW}=true."
    );
    let Some((key, values)) = most else {
        return head;
    };
    let count = values.len();
    let example = values.into_iter().min().unwrap_or_default();
    format!(
        "{head} The attribute \"{key}\" has {count} values, such as \"{}\". Leave it out, or keep the other attributes only with a view",
        shown(key, &example)
    )
}

/// The beginning of a value, on one line and without secrets.
fn shown(key: &str, value: &str) -> String {
    const LONGEST: usize = 40;
    if is_secret(key) {
        return REDACTED.to_owned();
    }
    let value = if value.contains("://") {
        redacted_url(value)
    } else {
        value.to_owned()
    };
    let printable = value.chars().map(|c| if c.is_control() { ' ' } else { c });
    printable.take(LONGEST).collect()
}

/// Whether an attribute of this key may be what nobody should see.
fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["password", "token", "key", "secret", "auth", "cookie"]
        .iter()
        .any(|word| key.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_shows_no_secret() {
        for (key, value, expected) in [
            ("user.id", "user-1", "user-1"),
            ("user.id", "a\nb", "a b"),
            ("api_Key", "k-1", "<redacted>"),
            (
                "http.request.header.Authorization",
                "Bearer x",
                "<redacted>",
            ),
            (
                "url.full",
                "https://me:pw@host/?token=x",
                "https://<redacted>@host/?<redacted>",
            ),
        ] {
            let sets: Vec<_> = ["~", value]
                .map(|value| {
                    AttributeSet::new([opentelemetry::KeyValue::new(key, value.to_owned())])
                })
                .into();
            let said = warning("orders", 2, sets.iter());
            assert!(said.contains(&format!("such as \"{expected}\".")), "{said}");
            assert!(!said.contains('\n'), "{said}");
        }
        assert_eq!(shown("path", &"x".repeat(100)).len(), 40);
    }
}
