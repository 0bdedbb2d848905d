//! From a batch to an OTLP export request, as protobuf or as JSON.

mod grouping;
mod json;
mod json_metric;
mod json_object;
mod protobuf;
mod resource;

use opentelemetry_sdk::Resource;

use crate::pipeline::{Batch, Signal};

use grouping::Grouping;
use resource::EncodedResource;

/// How a request is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the two encodings of OTLP")]
pub enum Encoding {
    /// Binary protobuf, for gRPC and HTTP.
    Protobuf,
    /// The JSON mapping of protobuf, for HTTP.
    Json,
}

impl Encoding {
    /// The media type of a request over HTTP.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }
}

/// Writes the export requests of one signal: `ExportTraceServiceRequest`,
/// `ExportLogsServiceRequest` or `ExportMetricsServiceRequest`.
///
/// The resource is encoded once; finished items are copied as they are, grouped by scope. Once
/// its memory has grown to the size of a batch, an encoder allocates nothing.
///
/// ```
/// use opentelemetry_sdk::Resource;
/// use telemetry_core::export::otlp::encode::{Encoding, RequestEncoder};
/// use telemetry_core::otlp::{LogParts, ScopeId};
/// use telemetry_core::pipeline::{Batch, Signal};
///
/// let resource = Resource::builder_empty().with_service_name("shop").build();
/// let mut encoder = RequestEncoder::new(Signal::Logs, Encoding::Json, &resource);
///
/// let mut batch = Batch::new();
/// let record = LogParts { body: "hello", ..LogParts::empty() };
/// batch.push(ScopeId::of_name("shop::cart"), |buffer| record.encode(buffer));
///
/// let mut request = Vec::new();
/// encoder.encode(&batch, &mut request);
/// assert!(String::from_utf8(request)?.contains(r#""body":{"stringValue":"hello"}"#));
/// # Ok::<(), std::string::FromUtf8Error>(())
/// ```
#[derive(Debug)]
pub struct RequestEncoder {
    signal: Signal,
    encoding: Encoding,
    resource: EncodedResource,
    grouping: Grouping,
}

impl RequestEncoder {
    /// An encoder for the telemetry of `resource`.
    #[must_use]
    pub fn new(signal: Signal, encoding: Encoding, resource: &Resource) -> Self {
        Self {
            signal,
            encoding,
            resource: EncodedResource::new(resource),
            grouping: Grouping::default(),
        }
    }

    /// What it encodes.
    #[must_use]
    pub fn signal(&self) -> Signal {
        self.signal
    }

    /// How it encodes.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Appends the request for a batch.
    pub fn encode(&mut self, batch: &Batch, buffer: &mut Vec<u8>) {
        self.grouping.group(batch);
        match self.encoding {
            Encoding::Protobuf => protobuf::write(&self.resource, &self.grouping, batch, buffer),
            Encoding::Json => {
                json::write(self.signal, &self.resource, &self.grouping, batch, buffer);
            }
        }
        self.grouping.clear();
    }
}
