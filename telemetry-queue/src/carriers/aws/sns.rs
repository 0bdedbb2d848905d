//! Notifications of SNS.

use std::ops::ControlFlow;

use serde_json::{Map, Value, json};

use super::super::entries::{Entries, View};
use super::super::{Fields, JsonText, MessageCarrier, MessageCarrierMut, Refusal, Visit};

const ATTRIBUTES: &str = "MessageAttributes";

/// A notification as SNS delivers it over HTTP or into a queue:
/// `{"Type": "Notification", "Message": "…", "MessageAttributes": {"traceparent": {"Type": "String", "Value": "…"}}, …}`.
///
/// Context is written into `MessageAttributes`, which is the same that SNS makes of the attributes of
/// what was published. It is read from there, then from a `Message` that is a JSON object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a notification is its members")]
pub struct SnsNotification(pub Map<String, Value>);

impl MessageCarrier for SnsNotification {
    fn places(&self, visit: &mut Visit<'_>) -> ControlFlow<()> {
        if let Some(Value::Object(attributes)) = self.0.get(ATTRIBUTES) {
            View::show(&Attributes(attributes), visit)?;
        }
        match self.0.get("Message") {
            Some(Value::String(message)) => JsonText::new(message).places(visit),
            _ => ControlFlow::Continue(()),
        }
    }
}

impl MessageCarrierMut for SnsNotification {
    fn write(&mut self, fields: &Fields) -> Result<(), Refusal> {
        let attributes = match self.0.get_mut(ATTRIBUTES) {
            Some(Value::Object(attributes)) => attributes,
            Some(Value::Null) | None => {
                self.0
                    .insert(ATTRIBUTES.to_owned(), entries(fields).collect());
                return Ok(());
            }
            Some(_) => return Err(Refusal::NotAnObject),
        };
        attributes.retain(|name, _| !fields.replaces(name));
        attributes.extend(entries(fields));
        Ok(())
    }
}

/// The context of a body that is a notification.
pub(super) fn read(body: &str, visit: &mut Visit<'_>) -> ControlFlow<()> {
    if !body.contains("\"Notification\"") {
        return ControlFlow::Continue(());
    }
    match serde_json::from_str(body) {
        Ok(notification) => SnsNotification(notification).places(visit),
        Err(_) => ControlFlow::Continue(()),
    }
}

fn entries(fields: &Fields) -> impl Iterator<Item = (String, Value)> {
    fields.iter().map(|(name, value)| {
        let attribute = json!({ "Type": "String", "Value": value });
        (name.to_owned(), attribute)
    })
}

struct Attributes<'m>(&'m Map<String, Value>);

impl Entries for Attributes<'_> {
    fn entries<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a str)) {
        for (name, attribute) in self.0 {
            if let Some(value) = attribute.get("Value").and_then(Value::as_str) {
                visit(name, value);
            }
        }
    }
}
