//! Numbers as text.

use crate::metrics::Number;

pub(super) fn put_u64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

pub(super) fn put_i64(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

pub(super) fn put_f64(out: &mut Vec<u8>, value: f64) {
    if value.is_finite() {
        out.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes());
    } else if value.is_nan() {
        out.extend_from_slice(b"NaN");
    } else {
        out.extend_from_slice(if value > 0.0 { b"+Inf" } else { b"-Inf" });
    }
}

pub(super) fn put_number(out: &mut Vec<u8>, value: Number) {
    match value {
        Number::U64(value) => put_u64(out, value),
        Number::I64(value) => put_i64(out, value),
        Number::F64(value) => put_f64(out, value),
    }
}

/// A time as seconds since 1970; Prometheus keeps milliseconds.
pub(super) fn put_seconds(out: &mut Vec<u8>, unix_nanos: u64) {
    put_u64(out, unix_nanos / 1_000_000_000);
    out.push(b'.');
    let millis = unix_nanos / 1_000_000 % 1000;
    for divisor in [100, 10, 1] {
        out.push(b"0123456789"[usize::try_from(millis / divisor % 10).unwrap_or_default()]);
    }
}

/// A bucket's bound as OpenMetrics wants it: `0.5`, `1.0`, `1e-05`, `1e+06`. Each bound has one
/// text in both formats, so that a series keeps its name whatever is asked for.
///
/// Source: <https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md#considerations-canonical-numbers>.
pub(super) fn bound(value: f64) -> String {
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) || value == 0.0 {
        return format!("{:?}", if value == 0.0 { 0.0 } else { value });
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_canonical() {
        let texts = [
            (0.0, "0.0"),
            (-0.0, "0.0"),
            (1.0, "1.0"),
            (0.005, "0.005"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1e-10, "1e-10"),
            (100_000.0, "100000.0"),
            (1e6, "1e+06"),
            (1_048_576.0, "1.048576e+06"),
            (-1e10, "-1e+10"),
            (1e300, "1e+300"),
        ];
        for (value, text) in texts {
            assert_eq!(bound(value), text);
        }
    }

    #[test]
    fn numbers_and_times() {
        let mut out = Vec::new();
        for value in [1.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300] {
            put_f64(&mut out, value);
            out.push(b' ');
        }
        put_seconds(&mut out, 1_700_000_000_007_999_999);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(
            text,
            "1.5 NaN +Inf -Inf 1e300 1700000000.007".replace("1e300", "1e+300")
        );
    }
}
