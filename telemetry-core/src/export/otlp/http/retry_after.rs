//! `Retry-After`: seconds or a date, <https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3>.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::{HeaderMap, RETRY_AFTER};

/// How long the receiver asks to wait; nothing for a missing or unreadable value, zero for a date
/// that has passed.
pub(super) fn read(headers: &HeaderMap, now_unix_nanos: u64) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date: SystemTime = httpdate::parse_http_date(value).ok()?;
    let now = UNIX_EPOCH + Duration::from_nanos(now_unix_nanos);
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    /// 1994-11-06 08:49:37 UTC, the example of RFC 9110.
    const EXAMPLE: u64 = 784_111_777;

    fn after(value: &'static str) -> Option<Duration> {
        let headers = [(RETRY_AFTER, HeaderValue::from_static(value))];
        read(
            &headers.into_iter().collect(),
            (EXAMPLE - 30) * 1_000_000_000,
        )
    }

    #[test]
    fn seconds_and_each_form_of_date_are_read() {
        assert_eq!(after("120"), Some(Duration::from_secs(120)));
        for date in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(after(date), Some(Duration::from_secs(30)), "{date}");
        }
    }

    #[test]
    fn the_past_is_now_and_nonsense_is_nothing() {
        assert_eq!(after("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
        for nonsense in ["", "-1", "soon", "1.5"] {
            assert_eq!(after(nonsense), None, "{nonsense}");
        }
    }
}
