//! A share of the lines.

use std::sync::atomic::{AtomicU32, Ordering};

use telemetry_core::context::{CurrentIds, TraceId};

/// Keeps a share of the lines: all or none of a trace, and of the others every so manieth.
#[derive(Debug)]
pub(super) struct Sampling {
    /// Traces whose randomness is below lose their lines.
    threshold: u64,
    /// Of `u32::MAX` and one.
    step: u32,
    keeps_all: bool,
    passed: AtomicU32,
}

/// The bits of a trace id that are random:
/// <https://www.w3.org/TR/trace-context-2/#randomness-of-trace-id>.
const RANDOM_BITS: u32 = 56;
const RANDOM: u64 = 1 << RANDOM_BITS;

impl Sampling {
    /// What is outside of 0 to 1 becomes the nearer of both.
    pub(super) fn new(share: f64) -> Self {
        let share = if share.is_nan() {
            1.0
        } else {
            share.clamp(0.0, 1.0)
        };
        Self {
            threshold: RANDOM - part(share, RANDOM),
            step: u32::try_from(part(share, 1 << 32)).unwrap_or(u32::MAX),
            keeps_all: share >= 1.0,
            passed: AtomicU32::new(0),
        }
    }

    pub(super) fn keeps(&self, ids: Option<CurrentIds>) -> bool {
        match ids {
            Some(ids) => randomness(ids.trace_id) >= self.threshold,
            None => self.keeps_all || self.next(),
        }
    }

    /// Lets through as many of those before and this one as the share says.
    fn next(&self) -> bool {
        let before = self.passed.fetch_add(self.step, Ordering::Relaxed);
        before.checked_add(self.step).is_none()
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a share of a power of two"
)]
fn part(share: f64, of: u64) -> u64 {
    ((share * of as f64) as u64).min(of)
}

/// A trace is kept if this is at least what the share rejects, so that services with the same
/// share keep the lines of the same traces, and one with a larger share those of more:
/// <https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/>.
fn randomness(id: TraceId) -> u64 {
    let [_, _, _, _, _, _, _, _, low @ ..] = id.to_bytes();
    u64::from_be_bytes(low) & (RANDOM - 1)
}

#[cfg(test)]
mod tests {
    use telemetry_core::context::{SpanId, TraceFlags};

    use super::*;

    fn of(trace: u128) -> Option<CurrentIds> {
        Some(CurrentIds {
            trace_id: TraceId::from(trace),
            span_id: SpanId::from(1),
            trace_flags: TraceFlags::default(),
        })
    }

    #[test]
    fn all_and_nothing() {
        for ids in [None, of(1), of(u128::MAX)] {
            assert!(Sampling::new(1.0).keeps(ids));
            assert!(!Sampling::new(0.0).keeps(ids));
        }
    }

    #[test]
    fn without_a_trace_the_share_is_exact() {
        let tenth = Sampling::new(0.1);
        let kept = (0..10_000).filter(|_| tenth.keeps(None)).count();
        assert!((999..=1_001).contains(&kept), "{kept}");
    }

    #[test]
    fn a_larger_share_keeps_what_a_smaller_one_keeps() {
        let (small, large) = (Sampling::new(0.2), Sampling::new(0.6));
        let (mut smaller, mut larger) = (0, 0);
        for trace in 1..10_000_u128 {
            let ids = of(trace.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835));
            assert!(!small.keeps(ids) || large.keeps(ids));
            smaller += u32::from(small.keeps(ids));
            larger += u32::from(large.keeps(ids));
        }
        assert!((1_800..2_200).contains(&smaller), "{smaller}");
        assert!((5_800..6_200).contains(&larger), "{larger}");
    }
}
