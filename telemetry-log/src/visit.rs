//! One visit of an event's or a span's fields, for all outputs.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use opentelemetry::{Array, KeyValue, Value};
use telemetry_core::otlp::{AttributeLimits, Attributes, Encode};
use telemetry_core::redact::{Place, REDACTED, Redaction};
use telemetry_core::trace::Exception;
use tracing_core::Field;
use tracing_core::field::Visit;

use crate::error::Chain;
use crate::event::{self, ATTRIBUTES_FIELD, FATAL, SEVERITY_FIELD};
use crate::json::{
    Fields, KeyCache, Reserved, pinned, put_bool, put_bytes, put_float, put_int, put_string,
};
use crate::text::{FAILED, put_cleaned, put_cut, put_formatted, with_text};

/// What the visit of any field needs to know.
#[derive(Debug)]
pub(crate) struct VisitOptions {
    pub(crate) reserved: Reserved,
    /// The longest text of one value, in bytes.
    pub(crate) value_bytes: usize,
    /// The limits of OTLP attributes, if log records are exported.
    pub(crate) otlp: Option<AttributeLimits>,
    /// What is hidden.
    pub(crate) redaction: Redaction,
}

impl VisitOptions {
    /// Text as it may be shown.
    #[inline]
    pub(crate) fn clean<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.redaction.has_patterns() {
            self.redaction.clean(text, Place::Log)
        } else {
            Cow::Borrowed(text)
        }
    }

    /// Appends what a value prints as it may be shown, cut if it is too long.
    #[inline]
    fn put(&self, text: &mut String, value: fmt::Arguments<'_>) {
        if self.redaction.has_patterns() {
            put_cleaned(text, self.value_bytes, value, |text| {
                let clean = self.redaction.scrub(text)?;
                self.redaction.count(Place::Log);
                Some(clean)
            });
        } else {
            put_formatted(text, self.value_bytes, value);
        }
    }

    /// Whether the values of a key are hidden; counts one if they are.
    #[inline]
    fn hides(&self, key: &str) -> bool {
        let is_secret = self.redaction.is_secret(key);
        if is_secret {
            self.redaction.count(Place::Log);
        }
        is_secret
    }
}

/// What an event said.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) fields: Fields,
    pub(crate) attributes: Attributes,
    pub(crate) message: String,
    pub(crate) has_message: bool,
    pub(crate) fatal: bool,
    pub(crate) has_exception: bool,
    pub(crate) event_name: String,
    /// Where a record of the `log` crate came from.
    pub(crate) origin: Origin,
    text: String,
    keys: KeyCache,
}

/// What a record of the `log` crate says of itself in fields.
#[derive(Debug, Default)]
pub(crate) struct Origin {
    pub(crate) target: String,
    pub(crate) file: String,
    pub(crate) line: Option<u64>,
}

impl Default for Record {
    fn default() -> Self {
        Self {
            fields: Fields::default(),
            attributes: Attributes::new(Attributes::LOG, AttributeLimits::default()),
            message: String::new(),
            has_message: false,
            fatal: false,
            has_exception: false,
            event_name: String::new(),
            origin: Origin::default(),
            text: String::new(),
            keys: KeyCache::default(),
        }
    }
}

impl Record {
    /// Forgets the last event and keeps the memory.
    pub(crate) fn clear(&mut self, options: &VisitOptions) {
        self.fields.clear();
        self.keys.fit(&options.reserved);
        if let Some(limits) = options.otlp {
            self.attributes.clear(limits);
        }
        self.message.clear();
        self.has_message = false;
        self.fatal = false;
        self.has_exception = false;
        self.event_name.clear();
        self.origin.target.clear();
        self.origin.file.clear();
        self.origin.line = None;
    }

    /// Sets fields whose names are not those of a callsite.
    pub(crate) fn put_attributes(&mut self, options: &VisitOptions, attributes: &[KeyValue]) {
        for attribute in attributes {
            self.put_attribute(options, attribute);
        }
    }

    fn put_attribute(&mut self, options: &VisitOptions, KeyValue { key, value, .. }: &KeyValue) {
        let key = key.as_str();
        let shown = options.redaction.replace(key, value);
        if shown.is_some() {
            options.redaction.count(Place::Log);
        }
        let value = shown.as_ref().unwrap_or(value);
        if let Value::String(text) = value {
            let mut cut = String::new();
            put_cut(&mut cut, options.value_bytes, text.as_str());
            self.add_text(options, key, &cut);
            return;
        }
        self.fields
            .set(key, &options.reserved, |json| put_value(json, value));
        if options.otlp.is_some() {
            self.attributes.set(key, value);
        }
    }

    /// Adds the fields of `outer` that are not there.
    pub(crate) fn inherit(&mut self, outer: &Self, options: &VisitOptions) {
        self.fields.inherit(&Fields::default(), &outer.fields);
        if options.otlp.is_some() {
            self.attributes.add_missing(&outer.attributes);
        }
    }

    /// Names the callsite of a record of the `log` crate.
    pub(crate) fn set_origin(&mut self, target: &str, file: &str, line: Option<u32>) {
        self.origin.target.push_str(target);
        self.origin.file.push_str(file);
        self.origin.line = line.map(u64::from);
    }

    /// Sets a message of our own.
    pub(crate) fn set_message(&mut self, message: fmt::Arguments<'_>) {
        self.message.clear();
        put_formatted(&mut self.message, usize::MAX, message);
        self.has_message = true;
    }

    pub(crate) fn capacity(&self) -> usize {
        self.fields.capacity()
            + self.attributes.capacity()
            + self.message.capacity()
            + self.text.capacity()
    }

    /// Adds a field that the line has beside those of the event.
    pub(crate) fn add_text(&mut self, options: &VisitOptions, key: &str, value: &str) {
        self.fields
            .set(key, &options.reserved, |json| put_string(json, value));
        if options.otlp.is_some() {
            self.attributes.set(key, value);
        }
    }

    /// See [`Record::add_text`].
    pub(crate) fn add_int(&mut self, options: &VisitOptions, key: &str, value: i64) {
        self.fields
            .set(key, &options.reserved, |json| put_int(json, value));
        if options.otlp.is_some() {
            self.attributes.set(key, value);
        }
    }
}

/// Visits the fields of an event.
#[derive(Debug)]
pub(crate) struct EventVisitor<'a> {
    pub(crate) record: &'a mut Record,
    pub(crate) options: &'a VisitOptions,
    /// Whether the event is a record of the `log` crate.
    pub(crate) is_log: bool,
}

impl EventVisitor<'_> {
    #[inline]
    fn put(&mut self, field: &Field, json: impl FnOnce(&mut Vec<u8>), value: impl Encode) {
        let Record {
            fields,
            keys,
            attributes,
            ..
        } = &mut *self.record;
        let VisitOptions {
            reserved,
            redaction,
            ..
        } = self.options;
        let rendered = keys.get(field.name(), reserved, redaction);
        if rendered.secret {
            return self.put_str(key(field), "");
        }
        fields.set_rendered(rendered, json);
        if self.options.otlp.is_some() {
            attributes.set(key(field), value);
        }
    }

    #[inline]
    fn put_str(&mut self, key: &'static str, value: &str) {
        match key {
            "message" => {
                self.record.message.clear();
                self.record.message.push_str(&self.options.clean(value));
                self.record.has_message = true;
            }
            SEVERITY_FIELD if value == FATAL => self.record.fatal = true,
            pinned::EVENT_NAME => {
                let value = self.options.clean(value);
                self.record.event_name.clear();
                self.record.event_name.push_str(&value);
                self.record.fields.set(key, &self.options.reserved, |json| {
                    put_string(json, &value);
                });
            }
            _ if self.is_log && key.starts_with("log.") => self.put_origin(key, value),
            _ => {
                let Record { fields, keys, .. } = &mut *self.record;
                let VisitOptions {
                    reserved,
                    redaction,
                    ..
                } = self.options;
                let rendered = keys.get(key, reserved, redaction);
                let value = if rendered.secret {
                    redaction.count(Place::Log);
                    Cow::Borrowed(REDACTED)
                } else {
                    self.options.clean(value)
                };
                fields.set_rendered(rendered, |json| put_string(json, &value));
                if self.options.otlp.is_some() {
                    self.record.attributes.set(key, &*value);
                }
            }
        }
    }

    /// A text that was cut, if need be, when it was formatted.
    pub(crate) fn put_cut_text(&mut self, field: &Field, value: &str) {
        self.put_str(key(field), value);
    }

    #[cold]
    fn put_origin(&mut self, key: &str, value: &str) {
        let origin = &mut self.record.origin;
        match key {
            "log.target" => origin.target.push_str(value),
            "log.file" => origin.file.push_str(value),
            // the module path, which is the target unless the program says otherwise
            _ => {}
        }
    }

    /// Formats the message in its place; taken out as in [`EventVisitor::put_text`].
    #[inline]
    fn put_message(&mut self, message: fmt::Arguments<'_>) {
        let mut text = std::mem::take(&mut self.record.message);
        text.clear();
        self.options.put(&mut text, message);
        self.record.message = text;
        self.record.has_message = true;
    }

    /// Formats a value and hands the text on. The text is taken out of the record meanwhile, so
    /// that nothing is borrowed while foreign code runs.
    #[inline]
    fn put_text(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        let mut text = std::mem::take(&mut self.record.text);
        text.clear();
        self.options.put(&mut text, value);
        self.put_str(key(field), &text);
        self.record.text = text;
    }

    fn put_exception(&mut self, error: &(dyn Error + 'static)) {
        self.record.has_exception = true;
        let exception = catch_unwind(AssertUnwindSafe(|| Exception::of(error)));
        let exception = exception.unwrap_or_else(|_| Exception::of_message(FAILED));
        let kind = exception.kind.as_deref().unwrap_or_default();
        self.put_exception_texts(kind, &exception.message, &exception.stacktrace());
    }

    /// What an error said; an empty text is left out.
    pub(crate) fn put_exception_texts(&mut self, kind: &str, message: &str, stacktrace: &str) {
        let parts = [
            (pinned::EXCEPTION_TYPE, kind),
            (pinned::EXCEPTION_MESSAGE, message),
            (pinned::EXCEPTION_STACKTRACE, stacktrace),
        ];
        for (key, text) in parts {
            if text.is_empty() {
                continue;
            }
            let mut cut = String::new();
            self.options.put(&mut cut, format_args!("{text}"));
            self.put_str(key, &cut);
        }
    }
}

impl Visit for EventVisitor<'_> {
    #[inline]
    fn record_str(&mut self, field: &Field, value: &str) {
        if value.len() <= self.options.value_bytes {
            self.put_str(key(field), value);
            return;
        }
        let mut cut = String::new();
        self.options.put(&mut cut, format_args!("{value}"));
        self.put_str(key(field), &cut);
    }

    #[inline]
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, |json| put_int(json, value), value);
    }

    #[inline]
    fn record_u64(&mut self, field: &Field, value: u64) {
        if self.is_log && field.name() == "log.line" {
            self.record.origin.line = Some(value);
            return;
        }
        match i64::try_from(value) {
            Ok(signed) => self.put(field, |json| put_int(json, value), signed),
            // the specification's rule for numbers that OTLP cannot hold
            Err(_) => {
                let mut digits = itoa::Buffer::new();
                let text = digits.format(value);
                self.put(field, |json| put_int(json, value), text);
            }
        }
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        match (i64::try_from(value), u64::try_from(value)) {
            (Ok(value), _) => self.record_i64(field, value),
            (_, Ok(value)) => self.record_u64(field, value),
            _ => self.record_str(field, itoa::Buffer::new().format(value)),
        }
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        match u64::try_from(value) {
            Ok(value) => self.record_u64(field, value),
            Err(_) => self.record_str(field, itoa::Buffer::new().format(value)),
        }
    }

    #[inline]
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, |json| put_float(json, value), value);
    }

    #[inline]
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, |json| put_bool(json, value), value);
    }

    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        let value = &value[..value.len().min(self.options.value_bytes)];
        self.put(field, |json| put_bytes(json, value), value);
    }

    fn record_error(&mut self, field: &Field, error: &(dyn Error + 'static)) {
        if field.name() == ATTRIBUTES_FIELD
            && let Some(attributes) = error.downcast_ref::<event::Attributes>()
        {
            for attribute in &attributes.0 {
                self.record.put_attribute(self.options, attribute);
            }
        } else if self.record.has_exception {
            self.put_text(field, format_args!("{}", Chain(error)));
        } else {
            self.put_exception(error);
        }
    }

    #[inline]
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.put_message(format_args!("{value:?}"));
            return;
        }
        self.put_text(field, format_args!("{value:?}"));
    }
}

/// Visits the fields of a span.
#[derive(Debug)]
pub(crate) struct SpanVisitor<'a> {
    pub(crate) fields: &'a mut Fields,
    pub(crate) options: &'a VisitOptions,
}

impl SpanVisitor<'_> {
    fn put(&mut self, field: &Field, json: impl FnOnce(&mut Vec<u8>)) {
        let key = key(field);
        // what steers the span is not about the event
        if key.starts_with("otel.") {
            return;
        }
        let VisitOptions { reserved, .. } = self.options;
        if self.options.hides(key) {
            self.fields
                .set(key, reserved, |json| put_string(json, REDACTED));
        } else {
            self.fields.set(key, reserved, json);
        }
    }

    fn put_text(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        let options = self.options;
        with_text(
            |text| options.put(text, value),
            |text| self.put(field, |json| put_string(json, text)),
        );
    }

    fn put_clean(&mut self, field: &Field, text: &str) {
        let options = self.options;
        self.put(field, |json| put_string(json, &options.clean(text)));
    }
}

impl Visit for SpanVisitor<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if value.len() <= self.options.value_bytes {
            self.put_clean(field, value);
            return;
        }
        let mut cut = String::new();
        self.options.put(&mut cut, format_args!("{value}"));
        self.put_clean(field, &cut);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, |json| put_int(json, value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, |json| put_int(json, value));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        match (i64::try_from(value), u64::try_from(value)) {
            (Ok(value), _) => self.record_i64(field, value),
            (_, Ok(value)) => self.record_u64(field, value),
            _ => self.record_str(field, itoa::Buffer::new().format(value)),
        }
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        match u64::try_from(value) {
            Ok(value) => self.record_u64(field, value),
            Err(_) => self.record_str(field, itoa::Buffer::new().format(value)),
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, |json| put_float(json, value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, |json| put_bool(json, value));
    }

    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        let value = &value[..value.len().min(self.options.value_bytes)];
        self.put(field, |json| put_bytes(json, value));
    }

    fn record_error(&mut self, field: &Field, error: &(dyn Error + 'static)) {
        self.put_text(field, format_args!("{}", Chain(error)));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put_text(field, format_args!("{value:?}"));
    }
}

/// The field's name as the user means it: `r#type` is `type`.
#[inline]
fn key(field: &Field) -> &'static str {
    let name = field.name();
    name.strip_prefix("r#").unwrap_or(name)
}

fn put_value(json: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Bool(value) => put_bool(json, *value),
        Value::I64(value) => put_int(json, *value),
        Value::F64(value) => put_float(json, *value),
        Value::Array(array) => put_array(json, array),
        other => put_string(json, &other.as_str()),
    }
}

fn put_array(json: &mut Vec<u8>, array: &Array) {
    match array {
        Array::Bool(items) => put_items(json, items, |json, item| put_bool(json, *item)),
        Array::I64(items) => put_items(json, items, |json, item| put_int(json, *item)),
        Array::F64(items) => put_items(json, items, |json, item| put_float(json, *item)),
        Array::String(items) => {
            put_items(json, items, |json, item| put_string(json, item.as_str()));
        }
        _ => json.extend_from_slice(b"null"),
    }
}

fn put_items<T>(json: &mut Vec<u8>, items: &[T], put: impl Fn(&mut Vec<u8>, &T)) {
    json.push(b'[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            json.push(b',');
        }
        put(json, item);
    }
    json.push(b']');
}
