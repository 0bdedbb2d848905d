//! Headers of AMQP 0.9.1.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::entries::{Entries, View, text};
use super::{Fields, MessageCarrier, MessageCarrierMut, Refusal, Visit};

/// A table of AMQP 0.9.1, such as the `headers` of a message. Context is written as long strings, as
/// clients of other languages write and expect text.
///
/// The values are those of <https://www.rabbitmq.com/amqp-0-9-1-errata#section_3>.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "a table is its entries")]
pub struct AmqpTable(pub BTreeMap<String, AmqpValue>);

/// A value in a table.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum AmqpValue {
    /// No value.
    Void,
    /// A truth value.
    Boolean(bool),
    /// Any of the signed integers.
    Integer(i64),
    /// Any of the unsigned integers.
    Unsigned(u64),
    /// Either of the floating-point numbers.
    Float(f64),
    /// A decimal number: how many of the digits are behind the point, and the digits.
    Decimal(u8, u32),
    /// A short string.
    ShortString(String),
    /// A long string: any bytes.
    LongString(Vec<u8>),
    /// Bytes that are no text.
    Bytes(Vec<u8>),
    /// Seconds since the Unix epoch.
    Timestamp(u64),
    /// Values in order.
    Array(Vec<Self>),
    /// A table in the table.
    Table(AmqpTable),
}

impl AmqpValue {
    fn text(&self) -> Option<&str> {
        match self {
            Self::ShortString(value) => Some(value),
            Self::LongString(value) | Self::Bytes(value) => text(value),
            _ => None,
        }
    }
}

impl Entries for AmqpTable {
    fn entries<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a str)) {
        for (name, value) in &self.0 {
            if let Some(value) = value.text() {
                visit(name, value);
            }
        }
    }
}

impl MessageCarrier for AmqpTable {
    fn places(&self, visit: &mut Visit<'_>) -> ControlFlow<()> {
        View::show(self, visit)
    }
}

impl MessageCarrierMut for AmqpTable {
    fn write(&mut self, fields: &Fields) -> Result<(), Refusal> {
        self.0.retain(|name, _| !fields.replaces(name));
        self.0.extend(fields.iter().map(|(name, value)| {
            let value = AmqpValue::LongString(value.into());
            (name.to_owned(), value)
        }));
        Ok(())
    }
}
