//! Headers of OTLP requests: `OTEL_EXPORTER_OTLP_HEADERS`.

use std::fmt;

use http::{HeaderName, HeaderValue};

use crate::config::env::Lookup;
use crate::config::overrides::OtlpOverrides;
use crate::config::percent;
use crate::config::redact::REDACTED;
use crate::config::resolver::{Resolver, in_code};
use crate::config::setting::Source;

/// Header names and values. `Debug` shows the names only, because the values are keys and tokens.
///
/// ```
/// use telemetry_core::config::Headers;
///
/// let headers: Headers = [("x-api-key", "hunter2")].into_iter().collect();
/// assert_eq!(headers.get("X-Api-Key"), Some("hunter2"));
/// assert!(!format!("{headers:?}").contains("hunter2"));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// Sets a header, in place of one of the same name in any case.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let (name, value) = (name.into(), value.into());
        match self
            .0
            .iter_mut()
            .find(|(known, _)| known.eq_ignore_ascii_case(&name))
        {
            Some(known) => known.1 = value,
            None => self.0.push((name, value)),
        }
    }

    /// The value of a header, whose name may be in any case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Names and values in the order in which they were first set.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn shown(&self) -> String {
        let names: Vec<String> = self
            .iter()
            .map(|(name, _)| format!("{name}={REDACTED}"))
            .collect();
        if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(",")
        }
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut headers = Self::default();
        pairs
            .into_iter()
            .for_each(|(name, value)| headers.insert(name, value));
        headers
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.iter().map(|(name, _)| (name, REDACTED)))
            .finish()
    }
}

/// All headers together: general and specific, environment and code, where the later of each pair wins.
pub(crate) fn resolve(
    r: &mut Resolver<'_>,
    names: &[&'static str; 2],
    all: &OtlpOverrides,
    own: &OtlpOverrides,
) -> Headers {
    let mut headers = Headers::default();
    let mut source = Source::Default;
    for name in names.iter().rev() {
        match r.env.lookup(name) {
            Lookup::Unset => continue,
            Lookup::Text(text) => read(r, name, text, &mut headers),
            Lookup::NotUnicode(_) => {
                r.report
                    .ignore(name, "", "not valid UTF-8", "the other headers");
            }
        }
        source = Source::Env(name);
    }
    for (code, name) in [(all, names[1]), (own, names[0])] {
        for (index, (header, value)) in code.headers.iter().enumerate() {
            add(
                r,
                &in_code(&[name]),
                index + 1,
                (header, value),
                &mut headers,
            );
            source = Source::Code;
        }
    }
    r.record(names[0], headers.shown(), source);
    headers
}

/// Reads `name=value,name=value`, percent-decoded.
///
/// Format: <https://opentelemetry.io/docs/specs/otel/protocol/exporter/#specifying-headers-via-environment-variables>.
fn read(r: &mut Resolver<'_>, variable: &str, text: &str, headers: &mut Headers) {
    for (index, entry) in text
        .split(',')
        .map(str::trim)
        .enumerate()
        .filter(|(_, entry)| !entry.is_empty())
    {
        let number = index + 1;
        let Some((name, value)) = entry.split_once('=') else {
            refuse(r, variable, number, "lacks =; write name=value");
            continue;
        };
        match percent::decode(value.trim()) {
            Some(value) => add(r, variable, number, (name.trim(), &value), headers),
            None => refuse(r, variable, number, "is not UTF-8 once percent-decoded"),
        }
    }
}

fn add(
    r: &mut Resolver<'_>,
    variable: &str,
    number: usize,
    (name, value): (&str, &str),
    headers: &mut Headers,
) {
    let Ok(name) = HeaderName::try_from(name) else {
        return refuse(
            r,
            variable,
            number,
            "starts with what is no header name; write name=value",
        );
    };
    match HeaderValue::from_str(value) {
        Ok(_) => headers.insert(name.as_str(), value),
        Err(_) => refuse(
            r,
            variable,
            number,
            "has a value with characters that no header may have",
        ),
    }
}

/// Names the entry by its place: a malformed one may be a key from its first character on.
fn refuse(r: &mut Resolver<'_>, variable: &str, number: usize, reason: &str) {
    r.report.ignore(
        variable,
        "",
        format!("entry {number} {reason}"),
        "the other headers",
    );
}
