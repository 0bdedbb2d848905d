//! What the command line says.

use std::error::Error;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};
use telemetry_slo::{Cold, Ratio, Time};

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) file: PathBuf,
    pub(crate) target: Ratio,
    /// What the tiers are made for, and the rolling period of the budget.
    pub(crate) period: Duration,
    /// The moments to probe.
    pub(crate) at: Vec<u64>,
    pub(crate) min_bad: u64,
    pub(crate) cold: Cold,
    pub(crate) fire_after: Duration,
    pub(crate) keep_firing_for: Duration,
    /// The period of the budget, in place of the rolling one.
    pub(crate) calendar: Option<(Time, Time)>,
    /// No tick in between.
    pub(crate) suspended: Option<(u64, u64)>,
}

impl Options {
    pub(crate) fn new(file: impl Into<PathBuf>, target: Ratio) -> Self {
        Self {
            file: file.into(),
            target,
            period: Duration::from_secs(30 * 86_400),
            at: Vec::new(),
            min_bad: 1,
            cold: Cold::Observed,
            fire_after: Duration::ZERO,
            keep_firing_for: Duration::ZERO,
            calendar: None,
            suspended: None,
        }
    }

    pub(crate) fn parse(mut parser: Parser) -> Result<Self, Box<dyn Error>> {
        let mut options = Self::new("", Ratio::ZERO);
        let (mut file, mut target) = (None, None);
        while let Some(arg) = parser.next()? {
            match arg {
                Arg::Long("target") => target = Some(text(&mut parser)?.parse()?),
                Arg::Value(value) => file = Some(PathBuf::from(value)),
                Arg::Long(name) => {
                    let name = name.to_owned();
                    options.set(&name, &mut parser)?;
                }
                Arg::Short(_) => return Err(arg.unexpected().into()),
            }
        }
        options.file = file.ok_or("the file is missing")?;
        options.target = target.ok_or("--target is missing")?;
        Ok(options)
    }

    fn set(&mut self, name: &str, parser: &mut Parser) -> Result<(), Box<dyn Error>> {
        let mut seconds = || -> Result<u64, Box<dyn Error>> { duration(&text(parser)?) };
        match name {
            "period" => self.period = Duration::from_secs(seconds()?),
            "for" => self.fire_after = Duration::from_secs(seconds()?),
            "keep-firing-for" => self.keep_firing_for = Duration::from_secs(seconds()?),
            "min-bad" => self.min_bad = text(parser)?.parse()?,
            "at" => {
                let times = text(parser)?;
                let times = times.split(',').map(|time| time.trim().parse());
                self.at = times.collect::<Result<_, _>>()?;
            }
            "cold" => {
                self.cold = match &*text(parser)? {
                    "observed" => Cold::Observed,
                    "scaled" => Cold::Scaled,
                    other => {
                        return Err(format!("--cold is observed or scaled, not {other:?}").into());
                    }
                };
            }
            "calendar" => {
                let (start, end) = (seconds()?, seconds()?);
                self.calendar = Some((Time::from_secs(start), Time::from_secs(end)));
            }
            "suspended" => self.suspended = Some((seconds()?, seconds()?)),
            other => return Err(format!("there is no option --{other}").into()),
        }
        Ok(())
    }
}

fn text(parser: &mut Parser) -> Result<String, Box<dyn Error>> {
    let value: OsString = parser.value()?;
    Ok(value.string()?)
}

/// Seconds, or a number with `s`, `m`, `h`, `d` or `w`.
fn duration(text: &str) -> Result<u64, Box<dyn Error>> {
    let (number, unit) = match text.strip_suffix(['s', 'm', 'h', 'd', 'w']) {
        Some(number) => (number, &text[number.len()..]),
        None => (text, "s"),
    };
    let seconds = match unit {
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 604_800,
        _ => 1,
    };
    let number: u64 = number
        .parse()
        .map_err(|_| format!("{text:?} is no duration: write seconds, or 30d"))?;
    number
        .checked_mul(seconds)
        .ok_or_else(|| format!("{text:?} is too long").into())
}
