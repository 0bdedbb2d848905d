//! Where buckets end when nobody says it.

use std::sync::Arc;

/// Source: <https://opentelemetry.io/docs/specs/semconv/http/http-metrics/#metric-httpserverrequestduration>,
/// which all durations of the conventions share.
const SECONDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// Powers of four from 256 B to 256 MiB: from a header to a large upload. The conventions name
/// no boundaries for sizes, and the general ones end at 10 kB.
const BYTES: [f64; 11] = [
    256.0,
    1024.0,
    4096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
    268_435_456.0,
];

/// Source: <https://opentelemetry.io/docs/specs/otel/metrics/sdk/#explicit-bucket-histogram-aggregation>.
const GENERAL: [f64; 15] = [
    0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0, 7500.0,
    10_000.0,
];

/// The boundaries for a unit.
pub(super) fn of_unit(unit: &str) -> Arc<[f64]> {
    match unit {
        "s" => Arc::from(SECONDS),
        "By" => Arc::from(BYTES),
        _ => Arc::from(GENERAL),
    }
}

/// What is wrong with those that a histogram asks for, in words.
pub(super) fn mistake(name: &str, bounds: &[f64]) -> Option<String> {
    (!are_valid(bounds)).then(|| {
        format!("telemetry: the histogram \"{name}\" has boundaries that are not finite and ascending; the default ones are used")
    })
}

/// Whether they are finite and each is greater than the one before.
pub(super) fn are_valid(bounds: &[f64]) -> bool {
    bounds.iter().all(|bound| bound.is_finite()) && bounds.windows(2).all(|two| two[0] < two[1])
}
