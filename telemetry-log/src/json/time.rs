//! The time of a line.

/// Writes times as RFC 3339 in UTC with microseconds, and remembers the last second, because
/// most lines share it with the one before.
#[derive(Debug)]
pub(crate) struct TimeText {
    second: u64,
    text: [u8; Self::LEN],
}

impl Default for TimeText {
    fn default() -> Self {
        Self {
            second: 0,
            text: *b"1970-01-01T00:00:00.000000Z",
        }
    }
}

impl TimeText {
    pub(super) const LEN: usize = 27;

    /// `2026-11-21T14:23:01.234567Z`
    #[inline]
    pub(super) fn full(&mut self, unix_nanos: u64) -> &[u8; Self::LEN] {
        let second = unix_nanos / 1_000_000_000;
        if second != self.second {
            self.second = second;
            self.text[..19].copy_from_slice(&date_time(second));
        }
        let micros = unix_nanos % 1_000_000_000 / 1_000;
        let hundreds = micros / 100;
        let [a, b] = two_digits(hundreds / 100);
        let [c, d] = two_digits(hundreds % 100);
        let [e, f] = two_digits(micros % 100);
        self.text[20..26].copy_from_slice(&[a, b, c, d, e, f]);
        &self.text
    }

    /// Appends `14:23:01.234567`.
    pub(crate) fn put_clock(&mut self, buffer: &mut Vec<u8>, unix_nanos: u64) {
        buffer.extend_from_slice(&self.full(unix_nanos)[11..26]);
    }
}

/// The digits of a number below 100.
#[inline]
fn two_digits(number: u64) -> [u8; 2] {
    DIGITS[usize::from(number.to_le_bytes()[0] & 127)]
}

static DIGITS: [[u8; 2]; 128] = {
    let mut pairs = [*b"00"; 128];
    let mut number = 0;
    while number < 100 {
        let [tens, ones] = &mut pairs[number];
        *tens += number.to_le_bytes()[0] / 10;
        *ones += number.to_le_bytes()[0] % 10;
        number += 1;
    }
    pairs
};

#[cold]
fn date_time(second: u64) -> [u8; 19] {
    let (year, month, day) = civil_from_days(second / 86_400);
    let mut text = *b"0000-00-00T00:00:00";
    text[..2].copy_from_slice(&two_digits(year / 100));
    text[2..4].copy_from_slice(&two_digits(year % 100));
    text[5..7].copy_from_slice(&two_digits(month));
    text[8..10].copy_from_slice(&two_digits(day));
    text[11..13].copy_from_slice(&two_digits(second / 3_600 % 24));
    text[14..16].copy_from_slice(&two_digits(second / 60 % 60));
    text[17..].copy_from_slice(&two_digits(second % 60));
    text
}

/// Year, month and day of a day since 1970-01-01, in the proleptic Gregorian calendar, counted in
/// eras of 400 years that begin in March: <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>.
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(unix_nanos: u64) -> String {
        str::from_utf8(TimeText::default().full(unix_nanos))
            .unwrap()
            .to_owned()
    }

    #[test]
    fn known_times() {
        assert_eq!(text_of(0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(
            text_of(1_795_270_981_234_567_890),
            "2026-11-21T14:23:01.234567Z"
        );
        assert_eq!(
            text_of(951_782_400_000_000_999),
            "2000-02-29T00:00:00.000000Z"
        );
        assert_eq!(
            text_of(4_107_542_399_999_999_000),
            "2100-02-28T23:59:59.999999Z"
        );
    }

    #[test]
    fn agrees_with_another_calendar() {
        for day in (0..200_000).step_by(97) {
            let expected = chrono::DateTime::from_timestamp(day * 86_400 + 86_399, 0).unwrap();
            let nanos = expected
                .timestamp()
                .cast_unsigned()
                .saturating_mul(1_000_000_000);
            if nanos == u64::MAX {
                break;
            }
            assert_eq!(
                text_of(nanos),
                expected.format("%Y-%m-%dT%H:%M:%S.000000Z").to_string()
            );
        }
    }
}
