//! S0 to S4: one request through an axum router with a matched route, called in process.

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
use opentelemetry_sdk::trace::Sampler as SdkSampler;
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

const SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const NOT_SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

fn request(traceparent: &'static str) -> Request<Body> {
    let mut request = Request::get("http://shop.example/users/42");
    let headers = request.headers_mut().unwrap();
    headers.insert(header::HOST, HeaderValue::from_static("shop.example"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static("curl/8.5.0"));
    headers.insert("traceparent", HeaderValue::from_static(traceparent));
    let peer = ConnectInfo(SocketAddr::from(([203, 0, 113, 7], 50_000)));
    request.extension(peer).body(Body::empty()).unwrap()
}

fn quiet() -> Router {
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
    Driver::new(quiet(), SAMPLED).case(|| {})
}

fn ours_with(traceparent: &'static str) -> Case {
    let ours = Arc::new(Ours::start(Sampler::parent_based_always_on()));
    subscriber::set_global_default(Registry::default().with(ours.layer())).unwrap();
    let router = quiet().layer(ServerLayer::new());
    Driver::new(router, traceparent).case(move || ours.flush())
}

pub(super) fn ours() -> Case {
    ours_with(SAMPLED)
}

pub(super) fn ours_unsampled() -> Case {
    ours_with(NOT_SAMPLED)
}

pub(super) fn ours_logged() -> Case {
    let ours = Arc::new(Ours::start(Sampler::parent_based_always_on()));
    let (lines, logs) = ours::logs();
    let subscriber = Registry::default().with(ours.layer()).with(lines);
    subscriber::set_global_default(subscriber).unwrap();
    let router = talkative().layer(ServerLayer::new());
    Driver::new(router, SAMPLED).case(move || {
        ours::flush_logs(&logs);
        ours.flush();
    })
}

fn usual_with(traceparent: &'static str) -> Case {
    let provider = peers::sdk(SdkSampler::AlwaysOn);
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("bench"));
    subscriber::set_global_default(Registry::default().with(layer)).unwrap();
    let router = quiet().layer(OtelAxumLayer::default().try_extract_client_ip(true));
    Driver::new(router, traceparent).case(move || provider.force_flush().unwrap())
}

pub(super) fn usual() -> Case {
    usual_with(SAMPLED)
}

pub(super) fn usual_unsampled() -> Case {
    usual_with(NOT_SAMPLED)
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
    Driver::new(router, SAMPLED).case(move || provider.force_flush().unwrap())
}
