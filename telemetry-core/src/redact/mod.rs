//! What must not leave the process: values of secret keys, and secrets within text.
//!
//! One [`Redaction`] is applied where values are recorded, before anything is queued: to log lines
//! and log records, to the attributes and events of spans, to baggage that is sent on, and to the
//! attributes of exemplars. A value that is hidden reads [`REDACTED`].
//!
//! ```
//! use telemetry_core::redact::{Pattern, Redaction, RedactionRules};
//!
//! let rules = RedactionRules::default().key("customer.*").pattern(Pattern::JWT);
//! let redaction = Redaction::new(&rules);
//! assert!(redaction.is_secret("http.request.header.Authorization"));
//! assert!(redaction.is_secret("customer.name"));
//! assert!(!redaction.is_secret("order.id"));
//! ```

mod card;
mod counts;
mod email;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod fuzz;
mod keys;
mod pattern;
mod rules;
mod token;

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use opentelemetry::{Array, StringValue, Value};

pub use counts::Place;
pub use pattern::{Pattern, PatternError};
pub use rules::RedactionRules;

use counts::Counts;
use keys::SecretKeys;

/// What stands in for a secret.
pub const REDACTED: &str = "<redacted>";

/// Compiled rules, and how often they applied. Cloning is cheap, and the clones count together.
///
/// The default hides the values of the built-in keys, see [`RedactionRules`].
#[derive(Clone, Debug)]
pub struct Redaction(Option<Arc<Compiled>>);

#[derive(Debug)]
struct Compiled {
    keys: SecretKeys,
    patterns: Box<[Pattern]>,
    counts: Counts,
}

impl Redaction {
    /// Compiles rules.
    #[must_use]
    pub fn new(rules: &RedactionRules) -> Self {
        let keys = SecretKeys::new(&rules.all_keys());
        let patterns = rules.patterns.clone();
        let is_on = !keys.is_empty() || !patterns.is_empty();
        Self(is_on.then(|| {
            Arc::new(Compiled {
                keys,
                patterns: patterns.into(),
                counts: Counts::default(),
            })
        }))
    }

    /// Hides nothing.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }

    /// Whether there is any rule.
    #[must_use]
    #[inline]
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Whether both are one.
    #[inline]
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            _ => false,
        }
    }

    /// Whether text is searched, not only keys compared.
    #[must_use]
    #[inline]
    pub fn has_patterns(&self) -> bool {
        self.0
            .as_deref()
            .is_some_and(|rules| !rules.patterns.is_empty())
    }

    /// Whether the values of this key are hidden.
    #[must_use]
    #[inline]
    pub fn is_secret(&self, key: &str) -> bool {
        self.0.as_deref().is_some_and(|rules| rules.keys.has(key))
    }

    /// The text without the secrets that the patterns find in it; `None` if they find none.
    #[must_use]
    #[inline]
    pub fn scrub(&self, text: &str) -> Option<String> {
        let rules = self.0.as_deref()?;
        if rules.patterns.is_empty() {
            return None;
        }
        pattern::scrub(&rules.patterns, text)
    }

    /// The text as it may be shown; what was hidden is counted.
    #[must_use]
    #[inline]
    pub fn clean<'a>(&self, text: &'a str, place: Place) -> Cow<'a, str> {
        match self.scrub(text) {
            Some(clean) => {
                self.count(place);
                Cow::Owned(clean)
            }
            None => Cow::Borrowed(text),
        }
    }

    /// What stands in for this value; `None` if it may stay.
    #[must_use]
    pub fn replace(&self, key: &str, value: &Value) -> Option<Value> {
        if self.is_secret(key) {
            return Some(REDACTED.into());
        }
        self.scrub_value(value)
    }

    /// The value without the secrets that the patterns find in its text.
    #[must_use]
    pub(crate) fn scrub_value(&self, value: &Value) -> Option<Value> {
        match value {
            Value::String(text) => self.scrub(text.as_str()).map(Value::from),
            Value::Array(Array::String(items)) => self.scrub_all(items),
            _ => None,
        }
    }

    fn scrub_all(&self, items: &[StringValue]) -> Option<Value> {
        let clean: Vec<_> = items.iter().map(|item| self.scrub(item.as_str())).collect();
        if clean.iter().all(Option::is_none) {
            return None;
        }
        let both = items.iter().zip(clean);
        let items = both.map(|(item, clean)| clean.map_or_else(|| item.clone(), StringValue::from));
        Some(Value::Array(Array::String(items.collect())))
    }

    /// Counts a value that was hidden.
    #[cold]
    pub fn count(&self, place: Place) {
        if let Some(rules) = &self.0 {
            rules.counts.add(place);
        }
    }

    /// How many values were hidden in such a place.
    #[must_use]
    pub fn hidden(&self, place: Place) -> u64 {
        self.0.as_deref().map_or(0, |rules| rules.counts.get(place))
    }
}

impl Default for Redaction {
    fn default() -> Self {
        static BUILT_IN: LazyLock<Box<[Box<str>]>> =
            LazyLock::new(|| RedactionRules::default().all_keys().into());
        Self(Some(Arc::new(Compiled {
            keys: SecretKeys::new(&BUILT_IN),
            patterns: Box::default(),
            counts: Counts::default(),
        })))
    }
}

#[cfg(test)]
mod tests;
