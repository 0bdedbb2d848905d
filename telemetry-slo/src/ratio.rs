//! A share between none and all, in exact billionths.

use std::fmt;
use std::str::FromStr;

use crate::SloError;

/// A share from 0 to 1, kept as a whole number of billionths.
///
/// Decimal texts such as `0.999` and `99.9%` are exact, which they are not in a float: there
/// `1 - 0.999` is `0.0010000000000000009`, and a service exactly at its budget seems to be over it.
///
/// ```
/// use telemetry_slo::Ratio;
///
/// let target: Ratio = "99.9%".parse()?;
/// assert_eq!(target, "0.999".parse()?);
/// assert_eq!(target.complement().ppb(), 1_000_000);
/// # Ok::<(), telemetry_slo::SloError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ratio {
    ppb: u64,
}

const ONE: u64 = 1_000_000_000;

impl Ratio {
    /// None of it.
    pub const ZERO: Self = Self { ppb: 0 };
    /// All of it.
    pub const ONE: Self = Self { ppb: ONE };

    /// A number of billionths, or `None` if there are more than 10⁹.
    #[must_use]
    pub const fn from_ppb(ppb: u64) -> Option<Self> {
        if ppb <= ONE { Some(Self { ppb }) } else { None }
    }

    /// Billionths, from 0 to 10⁹.
    #[must_use]
    pub const fn ppb(self) -> u64 {
        self.ppb
    }

    /// What is left to 1: the error budget of a target.
    #[must_use]
    pub const fn complement(self) -> Self {
        Self {
            ppb: ONE - self.ppb,
        }
    }

    /// The nearest float.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "at most 10⁹, which a float holds"
    )]
    pub fn as_f64(self) -> f64 {
        self.ppb as f64 / ONE as f64
    }
}

/// A decimal from 0 to 1, or from 0 to 100 with a `%`.
///
/// # Errors
///
/// [`SloError::Ratio`] unless the text is such a number with at most nine decimals (seven with `%`).
impl FromStr for Ratio {
    type Err = SloError;

    fn from_str(text: &str) -> Result<Self, SloError> {
        let (number, decimals) = match text.trim().strip_suffix('%') {
            Some(percent) => (percent.trim_end(), 7),
            None => (text.trim(), 9),
        };
        let ratio = decimal(number, decimals).and_then(Self::from_ppb);
        ratio.ok_or_else(|| SloError::Ratio(text.to_owned()))
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:09}", self.ppb / ONE, self.ppb % ONE);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// `number · 10^decimals` if that is a whole number.
pub(crate) fn decimal(number: &str, decimals: usize) -> Option<u64> {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let part = part.trim_end_matches('0');
    if whole.is_empty() || part.len() > decimals || !digits(whole) || !digits(part) {
        return None;
    }
    format!("{whole}{part:0<decimals$}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_and_percentages_are_exact() {
        for (text, ppb) in [
            ("0.999", 999_000_000),
            ("99.9%", 999_000_000),
            ("99.95 %", 999_500_000),
            ("0.999999999", 999_999_999),
            ("1", ONE),
            ("100%", ONE),
            ("0", 0),
            ("0.5000000000000", 500_000_000),
        ] {
            assert_eq!(text.parse::<Ratio>().unwrap().ppb(), ppb, "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused_with_what_would_do() {
        for text in [
            "",
            "%",
            ".5",
            "99.9",
            "-0.1",
            "1.1",
            "101%",
            "0.9999999999",
            "nan",
            "1e-3",
            "0.9.9",
        ] {
            let error = text.parse::<Ratio>().unwrap_err();
            assert!(error.to_string().contains("0.999"), "{text}: {error}");
        }
    }

    #[test]
    fn the_complement_has_no_rounding_error() {
        let target: Ratio = "0.999".parse().unwrap();
        assert_eq!(target.complement().to_string(), "0.001");
        assert_eq!(target.complement().complement(), target);
    }
}
