//! From `tracing` fields to attributes.

use std::borrow::Cow;
use std::cell::Cell;
use std::error::Error;
use std::fmt;

use tracing_core::field::{Field, Visit};

use super::exception::Exception;
use super::foreign::{self, MAX_TEXT, PANICKED};
use crate::otlp::{Attributes, Encode, Kind, StatusCode};

/// The fields that say something about the span itself.
#[derive(Default)]
pub(super) struct Special {
    pub(super) name: Option<String>,
    pub(super) kind: Option<Kind>,
    pub(super) status: Option<StatusCode>,
    pub(super) status_message: Option<String>,
    pub(super) message: Option<String>,
}

/// Writes fields into attributes.
pub(super) struct Visitor<'a> {
    pub(super) attributes: &'a mut Attributes,
    pub(super) special: &'a mut Special,
    pub(super) exception: &'a mut Option<Exception>,
    /// Whether keys may be set already.
    pub(super) again: bool,
    /// Whether `message` is the event's message.
    pub(super) event: bool,
}

impl Visitor<'_> {
    #[inline]
    fn put(&mut self, key: &str, value: impl Encode) {
        if self.again {
            self.attributes.set(key, value);
        } else {
            self.attributes.push(key, value);
        }
    }

    /// Takes the text of a field that is not an attribute. Returns whether it was one; what
    /// makes no sense stays an attribute, so that it is seen.
    #[inline]
    fn take_special(&mut self, key: &str, text: &str) -> bool {
        (self.event || key.starts_with("otel.")) && self.take_named(key, text)
    }

    #[cold]
    fn take_named(&mut self, key: &str, text: &str) -> bool {
        if self.event {
            let is_message = key == "message";
            if is_message {
                self.special.message = Some(text.to_owned());
            }
            return is_message;
        }
        match key {
            "otel.name" => self.special.name = Some(text.to_owned()),
            "otel.kind" => match Kind::parse(text) {
                Some(kind) => self.special.kind = Some(kind),
                None => return false,
            },
            "otel.status_code" => match status(text) {
                Some(status) => self.special.status = Some(status),
                None => return false,
            },
            "otel.status_description" | "otel.status_message" => {
                self.special.status_message = Some(text.to_owned());
            }
            _ => return false,
        }
        true
    }

    fn put_wide(&mut self, key: &str, narrow: Option<i64>, value: &dyn fmt::Display) {
        match narrow {
            Some(narrow) => self.put(key, narrow),
            None => self.put_text(key, value),
        }
    }

    /// Puts what a value writes, cut if it does not end. The value is the user's code.
    fn put_text(&mut self, key: &str, value: &dyn fmt::Display) {
        with_scratch(|scratch| {
            if foreign::write(scratch, MAX_TEXT, value).is_none() {
                return self.put(key, PANICKED);
            }
            if !self.take_special(key, scratch) {
                self.put(key, scratch.as_str());
            }
        });
    }
}

impl Visit for Visitor<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put_wide(field.name(), i64::try_from(value).ok(), &value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.put_wide(field.name(), i64::try_from(value).ok(), &value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.put_wide(field.name(), i64::try_from(value).ok(), &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field.name(), value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if value.len() > MAX_TEXT {
            self.put_text(field.name(), &value);
        } else if !self.take_special(field.name(), value) {
            self.put(field.name(), value);
        }
    }

    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        self.put(field.name(), &value[..value.len().min(MAX_TEXT)]);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let exception = Exception::of(value);
        self.put_text(field.name(), &exception.message);
        *self.exception = Some(exception);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put_text(field.name(), &format_args!("{value:?}"));
    }
}

/// How much memory a thread keeps for the next value.
const KEPT_SCRATCH: usize = 16 * 1024;

/// Lends a string that is not allocated anew each time. It is taken out while it is used, because
/// the user's code that writes to it may come here again.
fn with_scratch<T>(use_it: impl FnOnce(&mut String) -> T) -> T {
    thread_local! {
        static SCRATCH: Cell<String> = const { Cell::new(String::new()) };
    }
    let mut scratch = SCRATCH.try_with(Cell::take).unwrap_or_default();
    scratch.clear();
    let result = use_it(&mut scratch);
    if scratch.capacity() <= KEPT_SCRATCH {
        let _ = SCRATCH.try_with(|kept| kept.set(scratch));
    }
    result
}

fn status(text: &str) -> Option<StatusCode> {
    [
        ("error", StatusCode::Error),
        ("ok", StatusCode::Ok),
        ("unset", StatusCode::Unset),
    ]
    .into_iter()
    .find_map(|(name, code)| text.eq_ignore_ascii_case(name).then_some(code))
}

impl Special {
    /// Applies what was said to the record.
    pub(super) fn apply(self, record: &mut super::Record) {
        if let Some(name) = self.name {
            record.set_name(&name);
        }
        if let Some(kind) = self.kind {
            record.kind = kind;
        }
        let message = self.status_message.map_or(Cow::Borrowed(""), Cow::Owned);
        match self.status {
            Some(status) => record.set_status(status, message),
            None if !message.is_empty() => record.describe_status(message),
            None => {}
        }
    }
}
