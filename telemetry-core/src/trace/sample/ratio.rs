//! A share of all traces, the same in every service that uses the same share.

use opentelemetry::trace::TraceId;

use crate::context::TraceState;

/// A sampling probability, applied to the random bits of a trace id.
///
/// A trace is sampled if the low 56 bits of its id are at least the rejection threshold
/// `(1 - probability) × 2^56`, and the threshold is stamped into tracestate (`ot=th:…`), so that
/// a backend can count what a sampled trace stands for. Source:
/// <https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/>.
#[derive(Clone, Debug)]
pub struct Ratio {
    probability: f64,
    /// Traces whose randomness is below are rejected.
    threshold: u64,
    /// `th:…`, the member that is stamped.
    stamp: String,
    /// The whole tracestate for roots without one, made once.
    root: TraceState,
}

const RANDOM_BITS: u32 = 56;
const RANDOM_MASK: u64 = (1 << RANDOM_BITS) - 1;

impl Ratio {
    /// The share `probability` of traces; what is outside of 0 to 1 becomes the nearer of both.
    #[must_use]
    pub fn new(probability: f64) -> Self {
        let probability = if probability.is_nan() {
            1.0
        } else {
            probability.clamp(0.0, 1.0)
        };
        let threshold = threshold(probability);
        let stamp = format!("th:{}", hex(threshold));
        let root = format!("ot={stamp}").parse().unwrap_or_default();
        Self {
            probability,
            threshold,
            stamp,
            root,
        }
    }

    /// The probability.
    #[must_use]
    pub fn probability(&self) -> f64 {
        self.probability
    }

    pub(super) fn samples(&self, trace_id: TraceId, state: &TraceState) -> bool {
        let randomness = stated_randomness(state).unwrap_or_else(|| {
            let id = u128::from_be_bytes(trace_id.to_bytes());
            u64::try_from(id & u128::from(RANDOM_MASK)).unwrap_or(0)
        });
        self.probability > 0.0 && randomness >= self.threshold
    }

    /// The tracestate of a span with this decision: the threshold of a sampled one, and none for
    /// one that is not, whatever was there.
    pub(super) fn stamp(&self, state: &TraceState, sampled: bool) -> TraceState {
        let member = state.get("ot");
        match (sampled, member) {
            (true, None) if state.is_empty() => self.root.clone(),
            (false, None) => state.clone(),
            (true, None) => insert(state, &self.stamp),
            (_, Some(member)) => {
                let others = member.split(';').filter(|part| !part.starts_with("th:"));
                let stamp = sampled.then_some(self.stamp.as_str());
                let parts: Vec<&str> = stamp.into_iter().chain(others).collect();
                match parts.is_empty() {
                    true => state.remove("ot"),
                    false => insert(state, &parts.join(";")),
                }
            }
        }
    }
}

fn insert(state: &TraceState, member: &str) -> TraceState {
    state.insert("ot", member).unwrap_or_else(|_| state.clone())
}

/// The randomness that the root has stated because the trace's id has none, 14 hexadecimal digits,
/// <https://opentelemetry.io/docs/specs/otel/trace/tracestate-handling/#explicit-randomness-value-rv>.
fn stated_randomness(state: &TraceState) -> Option<u64> {
    let member = state.get("ot")?;
    let digits = member
        .split(';')
        .find_map(|part| part.strip_prefix("rv:"))?;
    let valid = digits.len() == 14 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    valid.then(|| u64::from_str_radix(digits, 16).ok())?
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "between 0 and 2^56, where neighbouring f64 differ by at most 16"
)]
fn threshold(probability: f64) -> u64 {
    let space = (1_u64 << RANDOM_BITS) as f64;
    (((1.0 - probability) * space).round() as u64).min(RANDOM_MASK)
}

/// The threshold in hexadecimal with trailing zeros left out, as the specification writes it.
fn hex(threshold: u64) -> String {
    let digits = format!("{threshold:014x}");
    let trimmed = digits.trim_end_matches('0');
    if trimmed.is_empty() {
        "0".to_owned()
    } else {
        trimmed.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_written_as_the_specification_does() {
        // <https://opentelemetry.io/docs/specs/otel/trace/tracestate-handling/#sampling-threshold-value-th>
        assert_eq!(Ratio::new(1.0).stamp, "th:0");
        assert_eq!(Ratio::new(0.5).stamp, "th:8");
        assert_eq!(Ratio::new(0.25).stamp, "th:c");
    }

    #[test]
    fn the_share_is_kept() {
        let ratio = Ratio::new(0.1);
        let sampled = (0..100_000)
            .filter(|_| ratio.samples(crate::trace::random::trace_id(), &TraceState::EMPTY))
            .count();
        assert!(
            (9_000..11_000).contains(&sampled),
            "{sampled} of 100000 at 10 %"
        );
    }

    #[test]
    fn none_and_all_are_exact() {
        let lowest = TraceId::from(1 << 100);
        let highest = TraceId::from(u128::MAX);
        assert!(Ratio::new(1.0).samples(lowest, &TraceState::EMPTY));
        assert!(!Ratio::new(0.0).samples(highest, &TraceState::EMPTY));
        assert!((Ratio::new(f64::NAN).probability() - 1.0).abs() < f64::EPSILON);
    }
}
