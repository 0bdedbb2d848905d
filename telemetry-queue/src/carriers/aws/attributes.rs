//! Message attributes of SQS and SNS.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::super::entries::{Entries, View};
use super::super::{Fields, MessageCarrier, MessageCarrierMut, Refusal, Visit};

/// How many attributes a message has at most,
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html>.
/// SNS allows more, but drops messages that have more on their way into a queue of SQS.
const MAX_ATTRIBUTES: usize = 10;

/// The attributes of a message of SQS or SNS: ten at most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "they are their entries")]
pub struct AwsAttributes(pub BTreeMap<String, AwsAttribute>);

/// An attribute: its type and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AwsAttribute {
    /// Type `String`.
    String(String),
    /// Type `Number`.
    Number(String),
    /// Type `Binary`.
    Binary(Vec<u8>),
    /// Any other type, such as `String.Array` of SNS, with its value as text.
    Other(String, String),
}

impl Entries for AwsAttributes {
    fn entries<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a str)) {
        for (name, value) in &self.0 {
            if let AwsAttribute::String(value) = value {
                visit(name, value);
            }
        }
    }
}

impl MessageCarrier for AwsAttributes {
    fn places(&self, visit: &mut Visit<'_>) -> ControlFlow<()> {
        View::show(self, visit)
    }
}

impl MessageCarrierMut for AwsAttributes {
    fn write(&mut self, fields: &Fields) -> Result<(), Refusal> {
        let kept = self.0.keys().filter(|name| !fields.replaces(name));
        if kept.count().saturating_add(fields.len()) > MAX_ATTRIBUTES {
            return Err(Refusal::Full);
        }
        self.remove(fields);
        self.0.extend(fields.iter().map(|(name, value)| {
            let value = AwsAttribute::String(value.to_owned());
            (name.to_owned(), value)
        }));
        Ok(())
    }
}

impl AwsAttributes {
    /// Removes the context that is there.
    pub(super) fn remove(&mut self, fields: &Fields) {
        self.0.retain(|name, _| !fields.replaces(name));
    }
}
