//! Where telemetry goes.

pub mod console;
mod error;
#[cfg(feature = "http-client")]
mod http_client;
pub mod memory;
#[cfg(feature = "otlp")]
pub mod otlp;
#[cfg(feature = "prometheus")]
pub mod prometheus;
pub mod sdk;
pub mod writer;

use std::future::Future;
use std::pin::Pin;

pub use error::{ExportError, ExportErrorKind};
#[cfg(feature = "http-client")]
pub use http_client::HttpClient;

use crate::pipeline::Batch;

/// What an exporter's asynchronous methods return; awaited on the telemetry thread.
pub type ExportFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Sends batches of one signal somewhere.
///
/// It lives on the telemetry thread. The pipeline calls [`Exporter::prepare`] once for a batch
/// and then [`Exporter::attempt`] until it succeeds, fails for good, or the time is up; whatever
/// can block must leave the thread (see the design's D2). An attempt may be dropped at any await.
pub trait Exporter: Send {
    /// Where it sends, for people: an endpoint or a name. Never a secret.
    fn destination(&self) -> String;

    /// What kind of exporter it is, as a value of `otel.component.type`: one of the conventions'
    /// names, or the name of its type. Source:
    /// <https://opentelemetry.io/docs/specs/semconv/registry/attributes/otel/#otel-component-type>.
    fn component_type(&self) -> &'static str {
        std::any::type_name::<Self>()
    }

    /// Encodes the batch, so that each attempt sends the same bytes.
    ///
    /// # Errors
    ///
    /// The batch cannot be sent at all; it is dropped and counted.
    fn prepare(&mut self, batch: &Batch) -> Result<(), ExportError>;

    /// Sends what was prepared.
    fn attempt(&mut self) -> ExportFuture<'_, Result<Accepted, ExportError>>;

    /// Lets go of what was prepared, and of what it holds beyond what the next batch needs.
    fn release(&mut self) {}

    /// Waits until everything sent so far is where it belongs. Called on flush.
    fn flush(&mut self) -> ExportFuture<'_, Result<(), ExportError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// Flushes and ends. Called once.
    fn shutdown(&mut self) -> ExportFuture<'_, Result<(), ExportError>> {
        self.flush()
    }
}

/// The receiver took the batch, perhaps not all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Accepted {
    /// How many items it rejected.
    pub rejected: u64,
    /// What it said about them, or a warning.
    pub message: String,
}

impl Accepted {
    /// Everything was taken.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// All but `rejected` items were taken.
    #[must_use]
    pub fn partly(rejected: u64, message: impl Into<String>) -> Self {
        Self {
            rejected,
            message: message.into(),
        }
    }
}
