//! The rules, as they are written.

use super::Pattern;

/// What is hidden.
///
/// A key is compared without regard to case, `-` and `_`: `api_key`, `api-key` and `apiKey` are
/// one. A `*` stands for any text. A name without a dot is compared with what follows the last
/// dot of a key, so that `authorization` covers `http.request.header.authorization`; a name with
/// a dot is compared with the whole key.
///
/// The default hides, by key, credentials ([`BUILT_IN`](Self::BUILT_IN)), and searches no text.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RedactionRules {
    /// Whether the keys of [`BUILT_IN`](Self::BUILT_IN) are among them.
    pub built_in: bool,
    /// Further keys.
    pub keys: Vec<String>,
    /// What is searched for in text.
    pub patterns: Vec<Pattern>,
}

impl RedactionRules {
    /// The keys that are hidden by default: those under which credentials travel. Nothing that
    /// people need to understand a request, such as a user's or session's id, is among them.
    pub const BUILT_IN: &[&str] = &[
        "authorization",
        "proxy_authorization",
        "cookie",
        "set_cookie",
        "credential",
        "credentials",
        "pwd",
        "*password",
        "*passwd",
        "*passphrase",
        "*secret",
        "*token",
        "*api_key",
        "*access_key",
        "*private_key",
        "*secret_key",
    ];

    /// No rule.
    #[must_use]
    pub fn none() -> Self {
        Self {
            built_in: false,
            keys: Vec::new(),
            patterns: Vec::new(),
        }
    }

    /// Hides the values of a key too.
    #[must_use]
    pub fn key(mut self, name: impl Into<String>) -> Self {
        self.keys.push(name.into());
        self
    }

    /// Hides what a pattern finds too.
    #[must_use]
    pub fn pattern(mut self, pattern: Pattern) -> Self {
        self.patterns.push(pattern);
        self
    }

    pub(super) fn all_keys(&self) -> Vec<Box<str>> {
        let built_in = if self.built_in { Self::BUILT_IN } else { &[] };
        let own = self.keys.iter().map(String::as_str);
        built_in.iter().copied().chain(own).map(Box::from).collect()
    }
}

impl Default for RedactionRules {
    fn default() -> Self {
        Self {
            built_in: true,
            ..Self::none()
        }
    }
}
