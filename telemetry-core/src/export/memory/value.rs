//! Attribute values that own their memory.

use std::borrow::Cow;
use std::fmt;

use crate::otlp::AnyValueView;
use crate::otlp::attributes::{list_items, map_entries};

/// The value of an attribute, owned.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum CapturedValue {
    /// No value.
    #[default]
    Empty,
    /// Text.
    Str(String),
    /// A truth value.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// A floating-point number.
    Double(f64),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A list.
    List(Vec<Self>),
    /// A map, in the order of the message.
    Map(Vec<(String, Self)>),
}

/// Attributes in the order in which they were recorded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CapturedAttributes(Vec<(String, CapturedValue)>);

/// The lists within lists that are read, as many as are written.
const MAX_DEPTH: u8 = 17;

impl CapturedValue {
    /// The text, if it is text.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The integer, if it is one.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// The value as people read it: text without quotes, everything else as displayed.
    #[must_use]
    pub fn to_text(&self) -> Cow<'_, str> {
        match self {
            Self::Str(text) => Cow::Borrowed(text),
            other => Cow::Owned(other.to_string()),
        }
    }

    pub(crate) fn read(view: AnyValueView<'_>) -> Self {
        Self::read_within(view, MAX_DEPTH)
    }

    fn read_within(view: AnyValueView<'_>, depth: u8) -> Self {
        match view {
            AnyValueView::Str(text) => Self::Str(text.to_owned()),
            AnyValueView::Bool(value) => Self::Bool(value),
            AnyValueView::Int(number) => Self::Int(number),
            AnyValueView::Double(number) => Self::Double(number),
            AnyValueView::Bytes(bytes) => Self::Bytes(bytes.to_vec()),
            AnyValueView::List(list) if depth > 0 => Self::List(
                list_items(list)
                    .map(|item| Self::read_within(item, depth - 1))
                    .collect(),
            ),
            AnyValueView::Map(map) if depth > 0 => Self::Map(
                map_entries(map)
                    .map(|(key, value)| (key.to_owned(), Self::read_within(value, depth - 1)))
                    .collect(),
            ),
            _ => Self::Empty,
        }
    }
}

impl CapturedAttributes {
    /// The value of `key`, if it is set.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&CapturedValue> {
        self.iter()
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value)
    }

    /// The attributes in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &CapturedValue)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn read<'a>(views: impl Iterator<Item = (&'a str, AnyValueView<'a>)>) -> Self {
        Self(
            views
                .map(|(key, value)| (key.to_owned(), CapturedValue::read(value)))
                .collect(),
        )
    }
}

impl fmt::Display for CapturedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("(none)"),
            Self::Str(text) => write!(f, "{text:?}"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(number) => write!(f, "{number}"),
            Self::Double(number) => write!(f, "{number:?}"),
            Self::Bytes(bytes) => write!(f, "({} bytes)", bytes.len()),
            Self::List(items) => {
                f.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if index == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            Self::Map(entries) => {
                f.write_str("{")?;
                for (index, (key, value)) in entries.iter().enumerate() {
                    write!(f, "{}{key}: {value}", if index == 0 { "" } else { ", " })?;
                }
                f.write_str("}")
            }
        }
    }
}

impl From<&str> for CapturedValue {
    fn from(text: &str) -> Self {
        Self::Str(text.to_owned())
    }
}

impl From<String> for CapturedValue {
    fn from(text: String) -> Self {
        Self::Str(text)
    }
}

impl From<bool> for CapturedValue {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for CapturedValue {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<i32> for CapturedValue {
    fn from(number: i32) -> Self {
        Self::Int(number.into())
    }
}

impl From<f64> for CapturedValue {
    fn from(number: f64) -> Self {
        Self::Double(number)
    }
}

impl<V: Into<Self>> From<Vec<V>> for CapturedValue {
    fn from(items: Vec<V>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}
