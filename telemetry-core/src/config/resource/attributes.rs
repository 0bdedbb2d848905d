//! `OTEL_RESOURCE_ATTRIBUTES`.

use crate::config::percent;
use crate::config::resolver::Resolver;

pub(crate) const NAME: &str = "OTEL_RESOURCE_ATTRIBUTES";

/// The pairs of `key=value,key=value`, percent-decoded. A bad pair is reported and left out; the others count.
///
/// Format: <https://opentelemetry.io/docs/specs/otel/resource/sdk/#specifying-resource-information-via-an-environment-variable>.
/// (The specification would rather have the whole variable discarded. Losing `service.name` to a stray comma helps nobody.)
pub(crate) fn read(r: &mut Resolver<'_>) -> Vec<(String, String)> {
    let text = r.text(NAME, "detected attributes only").unwrap_or_default();
    let mut pairs = Vec::new();
    for entry in text
        .split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
    {
        match pair(entry) {
            Ok((_, value)) if value.is_empty() => {}
            Ok(pair) => pairs.push(pair),
            Err(reason) => r.report.ignore(NAME, entry, reason, "the other attributes"),
        }
    }
    pairs
}

fn pair(entry: &str) -> Result<(String, String), &'static str> {
    let (key, value) = entry
        .split_once('=')
        .ok_or("lacks =; write key=value, and %2C for a comma within a value")?;
    let key = percent::decode(key.trim()).ok_or("the key is not UTF-8 once percent-decoded")?;
    let value =
        percent::decode(value.trim()).ok_or("the value is not UTF-8 once percent-decoded")?;
    if key.is_empty() {
        return Err("the key is empty; write key=value");
    }
    Ok((key, value))
}
