//! The plan for whoever asks for more lines from outside: tokens, and the endpoint of levels.

use std::fmt;

use http::HeaderName;

use super::kind::Kind;
use super::overrides::Overrides;
use super::redact::REDACTED;
use super::resolver::Resolver;

/// The shortest key: as long as the hash, <https://www.rfc-editor.org/rfc/rfc2104#section-3>.
const MIN_SECRET: usize = 32;

/// The shortest bearer token: 128 bits in hexadecimal, <https://www.rfc-editor.org/rfc/rfc6749#section-10.10>.
const MIN_TOKEN: usize = 32;

/// How others may make the log more verbose.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct VerbosePlan {
    /// What signs the tokens of verbose requests; without it none is accepted.
    pub secret: Option<Secret>,
    /// The header in which they come.
    pub header: HeaderName,
    /// The hosts to which they go on.
    pub hosts: Vec<String>,
    /// What whoever changes levels over HTTP has to know.
    pub loggers_token: Option<Secret>,
}

/// Text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps it.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for what has to know it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

const SECRET: Kind<Option<Secret>> = Kind {
    parse: |text| Ok(Some(Secret::new(text))),
    check: |secret| long_enough(secret.as_ref(), MIN_SECRET),
    show,
};

const LOGGERS_TOKEN: Kind<Option<Secret>> = Kind {
    parse: |text| Ok(Some(Secret::new(text))),
    check: |token| long_enough(token.as_ref(), MIN_TOKEN),
    show,
};

const HEADER: Kind<HeaderName> = Kind {
    parse: |text| {
        let name = HeaderName::try_from(text);
        name.map_err(|_| "not the name of a header, such as x-verbose".to_owned())
    },
    check: |_| Ok(()),
    show: |name| name.as_str().to_owned(),
};

const HOSTS: Kind<Vec<String>> = Kind {
    parse: |text| {
        let hosts = text.split(',').map(str::trim).filter(|it| !it.is_empty());
        Ok(hosts.map(str::to_ascii_lowercase).collect())
    },
    check: |hosts| match hosts.iter().find(|host| !is_pattern(host)) {
        Some(host) => Err(format!(
            "{host} is no host; write stock.internal or *.internal, without a port"
        )),
        None => Ok(()),
    },
    show: |hosts| super::list::show(hosts),
};

pub(crate) fn resolve(r: &mut Resolver<'_>, code: &Overrides) -> VerbosePlan {
    let verbose = code.verbose.clone();
    let default = HeaderName::from_static("x-telemetry-verbose");
    VerbosePlan {
        secret: r.value(
            &["TELEMETRY_VERBOSE_SECRET"],
            verbose.secret.map(Some),
            &SECRET,
            None,
        ),
        header: r.value(
            &["TELEMETRY_VERBOSE_HEADER"],
            verbose.header,
            &HEADER,
            default,
        ),
        hosts: r.value(
            &["TELEMETRY_VERBOSE_HOSTS"],
            verbose.hosts,
            &HOSTS,
            Vec::new(),
        ),
        loggers_token: r.value(
            &["TELEMETRY_LOGGERS_TOKEN"],
            verbose.loggers_token.map(Some),
            &LOGGERS_TOKEN,
            None,
        ),
    }
}

fn show(secret: &Option<Secret>) -> String {
    let shown = secret.as_ref().map_or("none", |_| REDACTED);
    shown.to_owned()
}

fn long_enough(secret: Option<&Secret>, min: usize) -> Result<(), String> {
    if secret.is_none_or(|secret| secret.0.len() >= min) {
        return Ok(());
    }
    Err(format!("shorter than {min} bytes, so it could be guessed"))
}

/// A host, or `*.` and the end of its name.
fn is_pattern(host: &str) -> bool {
    let name = host.strip_prefix("*.").unwrap_or(host);
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-._[]:".contains(c);
    let has_port = name.contains(':') && !name.starts_with('[');
    !name.is_empty() && name.chars().all(is_part) && !has_port
}
