//! The fields of an event in binary form, and back.

use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use telemetry_core::trace::Exception;
use tracing_core::field::Visit;
use tracing_core::{Field, Metadata};

use crate::error::Chain;
use crate::event::ATTRIBUTES_FIELD;
use crate::text::{FAILED, put_cut, put_formatted};
use crate::visit::{EventVisitor, VisitOptions};

// A field is its number at the callsite (1 byte), one of these (1 byte) and the value: 8 bytes, or a
// length (4 bytes) and as many bytes.
const INT: u8 = 0;
const UINT: u8 = 1;
const FLOAT: u8 = 2;
const BOOL: u8 = 3;
const TEXT: u8 = 4;
const BYTES: u8 = 5;
/// The type, the message and the causes, each with its length.
const EXCEPTION: u8 = 6;

/// A thread's memory for the fields of one event.
#[derive(Debug, Default)]
pub(crate) struct Tape {
    bytes: Vec<u8>,
    text: String,
    has_exception: bool,
}

impl Tape {
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.has_exception = false;
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity() + self.text.capacity()
    }

    #[inline]
    fn put_word(&mut self, field: &Field, kind: u8, word: u64) {
        let mut entry = [0; 10];
        entry[0] = number(field);
        entry[1] = kind;
        entry[2..].copy_from_slice(&word.to_le_bytes());
        self.bytes.extend_from_slice(&entry);
    }

    #[inline]
    fn put_bytes(&mut self, field: &Field, kind: u8, value: &[u8]) {
        self.bytes.extend_from_slice(&[number(field), kind]);
        self.put_piece(value);
    }

    #[inline]
    fn put_piece(&mut self, value: &[u8]) {
        let len = u32::try_from(value.len()).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(&len.to_le_bytes());
        self.bytes.extend_from_slice(value);
    }
}

/// Visits the fields of an event onto a tape.
#[derive(Debug)]
pub(crate) struct TapeVisitor<'a> {
    pub(crate) tape: &'a mut Tape,
    pub(crate) options: &'a VisitOptions,
    /// The longest text of one value, in bytes.
    pub(crate) value_bytes: usize,
}

impl TapeVisitor<'_> {
    /// The text is taken out of the tape while it is formatted, because foreign code runs.
    #[inline]
    fn put_formatted(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        let mut text = std::mem::take(&mut self.tape.text);
        text.clear();
        put_formatted(&mut text, self.options.value_bytes, value);
        if self.value_bytes < self.options.value_bytes {
            self.record_str(field, &text);
        } else {
            self.tape.put_bytes(field, TEXT, text.as_bytes());
        }
        self.tape.text = text;
    }

    /// Secrets are looked for when the line is written, but half of one would not be found then.
    #[cold]
    fn cut(&self, text: &str) -> String {
        let mut cut = String::new();
        put_cut(&mut cut, self.value_bytes, &self.options.clean(text));
        cut
    }

    fn put_exception(&mut self, field: &Field, error: &(dyn Error + 'static)) {
        self.tape.has_exception = true;
        let exception = catch_unwind(AssertUnwindSafe(|| Exception::of(error)));
        let exception = exception.unwrap_or_else(|_| Exception::of_message(FAILED));
        self.tape
            .bytes
            .extend_from_slice(&[number(field), EXCEPTION]);
        let kind = exception.kind.as_deref().unwrap_or_default();
        for text in [kind, &exception.message, &exception.stacktrace()] {
            let cut = self.cut(text);
            self.tape.put_piece(cut.as_bytes());
        }
    }
}

impl Visit for TapeVisitor<'_> {
    #[inline]
    fn record_str(&mut self, field: &Field, value: &str) {
        if value.len() <= self.value_bytes {
            self.tape.put_bytes(field, TEXT, value.as_bytes());
        } else {
            let cut = self.cut(value);
            self.tape.put_bytes(field, TEXT, cut.as_bytes());
        }
    }

    #[inline]
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.tape.put_word(field, INT, value.cast_unsigned());
    }

    #[inline]
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.tape.put_word(field, UINT, value);
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
        self.tape.put_word(field, FLOAT, value.to_bits());
    }

    #[inline]
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.tape.put_word(field, BOOL, u64::from(value));
    }

    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        let value = &value[..value.len().min(self.value_bytes)];
        self.tape.put_bytes(field, BYTES, value);
    }

    fn record_error(&mut self, field: &Field, error: &(dyn Error + 'static)) {
        if field.name() == ATTRIBUTES_FIELD {
            self.put_formatted(field, format_args!("{error}"));
        } else if self.tape.has_exception {
            self.put_formatted(field, format_args!("{}", Chain(error)));
        } else {
            self.put_exception(field, error);
        }
    }

    #[inline]
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put_formatted(field, format_args!("{value:?}"));
    }
}

/// Tells `visitor` what was visited onto a tape, as the event itself would have.
pub(crate) fn replay(tape: &[u8], metadata: &Metadata<'_>, visitor: &mut EventVisitor<'_>) {
    let mut rest = Reader(tape);
    // what is written here is read back in full: it ends at the end
    while rest.field(metadata, visitor).is_some() {}
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn field(&mut self, metadata: &Metadata<'_>, visitor: &mut EventVisitor<'_>) -> Option<()> {
        let [number, kind] = self.take()?;
        let field = metadata.fields().iter().nth(usize::from(number))?;
        match kind {
            INT => visitor.record_i64(&field, self.word()?.cast_signed()),
            UINT => visitor.record_u64(&field, self.word()?),
            FLOAT => visitor.record_f64(&field, f64::from_bits(self.word()?)),
            BOOL => visitor.record_bool(&field, self.word()? != 0),
            TEXT => visitor.put_cut_text(&field, self.text()?),
            BYTES => visitor.record_bytes(&field, self.piece()?),
            _ => {
                let [kind, message, causes] = [self.text()?, self.text()?, self.text()?];
                visitor.put_exception_texts(kind, message, causes);
            }
        }
        Some(())
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*head)
    }

    fn word(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn piece(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(u32::from_le_bytes(self.take()?)).ok()?;
        let (piece, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(piece)
    }

    fn text(&mut self) -> Option<&'a str> {
        str::from_utf8(self.piece()?).ok()
    }
}

/// A callsite has at most 32 fields.
#[inline]
fn number(field: &Field) -> u8 {
    field.index().to_le_bytes()[0]
}
