//! Attributes in the bytes that OTLP wants.

use std::net::Ipv4Addr;

use opentelemetry::logs::AnyValue;
use opentelemetry::{Array, Value};

use super::key_index::KeyIndex;
use super::wire::{
    Fields, bytes_tag, close, fixed64_tag, low_byte, message_len, open, put_len, put_message,
    put_varint, varint_len, varint_tag,
};
use crate::redact::{Place, REDACTED, Redaction};

/// How many attributes are kept, and how long their text may be.
///
/// Defaults: 128 attributes, text of any length, as in
/// <https://opentelemetry.io/docs/specs/otel/common/#attribute-limits>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the two limits of the specification"
)]
pub struct AttributeLimits {
    /// The number of attributes kept; further ones are counted as dropped.
    pub count: u32,
    /// The number of characters of text kept, or of bytes of raw values; `u32::MAX` means all.
    pub value_length: u32,
}

impl AttributeLimits {
    /// Keeps everything, as for resources and scopes, which the specification exempts:
    /// <https://opentelemetry.io/docs/specs/otel/common/#exempt-entities>.
    pub const NONE: Self = Self {
        count: u32::MAX,
        value_length: u32::MAX,
    };
}

impl Default for AttributeLimits {
    fn default() -> Self {
        Self {
            count: 128,
            value_length: u32::MAX,
        }
    }
}

/// A list of attributes, encoded as repeated `KeyValue` fields of the message that will hold them.
///
/// Keys are unique: [`Attributes::set`] replaces an earlier value.
#[derive(Clone, Debug)]
pub struct Attributes {
    bytes: Vec<u8>,
    field: u8,
    count: u32,
    dropped: u32,
    limits: AttributeLimits,
    redaction: Redaction,
}

/// The fields of `KeyValue` and `AnyValue`, opentelemetry-proto common.proto.
const KEY: u8 = 1;
const VALUE: u8 = 2;
const STRING: u8 = 1;
const BOOL: u8 = 2;
const INT: u8 = 3;
const DOUBLE: u8 = 4;
const ARRAY: u8 = 5;
const MAP: u8 = 6;
const BYTES: u8 = 7;

/// The tag of an entry that was replaced: the length-delimited field 0, which no message has.
const RETIRED_TAG: u8 = bytes_tag(0);

/// How many bytes of replaced entries may wait for the end of a bulk change; beyond it, no more
/// than the list itself has. So a key that is set a million times costs no memory.
const RETIRED_BYTES: usize = 4096;

/// The number of attributes up to which it is cheaper to search the list than to index its keys.
const SEARCHED: usize = 16;

/// The number of lists within lists that are followed; deeper values are left empty, so that
/// foreign values cannot exhaust the stack.
const MAX_DEPTH: u8 = 16;

impl Attributes {
    /// The field of `Span.attributes`.
    pub const SPAN: u8 = 9;
    /// The field of `LogRecord.attributes`.
    pub const LOG: u8 = 6;
    /// The field of `Span.Event.attributes`.
    pub const EVENT: u8 = 3;
    /// The field of `Span.Link.attributes`.
    pub const LINK: u8 = 4;
    /// The field of `Resource.attributes`.
    pub const RESOURCE: u8 = 1;
    /// The field of `InstrumentationScope.attributes`.
    pub const SCOPE: u8 = 3;

    /// An empty list for the message whose attributes have this field number.
    #[must_use]
    pub fn new(field: u8, limits: AttributeLimits) -> Self {
        Self {
            bytes: Vec::new(),
            field,
            count: 0,
            dropped: 0,
            limits,
            redaction: Redaction::none(),
        }
    }

    /// Hides secrets from now on, as those of a span.
    #[must_use]
    pub fn redacted_by(mut self, redaction: &Redaction) -> Self {
        self.redaction.clone_from(redaction);
        self
    }

    /// Hides secrets by these rules from now on.
    pub(crate) fn set_redaction(&mut self, redaction: &Redaction) {
        self.redaction.clone_from(redaction);
    }

    /// Empties the list and keeps its memory.
    pub fn clear(&mut self, limits: AttributeLimits) {
        self.bytes.clear();
        self.count = 0;
        self.dropped = 0;
        self.limits = limits;
    }

    /// The encoded fields.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many attributes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count as usize
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many attributes the count limit refused.
    #[must_use]
    pub fn dropped(&self) -> u32 {
        self.dropped
    }

    /// The most characters that a text value may have.
    #[must_use]
    pub fn value_length(&self) -> u32 {
        self.limits.value_length
    }

    /// How much memory the list holds.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Appends an attribute whose key is known not to be in the list.
    #[inline]
    pub fn push(&mut self, key: &str, value: impl Encode) {
        if self.count >= self.limits.count {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        if self.redaction.is_on()
            && let Some(shown) = self.redact(key, &value)
        {
            return self.append(key, &shown);
        }
        self.append(key, value);
    }

    /// Sets the attributes of `other` whose keys this list has not. What `other` holds was
    /// redacted when it was set.
    pub fn add_missing(&mut self, other: &Self) {
        for (key, value) in other.raw() {
            if self.get(key).is_none() {
                self.set_raw(key, value);
            }
        }
    }

    /// Sets an attribute to a value that was redacted when it was encoded.
    pub(crate) fn set_raw(&mut self, key: &str, value: RawValue<'_>) {
        self.remove(key);
        if self.count >= self.limits.count {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        self.append(key, value);
    }

    /// What stands in for a value that holds a secret.
    #[inline]
    fn redact(&self, key: &str, value: &impl Encode) -> Option<Value> {
        let shown = if self.redaction.is_secret(key) {
            Some(REDACTED.into())
        } else if self.redaction.has_patterns() {
            value.redacted(&self.redaction)
        } else {
            None
        };
        if shown.is_some() {
            self.redaction.count(Place::Span);
        }
        shown
    }

    /// Sets an attribute, replacing the value that the key has.
    ///
    /// An empty key is refused and counted as dropped, as the specification forbids it.
    pub fn set(&mut self, key: &str, value: impl Encode) {
        if key.is_empty() {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        self.remove(key);
        self.push(key, value);
    }

    /// Sets many attributes at once, in time linear in their number and in what the list has.
    pub fn extend<'a, V: Encode>(&mut self, attributes: impl IntoIterator<Item = (&'a str, V)>) {
        let attributes = attributes.into_iter();
        match attributes.size_hint() {
            (_, Some(most)) if self.len().saturating_add(most) <= SEARCHED => {
                attributes.for_each(|(key, value)| self.set(key, value));
            }
            _ => self.extend_indexed(attributes),
        }
    }

    fn extend_indexed<'a, V: Encode>(&mut self, attributes: impl Iterator<Item = (&'a str, V)>) {
        let mut index = KeyIndex::take();
        index.rebuild(&self.bytes);
        let mut replaced = 0;
        for (key, value) in attributes {
            if key.is_empty() {
                self.dropped = self.dropped.saturating_add(1);
                continue;
            }
            if let Some(offset) = index.get(&self.bytes, key.as_bytes()) {
                replaced += self.retire(offset);
            }
            let start = self.bytes.len();
            self.push(key, value);
            if self.bytes.len() > start {
                index.insert(&self.bytes, key_range(&self.bytes, start), start);
            }
            if replaced > RETIRED_BYTES && replaced > self.bytes.len() / 2 {
                self.drop_retired();
                index.rebuild(&self.bytes);
                replaced = 0;
            }
        }
        index.put_back();
        if replaced > 0 {
            self.drop_retired();
        }
    }

    /// The value of a key, if it is set.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<AnyValueView<'_>> {
        self.iter()
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value)
    }

    /// The attributes in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, AnyValueView<'_>)> {
        Fields::new(&self.bytes).map(|field| key_value(field.value.bytes()))
    }

    /// The attributes in order, with their values as encoded, to set them elsewhere.
    pub(crate) fn raw(&self) -> impl Iterator<Item = (&str, RawValue<'_>)> {
        Fields::new(&self.bytes).map(|field| {
            let mut entry = Fields::new(field.value.bytes());
            let key = entry.next().map_or("", |field| field.value.text());
            (
                key,
                RawValue(entry.next().map_or(&[], |field| field.value.bytes())),
            )
        })
    }

    /// Marks an entry as replaced and returns its size; it stays until [`Self::drop_retired`], so
    /// that the offsets of the others stay too.
    fn retire(&mut self, offset: usize) -> usize {
        let Some((_, end)) = entry_at(&self.bytes, offset) else {
            return 0;
        };
        if let Some(tag) = self.bytes.get_mut(offset) {
            *tag = RETIRED_TAG;
        }
        self.count -= 1;
        end - offset
    }

    /// Closes the gaps in one pass.
    fn drop_retired(&mut self) {
        let mut kept = 0;
        let mut offset = 0;
        while let Some((_, end)) = entry_at(&self.bytes, offset) {
            if self.bytes.get(offset) != Some(&RETIRED_TAG) {
                self.bytes.copy_within(offset..end, kept);
                kept += end - offset;
            }
            offset = end;
        }
        self.bytes.truncate(kept);
    }

    fn remove(&mut self, key: &str) {
        let mut offset = 0;
        while let Some((name, end)) = entry_at(&self.bytes, offset) {
            if name.len() == key.len() && self.bytes.get(name) == Some(key.as_bytes()) {
                self.bytes.drain(offset..end);
                self.count -= 1;
                return;
            }
            offset = end;
        }
    }

    #[inline]
    fn append(&mut self, key: &str, value: impl Encode) {
        self.count += 1;
        let limit = self.limits.value_length;
        put_entry(&mut self.bytes, self.field, key, &value, limit);
    }
}

/// Appends one attribute as a field of the message that holds it, its text at full length.
pub(crate) fn put_key_value(buffer: &mut Vec<u8>, field: u8, key: &str, value: impl Encode) {
    put_entry(buffer, field, key, &value, u32::MAX);
}

#[inline]
fn put_entry(buffer: &mut Vec<u8>, field: u8, key: &str, value: &impl Encode, limit: u32) {
    let Some(value_len) = value.encoded_len(limit) else {
        return put_unmeasured(buffer, field, key, value, limit);
    };
    let len = 4 + key.len() + value_len;
    if len >= 0x80 {
        put_long_head(buffer, field, key, value_len);
        return value.encode(buffer, limit);
    }
    // all lengths take one byte: few large writes instead of many small ones
    buffer.reserve(2 + len);
    let key_len = low_byte(key.len() as u64);
    let len = low_byte(len as u64);
    buffer.extend_from_slice(&[bytes_tag(field), len, bytes_tag(KEY), key_len]);
    buffer.extend_from_slice(key.as_bytes());
    value.encode_short(buffer, low_byte(value_len as u64), limit);
}

/// Writes what comes before a value of this length.
#[inline(never)]
fn put_long_head(buffer: &mut Vec<u8>, field: u8, key: &str, value_len: usize) {
    let len = message_len(key.len()) + message_len(value_len);
    buffer.reserve(message_len(len));
    buffer.push(bytes_tag(field));
    put_len(buffer, len);
    put_message(buffer, KEY, key.as_bytes());
    buffer.push(bytes_tag(VALUE));
    put_len(buffer, value_len);
}

fn put_unmeasured(buffer: &mut Vec<u8>, field: u8, key: &str, value: &impl Encode, limit: u32) {
    let entry = open(buffer, field);
    put_message(buffer, KEY, key.as_bytes());
    let any = open(buffer, VALUE);
    value.encode(buffer, limit);
    close(buffer, any);
    close(buffer, entry);
}

/// A value that can be written as an OTLP `AnyValue`.
pub trait Encode {
    /// The length of the message, if it is known before it is written.
    fn encoded_len(&self, value_length: u32) -> Option<usize>;
    /// Appends the message.
    fn encode(&self, buffer: &mut Vec<u8>, value_length: u32);

    /// Appends the message as the value of an attribute, where its length `len` takes one byte.
    #[inline]
    fn encode_short(&self, buffer: &mut Vec<u8>, len: u8, value_length: u32) {
        buffer.extend_from_slice(&[bytes_tag(VALUE), len]);
        self.encode(buffer, value_length);
    }

    /// The value without the secrets in its text, if there are any.
    fn redacted(&self, _: &Redaction) -> Option<Value> {
        None
    }
}

impl Encode for &str {
    fn redacted(&self, redaction: &Redaction) -> Option<Value> {
        redaction.scrub(self).map(Value::from)
    }

    #[inline]
    fn encoded_len(&self, value_length: u32) -> Option<usize> {
        Some(message_len(truncate(self, value_length).len()))
    }

    #[inline]
    fn encode(&self, buffer: &mut Vec<u8>, value_length: u32) {
        put_message(buffer, STRING, truncate(self, value_length).as_bytes());
    }

    #[inline]
    fn encode_short(&self, buffer: &mut Vec<u8>, len: u8, value_length: u32) {
        // the tag and the length of the text take two bytes of the message
        buffer.extend_from_slice(&[
            bytes_tag(VALUE),
            len,
            bytes_tag(STRING),
            len.wrapping_sub(2),
        ]);
        buffer.extend_from_slice(truncate(self, value_length).as_bytes());
    }
}

impl Encode for bool {
    #[inline]
    fn encoded_len(&self, _: u32) -> Option<usize> {
        Some(2)
    }

    #[inline]
    fn encode(&self, buffer: &mut Vec<u8>, _: u32) {
        buffer.extend_from_slice(&[varint_tag(BOOL), u8::from(*self)]);
    }

    #[inline]
    fn encode_short(&self, buffer: &mut Vec<u8>, len: u8, _: u32) {
        buffer.extend_from_slice(&[bytes_tag(VALUE), len, varint_tag(BOOL), u8::from(*self)]);
    }
}

impl Encode for i64 {
    #[inline]
    fn encoded_len(&self, _: u32) -> Option<usize> {
        Some(1 + varint_len(self.cast_unsigned()))
    }

    #[inline]
    fn encode(&self, buffer: &mut Vec<u8>, _: u32) {
        match self.cast_unsigned() {
            value @ ..0x80 => buffer.extend_from_slice(&[varint_tag(INT), low_byte(value)]),
            value => {
                buffer.push(varint_tag(INT));
                put_varint(buffer, value);
            }
        }
    }
}

impl Encode for f64 {
    #[inline]
    fn encoded_len(&self, _: u32) -> Option<usize> {
        Some(9)
    }

    #[inline]
    fn encode(&self, buffer: &mut Vec<u8>, _: u32) {
        buffer.push(fixed64_tag(DOUBLE));
        buffer.extend_from_slice(&self.to_le_bytes());
    }
}

/// As text.
impl Encode for Ipv4Addr {
    fn encoded_len(&self, value_length: u32) -> Option<usize> {
        let digits = |octet: u8| 1 + usize::from(octet >= 10) + usize::from(octet >= 100);
        let len = 3 + self.octets().map(digits).iter().sum::<usize>();
        Some(message_len(len.min(value_length as usize)))
    }

    fn encode(&self, buffer: &mut Vec<u8>, value_length: u32) {
        let mut text = [b'.'; 15];
        let mut len = 0;
        let mut put = |byte: u8| {
            text[len] = byte;
            len += 1;
        };
        for (place, octet) in self.octets().into_iter().enumerate() {
            if place > 0 {
                put(b'.');
            }
            if octet >= 100 {
                put(b'0' + octet / 100);
            }
            if octet >= 10 {
                put(b'0' + octet / 10 % 10);
            }
            put(b'0' + octet % 10);
        }
        put_message(buffer, STRING, truncate_bytes(&text[..len], value_length));
    }
}

impl Encode for &[u8] {
    fn encoded_len(&self, value_length: u32) -> Option<usize> {
        Some(message_len(truncate_bytes(self, value_length).len()))
    }

    fn encode(&self, buffer: &mut Vec<u8>, value_length: u32) {
        put_message(buffer, BYTES, truncate_bytes(self, value_length));
    }
}

/// An `AnyValue` message that is already encoded.
pub(crate) struct RawValue<'a>(&'a [u8]);

impl Encode for RawValue<'_> {
    fn encoded_len(&self, _: u32) -> Option<usize> {
        Some(self.0.len())
    }

    fn encode(&self, buffer: &mut Vec<u8>, _: u32) {
        buffer.extend_from_slice(self.0);
    }
}

impl Encode for &Value {
    fn redacted(&self, redaction: &Redaction) -> Option<Value> {
        redaction.scrub_value(self)
    }

    fn encoded_len(&self, value_length: u32) -> Option<usize> {
        match self {
            Value::Bool(value) => value.encoded_len(value_length),
            Value::I64(value) => value.encoded_len(value_length),
            Value::F64(value) => value.encoded_len(value_length),
            Value::String(value) => value.as_str().encoded_len(value_length),
            _ => None,
        }
    }

    fn encode(&self, buffer: &mut Vec<u8>, value_length: u32) {
        match self {
            Value::Bool(value) => value.encode(buffer, value_length),
            Value::I64(value) => value.encode(buffer, value_length),
            Value::F64(value) => value.encode(buffer, value_length),
            Value::String(value) => value.as_str().encode(buffer, value_length),
            Value::Array(array) => encode_array(array, buffer, value_length),
            other => other.as_str().as_ref().encode(buffer, value_length),
        }
    }
}

impl Encode for &AnyValue {
    fn redacted(&self, redaction: &Redaction) -> Option<Value> {
        match self {
            AnyValue::String(text) => redaction.scrub(text.as_str()).map(Value::from),
            _ => None,
        }
    }

    fn encoded_len(&self, value_length: u32) -> Option<usize> {
        match self {
            AnyValue::Boolean(value) => value.encoded_len(value_length),
            AnyValue::Int(value) => value.encoded_len(value_length),
            AnyValue::Double(value) => value.encoded_len(value_length),
            AnyValue::String(value) => value.as_str().encoded_len(value_length),
            AnyValue::Bytes(value) => value.as_slice().encoded_len(value_length),
            _ => None,
        }
    }

    fn encode(&self, buffer: &mut Vec<u8>, value_length: u32) {
        encode_any(self, buffer, value_length, 0);
    }
}

fn encode_any(value: &AnyValue, buffer: &mut Vec<u8>, limit: u32, depth: u8) {
    match value {
        AnyValue::Boolean(value) => value.encode(buffer, limit),
        AnyValue::Int(value) => value.encode(buffer, limit),
        AnyValue::Double(value) => value.encode(buffer, limit),
        AnyValue::String(value) => value.as_str().encode(buffer, limit),
        AnyValue::Bytes(value) => value.as_slice().encode(buffer, limit),
        AnyValue::ListAny(items) if depth < MAX_DEPTH => {
            let list = open(buffer, ARRAY);
            for item in items.iter() {
                let any = open(buffer, 1);
                encode_any(item, buffer, limit, depth + 1);
                close(buffer, any);
            }
            close(buffer, list);
        }
        AnyValue::Map(entries) if depth < MAX_DEPTH => {
            let map = open(buffer, MAP);
            for (key, item) in entries.iter() {
                let entry = open(buffer, 1);
                put_message(buffer, KEY, key.as_str().as_bytes());
                let any = open(buffer, VALUE);
                encode_any(item, buffer, limit, depth + 1);
                close(buffer, any);
                close(buffer, entry);
            }
            close(buffer, map);
        }
        _ => {}
    }
}

fn encode_array(array: &Array, buffer: &mut Vec<u8>, limit: u32) {
    let list = open(buffer, ARRAY);
    match array {
        Array::Bool(items) => encode_items(items.iter().copied(), buffer, limit),
        Array::I64(items) => encode_items(items.iter().copied(), buffer, limit),
        Array::F64(items) => encode_items(items.iter().copied(), buffer, limit),
        Array::String(items) => encode_items(
            items.iter().map(opentelemetry::StringValue::as_str),
            buffer,
            limit,
        ),
        _ => {}
    }
    close(buffer, list);
}

fn encode_items(items: impl Iterator<Item = impl Encode>, buffer: &mut Vec<u8>, limit: u32) {
    for item in items {
        let any = open(buffer, 1);
        item.encode(buffer, limit);
        close(buffer, any);
    }
}

/// The first `limit` characters of `text`.
#[inline]
#[must_use]
pub fn truncate(text: &str, limit: u32) -> &str {
    if text.len() <= limit as usize {
        return text;
    }
    match text.char_indices().nth(limit as usize) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

fn truncate_bytes(bytes: &[u8], limit: u32) -> &[u8] {
    bytes.get(..limit as usize).unwrap_or(bytes)
}

/// An encoded `AnyValue`, read in place.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum AnyValueView<'a> {
    /// No value.
    Empty,
    /// Text.
    Str(&'a str),
    /// A truth value.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// A floating-point number.
    Double(f64),
    /// Bytes.
    Bytes(&'a [u8]),
    /// A list, see [`list_items`].
    List(&'a [u8]),
    /// A map, see [`map_entries`].
    Map(&'a [u8]),
}

impl<'a> AnyValueView<'a> {
    /// Reads an `AnyValue` message.
    #[must_use]
    pub fn read(message: &'a [u8]) -> Self {
        let Some(field) = Fields::new(message).last() else {
            return Self::Empty;
        };
        match u8::try_from(field.number) {
            Ok(STRING) => Self::Str(field.value.text()),
            Ok(BOOL) => Self::Bool(field.value.number() != 0),
            Ok(INT) => Self::Int(field.value.number().cast_signed()),
            Ok(DOUBLE) => Self::Double(f64::from_bits(field.value.number())),
            Ok(ARRAY) => Self::List(field.value.bytes()),
            Ok(MAP) => Self::Map(field.value.bytes()),
            Ok(BYTES) => Self::Bytes(field.value.bytes()),
            _ => Self::Empty,
        }
    }
}

/// The items of an encoded list.
pub fn list_items(list: &[u8]) -> impl Iterator<Item = AnyValueView<'_>> {
    Fields::new(list).map(|field| AnyValueView::read(field.value.bytes()))
}

/// The entries of an encoded map.
pub fn map_entries(map: &[u8]) -> impl Iterator<Item = (&str, AnyValueView<'_>)> {
    Fields::new(map).map(|field| key_value(field.value.bytes()))
}

/// Reads a `KeyValue` message.
#[must_use]
pub fn key_value(message: &[u8]) -> (&str, AnyValueView<'_>) {
    let mut key = "";
    let mut value = AnyValueView::Empty;
    for field in Fields::new(message) {
        match u8::try_from(field.number) {
            Ok(KEY) => key = field.value.text(),
            Ok(VALUE) => value = AnyValueView::read(field.value.bytes()),
            _ => {}
        }
    }
    (key, value)
}

/// Where the key of the entry at `offset` is, and where the entry ends.
#[inline]
pub(super) fn entry_at(bytes: &[u8], offset: usize) -> Option<(std::ops::Range<usize>, usize)> {
    let rest = bytes.get(offset..)?;
    // both lengths take one byte, as of nearly every entry
    if let [_, len @ ..0x80, _, key_len @ ..0x80, ..] = rest {
        let start = offset + 4;
        return Some((
            start..start + usize::from(*key_len),
            offset + 2 + usize::from(*len),
        ));
    }
    long_entry_at(bytes, rest)
}

#[inline(never)]
fn long_entry_at(bytes: &[u8], rest: &[u8]) -> Option<(std::ops::Range<usize>, usize)> {
    let mut fields = Fields::new(rest);
    let entry = fields.next()?.value.bytes();
    let end = bytes.len() - fields.rest().len();
    let key = Fields::new(entry).next()?.value.bytes();
    // the key is the first field of its entry: what follows it ends where the entry ends
    let start = end - entry.len() + 1 + key_len_width(entry, key.len());
    Some((start..start + key.len(), end))
}

fn key_range(bytes: &[u8], offset: usize) -> std::ops::Range<usize> {
    entry_at(bytes, offset).map_or(0..0, |(key, _)| key)
}

/// How many bytes the length of the first field takes.
fn key_len_width(entry: &[u8], key_len: usize) -> usize {
    let width = entry
        .iter()
        .skip(1)
        .position(|byte| byte & 0x80 == 0)
        .map_or(0, |index| index + 1);
    debug_assert_eq!(width, varint_len(key_len as u64));
    width
}

#[cfg(test)]
mod tests;
