//! Log exporters of the SDK.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry::logs::{Logger, LoggerProvider};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogBatch, LogExporter, SdkLogRecord, SdkLogger, SdkLoggerProvider};

use super::convert::fill_record;
use super::host::{Foreign, Host};
use crate::export::{Accepted, ExportError, ExportFuture, Exporter};
use crate::otlp::LogView;
use crate::pipeline::Batch;

/// Sends log records through an exporter written for `opentelemetry_sdk`.
///
/// Behaves as [`SdkSpanExporter`](super::SdkSpanExporter) does. The name of a record that is an
/// event must live for ever there: the first 256 names do, later ones become the attribute
/// `event.name`.
#[derive(Debug)]
pub struct SdkLogExporter {
    host: Host<Vec<Record>>,
    /// Makes empty records, which have no constructor.
    records: SdkLogger,
}

type Record = (SdkLogRecord, InstrumentationScope);

#[derive(Debug)]
struct Logs<E>(E);

impl SdkLogExporter {
    /// Takes an exporter. `name` is what people will read in messages; `resource` is handed to
    /// the exporter before anything else.
    ///
    /// # Errors
    ///
    /// The operating system has no thread or no sockets to give.
    pub fn new(
        name: impl Into<String>,
        exporter: impl LogExporter + 'static,
        resource: &Resource,
    ) -> io::Result<Self> {
        Self::with(name, || exporter, resource)
    }

    /// Makes the exporter on its own thread, inside the runtime that will drive it.
    ///
    /// # Errors
    ///
    /// The operating system has no thread or no sockets to give.
    pub fn with<E: LogExporter + 'static>(
        name: impl Into<String>,
        make: impl FnOnce() -> E + Send + 'static,
        resource: &Resource,
    ) -> io::Result<Self> {
        let resource = resource.clone();
        let host = Host::start(&name.into(), move || {
            let mut exporter = make();
            exporter.set_resource(&resource);
            Logs(exporter)
        })?;
        Ok(Self {
            host,
            records: SdkLoggerProvider::builder().build().logger(""),
        })
    }

    /// How often the exporter panicked.
    #[must_use]
    pub fn panics(&self) -> u64 {
        self.host.panics()
    }
}

impl Exporter for SdkLogExporter {
    fn destination(&self) -> String {
        self.host.name().to_owned()
    }

    fn prepare(&mut self, batch: &Batch) -> Result<(), ExportError> {
        let records = batch.items().map(|item| {
            let scope = item.scope.scope().get().clone();
            let mut record = self.records.create_log_record();
            fill_record(&mut record, &LogView::read(item.message), scope.name());
            (record, scope)
        });
        self.host.prepare(records.collect());
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

impl<E: LogExporter + 'static> Foreign for Logs<E> {
    type Load = Vec<Record>;

    async fn export(&self, records: Arc<Vec<Record>>) -> OTelSdkResult {
        let borrowed: Vec<_> = records
            .iter()
            .map(|(record, scope)| (record, scope))
            .collect();
        self.0.export(LogBatch::new(&borrowed)).await
    }

    /// Log exporters have nothing to flush: the SDK gives them no such call.
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown(&self, deadline: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(deadline)
    }
}
