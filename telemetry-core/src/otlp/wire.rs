//! The protobuf wire format: the few primitives that OTLP needs, to write and to read.
//!
//! Source: <https://protobuf.dev/programming-guides/encoding/>.

/// The tag byte of a varint field; valid for field numbers below 16.
#[must_use]
pub const fn varint_tag(field: u8) -> u8 {
    field << 3
}

/// The tag byte of a fixed 64-bit field; valid for field numbers below 16.
#[must_use]
pub const fn fixed64_tag(field: u8) -> u8 {
    (field << 3) | 1
}

/// The tag byte of a length-delimited field; valid for field numbers below 16.
#[must_use]
pub const fn bytes_tag(field: u8) -> u8 {
    (field << 3) | 2
}

/// The tag byte of a fixed 32-bit field; valid for field numbers below 16.
#[must_use]
pub const fn fixed32_tag(field: u8) -> u8 {
    (field << 3) | 5
}

/// How many bytes `value` takes as a varint: one for each started group of seven bits.
#[must_use]
#[inline]
pub const fn varint_len(value: u64) -> usize {
    if value < 0x80 {
        return 1; // nearly every length
    }
    let bits = 64 - (value | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

/// Appends a varint.
#[inline]
pub fn put_varint(buffer: &mut Vec<u8>, value: u64) {
    match value {
        0..=0x7f => buffer.push(low_byte(value)),
        0x80..=0x3fff => buffer.extend_from_slice(&[low_byte(value) | 0x80, low_byte(value >> 7)]),
        _ => put_long_varint(buffer, value),
    }
}

fn put_long_varint(buffer: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        buffer.push(low_byte(value) | 0x80);
        value >>= 7;
    }
    buffer.push(low_byte(value));
}

/// Appends a length as a varint.
#[inline]
pub fn put_len(buffer: &mut Vec<u8>, len: usize) {
    put_varint(buffer, len as u64);
}

/// Appends a varint field; a zero is left out, as proto3 does.
#[inline]
pub fn put_varint_field(buffer: &mut Vec<u8>, field: u8, value: u64) {
    if value != 0 {
        buffer.push(varint_tag(field));
        put_varint(buffer, value);
    }
}

/// Appends a fixed 64-bit field; a zero is left out, as proto3 does.
#[inline]
pub fn put_fixed64_field(buffer: &mut Vec<u8>, field: u8, value: u64) {
    if value != 0 {
        buffer.push(fixed64_tag(field));
        buffer.extend_from_slice(&value.to_le_bytes());
    }
}

/// Appends a length-delimited field; empty bytes are left out, as proto3 does.
#[inline]
pub fn put_bytes_field(buffer: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    if !bytes.is_empty() {
        put_message(buffer, field, bytes);
    }
}

/// Appends a length-delimited field, also when it is empty.
#[inline]
pub fn put_message(buffer: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    match u8::try_from(bytes.len()) {
        Ok(len @ ..0x80) => buffer.extend_from_slice(&[bytes_tag(field), len]),
        _ => {
            buffer.push(bytes_tag(field));
            put_len(buffer, bytes.len());
        }
    }
    buffer.extend_from_slice(bytes);
}

/// How many bytes a length-delimited field with `len` bytes of content takes.
#[must_use]
#[inline]
pub const fn message_len(len: usize) -> usize {
    1 + varint_len(len as u64) + len
}

/// How many bytes [`put_bytes_field`] takes for `len` bytes of content.
#[must_use]
pub const fn bytes_field_len(len: usize) -> usize {
    if len == 0 { 0 } else { message_len(len) }
}

/// A length-delimited field that has been opened and not yet closed.
#[derive(Debug)]
#[must_use = "a field that is not closed has no length"]
pub struct Open(usize);

/// How many bytes a length takes that is patched in afterwards: four groups of seven bits hold
/// 256 MiB, more than any batch may have.
const PATCHED_LEN: usize = 4;

/// Opens a length-delimited field whose length is not known yet.
pub fn open(buffer: &mut Vec<u8>, field: u8) -> Open {
    buffer.push(bytes_tag(field));
    buffer.extend_from_slice(&[0; PATCHED_LEN]);
    Open(buffer.len())
}

/// Closes the field that [`open`] began: writes its length as a varint of four bytes.
pub fn close(buffer: &mut [u8], open: Open) {
    let len = buffer.len().saturating_sub(open.0) as u64;
    let start = open.0 - PATCHED_LEN;
    for (index, byte) in buffer.iter_mut().skip(start).take(PATCHED_LEN).enumerate() {
        let group = low_byte(len >> (7 * index)) & 0x7f;
        *byte = if index + 1 < PATCHED_LEN {
            group | 0x80
        } else {
            group
        };
    }
}

/// One field of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a field is a number and a value, for ever"
)]
pub struct Field<'a> {
    /// The field's number.
    pub number: u64,
    /// The field's content.
    pub value: FieldValue<'a>,
}

/// The content of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the wire types of proto3")]
pub enum FieldValue<'a> {
    /// Wire type 0.
    Varint(u64),
    /// Wire type 1.
    Fixed64(u64),
    /// Wire type 2.
    Bytes(&'a [u8]),
    /// Wire type 5.
    Fixed32(u32),
}

impl<'a> FieldValue<'a> {
    /// The bytes of a length-delimited field; empty for any other.
    #[must_use]
    pub fn bytes(self) -> &'a [u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            _ => &[],
        }
    }

    /// The text of a length-delimited field; empty for any other and for invalid UTF-8.
    #[must_use]
    pub fn text(self) -> &'a str {
        std::str::from_utf8(self.bytes()).unwrap_or_default()
    }

    /// The number of a numeric field; zero for a length-delimited one.
    #[must_use]
    pub fn number(self) -> u64 {
        match self {
            Self::Varint(value) | Self::Fixed64(value) => value,
            Self::Fixed32(value) => u64::from(value),
            Self::Bytes(_) => 0,
        }
    }
}

/// The fields of a message in order; ends early where the bytes are malformed.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Reads the message in `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What is not read yet; not empty after the end if the message was malformed.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    #[inline]
    fn next(&mut self) -> Option<Field<'a>> {
        let mut rest = self.rest;
        let tag = take_varint(&mut rest)?;
        let value = match tag & 7 {
            0 => FieldValue::Varint(take_varint(&mut rest)?),
            1 => FieldValue::Fixed64(u64::from_le_bytes(take(&mut rest, 8)?.try_into().ok()?)),
            2 => {
                let len = usize::try_from(take_varint(&mut rest)?).ok()?;
                FieldValue::Bytes(take(&mut rest, len)?)
            }
            5 => FieldValue::Fixed32(u32::from_le_bytes(take(&mut rest, 4)?.try_into().ok()?)),
            _ => return None,
        };
        self.rest = rest;
        Some(Field {
            number: tag >> 3,
            value,
        })
    }
}

/// The numbers of a packed field of fixed 64-bit ones.
pub fn packed_fixed64(bytes: &[u8]) -> impl Iterator<Item = u64> {
    let (numbers, _) = bytes.as_chunks::<8>();
    numbers.iter().map(|number| u64::from_le_bytes(*number))
}

/// The numbers of a packed field of varints.
pub fn packed_varints(bytes: &[u8]) -> impl Iterator<Item = u64> {
    let mut rest = bytes;
    std::iter::from_fn(move || take_varint(&mut rest))
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(len)?;
    *rest = left;
    Some(taken)
}

#[inline]
fn take_varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, left) = rest.split_first()?;
        *rest = left;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "the low byte is what is wanted"
)]
pub(super) const fn low_byte(value: u64) -> u8 {
    value as u8
}
