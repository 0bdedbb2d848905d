//! What holds a flood of log lines back: `LOG_RATE_LIMIT`, `LOG_BUDGET`, `LOG_SAMPLE`, and how long a value and a line
//! may be.

use std::fmt::Display;
use std::str::FromStr;

use tracing_core::Level;

use super::kind::{Kind, POSITIVE};
use super::overrides::LogsOverrides;
use super::resolver::Resolver;

/// What holds a flood of log lines back.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FloodPlan {
    /// The most lines of one callsite in a second.
    pub rate_limit: Option<u32>,
    /// The most lines of a level in a second.
    pub budgets: Vec<(Level, u32)>,
    /// The share of the lines of a level that is kept.
    pub samples: Vec<(Level, f64)>,
    /// The longest text of one value, in bytes.
    pub max_value_len: usize,
    /// The longest line, in bytes.
    pub max_line_len: usize,
}

/// The longest text of one value: enough for a stack trace, and for a body that somebody logs.
const VALUE_BYTES: usize = 64 * 1024;

/// The longest line: what most collectors of container logs take in one piece is far less, and the largest that they
/// can be told to take is of this order.
const LINE_BYTES: usize = 1024 * 1024;

const RATE: Kind<Option<u32>> = Kind {
    parse: |text| match text {
        "none" => Ok(None),
        text => parse_rate(text).map(Some),
    },
    check: |rate| rate.map_or(Ok(()), |rate| check_rate(&rate)),
    show: |rate| rate.map_or_else(|| "none".to_owned(), |rate| rate.to_string()),
};

const BUDGETS: Kind<Vec<(Level, u32)>> = Kind {
    parse: |text| by_level(text, |_, text| parse_rate(text)),
    check: |budgets| budgets.iter().try_for_each(|(_, rate)| check_rate(rate)),
    show,
};

const SAMPLES: Kind<Vec<(Level, f64)>> = Kind {
    parse: |text| by_level(text, |_, text| parse::<f64>(text, NO_SHARE)),
    check: |samples| {
        samples
            .iter()
            .try_for_each(|(level, share)| check_share(*level, *share))
    },
    show,
};

const NO_SHARE: &str = "the share is no number between 0 and 1";

pub(crate) fn resolve(r: &mut Resolver<'_>, code: &LogsOverrides) -> FloodPlan {
    FloodPlan {
        rate_limit: r.value(&["LOG_RATE_LIMIT"], code.rate_limit.map(Some), &RATE, None),
        budgets: r.value(&["LOG_BUDGET"], code.budgets.clone(), &BUDGETS, Vec::new()),
        samples: r.value(&["LOG_SAMPLE"], code.samples.clone(), &SAMPLES, Vec::new()),
        max_value_len: r.value(
            &["LOG_MAX_VALUE_LENGTH"],
            code.max_value_len,
            &POSITIVE,
            VALUE_BYTES,
        ),
        max_line_len: r.value(
            &["LOG_MAX_LINE_LENGTH"],
            code.max_line_len,
            &POSITIVE,
            LINE_BYTES,
        ),
    }
}

/// `debug=100,info=1000`, or `none`.
fn by_level<T>(
    text: &str,
    value: impl Fn(Level, &str) -> Result<T, String>,
) -> Result<Vec<(Level, T)>, String> {
    if text == "none" {
        return Ok(Vec::new());
    }
    let pairs = text.split(',').map(str::trim).filter(|it| !it.is_empty());
    let read = |pair: &str| {
        let (level, rest) = pair
            .split_once('=')
            .ok_or("write a level and a number, such as debug=100")?;
        let level = parse::<Level>(
            level.trim(),
            "unknown level; write trace, debug, info, warn or error",
        )?;
        Ok((level, value(level, rest.trim())?))
    };
    pairs.map(read).collect()
}

fn parse<T: FromStr>(text: &str, refusal: &str) -> Result<T, String> {
    text.parse().map_err(|_| refusal.to_owned())
}

fn parse_rate(text: &str) -> Result<u32, String> {
    parse(text, "not a whole number of lines in a second")
}

fn check_rate(rate: &u32) -> Result<(), String> {
    match rate {
        0 => Err("must be at least 1 line in a second; LOG_LEVEL turns a level off".to_owned()),
        _ => Ok(()),
    }
}

fn check_share(level: Level, share: f64) -> Result<(), String> {
    if level <= Level::WARN {
        return Err("WARN and ERROR are always kept; leave them out".to_owned());
    }
    if (0.0..=1.0).contains(&share) {
        Ok(())
    } else {
        Err(NO_SHARE.to_owned())
    }
}

#[expect(clippy::ptr_arg, reason = "a setting shows its own type")]
fn show<T: Display>(values: &Vec<(Level, T)>) -> String {
    if values.is_empty() {
        return "none".to_owned();
    }
    let texts = values
        .iter()
        .map(|(level, value)| format!("{}={value}", level.as_str().to_ascii_lowercase()));
    Vec::from_iter(texts).join(",")
}
