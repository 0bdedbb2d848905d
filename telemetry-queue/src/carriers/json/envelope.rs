//! A payload of any kind, and its context beside it.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use super::super::{Fields, MessageCarrier, MessageCarrierMut, Refusal, Visit};

/// An envelope around a payload of any serde type: `{"traceContext": {…}, "payload": …}`.
///
/// ```
/// use telemetry_queue::carriers::{self, Envelope};
///
/// let mut envelope = Envelope::new(vec![1, 2, 3]);
/// let _ = carriers::inject(&mut envelope);
/// let text = serde_json::to_string(&envelope)?;
///
/// let envelope: Envelope<Vec<u32>> = serde_json::from_str(&text)?;
/// let _parent = carriers::extract(&envelope).span_context;
/// assert_eq!(envelope.payload, [1, 2, 3]);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Envelope<T> {
    /// Names and values of the context.
    #[serde(
        rename = "traceContext",
        alias = "trace_context",
        alias = "headers",
        alias = "_otel",
        default
    )]
    pub trace_context: BTreeMap<String, String>,
    /// What the message says.
    pub payload: T,
}

impl<T> Envelope<T> {
    /// An envelope without context.
    #[must_use]
    pub fn new(payload: T) -> Self {
        Self {
            trace_context: BTreeMap::new(),
            payload,
        }
    }
}

impl<T> MessageCarrier for Envelope<T> {
    fn places(&self, visit: &mut Visit<'_>) -> ControlFlow<()> {
        self.trace_context.places(visit)
    }
}

impl<T> MessageCarrierMut for Envelope<T> {
    fn write(&mut self, fields: &Fields) -> Result<(), Refusal> {
        self.trace_context.write(fields)
    }
}
