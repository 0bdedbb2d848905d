//! A JSON object written field by field, as the JSON mapping of protobuf has it.
//!
//! Source: <https://protobuf.dev/programming-guides/json/>, and OTLP's exceptions in
//! <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>: ids are hexadecimal, enums
//! are numbers.

use std::fmt;
use std::io::Write;

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;

/// An open JSON object; fields that have their default value are left out.
#[derive(Debug)]
pub(super) struct JsonObject<'a> {
    buffer: &'a mut Vec<u8>,
    empty: bool,
}

impl<'a> JsonObject<'a> {
    /// Writes an object with the fields that `fields` writes.
    pub(super) fn write(buffer: &'a mut Vec<u8>, fields: impl FnOnce(&mut JsonObject<'_>)) {
        buffer.push(b'{');
        let mut object = JsonObject {
            buffer,
            empty: true,
        };
        fields(&mut object);
        object.buffer.push(b'}');
    }

    /// Begins a field; its value is to be written to what is returned.
    pub(super) fn key(&mut self, key: &'static str) -> &mut Vec<u8> {
        if !self.empty {
            self.buffer.push(b',');
        }
        self.empty = false;
        put(self.buffer, format_args!("\"{key}\":"));
        self.buffer
    }

    pub(super) fn object(&mut self, key: &'static str, fields: impl FnOnce(&mut JsonObject<'_>)) {
        JsonObject::write(self.key(key), fields);
    }

    /// An array of objects; left out if there is no item.
    pub(super) fn objects<T>(
        &mut self,
        key: &'static str,
        items: impl Iterator<Item = T>,
        fields: impl Fn(&mut JsonObject<'_>, T),
    ) {
        let mut items = items.peekable();
        if items.peek().is_none() {
            return;
        }
        let buffer = self.key(key);
        buffer.push(b'[');
        let mut separator = None;
        for item in items {
            buffer.extend(separator);
            JsonObject::write(buffer, |object| fields(object, item));
            separator = Some(b',');
        }
        buffer.push(b']');
    }

    pub(super) fn text(&mut self, key: &'static str, text: &str) {
        if !text.is_empty() {
            put_text(self.key(key), text);
        }
    }

    pub(super) fn u32(&mut self, key: &'static str, number: u32) {
        if number != 0 {
            put(self.key(key), format_args!("{number}"));
        }
    }

    pub(super) fn u64(&mut self, key: &'static str, number: u64) {
        if number != 0 {
            put(self.key(key), format_args!("\"{number}\""));
        }
    }

    /// An id in lower hexadecimal; left out if it is all zeros, which means none.
    pub(super) fn id(&mut self, key: &'static str, id: &[u8]) {
        if id.iter().any(|byte| *byte != 0) {
            let buffer = self.key(key);
            buffer.push(b'"');
            for byte in id {
                put(buffer, format_args!("{byte:02x}"));
            }
            buffer.push(b'"');
        }
    }
}

/// Writes a string with quotes and escapes.
pub(super) fn put_text(buffer: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(buffer, text).unwrap_or_default();
}

/// Writes a number, or the names that protobuf has for those that JSON cannot write.
pub(super) fn put_double(buffer: &mut Vec<u8>, number: f64) {
    if number.is_nan() {
        put_text(buffer, "NaN");
    } else if number == f64::INFINITY {
        put_text(buffer, "Infinity");
    } else if number == f64::NEG_INFINITY {
        put_text(buffer, "-Infinity");
    } else {
        put(buffer, format_args!("{number:?}"));
    }
}

/// Writes bytes as base64 with padding.
pub(super) fn put_base64(buffer: &mut Vec<u8>, bytes: &[u8]) {
    put(
        buffer,
        format_args!("\"{}\"", Base64Display::new(bytes, &STANDARD)),
    );
}

/// Writes what is known to need no escape. A `Vec` takes everything, so there is no failure.
pub(super) fn put(buffer: &mut Vec<u8>, text: fmt::Arguments<'_>) {
    buffer.write_fmt(text).unwrap_or_default();
}
