//! What the official SDK sends with `opentelemetry-otlp`, caught by a gRPC server.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry::metrics::MeterProvider;
use opentelemetry_otlp::{MetricExporter, WithExportConfig as _};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_sdk::metrics::{
    Aggregation, Instrument, PeriodicReader, SdkMeterProvider, Stream, Temporality as Official_,
};
use telemetry_core::config::Temporality;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use super::recording::{Instruments, Recording};

/// The server to which the official exporter sends.
pub(crate) struct Official {
    runtime: Runtime,
    endpoint: String,
    captured: Captured,
}

#[derive(Clone, Debug, Default)]
struct Captured(Arc<Mutex<Option<ExportMetricsServiceRequest>>>);

impl Official {
    pub(crate) fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let captured = Captured::default();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let server = Server::builder()
            .add_service(MetricsServiceServer::new(captured.clone()))
            .serve_with_incoming(TcpIncoming::from(listener));
        drop(runtime.spawn(server));
        Self {
            runtime,
            endpoint,
            captured,
        }
    }

    /// What is sent after each round.
    pub(crate) fn requests(
        &mut self,
        temporality: Temporality,
        rounds: &[Vec<Recording>],
    ) -> Vec<ExportMetricsServiceRequest> {
        let provider = self.provider(match temporality {
            Temporality::Delta => Official_::Delta,
            Temporality::LowMemory => Official_::LowMemory,
            _ => Official_::Cumulative,
        });
        let instruments = Instruments::new(&provider.meter_with_scope(super::scope()));
        let mut requests = Vec::new();
        for round in rounds {
            instruments.record(round);
            provider.force_flush().unwrap();
            requests.push(self.captured.0.lock().unwrap().take().unwrap_or_default());
        }
        provider.shutdown().unwrap();
        self.captured.0.lock().unwrap().take();
        requests
    }

    fn provider(&self, temporality: Official_) -> SdkMeterProvider {
        let _entered = self.runtime.enter();
        let exporter = MetricExporter::builder()
            .with_tonic()
            .with_endpoint(&self.endpoint)
            .with_temporality(temporality)
            .build()
            .unwrap();
        let reader = PeriodicReader::builder(exporter)
            .with_interval(Duration::from_secs(3600))
            .build();
        SdkMeterProvider::builder()
            .with_resource(super::resource())
            .with_reader(reader)
            .with_view(|instrument: &Instrument| {
                let aggregation = Aggregation::Base2ExponentialHistogram {
                    max_size: 160,
                    max_scale: 20,
                    record_min_max: true,
                };
                (instrument.name() == "exponential")
                    .then(|| Stream::builder().with_aggregation(aggregation).build())?
                    .ok()
            })
            .build()
    }
}

#[tonic::async_trait]
impl MetricsService for Captured {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        *self.0.lock().unwrap() = Some(request.into_inner());
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}
