//! The base level, by target.

use std::error::Error;
use std::fmt;

use tracing_core::LevelFilter;

/// Levels by target, as `RUST_LOG` has them: `info,my_crate=debug,hyper=warn`.
///
/// A directive is a level (`off`, `error`, `warn`, `info`, `debug`, `trace`, or 0 to 5), a
/// `target=level`, or a target alone, which means all of its levels. A target covers whatever
/// begins with it; the longest one decides. What no directive covers is off.
///
/// # Examples
///
/// ```
/// use telemetry_log::Directives;
/// use tracing::level_filters::LevelFilter;
///
/// let (directives, errors) = Directives::parse("info,hyper=warn,app[span]=debug");
/// assert_eq!(directives.level_of("hyper::client"), LevelFilter::WARN);
/// assert_eq!(directives.level_of("app"), LevelFilter::INFO);
/// assert_eq!(errors.len(), 1); // directives for spans are not supported
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directives {
    /// The longest target first.
    targets: Vec<(String, LevelFilter)>,
    default: LevelFilter,
}

impl Default for Directives {
    /// INFO for every target.
    fn default() -> Self {
        Self::level(LevelFilter::INFO)
    }
}

impl Directives {
    /// One level for every target.
    #[must_use]
    pub fn level(level: LevelFilter) -> Self {
        Self {
            targets: Vec::new(),
            default: level,
        }
    }

    /// Reads directives. Those that it does not understand are left out and returned as errors;
    /// with none that it understands, the level is INFO.
    #[must_use]
    pub fn parse(text: &str) -> (Self, Vec<ParseError>) {
        let mut directives = Self::level(LevelFilter::OFF);
        let mut errors = Vec::new();
        let mut understood = 0;
        for directive in text
            .split(',')
            .map(str::trim)
            .filter(|text| !text.is_empty())
        {
            match parse_directive(directive) {
                Ok((None, level)) => directives.default = level,
                Ok((Some(target), level)) => directives.add(target, level),
                Err(reason) => {
                    errors.push(ParseError {
                        directive: directive.to_owned(),
                        reason,
                    });
                    continue;
                }
            }
            understood += 1;
        }
        if understood == 0 {
            directives.default = LevelFilter::INFO;
        }
        (directives, errors)
    }

    /// Sets the level of a target, replacing an earlier one.
    #[must_use]
    pub fn with(mut self, target: &str, level: LevelFilter) -> Self {
        self.add(target, level);
        self
    }

    fn add(&mut self, target: &str, level: LevelFilter) {
        self.targets.retain(|(earlier, _)| earlier != target);
        self.targets.push((target.to_owned(), level));
        self.targets
            .sort_by_key(|(target, _)| std::cmp::Reverse(target.len()));
    }

    /// The level of a target.
    #[must_use]
    pub fn level_of(&self, target: &str) -> LevelFilter {
        self.targets
            .iter()
            .find(|(prefix, _)| target.starts_with(prefix.as_str()))
            .map_or(self.default, |(_, level)| *level)
    }

    /// The targets that have a level of their own, the longest first.
    pub fn targets(&self) -> impl Iterator<Item = (&str, LevelFilter)> {
        let targets = self.targets.iter();
        targets.map(|(target, level)| (target.as_str(), *level))
    }

    /// The level of every target that has none of its own.
    #[must_use]
    pub fn default_level(&self) -> LevelFilter {
        self.default
    }

    /// Whether a directive for this target, and not the default, says `off`.
    pub(crate) fn turns_off(&self, target: &str) -> bool {
        let own = self
            .targets
            .iter()
            .find(|(prefix, _)| target.starts_with(prefix.as_str()));
        own.is_some_and(|(_, level)| *level == LevelFilter::OFF)
    }

    /// The most verbose level of all.
    #[must_use]
    pub fn max_level(&self) -> LevelFilter {
        self.targets
            .iter()
            .map(|(_, level)| *level)
            .fold(self.default, LevelFilter::max)
    }
}

impl fmt::Display for Directives {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.default)?;
        for (target, level) in &self.targets {
            write!(f, ",{target}={level}")?;
        }
        Ok(())
    }
}

fn parse_directive(text: &str) -> Result<(Option<&str>, LevelFilter), &'static str> {
    if text.contains(['[', ']', '{', '}']) {
        return Err("directives for spans and fields are not supported; use target=level");
    }
    let Some((target, level)) = text.split_once('=') else {
        return Ok(match level_named(text) {
            Some(level) => (None, level),
            None => (Some(text), LevelFilter::TRACE),
        });
    };
    let (target, level) = (target.trim(), level.trim());
    if target.is_empty() {
        return Err("it names no target before the =");
    }
    match level_named(level) {
        Some(filter) => Ok((Some(target), filter)),
        None => Err("the level is none of off, error, warn, info, debug, trace"),
    }
}

/// A level by the names that people write, those of other loggers among them: who writes `warning`
/// means no target of that name.
fn level_named(text: &str) -> Option<LevelFilter> {
    let others = [
        ("none", LevelFilter::OFF),
        ("fatal", LevelFilter::ERROR),
        ("critical", LevelFilter::ERROR),
        ("warning", LevelFilter::WARN),
        ("verbose", LevelFilter::TRACE),
    ];
    let other = others
        .iter()
        .find(|(name, _)| text.eq_ignore_ascii_case(name));
    // tracing reads nothing as ERROR
    let parsed = || text.parse().ok().filter(|_| !text.is_empty());
    other.map(|(_, level)| *level).or_else(parsed)
}

/// A directive that was left out, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    directive: String,
    reason: &'static str,
}

impl ParseError {
    /// The directive as it was written.
    #[must_use]
    pub fn directive(&self) -> &str {
        &self.directive
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` was ignored: {}", self.directive, self.reason)
    }
}

impl Error for ParseError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_target_decides_in_any_order() {
        for text in [
            "warn,app=info,app::db=trace,app::db::pool=off",
            "app::db::pool=off,app::db=trace,app=info,warn",
        ] {
            let (directives, errors) = Directives::parse(text);
            assert_eq!(errors, []);
            assert_eq!(directives.level_of("other"), LevelFilter::WARN);
            assert_eq!(directives.level_of("app::http"), LevelFilter::INFO);
            assert_eq!(directives.level_of("app::db::query"), LevelFilter::TRACE);
            assert_eq!(directives.level_of("app::db::pool"), LevelFilter::OFF);
            assert_eq!(directives.max_level(), LevelFilter::TRACE);
        }
    }

    #[test]
    fn forms_of_a_directive() {
        let level = |text, target| Directives::parse(text).0.level_of(target);
        assert_eq!(level("app", "app::x"), LevelFilter::TRACE);
        assert_eq!(level("app", "other"), LevelFilter::OFF);
        assert_eq!(level("OFF", "app"), LevelFilter::OFF);
        assert_eq!(level(" Debug , app = 2 ", "app"), LevelFilter::WARN);
        assert_eq!(level("", "app"), LevelFilter::INFO);
        assert_eq!(level("app=debug,app=error", "app"), LevelFilter::ERROR);
        assert_eq!(level("warning", "app"), LevelFilter::WARN);
        assert_eq!(level("app=Fatal", "app"), LevelFilter::ERROR);
        assert_eq!(level("app=", "app"), LevelFilter::INFO);
    }

    #[test]
    fn what_is_not_understood_is_reported_and_left_out() {
        let (directives, errors) = Directives::parse("app=loud,[span]=info,x{f=1}=info,=info,a=");
        assert_eq!(errors.len(), 5, "{errors:?}");
        assert_eq!(directives, Directives::default());
        assert_eq!(
            errors[0].to_string(),
            "`app=loud` was ignored: the level is none of off, error, warn, info, debug, trace"
        );
    }
}
