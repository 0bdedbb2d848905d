//! The distributed tracing extension of CloudEvents.

use std::borrow::Cow;
use std::ops::ControlFlow;

use serde_json::{Map, Value};

use super::entries::{Entries, View, text};
use super::json::write_strings;
use super::{Fields, MessageCarrier, MessageCarrierMut, Refusal, Visit};

/// An event in structured mode: a JSON object whose members are its attributes.
///
/// `traceparent` and `tracestate` are those of the
/// [extension](https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/extensions/distributed-tracing.md);
/// baggage is an attribute of its own, `baggage`. Attributes have lower-case letters and digits
/// only, so formats with other names (`x-b3-traceid`, `uber-trace-id`) have no place in an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "an event is its attributes")]
pub struct CloudEvent(pub Map<String, Value>);

impl MessageCarrier for CloudEvent {
    fn places(&self, visit: &mut Visit<'_>) -> ControlFlow<()> {
        View::show(&self.0, visit)
    }
}

impl MessageCarrierMut for CloudEvent {
    fn write(&mut self, fields: &Fields) -> Result<(), Refusal> {
        write_strings(&mut self.0, &attributes(fields)?);
        Ok(())
    }
}

/// An event in binary mode: headers, each attribute with a prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloudEventHeaders {
    prefix: Cow<'static, str>,
    headers: Vec<(String, Vec<u8>)>,
}

impl CloudEventHeaders {
    /// Record headers of Kafka, where the prefix is
    /// [`ce_`](https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md).
    #[must_use]
    pub fn kafka(headers: Vec<(String, Vec<u8>)>) -> Self {
        Self::with_prefix("ce_", headers)
    }

    /// Headers of HTTP or NATS, where the prefix is
    /// [`ce-`](https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md).
    #[must_use]
    pub fn http(headers: Vec<(String, Vec<u8>)>) -> Self {
        Self::with_prefix("ce-", headers)
    }

    /// Headers with this prefix, such as `cloudEvents:` of AMQP.
    #[must_use]
    pub fn with_prefix(
        prefix: impl Into<Cow<'static, str>>,
        headers: Vec<(String, Vec<u8>)>,
    ) -> Self {
        let prefix = prefix.into();
        Self { prefix, headers }
    }

    /// The headers, with the context if it was written.
    #[must_use]
    pub fn into_headers(self) -> Vec<(String, Vec<u8>)> {
        self.headers
    }
}

impl Entries for CloudEventHeaders {
    fn entries<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a str)) {
        for (name, value) in &self.headers {
            if let (Some(name), Some(value)) = (strip(name, &self.prefix), text(value)) {
                visit(name, value);
            }
        }
    }
}

impl MessageCarrier for CloudEventHeaders {
    fn places(&self, visit: &mut Visit<'_>) -> ControlFlow<()> {
        View::show(self, visit)
    }
}

impl MessageCarrierMut for CloudEventHeaders {
    fn write(&mut self, fields: &Fields) -> Result<(), Refusal> {
        let Self { prefix, headers } = self;
        let fields = attributes(fields)?;
        headers.retain(|(name, _)| !strip(name, prefix).is_some_and(|name| fields.replaces(name)));
        headers.extend(
            fields
                .iter()
                .map(|(name, value)| (format!("{prefix}{name}"), value.into())),
        );
        Ok(())
    }
}

/// Those that can be attributes of an event.
fn attributes(fields: &Fields) -> Result<Fields, Refusal> {
    let attributes = fields.only(is_attribute);
    if attributes.is_empty() {
        return Err(Refusal::Unnameable);
    }
    Ok(attributes)
}

/// <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md#attribute-naming-convention>.
fn is_attribute(name: &str) -> bool {
    name.bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

fn strip<'n>(name: &'n str, prefix: &str) -> Option<&'n str> {
    let (start, rest) = name.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}
