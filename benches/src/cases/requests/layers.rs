//! The same request through the layers of other libraries, as their documentation sets them up.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::{ConnectInfo, MatchedPath};
use axum_otel_metrics::HttpMetricsLayerBuilder;
use axum_tracing_opentelemetry::middleware::OtelAxumLayer;
use fastrace_axum::FastraceLayer;
use http::{Request, Response, header};
use opentelemetry::global;
use opentelemetry_http::HeaderExtractor;
use opentelemetry_instrumentation_tower::http::server::Layer as InstrumentationLayer;
use opentelemetry_sdk::metrics::{ManualReader, SdkMeterProvider};
use opentelemetry_sdk::trace::Sampler;
use opentelemetry_sdk_0_32::metrics as metrics_0_32;
use tower_http::trace::TraceLayer;
use tracing::{Span, field, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::{Driver, quiet, traceparent, tracing_opentelemetry};
use crate::cases::spans;
use crate::harness::Case;
use crate::peers;

/// Traces and metrics, without `tracing`.
pub(in crate::cases) fn instrumentation_tower<const SAMPLED: bool>() -> Case {
    let provider = peers::sdk(Sampler::AlwaysOn);
    global::set_tracer_provider(provider.clone());
    let reader = ManualReader::builder().build();
    global::set_meter_provider(SdkMeterProvider::builder().with_reader(reader).build());
    let router = quiet().layer(InstrumentationLayer::new());
    Driver::new(router, traceparent(SAMPLED)).case(move || provider.force_flush().unwrap())
}

/// Traces of the one, metrics of the other, which takes the SDK of the version before.
pub(in crate::cases) fn two_layers<const SAMPLED: bool>() -> Case {
    let provider = tracing_opentelemetry();
    let reader = metrics_0_32::ManualReader::builder().build();
    let metrics = metrics_0_32::SdkMeterProvider::builder().with_reader(reader);
    let metrics = HttpMetricsLayerBuilder::new().with_provider(metrics.build());
    let router = quiet()
        .layer(OtelAxumLayer::default().try_extract_client_ip(true))
        .layer(metrics.build());
    Driver::new(router, traceparent(SAMPLED)).case(move || provider.force_flush().unwrap())
}

/// Traces alone; every attribute and the parent by hand.
pub(in crate::cases) fn tower_http<const SAMPLED: bool>() -> Case {
    let provider = tracing_opentelemetry();
    let layer = TraceLayer::new_for_http()
        .make_span_with(server_span)
        .on_request(())
        .on_response(|response: &Response<_>, _, span: &Span| {
            span.record("http.response.status_code", response.status().as_u16());
        })
        .on_body_chunk(())
        .on_eos(())
        .on_failure(());
    let router = quiet().layer(layer);
    Driver::new(router, traceparent(SAMPLED)).case(move || provider.force_flush().unwrap())
}

/// What a user of tower-http writes to have the attributes of the conventions.
fn server_span(request: &Request<Body>) -> Span {
    let text = |name| request.headers().get(name)?.to_str().ok();
    let extensions = request.extensions();
    let route = extensions.get::<MatchedPath>().map(MatchedPath::as_str);
    let client = extensions.get::<ConnectInfo<SocketAddr>>();
    let name = format!("{} {}", request.method(), route.unwrap_or_default());
    let span = info_span!(
        "request",
        otel.name = name,
        otel.kind = "server",
        http.request.method = request.method().as_str(),
        http.route = route,
        http.response.status_code = field::Empty,
        url.scheme = request.uri().scheme_str(),
        url.path = request.uri().path(),
        server.address = text(header::HOST),
        client.address = client.map(|peer| field::display(peer.ip())),
        network.protocol.version = ?request.version(),
        user_agent.original = text(header::USER_AGENT),
    );
    let parent = global::get_text_map_propagator(|propagator| {
        propagator.extract(&HeaderExtractor(request.headers()))
    });
    span.set_parent(parent).unwrap();
    span
}

/// Traces alone, with four attributes and without OpenTelemetry.
pub(in crate::cases) fn fastrace<const SAMPLED: bool>() -> Case {
    spans::fastrace_to_nowhere();
    let router = quiet().layer(FastraceLayer::default());
    Driver::new(router, traceparent(SAMPLED)).case(fastrace::flush)
}
