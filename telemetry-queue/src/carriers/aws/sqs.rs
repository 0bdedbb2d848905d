//! Messages of SQS.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::super::{Fields, JsonText, MessageCarrier, MessageCarrierMut, Refusal, Visit};
use super::AwsAttributes;
use super::sns;
use super::xray;

/// A message of SQS.
///
/// Context is written into the message attributes. If there is no room for it, for ten are the most,
/// it goes into the body, if that is a JSON object; if it is not, baggage is left out first.
///
/// It is read from the attributes, then from the body, then, if the body is a notification of SNS, from
/// that, and at last from the system attribute `AWSTraceHeader` of X-Ray.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SqsMessage {
    /// The message attributes.
    pub attributes: AwsAttributes,
    /// The message system attributes, as `ReceiveMessage` gives them when it is asked.
    pub system_attributes: BTreeMap<String, String>,
    /// The body.
    pub body: String,
}

impl SqsMessage {
    /// A message without attributes.
    #[must_use]
    pub fn new(body: impl Into<String>) -> Self {
        Self {
            body: body.into(),
            ..Self::default()
        }
    }
}

impl MessageCarrier for SqsMessage {
    fn places(&self, visit: &mut Visit<'_>) -> ControlFlow<()> {
        self.attributes.places(visit)?;
        JsonText::new(&self.body).places(visit)?;
        sns::read(&self.body, visit)?;
        match self.system_attributes.get(xray::ATTRIBUTE) {
            Some(header) => xray::read(header, visit),
            None => ControlFlow::Continue(()),
        }
    }
}

impl MessageCarrierMut for SqsMessage {
    fn write(&mut self, fields: &Fields) -> Result<(), Refusal> {
        let Err(refusal) = self.attributes.write(fields) else {
            return Ok(());
        };
        let mut body = JsonText::new(std::mem::take(&mut self.body));
        let written = body.write(fields);
        self.body = body.into_inner();
        written.map_err(|_| refusal)?;
        self.attributes.remove(fields);
        Ok(())
    }
}
