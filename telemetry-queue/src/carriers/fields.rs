//! What is written into a message.

use std::borrow::Cow;

use http::HeaderName;
use telemetry_core::context::{Baggage, CarrierMut, SpanContext, propagate::Composite};

/// Begins the names of Jaeger's baggage,
/// <https://www.jaegertracing.io/sdk-migration/#baggage-propagation-format>.
const JAEGER_BAGGAGE: &str = "uberctx-";

/// The entries of one context, and which entries of an older one they replace.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    entries: Vec<(HeaderName, String)>,
    replaced: Vec<HeaderName>,
}

impl Fields {
    pub(super) fn of(composite: &Composite, span_context: &SpanContext, baggage: &Baggage) -> Self {
        let mut fields = Self {
            entries: Vec::new(),
            replaced: composite.fields().cloned().collect(),
        };
        composite.inject(span_context, baggage, &mut fields);
        fields
    }

    /// The names, in lower case, and values to write.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let entries = self.entries.iter();
        entries.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether an entry of this name, in any case, belongs to the context and is to be replaced.
    #[must_use]
    pub fn replaces(&self, name: &str) -> bool {
        let is_listed = |field: &HeaderName| field.as_str().eq_ignore_ascii_case(name);
        self.replaced.iter().any(is_listed)
            || self.entries.iter().any(|(field, _)| is_listed(field))
            || self.is_jaeger() && starts_with(name, JAEGER_BAGGAGE)
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The bytes of all names and values.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.iter()
            .map(|(name, value)| name.len() + value.len())
            .sum()
    }

    /// Those whose names are allowed.
    pub(super) fn only(&self, is_allowed: impl Fn(&str) -> bool) -> Self {
        let mut fields = self.clone();
        fields.leave_out(|name| !is_allowed(name));
        fields
    }

    /// Leaves out what can best be spared: baggage, then the tracestate. False if there is neither.
    pub(super) fn trim(&mut self) -> bool {
        self.leave_out(|name| name == "baggage" || name.starts_with(JAEGER_BAGGAGE))
            || self.leave_out(|name| name == "tracestate")
    }

    fn leave_out(&mut self, is_spared: impl Fn(&str) -> bool) -> bool {
        let before = self.len();
        self.entries.retain(|(name, _)| !is_spared(name.as_str()));
        self.len() < before
    }

    fn is_jaeger(&self) -> bool {
        self.replaced.iter().any(|name| name == "uber-trace-id")
    }
}

impl CarrierMut for Fields {
    fn set(&mut self, name: &HeaderName, value: Cow<'_, str>) {
        self.remove(name);
        self.entries.push((name.clone(), value.into_owned()));
    }

    fn remove(&mut self, name: &HeaderName) {
        self.entries.retain(|(field, _)| field != name);
    }
}

fn starts_with(name: &str, prefix: &str) -> bool {
    let start = name.as_bytes().get(..prefix.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
}
