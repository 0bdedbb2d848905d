//! Sends one signal over OTLP.

use std::fmt;

use bytes::Bytes;
use opentelemetry_sdk::Resource;

use crate::config::OtlpProtocol;
use crate::export::{Accepted, ExportError, ExportFuture, Exporter};
use crate::pipeline::{Batch, Signal};

use super::compress::Compressor;
use super::encode::{Encoding, RequestEncoder};
use super::secrets::{hide, secrets};
use super::settings::OtlpSettings;
use super::target::Target;

/// Sends the batches of one signal to an OTLP receiver.
///
/// A batch is encoded and compressed once; each attempt sends the same bytes. Buffers and
/// compression tables are kept from batch to batch. It connects with the first attempt, and anew
/// after an attempt that failed or was dropped before its answer.
pub struct OtlpExporter {
    destination: String,
    component_type: &'static str,
    encoder: RequestEncoder,
    compressor: Option<Compressor>,
    framing: Framing,
    /// What is compressed into the payload.
    plain: Vec<u8>,
    payload: Bytes,
    /// The memory of the next payload.
    spare: Vec<u8>,
    transport: Box<dyn Transport>,
    /// What a receiver may quote and nobody may read.
    secrets: Vec<String>,
}

/// What carries a request to the receiver and brings its answer in words.
pub(super) trait Transport: fmt::Debug + Send {
    fn send(&mut self, payload: Bytes) -> ExportFuture<'_, Result<Accepted, ExportError>>;
}

/// What stands before a request in the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    /// Nothing.
    None,
    /// Whether it is compressed, and its length in 32 bits:
    /// <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>.
    Grpc { compressed: bool },
}

const GRPC_HEAD: usize = 5;

/// How much memory an idle exporter keeps per buffer: a usual batch of 512 spans takes 200 KB.
const KEPT: usize = 512 * 1024;

impl OtlpExporter {
    /// An exporter for `signal` of `resource`.
    ///
    /// Reads the certificates, so not to be called on the telemetry thread; opens no connection
    /// and needs no runtime.
    ///
    /// # Errors
    ///
    /// The endpoint, a header or a certificate file cannot be used, or the crate was built without
    /// the transport. The error names the variable to set.
    ///
    /// ```
    /// use opentelemetry_sdk::Resource;
    /// use telemetry_core::config::OtlpProtocol;
    /// use telemetry_core::export::Exporter;
    /// use telemetry_core::export::otlp::{OtlpExporter, OtlpSettings};
    /// use telemetry_core::pipeline::Signal;
    ///
    /// let resource = Resource::builder_empty().with_service_name("shop").build();
    /// let settings = OtlpSettings::new("http://localhost:4318/v1/traces", OtlpProtocol::HttpProtobuf);
    /// let exporter = OtlpExporter::new(Signal::Traces, &settings, &resource)?;
    /// assert_eq!(exporter.destination(), "http://localhost:4318/v1/traces");
    /// # Ok::<(), telemetry_core::export::ExportError>(())
    /// ```
    pub fn new(
        signal: Signal,
        settings: &OtlpSettings,
        resource: &Resource,
    ) -> Result<Self, ExportError> {
        let target = Target::parse(&settings.endpoint, settings.protocol)?;
        let encoding = match settings.protocol {
            OtlpProtocol::HttpJson => Encoding::Json,
            OtlpProtocol::Grpc | OtlpProtocol::HttpProtobuf => Encoding::Protobuf,
        };
        let framing = match settings.protocol {
            OtlpProtocol::Grpc => Framing::Grpc {
                compressed: settings.compression.is_some(),
            },
            OtlpProtocol::HttpProtobuf | OtlpProtocol::HttpJson => Framing::None,
        };
        Ok(Self {
            destination: destination(&target),
            component_type: component_type(signal, settings.protocol),
            encoder: RequestEncoder::new(signal, encoding, resource),
            compressor: settings.compression.map(Compressor::new).transpose()?,
            framing,
            plain: Vec::new(),
            payload: Bytes::new(),
            spare: Vec::new(),
            transport: transport(signal, settings, target)?,
            secrets: secrets(settings),
        })
    }

    /// Takes back the memory of the last payload, unless an attempt that was dropped still has it.
    fn reclaim(&mut self) {
        let payload = std::mem::take(&mut self.payload);
        if payload.is_unique() {
            self.spare = Vec::from(payload);
            self.spare.clear();
        }
    }
}

impl Exporter for OtlpExporter {
    fn destination(&self) -> String {
        self.destination.clone()
    }

    fn component_type(&self) -> &'static str {
        self.component_type
    }

    fn prepare(&mut self, batch: &Batch) -> Result<(), ExportError> {
        self.reclaim();
        let mut payload = std::mem::take(&mut self.spare);
        self.framing.open(&mut payload);
        match &mut self.compressor {
            Some(compressor) => {
                self.plain.clear();
                self.encoder.encode(batch, &mut self.plain);
                compressor.compress(&self.plain, &mut payload)?;
            }
            None => self.encoder.encode(batch, &mut payload),
        }
        self.framing.close(&mut payload)?;
        self.payload = Bytes::from(payload);
        Ok(())
    }

    fn attempt(&mut self) -> ExportFuture<'_, Result<Accepted, ExportError>> {
        let secrets = &self.secrets;
        let answer = self.transport.send(self.payload.clone());
        Box::pin(async move {
            let said = |words: &mut String| hide(words, secrets);
            match answer.await {
                Ok(mut accepted) => {
                    said(&mut accepted.message);
                    Ok(accepted)
                }
                Err(error) => Err(error.reworded(said)),
            }
        })
    }

    fn release(&mut self) {
        self.reclaim();
        self.plain.clear();
        self.plain.shrink_to(KEPT);
        self.spare.shrink_to(KEPT);
    }
}

impl fmt::Debug for OtlpExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpExporter")
            .field("destination", &self.destination)
            .field("component_type", &self.component_type)
            .finish_non_exhaustive()
    }
}

impl Framing {
    fn open(self, payload: &mut Vec<u8>) {
        if let Self::Grpc { compressed } = self {
            payload.extend_from_slice(&[u8::from(compressed), 0, 0, 0, 0]);
        }
    }

    fn close(self, payload: &mut [u8]) -> Result<(), ExportError> {
        if self == Self::None {
            return Ok(());
        }
        let len = payload.len().saturating_sub(GRPC_HEAD);
        let len = u32::try_from(len).map_err(|_| {
            ExportError::permanent(format!("a request of {len} bytes does not fit into gRPC"))
                .with_remedy("Lower OTEL_BSP_MAX_EXPORT_BATCH_SIZE")
        })?;
        if let Some(slot) = payload.get_mut(1..GRPC_HEAD) {
            slot.copy_from_slice(&len.to_be_bytes());
        }
        Ok(())
    }
}

/// The conventions' names of OTLP exporters.
fn component_type(signal: Signal, protocol: OtlpProtocol) -> &'static str {
    match (signal, protocol) {
        (Signal::Traces, OtlpProtocol::Grpc) => "otlp_grpc_span_exporter",
        (Signal::Traces, OtlpProtocol::HttpProtobuf) => "otlp_http_span_exporter",
        (Signal::Traces, OtlpProtocol::HttpJson) => "otlp_http_json_span_exporter",
        (Signal::Logs, OtlpProtocol::Grpc) => "otlp_grpc_log_exporter",
        (Signal::Logs, OtlpProtocol::HttpProtobuf) => "otlp_http_log_exporter",
        (Signal::Logs, OtlpProtocol::HttpJson) => "otlp_http_json_log_exporter",
        (Signal::Metrics, OtlpProtocol::Grpc) => "otlp_grpc_metric_exporter",
        (Signal::Metrics, OtlpProtocol::HttpProtobuf) => "otlp_http_metric_exporter",
        (Signal::Metrics, OtlpProtocol::HttpJson) => "otlp_http_json_metric_exporter",
    }
}

/// The URL without credentials and without its query, which may hold a key.
fn destination(target: &Target) -> String {
    match target.uri().path() {
        _ if target.is_grpc() => target.base().to_owned(),
        "/" => target.base().to_owned(),
        path => format!("{}{path}", target.base()),
    }
}

fn transport(
    signal: Signal,
    settings: &OtlpSettings,
    target: Target,
) -> Result<Box<dyn Transport>, ExportError> {
    match settings.protocol {
        #[cfg(feature = "otlp-grpc")]
        OtlpProtocol::Grpc => Ok(Box::new(super::grpc::Grpc::new(signal, settings, target)?)),
        #[cfg(feature = "otlp-http")]
        OtlpProtocol::HttpProtobuf | OtlpProtocol::HttpJson => {
            Ok(Box::new(super::http::Http::new(signal, settings, target)?))
        }
        #[cfg(not(all(feature = "otlp-grpc", feature = "otlp-http")))]
        other => Err(ExportError::permanent(format!(
            "{signal} cannot go to {}: {other} is not built in",
            target.base()
        ))
        .with_remedy("Enable the feature otlp-grpc or otlp-http of telemetry-core")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otlp::{LogParts, ScopeId};

    fn batch(bytes: usize) -> Batch {
        let body = "x".repeat(bytes);
        let mut batch = Batch::new();
        let record = LogParts {
            body: &body,
            ..LogParts::empty()
        };
        batch.push(ScopeId::of_name("test"), |buffer| record.encode(buffer));
        batch
    }

    #[cfg(feature = "otlp-http")]
    #[test]
    fn memory_is_kept_for_the_next_batch_and_no_longer() {
        let settings = OtlpSettings::new("http://localhost", OtlpProtocol::HttpProtobuf);
        let mut exporter =
            OtlpExporter::new(Signal::Logs, &settings, &Resource::builder_empty().build()).unwrap();
        exporter.prepare(&batch(100_000)).unwrap();
        let first = exporter.payload.as_ptr();
        exporter.release();
        exporter.prepare(&batch(90_000)).unwrap();
        assert_eq!(exporter.payload.as_ptr(), first);
        exporter.prepare(&batch(4 * KEPT)).unwrap();
        exporter.release();
        assert!(exporter.spare.capacity() <= KEPT);
    }
}
