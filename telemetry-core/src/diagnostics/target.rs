/// Whether an event's target belongs to the OpenTelemetry crates, whose events are about telemetry
/// and must not become telemetry.
///
/// ```
/// use telemetry_core::diagnostics::is_opentelemetry_target;
///
/// assert!(is_opentelemetry_target("opentelemetry_sdk::trace"));
/// assert!(!is_opentelemetry_target("opentelemetry_gateway"));
/// ```
#[inline]
#[must_use]
pub fn is_opentelemetry_target(target: &str) -> bool {
    target
        .strip_prefix("opentelemetry")
        .is_some_and(names_a_known_crate)
}

/// What follows `opentelemetry` in the targets of its crates; some write their package's name.
const CRATES: [&str; 6] = ["", "sdk", "otlp", "http", "proto", "stdout"];

#[cold]
fn names_a_known_crate(rest: &str) -> bool {
    let name = rest.split_once("::").map_or(rest, |(name, _)| name);
    CRATES.contains(&name.trim_start_matches(['_', '-']))
}
