//! Values that tell series apart.

use std::borrow::Cow;

use opentelemetry::Value;

/// A value of which there are few: it becomes an attribute of the metric and of the span.
///
/// Made from what is written in the program (`&'static str`, `bool`, a port); what is made at run
/// time has to be promised with [`Label::one_of_few`], or goes to the span alone with
/// [`Call::span_attribute`](super::Call::span_attribute).
///
/// ```compile_fail
/// let customer = String::from("c-4711");
/// telemetry_core::instrument::operation("charge").attribute("customer", customer);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Label(Value);

impl Label {
    /// A value made at run time, of which the caller knows that there are few, such as the name of
    /// a table. Each one is a series that is kept as long as the program runs.
    #[must_use]
    pub fn one_of_few(value: impl Into<Cow<'static, str>>) -> Self {
        Self(match value.into() {
            Cow::Borrowed(text) => text.into(),
            Cow::Owned(text) => text.into(),
        })
    }

    pub(super) fn into_value(self) -> Value {
        self.0
    }
}

impl From<&'static str> for Label {
    fn from(text: &'static str) -> Self {
        Self(text.into())
    }
}

impl From<bool> for Label {
    fn from(flag: bool) -> Self {
        Self(flag.into())
    }
}

impl From<u16> for Label {
    fn from(number: u16) -> Self {
        Self(i64::from(number).into())
    }
}
