//! Times and durations as people read them.

use std::time::Duration;

/// A duration with its unit: `640 ns`, `12.5 µs`, `0.61 ms`, `3.20 s`, `2 m 05 s`.
pub(super) fn duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    let (seconds, minutes) = (duration.as_secs() % 60, duration.as_secs() / 60);
    match nanos {
        0 => "0".to_owned(),
        1..1_000 => format!("{nanos} ns"),
        1_000..100_000 => format!("{}.{} µs", nanos / 1_000, nanos / 100 % 10),
        100_000..1_000_000_000 => hundredths(nanos / 10_000, "ms"),
        1_000_000_000..60_000_000_000 => hundredths(nanos / 10_000_000, "s"),
        _ => format!("{minutes} m {seconds:02} s"),
    }
}

fn hundredths(value: u128, unit: &str) -> String {
    format!("{}.{:02} {unit}", value / 100, value % 100)
}

/// A time as RFC 3339 in UTC with milliseconds.
pub(super) fn timestamp(unix_nanos: u64) -> String {
    let millis = unix_nanos / 1_000_000;
    let seconds = millis / 1000;
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z",
        millis % 1000
    )
}

/// The year, month and day of the proleptic Gregorian calendar, `days` after 1970-01-01.
fn civil(mut days: u64) -> (u64, u64, u64) {
    // whole cycles of 400 years first, so that at most 400 years are stepped through
    let mut year = 1970 + days / 146_097 * 400;
    days %= 146_097;
    while days >= year_length(year) {
        days -= year_length(year);
        year += 1;
    }
    let mut month = 1;
    while days >= month_length(year, month) {
        days -= month_length(year, month);
        month += 1;
    }
    (year, month, days + 1)
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn year_length(year: u64) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

fn month_length(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_keep_three_digits() {
        let shown = |nanos| duration(Duration::from_nanos(nanos));
        assert_eq!(shown(0), "0");
        assert_eq!(shown(999), "999 ns");
        assert_eq!(shown(12_560), "12.5 µs");
        assert_eq!(shown(610_000), "0.61 ms");
        assert_eq!(shown(1_849_000), "1.84 ms");
        assert_eq!(shown(3_209_000_000), "3.20 s");
        assert_eq!(shown(125_000_000_000), "2 m 05 s");
    }

    #[test]
    fn timestamps_are_those_of_the_calendar() {
        // `date -u -d @…` gives the same
        assert_eq!(timestamp(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(
            timestamp(951_782_400_123_000_000),
            "2000-02-29T00:00:00.123Z"
        );
        assert_eq!(
            timestamp(1_795_271_041_999_999_999),
            "2026-11-21T14:24:01.999Z"
        );
        assert_eq!(
            timestamp(4_107_542_400_000_000_000),
            "2100-03-01T00:00:00.000Z"
        );
    }
}
