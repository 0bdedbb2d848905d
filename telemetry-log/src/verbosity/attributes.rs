//! Attributes of spans for which an override is set.

use std::fmt;
use std::sync::Arc;

use telemetry_core::trace::attribute_is;
use tracing_core::Subscriber;
use tracing_core::field::{Field, Visit};
use tracing_core::span::Id;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::MAX_TEXT;
use super::armed::Armed;
use super::filter::name;
use super::scope::Matcher;
use crate::text::put_formatted;

/// The fields of a span that an override asks for, kept beside it.
struct Noted(Vec<(Box<str>, Box<str>)>);

/// Visits fields for what the overrides ask.
pub(super) struct Wanted {
    list: Arc<Vec<Armed>>,
    found: Vec<(Box<str>, Box<str>)>,
}

impl Wanted {
    pub(super) fn of(list: Arc<Vec<Armed>>) -> Self {
        Self {
            list,
            found: Vec::new(),
        }
    }

    /// Keeps what was found beside the span.
    pub(super) fn keep<S>(self, id: &Id, context: &Context<'_, S>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        if self.found.is_empty() {
            return;
        }
        if let Some(span) = context.span(id) {
            let mut extensions = span.extensions_mut();
            if let Some(Noted(noted)) = extensions.get_mut() {
                noted.extend(self.found);
            } else {
                extensions.insert(Noted(self.found));
            }
        }
    }

    fn compare(&mut self, field: &Field, text: impl FnOnce() -> String) {
        let is_wanted = |armed: &&Armed| matches!(&armed.matcher, Matcher::Attribute(key, _) if **key == *name(field));
        if !self.list.iter().any(|armed| is_wanted(&armed)) {
            return;
        }
        let text = text();
        for armed in self.list.iter().filter(is_wanted) {
            if let Matcher::Attribute(key, value) = &armed.matcher
                && **value == *text
            {
                self.found.push((key.clone(), value.clone()));
            }
        }
    }
}

impl Visit for Wanted {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.compare(field, || value.to_owned());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.compare(field, || value.to_string());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.compare(field, || value.to_string());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.compare(field, || value.to_string());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.compare(field, || value.to_string());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.compare(field, || {
            let mut text = String::new();
            put_formatted(&mut text, MAX_TEXT, format_args!("{value:?}"));
            text
        });
    }
}

/// Whether a span around what happens here has the attribute.
pub(super) fn has_attribute<S>(context: &Context<'_, S>, key: &str, value: &str) -> bool
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let Some(innermost) = context.lookup_current() else {
        return false;
    };
    innermost.scope().any(|span| {
        let noted = span.extensions().get::<Noted>().is_some_and(|noted| {
            let mut pairs = noted.0.iter();
            pairs.any(|(noted, found)| **noted == *key && **found == *value)
        });
        noted || attribute_is(&span, key, value)
    })
}
