//! An object as text.

use std::borrow::Cow;
use std::ops::ControlFlow;

use super::super::entries::View;
use super::super::{Fields, MessageCarrier, MessageCarrierMut, Refusal, Visit};
use super::members::{Members, Merged};
use super::{DEFAULT_KEY, keys};

/// A payload that is a JSON object, with the context in one of its members: what a list of Redis and
/// other queues without headers have. `B` is `Vec<u8>` or `String`, or `&[u8]` or `&str` to read only.
///
/// The other members stay as they were written, in their order and with all digits of their numbers.
/// A payload that is no object is not changed.
///
/// ```
/// use telemetry_core::context::{Baggage, SpanContext, SpanId, TraceFlags, TraceId};
/// use telemetry_queue::carriers::{Injected, JsonText, Propagation};
///
/// let parent = SpanContext::new(TraceId::from(1), SpanId::from(2), TraceFlags::SAMPLED);
/// let mut payload = JsonText::new(String::from(r#"{"order":7}"#)).key("_otel");
/// let injected = Propagation::default().inject(&parent, &Baggage::EMPTY, &mut payload);
/// assert_eq!(injected, Injected::Whole);
/// let text = r#"{"order":7,"_otel":{"traceparent":"00-00000000000000000000000000000001-0000000000000002-01"}}"#;
/// assert_eq!(payload.into_inner(), text);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonText<B> {
    key: Cow<'static, str>,
    text: B,
}

impl<B> JsonText<B> {
    /// This payload, with the context in [`DEFAULT_KEY`].
    #[must_use]
    pub fn new(text: B) -> Self {
        Self {
            key: Cow::Borrowed(DEFAULT_KEY),
            text,
        }
    }

    /// Another member for the context.
    #[must_use]
    pub fn key(mut self, key: impl Into<Cow<'static, str>>) -> Self {
        self.key = key.into();
        self
    }

    /// The payload, with the context if it was written.
    #[must_use]
    pub fn into_inner(self) -> B {
        self.text
    }
}

impl<B: AsRef<[u8]>> MessageCarrier for JsonText<B> {
    fn places(&self, visit: &mut Visit<'_>) -> ControlFlow<()> {
        read(self.text.as_ref(), &self.key, visit)
    }
}

impl MessageCarrierMut for JsonText<Vec<u8>> {
    fn write(&mut self, fields: &Fields) -> Result<(), Refusal> {
        self.text = merge(&self.text, &self.key, fields)?.into_bytes();
        Ok(())
    }
}

impl MessageCarrierMut for JsonText<String> {
    fn write(&mut self, fields: &Fields) -> Result<(), Refusal> {
        self.text = merge(self.text.as_bytes(), &self.key, fields)?;
        Ok(())
    }
}

fn read(text: &[u8], key: &str, visit: &mut Visit<'_>) -> ControlFlow<()> {
    let Some(members) = Members::parse(text) else {
        return ControlFlow::Continue(());
    };
    for key in keys(key) {
        let context = members.get(key).map(|value| value.get().as_bytes());
        if let Some(context) = context.and_then(Members::parse) {
            View::show(&context.texts(), visit)?;
        }
    }
    ControlFlow::Continue(())
}

fn merge(text: &[u8], key: &str, fields: &Fields) -> Result<String, Refusal> {
    let members = Members::parse(text).ok_or(Refusal::NotAnObject)?;
    let before = match members.get(key).map(|value| value.get()) {
        None | Some("null") => Members(Vec::new()),
        Some(context) => Members::parse(context.as_bytes()).ok_or(Refusal::NotAnObject)?,
    };
    let merged = Merged {
        members,
        key,
        before,
        fields,
    };
    serde_json::to_string(&merged).map_err(|_| Refusal::NotAnObject)
}
