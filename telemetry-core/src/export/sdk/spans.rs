//! Span exporters of the SDK.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use super::convert::span_data;
use super::host::{Foreign, Host};
use crate::export::{Accepted, ExportError, ExportFuture, Exporter};
use crate::otlp::SpanView;
use crate::pipeline::Batch;

/// Sends spans through an exporter written for `opentelemetry_sdk`.
///
/// The exporter lives on a thread of its own. A batch whose time is up is left to it; while it is
/// busy with one and another waits, further ones are refused as retryable. A panic in it fails
/// the batch, is counted, and leaves the exporter in use. When it reports a timeout, the batch is
/// offered again as far as the pipeline's time allows; its other errors are final.
#[derive(Debug)]
pub struct SdkSpanExporter {
    host: Host<Vec<SpanData>>,
}

#[derive(Debug)]
struct Spans<E>(E);

impl SdkSpanExporter {
    /// Takes an exporter. `name` is what people will read in messages; `resource` is handed to
    /// the exporter before anything else.
    ///
    /// # Errors
    ///
    /// The operating system has no thread or no sockets to give.
    pub fn new(
        name: impl Into<String>,
        exporter: impl SpanExporter + 'static,
        resource: &Resource,
    ) -> io::Result<Self> {
        Self::with(name, || exporter, resource)
    }

    /// Makes the exporter on its own thread, inside the runtime that will drive it: for those
    /// that need one when they are made, such as the official exporter over gRPC.
    ///
    /// # Errors
    ///
    /// The operating system has no thread or no sockets to give.
    pub fn with<E: SpanExporter + 'static>(
        name: impl Into<String>,
        make: impl FnOnce() -> E + Send + 'static,
        resource: &Resource,
    ) -> io::Result<Self> {
        let resource = resource.clone();
        let host = Host::start(&name.into(), move || {
            let mut exporter = make();
            exporter.set_resource(&resource);
            Spans(exporter)
        })?;
        Ok(Self { host })
    }

    /// How often the exporter panicked.
    #[must_use]
    pub fn panics(&self) -> u64 {
        self.host.panics()
    }
}

impl Exporter for SdkSpanExporter {
    fn destination(&self) -> String {
        self.host.name().to_owned()
    }

    fn prepare(&mut self, batch: &Batch) -> Result<(), ExportError> {
        let spans = batch.items().map(|item| {
            let scope = item.scope.scope().get().clone();
            span_data(&SpanView::read(item.message), scope)
        });
        self.host.prepare(spans.collect());
        Ok(())
    }

    fn attempt(&mut self) -> ExportFuture<'_, Result<Accepted, ExportError>> {
        Box::pin(self.host.export())
    }

    fn release(&mut self) {
        self.host.release();
    }

    fn flush(&mut self) -> ExportFuture<'_, Result<(), ExportError>> {
        Box::pin(self.host.flush())
    }

    fn shutdown(&mut self) -> ExportFuture<'_, Result<(), ExportError>> {
        Box::pin(self.host.shutdown())
    }
}

impl<E: SpanExporter + 'static> Foreign for Spans<E> {
    type Load = Vec<SpanData>;

    fn export(&self, spans: Arc<Vec<SpanData>>) -> impl Future<Output = OTelSdkResult> {
        self.0.export(Arc::unwrap_or_clone(spans))
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown(&self, deadline: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(deadline)
    }
}
