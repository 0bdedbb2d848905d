//! The resource, encoded once.

use opentelemetry_sdk::Resource;

use crate::otlp::{AttributeLimits, Attributes};

/// A resource as its OTLP message, and the schema that its attributes follow.
#[derive(Debug)]
pub(super) struct EncodedResource {
    message: Vec<u8>,
    schema_url: String,
}

impl EncodedResource {
    pub(super) fn new(resource: &Resource) -> Self {
        let mut sorted: Vec<_> = resource.iter().collect();
        sorted.sort_unstable_by_key(|(key, _)| key.as_str());
        let mut attributes = Attributes::new(Attributes::RESOURCE, AttributeLimits::NONE);
        for (key, value) in sorted {
            attributes.push(key.as_str(), value);
        }
        Self {
            message: attributes.as_bytes().to_vec(),
            schema_url: resource.schema_url().unwrap_or_default().to_owned(),
        }
    }

    /// The bytes of the `Resource` message.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.message
    }

    pub(super) fn schema_url(&self) -> &str {
        &self.schema_url
    }
}
