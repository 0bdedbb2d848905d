//! Where messages have their context: no I/O, and no broker's client.
//!
//! [`inject`] writes the current context into a message, [`extract`] reads it from one.
//! [`Propagation`] does the same with formats and a limit of its own.
//!
//! | message | carrier | where |
//! |---|---|---|
//! | JSON payload, as in a Redis list | [`JsonText`], [`JsonObject`], [`Envelope`] | member `traceContext`, or the one that is asked for |
//! | CloudEvents | [`CloudEvent`], [`CloudEventHeaders`] | extension attributes `traceparent`, `tracestate`, `baggage` |
//! | SQS | [`SqsMessage`], [`AwsAttributes`] | message attributes; the body if there are ten |
//! | SNS | [`AwsAttributes`] to publish, [`SnsNotification`] as delivered | message attributes |
//! | EventBridge | [`EventBridgeEvent`] | member of `detail` |
//! | Kafka | `Vec<(String, Vec<u8>)>` | record headers |
//! | AMQP 0.9.1 | [`AmqpTable`] | headers |
//! | NATS, MQTT 5 | `Vec<(String, String)>` | headers, user properties |
//! | Redis streams | `Vec<(Vec<u8>, Vec<u8>)>` | fields |
//! | others | `HashMap` and `BTreeMap` of `String` to `String` or `Vec<u8>`, `http::HeaderMap` | entries |
//!
//! What a carrier had of another context is replaced; all else in it stays. Names are written in
//! lower case and read in any.

mod amqp;
mod aws;
mod cloud_events;
mod entries;
mod fields;
mod json;
mod lists;
mod maps;
mod outcome;
mod propagation;

use std::ops::ControlFlow;

pub use amqp::{AmqpTable, AmqpValue};
pub use aws::{AwsAttribute, AwsAttributes, EventBridgeEvent, SnsNotification, SqsMessage};
pub use cloud_events::{CloudEvent, CloudEventHeaders};
pub use fields::Fields;
pub use json::{ALIASES, DEFAULT_KEY, Envelope, JsonObject, JsonText};
pub use outcome::{CarrierCounts, Injected, Refusal, counts};
pub use propagation::{MAX_BYTES, Propagation, extract, inject};
use telemetry_core::context::Carrier;

#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod fuzz;

/// A message to read a context from.
pub trait MessageCarrier {
    /// Calls `visit` with each place where context may be, the best first, until it breaks.
    fn places(&self, visit: &mut Visit<'_>) -> ControlFlow<()>;
}

/// What looks at one place of a message.
pub type Visit<'v> = dyn FnMut(&dyn Carrier) -> ControlFlow<()> + 'v;

/// A message to write a context to.
pub trait MessageCarrierMut {
    /// Writes all of the fields in place of those that are there, or leaves the message as it is.
    ///
    /// # Errors
    ///
    /// [`Refusal`] says why they have no place.
    fn write(&mut self, fields: &Fields) -> Result<(), Refusal>;
}
