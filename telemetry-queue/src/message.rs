//! A message.

use std::ops::ControlFlow;

use bytes::Bytes;

use crate::carriers::{Fields, MessageCarrier, MessageCarrierMut, Refusal, Visit};

/// A message: what it says, and its headers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// What tells it from others, if it has that.
    pub id: Option<String>,
    /// Headers; the context is among them.
    pub headers: Vec<(String, Vec<u8>)>,
    /// What it says.
    pub body: Bytes,
    /// When it was sent, in nanoseconds since the Unix epoch; the producer sets it.
    pub sent_unix_nanos: Option<u64>,
}

impl Message {
    /// A message that says this.
    #[must_use]
    pub fn new(body: impl Into<Bytes>) -> Self {
        Self {
            body: body.into(),
            ..Self::default()
        }
    }

    /// The same message with an id.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }
}

impl MessageCarrier for Message {
    fn places(&self, visit: &mut Visit<'_>) -> ControlFlow<()> {
        self.headers.places(visit)
    }
}

impl MessageCarrierMut for Message {
    fn write(&mut self, fields: &Fields) -> Result<(), Refusal> {
        self.headers.write(fields)
    }
}
