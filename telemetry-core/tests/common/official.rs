//! What the official `opentelemetry-otlp` exporter sends, caught by a gRPC server.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry::logs::{LogRecord as _, Logger as _, LoggerProvider as _, Severity};
use opentelemetry_otlp::{LogExporter, SpanExporter, WithExportConfig as _};
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{
    LogsService, LogsServiceServer,
};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{
    LogBatch, LogExporter as _, LogProcessor, SdkLogRecord, SdkLoggerProvider,
};
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use super::arbitrary::LogCase;

/// The official exporters and the server to which they send.
pub(crate) struct Official {
    runtime: Runtime,
    span_exporter: SpanExporter,
    log_exporter: LogExporter,
    logger_provider: SdkLoggerProvider,
    records: Records,
    captured: Captured,
}

#[derive(Clone, Debug, Default)]
struct Captured {
    traces: Arc<Mutex<Option<ExportTraceServiceRequest>>>,
    logs: Arc<Mutex<Option<ExportLogsServiceRequest>>>,
}

/// Log records have no constructor; a processor catches those that a provider makes.
#[derive(Clone, Debug, Default)]
struct Records(Arc<Mutex<Vec<(SdkLogRecord, InstrumentationScope)>>>);

impl Official {
    pub(crate) fn start() -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let captured = Captured::default();
        let address = runtime.block_on(serve(captured.clone()));
        let endpoint = format!("http://{address}");
        let (span_exporter, log_exporter) = {
            let _entered = runtime.enter();
            let spans = SpanExporter::builder().with_tonic();
            let logs = LogExporter::builder().with_tonic();
            (
                spans.with_endpoint(&endpoint).build().expect("an exporter"),
                logs.with_endpoint(&endpoint).build().expect("an exporter"),
            )
        };
        let records = Records::default();
        let logger_provider = SdkLoggerProvider::builder()
            .with_log_processor(records.clone())
            .build();
        Self {
            runtime,
            span_exporter,
            log_exporter,
            logger_provider,
            records,
            captured,
        }
    }

    pub(crate) fn traces(
        &mut self,
        resource: &Resource,
        spans: &[SpanData],
    ) -> ExportTraceServiceRequest {
        self.span_exporter.set_resource(resource);
        self.runtime
            .block_on(self.span_exporter.export(spans.to_vec()))
            .expect("an export");
        take(&self.captured.traces).expect("a request")
    }

    pub(crate) fn logs(
        &mut self,
        resource: &Resource,
        records: &[LogCase],
    ) -> ExportLogsServiceRequest {
        for record in records {
            self.emit(record);
        }
        let records = take(&self.records.0);
        let batch: Vec<_> = records
            .iter()
            .map(|(record, scope)| (record, scope))
            .collect();
        self.log_exporter.set_resource(resource);
        self.runtime
            .block_on(self.log_exporter.export(LogBatch::new(&batch)))
            .expect("an export");
        take(&self.captured.logs).expect("a request")
    }

    fn emit(&self, case: &LogCase) {
        let logger = self.logger_provider.logger_with_scope(case.scope.clone());
        let mut record = logger.create_log_record();
        record.set_timestamp(case.timestamp);
        record.set_observed_timestamp(case.observed);
        record.set_severity_number(severity(case.severity));
        record.set_severity_text(case.severity.as_str());
        record.set_body(case.body.clone().into());
        record.add_attributes(case.attributes.clone());
        if let Some(target) = case.target {
            record.set_target(target);
        }
        if let Some((trace_id, span_id, flags)) = case.context {
            record.set_trace_context(trace_id, span_id, Some(flags));
        }
        if let Some(name) = case.event_name {
            record.set_event_name(name);
        }
        logger.emit(record);
    }
}

async fn serve(captured: Captured) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = Server::builder()
        .add_service(TraceServiceServer::new(captured.clone()))
        .add_service(LogsServiceServer::new(captured))
        .serve_with_incoming(TcpIncoming::from(listener));
    drop(tokio::spawn(server));
    address
}

#[tonic::async_trait]
impl TraceService for Captured {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        *lock(&self.traces) = Some(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl LogsService for Captured {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        *lock(&self.logs) = Some(request.into_inner());
        Ok(Response::new(ExportLogsServiceResponse::default()))
    }
}

impl LogProcessor for Records {
    fn emit(&self, record: &mut SdkLogRecord, scope: &InstrumentationScope) {
        lock(&self.0).push((record.clone(), scope.clone()));
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

fn severity(severity: telemetry_core::otlp::Severity) -> Severity {
    use telemetry_core::otlp::Severity as Ours;
    match severity {
        Ours::Trace => Severity::Trace,
        Ours::Debug => Severity::Debug,
        Ours::Info => Severity::Info,
        Ours::Warn => Severity::Warn,
        Ours::Error => Severity::Error,
        Ours::Fatal => Severity::Fatal,
    }
}

fn take<T: Default>(value: &Mutex<T>) -> T {
    std::mem::take(&mut lock(value))
}

fn lock<T>(value: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}
