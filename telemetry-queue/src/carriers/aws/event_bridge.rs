//! Events of EventBridge.

use std::borrow::Cow;
use std::ops::ControlFlow;

use serde_json::{Map, Value};

use super::super::json::{DEFAULT_KEY, read_member, write_member};
use super::super::{Fields, MessageCarrier, MessageCarrierMut, Refusal, Visit};

const DETAIL: &str = "detail";

/// An event as EventBridge delivers it: `{"detail-type": "…", "source": "…", "detail": {…}, …}`.
///
/// The context is a member of `detail`, which is all that a publisher chooses freely. To publish, the
/// text of an entry's `Detail` is a [`JsonText`](super::super::JsonText) with the same member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventBridgeEvent {
    key: Cow<'static, str>,
    members: Map<String, Value>,
}

impl EventBridgeEvent {
    /// This event, with the context in [`DEFAULT_KEY`] of its detail.
    #[must_use]
    pub fn new(members: Map<String, Value>) -> Self {
        Self {
            key: Cow::Borrowed(DEFAULT_KEY),
            members,
        }
    }

    /// Another member of the detail.
    #[must_use]
    pub fn key(mut self, key: impl Into<Cow<'static, str>>) -> Self {
        self.key = key.into();
        self
    }

    /// The event, with the context if it was written.
    #[must_use]
    pub fn into_members(self) -> Map<String, Value> {
        self.members
    }
}

impl MessageCarrier for EventBridgeEvent {
    fn places(&self, visit: &mut Visit<'_>) -> ControlFlow<()> {
        match self.members.get(DETAIL) {
            Some(Value::Object(detail)) => read_member(detail, &self.key, visit),
            _ => ControlFlow::Continue(()),
        }
    }
}

impl MessageCarrierMut for EventBridgeEvent {
    fn write(&mut self, fields: &Fields) -> Result<(), Refusal> {
        match self.members.get_mut(DETAIL) {
            Some(Value::Object(detail)) => write_member(detail, &self.key, fields),
            Some(Value::Null) | None => {
                let mut detail = Map::new();
                write_member(&mut detail, &self.key, fields)?;
                self.members
                    .insert(DETAIL.to_owned(), Value::Object(detail));
                Ok(())
            }
            Some(_) => Err(Refusal::NotAnObject),
        }
    }
}
