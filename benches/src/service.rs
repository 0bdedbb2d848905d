//! A whole service over sockets, bare or with a library around it, and the collector of its spans.
//!
//! Where to export follows from the variables of OpenTelemetry, which all of them read.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum_tracing_opentelemetry::middleware::OtelAxumLayer;
use bytes::Bytes;
use http::{Request, Response};
use opentelemetry::global;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_instrumentation_tower::http::server::Layer as InstrumentationLayer;
use opentelemetry_otlp::{MetricExporter, SpanExporter, WithHttpConfig};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use prost::Message;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tracing::subscriber;
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt;

use crate::{cases, collector};

const PATIENCE: Duration = Duration::from_secs(20);

/// What sends the rest of the spans away.
type End = Box<dyn FnOnce()>;

/// Prints the address and serves until stdin ends.
pub(crate) fn serve(library: &str, out: &mut impl Write) -> io::Result<()> {
    let (router, end) = match library {
        "bare" => (cases::quiet(), Box::new(|| {}) as End),
        "ours" => telemetry(),
        "opentelemetry-instrumentation-tower" => instrumentation_tower(),
        "axum-tracing-opentelemetry" => axum_tracing_opentelemetry(),
        _ => panic!("no service with {library}"),
    };
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    writeln!(out, "{}", listener.local_addr()?)?;
    out.flush()?;
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    drop(runtime.spawn(async { axum::serve(listener, service).await }));
    stdin_ends()?;
    end();
    Ok(())
}

/// Traces, metrics with exemplars, and lines, of which requests make none.
fn telemetry() -> (Router, End) {
    let telemetry = telemetry::init().unwrap();
    let router = cases::quiet().layer(telemetry::server_layer());
    let end = move || drop(telemetry.shutdown_blocking(PATIENCE));
    (router, Box::new(end))
}

/// Traces and metrics.
fn instrumentation_tower() -> (Router, End) {
    let traces = sdk_traces();
    let exporter = MetricExporter::builder().with_http();
    let exporter = exporter.with_http_client(Client::default()).build();
    let metrics = SdkMeterProvider::builder().with_periodic_exporter(exporter.unwrap());
    let metrics = metrics.build();
    global::set_tracer_provider(traces.clone());
    global::set_meter_provider(metrics.clone());
    let router = cases::quiet().layer(InstrumentationLayer::new());
    let end = move || {
        traces.shutdown().unwrap();
        metrics.shutdown().unwrap();
    };
    (router, Box::new(end))
}

/// Traces alone.
fn axum_tracing_opentelemetry() -> (Router, End) {
    let traces = sdk_traces();
    let layer = tracing_opentelemetry::layer().with_tracer(traces.tracer("bench"));
    subscriber::set_global_default(Registry::default().with(layer)).unwrap();
    let layer = OtelAxumLayer::default().try_extract_client_ip(true);
    let end = move || traces.shutdown().unwrap();
    (cases::quiet().layer(layer), Box::new(end))
}

fn sdk_traces() -> SdkTracerProvider {
    global::set_text_map_propagator(TraceContextPropagator::new());
    let exporter = SpanExporter::builder().with_http();
    let exporter = exporter.with_http_client(Client::default()).build();
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter.unwrap());
    provider.build()
}

/// The least that a client for the SDK's exporter can be, on one connection.
#[derive(Debug, Default)]
struct Client(Mutex<Option<TcpStream>>);

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let host = parts.uri.authority().ok_or("no host")?;
        let head = format!(
            "POST {} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/x-protobuf\r\ncontent-length: {}\r\n\r\n",
            parts.uri.path(),
            body.len()
        );
        let mut kept = self.0.lock().unwrap();
        let stream = match &mut *kept {
            Some(stream) => stream,
            none => none.insert(TcpStream::connect(host.as_str())?),
        };
        stream.write_all(head.as_bytes())?;
        stream.write_all(&body)?;
        let mut answer = [0; 256];
        let mut filled = 0;
        while collector::head_length(&answer[..filled]).is_none() {
            filled += stream.read(&mut answer[filled..])?;
        }
        Ok(Response::new(Bytes::new()))
    }
}

static SPANS: AtomicU64 = AtomicU64::new(0);

/// Prints the address and counts spans until stdin ends; `GET` answers how many there were.
pub(crate) fn collect(out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{}", collector::start(count))?;
    out.flush()?;
    stdin_ends()
}

fn count(request: &[u8]) -> String {
    if request.starts_with(b"GET ") {
        return SPANS.load(Ordering::Relaxed).to_string();
    }
    if request.starts_with(b"POST /v1/traces ") {
        let head = collector::head_length(request).unwrap();
        let request = ExportTraceServiceRequest::decode(&request[head..]).unwrap();
        let scopes = request.resource_spans.iter().flat_map(|of| &of.scope_spans);
        let spans: usize = scopes.map(|scope| scope.spans.len()).sum();
        SPANS.fetch_add(spans as u64, Ordering::Relaxed);
    }
    String::new()
}

fn stdin_ends() -> io::Result<()> {
    io::stdin().read_to_end(&mut Vec::new()).map(drop)
}
