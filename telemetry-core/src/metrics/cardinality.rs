//! What is said when an instrument has too many series.

use std::collections::{HashMap, HashSet};

use super::AttributeSet;

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
        shown(&example)
    )
}

/// The beginning of a value, on one line.
fn shown(value: &str) -> String {
    const LONGEST: usize = 80;
    let printable = value.chars().map(|c| if c.is_control() { ' ' } else { c });
    printable.take(LONGEST).collect()
}
