//! How a value is read, checked and shown: one constant for each kind of setting.

use std::time::Duration;

/// The three things that configuration does with a value.
pub(crate) struct Kind<T> {
    /// Reads the text of a variable.
    pub(crate) parse: fn(&str) -> Result<T, String>,
    /// Refuses what parses and cannot be used; values from code pass here too.
    pub(crate) check: fn(&T) -> Result<(), String>,
    /// Writes the value for a report: never a secret.
    pub(crate) show: fn(&T) -> String,
}

/// A span of time in whole milliseconds, at least one.
///
/// Zero is refused although the specification lets a timeout of zero mean "no limit" (a SHOULD): everything here that
/// waits has a bound, and a delay of zero would be a busy loop.
pub(crate) const MILLIS: Kind<Duration> = Kind {
    parse: |text| match text.parse::<u64>() {
        Ok(millis) => Ok(Duration::from_millis(millis)),
        Err(_) => Err("not a whole number of milliseconds, such as 5000".to_owned()),
    },
    check: |duration| match (duration.is_zero(), *duration > MAX_DURATION) {
        (true, _) => {
            Err("must be at least 1 ms, because everything that waits has a bound".to_owned())
        }
        (_, true) => Err("must be at most 2147483647 ms".to_owned()),
        (false, false) => Ok(()),
    },
    show: |duration| format!("{} ms", duration.as_millis()),
};

/// The largest value that the specification asks for, 2³¹ − 1 ms (25 days), keeps every sum of a time and a delay exact.
const MAX_DURATION: Duration = Duration::from_millis(2_147_483_647);

/// A count of at least one.
pub(crate) const POSITIVE: Kind<usize> = Kind {
    parse: parse_count,
    check: |count| match count {
        0 => Err("must be at least 1".to_owned()),
        _ if *count > MAX_COUNT => Err(format!("must be at most {MAX_COUNT}")),
        _ => Ok(()),
    },
    show: usize::to_string,
};

/// The largest integer that the specification asks for, 2³¹ − 1.
const MAX_COUNT: usize = 2_147_483_647;

/// A limit; zero keeps nothing.
pub(crate) const LIMIT: Kind<u32> = Kind {
    parse: parse_limit,
    check: |_| Ok(()),
    show: u32::to_string,
};

/// A limit of characters, of which the largest number stands for none.
pub(crate) const LENGTH: Kind<u32> = Kind {
    parse: parse_limit,
    check: |_| Ok(()),
    show: |limit| match *limit {
        u32::MAX => "no limit".to_owned(),
        limit => limit.to_string(),
    },
};

/// A flag: only `true` in any case is true.
///
/// Source: <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#boolean>.
pub(crate) const FLAG: Kind<bool> = Kind {
    parse: |text| match text.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("only true and false are understood".to_owned()),
    },
    check: |_| Ok(()),
    show: bool::to_string,
};

/// Free text.
pub(crate) const TEXT: Kind<String> = Kind {
    parse: |text| Ok(text.to_owned()),
    check: |_| Ok(()),
    show: String::clone,
};

/// A TCP port to listen on.
pub(crate) const PORT: Kind<u16> = Kind {
    parse: |text| {
        text.parse()
            .map_err(|_| "not a port between 0 and 65535".to_owned())
    },
    check: |_| Ok(()),
    show: u16::to_string,
};

/// A name out of a set, in any case; `others` says what would work for the rest.
pub(crate) fn one_of<T: Copy>(
    text: &str,
    known: &[(&str, T)],
    others: impl FnOnce(&str) -> Option<String>,
) -> Result<T, String> {
    let name = text.to_ascii_lowercase();
    match known.iter().find(|(known, _)| *known == name) {
        Some((_, value)) => Ok(*value),
        None => Err(others(&name).unwrap_or_else(|| format!("unknown; {}", choices(known)))),
    }
}

fn choices<T>(known: &[(&str, T)]) -> String {
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    format!("write one of {}", names.join(", "))
}

fn parse_count(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| "not a whole number".to_owned())
}

fn parse_limit(text: &str) -> Result<u32, String> {
    text.parse()
        .map_err(|_| "not a whole number between 0 and 4294967295".to_owned())
}
