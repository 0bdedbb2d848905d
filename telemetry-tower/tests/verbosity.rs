//! What the log knows of a request: its route, with a span and without, over HTTP and gRPC.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod common;

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use common::Telemetry;
use http::Request;
use telemetry_core::context::current_request;
use telemetry_log::{BaseFilter, Directives, Override, Scope, Verbosity};
use telemetry_tower::ServerLayer;
use tower::{Layer, ServiceExt, service_fn};
use tracing::instrument::WithSubscriber;
use tracing::level_filters::LevelFilter;
use tracing::{Dispatch, Level};
use tracing_subscriber::layer::SubscriberExt;

/// A subscriber at INFO, and what makes it more verbose.
fn quiet(directives: &str) -> (Dispatch, Verbosity) {
    let (directives, _) = Directives::parse(directives);
    let filter = BaseFilter::new(directives).keep_spans(LevelFilter::INFO);
    let verbosity = filter.verbosity();
    let spans = Telemetry::new().layer();
    let subscriber = tracing_subscriber::registry().with(spans).with(filter);
    (Dispatch::new(subscriber), verbosity)
}

fn set(verbosity: &Verbosity, route: &str) {
    let minute = Duration::from_secs(60);
    let wish = Override::new(Scope::Route(route.to_owned()), Level::DEBUG, minute);
    verbosity.set(wish).unwrap();
}

/// Whether a handler of each path may write DEBUG lines, before and after it has waited.
async fn asked(layer: ServerLayer, paths: [&str; 2]) -> Vec<(String, bool)> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    for path in paths {
        let seen = Arc::clone(&seen);
        let handler = move || async move {
            for _ in 0..2 {
                let route = current_request().route().map_or("none", |it| it.as_str());
                let told = (route.to_owned(), tracing::enabled!(Level::DEBUG));
                seen.lock().unwrap().push(told);
                tokio::task::yield_now().await;
            }
        };
        let app = Router::new().route(path, get(handler)).layer(layer.clone());
        let request = Request::get(path.replace("{id}", "7")).body(Body::empty());
        let answer = app.oneshot(request.unwrap()).await.unwrap();
        assert_eq!(answer.status(), 200);
    }
    Arc::into_inner(seen).unwrap().into_inner().unwrap()
}

fn expected(verbose: &str, other: &str) -> Vec<(String, bool)> {
    let twice = |route: &str, is_verbose| [(); 2].map(|()| (route.to_owned(), is_verbose));
    [twice(verbose, true), twice(other, false)].concat()
}

#[tokio::test]
async fn a_request_is_verbose_by_its_route_with_a_span_or_without() {
    let paths = ["/verbose/{id}", "/quiet/{id}"];
    let layers = [
        ("info", ServerLayer::new()),
        // nobody records it
        ("info", ServerLayer::new().filter(|_| false)),
        // its span is filtered out
        ("info,telemetry_tower=off", ServerLayer::new()),
        ("info", ServerLayer::new().public_endpoint(|_| true)),
    ];
    for (directives, layer) in layers {
        let (dispatch, verbosity) = quiet(directives);
        set(&verbosity, paths[0]);
        let seen = asked(layer, paths).with_subscriber(dispatch).await;
        assert_eq!(seen, expected(paths[0], paths[1]), "{directives}");
    }
}

#[tokio::test]
async fn a_call_is_verbose_by_its_method_and_other_methods_are_not_kept() {
    let (dispatch, verbosity) = quiet("info");
    set(&verbosity, "shop.Orders/Place");
    let calls = async {
        let mut seen = Vec::new();
        for path in ["/shop.Orders/Place", "/made.Up/ByAStranger"] {
            let (tell, told) = tokio::sync::oneshot::channel();
            let tell = Arc::new(Mutex::new(Some(tell)));
            let service = service_fn(move |_: Request<Body>| {
                let tell = Arc::clone(&tell);
                async move {
                    let route = current_request().route().map(|it| it.as_str());
                    let tell = tell.lock().unwrap().take().unwrap();
                    tell.send((route, tracing::enabled!(Level::DEBUG))).unwrap();
                    Ok::<_, Infallible>(http::Response::new(Body::empty()))
                }
            });
            let request = Request::post(path).header("content-type", "application/grpc");
            let request = request.body(Body::empty()).unwrap();
            let service = ServerLayer::new().layer(service);
            service.oneshot(request).await.unwrap();
            seen.push(told.await.unwrap());
        }
        seen
    };
    let seen = calls.with_subscriber(dispatch).await;
    assert_eq!(seen, [(Some("shop.Orders/Place"), true), (None, false)]);
}
