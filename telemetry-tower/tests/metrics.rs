//! What is measured of requests, as a reader of the registry sees it.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use opentelemetry::{InstrumentationScope, Value};
use telemetry_core::metrics::{Metric, Number, Points, Registry, RegistrySettings};
use telemetry_tower::ServerLayer;
use tower_service::Service as _;

struct Rig {
    registry: Registry,
    app: Router,
}

fn rig() -> Rig {
    let registry = Registry::new(RegistrySettings::default());
    let meter = registry.meter(InstrumentationScope::builder("test").build());
    let layer = ServerLayer::new()
        .meter(&meter)
        .filter(|head| head.path() != "/healthz");
    let app = Router::new()
        .route("/users/{id}", get(|| async { "ada" }))
        .route("/fail", get(|| async { StatusCode::BAD_GATEWAY }))
        .route("/panic", get(panics))
        .route("/endless", get(std::future::pending::<()>))
        .route("/healthz", get(|| async { "ok" }))
        .layer(layer);
    Rig { registry, app }
}

#[expect(clippy::panic, reason = "it is what is tested")]
async fn panics() {
    panic!("on purpose")
}

impl Rig {
    async fn ask(&mut self, method: Method, path: &str) {
        let request = Request::builder().method(method).uri(path);
        let request = request.body(Body::empty()).unwrap();
        let response = self.app.call(request).await.unwrap();
        response.into_body().collect().await.unwrap();
    }

    fn metric(&self, name: &str) -> Metric {
        let mut metrics = self.registry.collect().metrics.into_iter();
        metrics.find(|it| it.descriptor.name == name).unwrap()
    }

    /// Counts by method, route, status and error type.
    fn durations(&self) -> Vec<(String, u64)> {
        let Points::Histogram(points) = self.metric("http.server.request.duration").points else {
            return Vec::new();
        };
        let keys = [
            "http.request.method",
            "http.route",
            "http.response.status_code",
            "error.type",
        ];
        let mut counts: Vec<_> = points
            .iter()
            .map(|point| {
                let text = |key| point.attributes.get(key).map(Value::to_string);
                let texts: Vec<_> = keys.iter().filter_map(|key| text(key)).collect();
                (texts.join(" "), point.value.count())
            })
            .collect();
        counts.sort();
        counts
    }

    fn active(&self) -> Vec<Number> {
        match self.metric("http.server.active_requests").points {
            Points::Sum(points) => points.iter().map(|point| point.value).collect(),
            _ => Vec::new(),
        }
    }
}

fn counts<const N: usize>(expected: [(&str, u64); N]) -> Vec<(String, u64)> {
    expected
        .map(|(text, count)| (text.to_owned(), count))
        .into()
}

#[tokio::test]
async fn durations_are_told_apart_by_method_route_and_end() {
    let mut rig = rig();
    for _ in 0..3 {
        rig.ask(Method::GET, "/users/1").await;
        rig.ask(Method::GET, "/users/2").await;
    }
    rig.ask(Method::GET, "/fail").await;
    rig.ask(Method::GET, "/healthz").await;
    rig.ask(Method::from_bytes(b"FROB").unwrap(), "/users/1")
        .await;
    assert_eq!(
        rig.durations(),
        counts([
            ("GET /fail 502 502", 1),
            ("GET /users/{id} 200", 6),
            ("_OTHER /users/{id} 405", 1),
        ])
    );
    assert!(rig.active().iter().all(|count| *count == Number::I64(0)));
}

#[tokio::test]
async fn a_request_counts_as_active_until_its_end_whatever_that_is() {
    let mut rig = rig();
    let request = |path: &str| Request::get(path).body(Body::empty()).unwrap();
    let open = rig.app.call(request("/users/1")).await.unwrap();
    assert_eq!(rig.active(), [Number::I64(1)]);
    drop(open);
    let panicked = tokio::spawn(rig.app.call(request("/panic")));
    panicked.await.unwrap_err();
    tokio::select! {
        biased;
        _ = rig.app.call(request("/endless")) => {}
        () = std::future::ready(()) => {} // dropped after one poll
    }
    assert_eq!(rig.active(), [Number::I64(0)]);
    assert_eq!(
        rig.durations(),
        counts([
            ("GET /endless cancelled", 1),
            ("GET /panic panic", 1),
            ("GET /users/{id} 200 cancelled", 1),
        ])
    );
}
