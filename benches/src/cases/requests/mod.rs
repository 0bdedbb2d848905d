//! S0 to S4: one request through an axum router with a matched route, called in process.

mod layers;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Path};
use axum::routing::get;
use axum_tracing_opentelemetry::middleware::OtelAxumLayer;
use http::{HeaderValue, Request, header};
use http_body_util::BodyExt;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::{Sampler as SdkSampler, SdkTracerProvider};
use telemetry_core::trace::Sampler;
use telemetry_tower::ServerLayer;
use tokio::runtime::{Builder, Runtime};
use tower_service::Service;
use tracing::{Instrument, info, info_span, subscriber};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt;

use crate::harness::Case;
use crate::ours::{self, Ours};
use crate::peers;

pub(super) use layers::{fastrace, instrumentation_tower, tower_http, two_layers};

pub(super) const SAMPLED: bool = true;
pub(super) const NOT_SAMPLED: bool = false;

/// Of the caller, which has decided.
const fn traceparent(sampled: bool) -> &'static str {
    if sampled {
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    } else {
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
    }
}

fn request(traceparent: &'static str) -> Request<Body> {
    let mut request = Request::get("http://shop.example/users/42");
    let headers = request.headers_mut().unwrap();
    headers.insert(header::HOST, HeaderValue::from_static("shop.example"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static("curl/8.5.0"));
    headers.insert("traceparent", HeaderValue::from_static(traceparent));
    let peer = ConnectInfo(SocketAddr::from(([203, 0, 113, 7], 50_000)));
    request.extension(peer).body(Body::empty()).unwrap()
}

pub(crate) fn quiet() -> Router {
    Router::new().route("/users/{id}", get(async |Path(id): Path<String>| id))
}

/// A child span and five lines of four fields.
fn talkative() -> Router {
    Router::new().route(
        "/users/{id}",
        get(async |Path(id): Path<String>| {
            let work = async {
                for attempt in 0..5 {
                    info!(user = "42", attempt, cached = false, rows = 17, "loaded");
                }
            };
            work.instrument(info_span!("load user")).await;
            id
        }),
    )
}

struct Driver {
    runtime: Runtime,
    router: Router,
    traceparent: &'static str,
}

impl Driver {
    /// Calls the router as `axum::serve` does: with its state, so that layers are applied once and
    /// not by each request.
    fn new(router: Router, traceparent: &'static str) -> Self {
        Self {
            runtime: Builder::new_current_thread().build().unwrap(),
            router: router.with_state(()),
            traceparent,
        }
    }

    /// Calls the router, reads the response to its end.
    fn run(&mut self, count: u64) {
        self.runtime.block_on(async {
            for _ in 0..count {
                let answer: Result<_, Infallible> =
                    self.router.call(request(self.traceparent)).await;
                drop(answer.unwrap().into_body().collect().await.unwrap());
            }
        });
    }

    fn case(mut self, settle: impl FnMut() + 'static) -> Case {
        Case::settled(move |count| self.run(count), settle)
    }
}

pub(super) fn base() -> Case {
    Driver::new(quiet(), traceparent(SAMPLED)).case(|| {})
}

pub(super) fn ours<const SAMPLED: bool>() -> Case {
    let ours = Arc::new(Ours::start(Sampler::parent_based_always_on()));
    subscriber::set_global_default(Registry::default().with(ours.layer())).unwrap();
    let router = quiet().layer(ServerLayer::new());
    Driver::new(router, traceparent(SAMPLED)).case(move || ours.flush())
}

pub(super) fn ours_logged() -> Case {
    let ours = Arc::new(Ours::start(Sampler::parent_based_always_on()));
    let (lines, logs) = ours::logs();
    let subscriber = Registry::default().with(ours.layer()).with(lines);
    subscriber::set_global_default(subscriber).unwrap();
    let router = talkative().layer(ServerLayer::new());
    Driver::new(router, traceparent(SAMPLED)).case(move || {
        ours::flush_logs(&logs);
        ours.flush();
    })
}

/// `tracing` with the SDK's spans alone.
fn tracing_opentelemetry() -> SdkTracerProvider {
    let provider = peers::sdk(SdkSampler::AlwaysOn);
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("bench"));
    subscriber::set_global_default(Registry::default().with(layer)).unwrap();
    provider
}

pub(super) fn usual<const SAMPLED: bool>() -> Case {
    let provider = tracing_opentelemetry();
    let router = quiet().layer(OtelAxumLayer::default().try_extract_client_ip(true));
    Driver::new(router, traceparent(SAMPLED)).case(move || provider.force_flush().unwrap())
}

/// Its lines have the trace's id from the field that `axum-tracing-opentelemetry` keeps for it.
pub(super) fn usual_logged() -> Case {
    let provider = peers::sdk(SdkSampler::AlwaysOn);
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_writer(std::io::sink);
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("bench"));
    let subscriber = Registry::default().with(layer).with(lines);
    subscriber::set_global_default(subscriber).unwrap();
    let router = talkative().layer(OtelAxumLayer::default().try_extract_client_ip(true));
    Driver::new(router, traceparent(SAMPLED)).case(move || provider.force_flush().unwrap())
}
