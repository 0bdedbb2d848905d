//! Where variables come from.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io::IsTerminal;

/// A snapshot of what surrounds the program: its environment variables, and which streams are terminals.
///
/// A value is trimmed, and an empty one counts as unset, as the OpenTelemetry specification demands
/// (<https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#parsing-empty-value>).
/// `Debug` shows names only: variables hold secrets.
///
/// ```
/// use telemetry_core::config::Env;
///
/// let env = Env::from_pairs([("OTEL_SERVICE_NAME", " shop "), ("OTEL_PROPAGATORS", "")]);
/// assert_eq!(env.get("OTEL_SERVICE_NAME"), Some("shop"));
/// assert_eq!(env.get("OTEL_PROPAGATORS"), None);
/// ```
#[derive(Clone, Default)]
pub struct Env {
    variables: BTreeMap<String, Text>,
    stdout_is_terminal: bool,
    stderr_is_terminal: bool,
}

#[derive(Clone)]
enum Text {
    Unicode(String),
    NotUnicode(String),
}

/// What one variable holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lookup<'a> {
    Unset,
    Text(&'a str),
    /// The bytes are not UTF-8; the text shows them with replacement characters.
    NotUnicode(&'a str),
}

impl Env {
    /// The environment of this process, as it is now.
    #[must_use]
    pub fn process() -> Self {
        let mut env = Self::from_os_pairs(std::env::vars_os());
        env.stdout_is_terminal = std::io::stdout().is_terminal();
        env.stderr_is_terminal = std::io::stderr().is_terminal();
        env
    }

    /// An environment of these variables alone, without a terminal: for tests.
    #[must_use]
    pub fn from_pairs<K, V>(pairs: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: Into<String>,
        V: Into<String>,
    {
        let pairs = pairs.into_iter();
        Self::from_os_pairs(pairs.map(|(name, value)| (name.into().into(), value.into().into())))
    }

    /// An environment of these variables alone, whose names and values may be any bytes.
    #[must_use]
    pub fn from_os_pairs(pairs: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let read = |(name, value): (OsString, OsString)| {
            let text = match value.into_string() {
                Ok(text) => Text::Unicode(text),
                Err(bytes) => Text::NotUnicode(bytes.to_string_lossy().into_owned()),
            };
            Some((name.into_string().ok()?, text))
        };
        Self {
            variables: pairs.into_iter().filter_map(read).collect(),
            ..Self::default()
        }
    }

    /// Says whether standard output and standard error are terminals.
    #[must_use]
    pub fn with_terminals(mut self, stdout: bool, stderr: bool) -> Self {
        self.stdout_is_terminal = stdout;
        self.stderr_is_terminal = stderr;
        self
    }

    /// The trimmed value of a variable; `None` if it is unset, empty or not UTF-8.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        match self.lookup(name) {
            Lookup::Text(text) => Some(text),
            Lookup::Unset | Lookup::NotUnicode(_) => None,
        }
    }

    /// Whether standard output is a terminal.
    #[must_use]
    pub fn stdout_is_terminal(&self) -> bool {
        self.stdout_is_terminal
    }

    /// Whether standard error is a terminal.
    #[must_use]
    pub fn stderr_is_terminal(&self) -> bool {
        self.stderr_is_terminal
    }

    pub(crate) fn lookup(&self, name: &str) -> Lookup<'_> {
        match self.variables.get(name) {
            None => Lookup::Unset,
            Some(Text::NotUnicode(text)) => Lookup::NotUnicode(text),
            Some(Text::Unicode(text)) => match text.trim() {
                "" => Lookup::Unset,
                text => Lookup::Text(text),
            },
        }
    }

    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.lookup(name) != Lookup::Unset
    }

    /// The names of all variables that are set, in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.variables
            .keys()
            .map(String::as_str)
            .filter(|name| self.is_set(name))
    }
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Env")
            .field("names", &self.variables.keys().collect::<Vec<_>>())
            .field("stdout_is_terminal", &self.stdout_is_terminal)
            .field("stderr_is_terminal", &self.stderr_is_terminal)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_trimmed_and_blank_means_unset() {
        let env = Env::from_pairs([("A", "  x y\t"), ("B", " \n"), ("C", "")]);
        assert_eq!(env.get("A"), Some("x y"));
        assert_eq!(env.get("B"), None);
        assert_eq!(env.get("C"), None);
        assert_eq!(env.names().collect::<Vec<_>>(), ["A"]);
    }

    #[test]
    fn debug_shows_no_value() {
        let env = Env::from_pairs([("TOKEN", "hunter2")]);
        let shown = format!("{env:?}");
        assert!(
            shown.contains("TOKEN") && !shown.contains("hunter2"),
            "{shown}"
        );
    }

    #[cfg(unix)]
    #[test]
    fn bytes_that_are_no_text_are_told_from_unset() {
        use std::os::unix::ffi::OsStringExt;
        let value = OsString::from_vec(vec![b'a', 0xff]);
        let env = Env::from_os_pairs([("A".into(), value)]);
        assert_eq!(env.get("A"), None);
        assert_eq!(env.lookup("A"), Lookup::NotUnicode("a\u{fffd}"));
    }
}
