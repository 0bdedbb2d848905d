//! From the duration of a request to its span. Alone in its process: which callsites are of
//! interest is global, and tests without a subscriber would say that none is.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Request;
use http_body_util::BodyExt as _;
use telemetry_core::metrics::Points;
use telemetry_core::testing::Capture;
use telemetry_tower::ServerLayer;
use tower_service::Service as _;
use tracing_subscriber::layer::SubscriberExt as _;

#[tokio::test]
async fn an_exemplar_is_the_span_of_its_request() {
    let capture = Capture::new();
    let subscriber = tracing_subscriber::registry().with(capture.layer());
    let _subscribed = tracing::subscriber::set_default(subscriber);
    let layer = ServerLayer::new().meter(&capture.meter("test"));
    let mut app = Router::new()
        .route("/", get(|| async { "ada" }))
        .layer(layer);
    let request = Request::get("/").body(Body::empty()).unwrap();
    let response = app.call(request).await.unwrap();
    response.into_body().collect().await.unwrap();
    let Points::Histogram(points) = capture.metric("http.server.request.duration").points else {
        panic!("durations are a histogram");
    };
    let span = &capture.spans()[0];
    assert_eq!(
        points[0].exemplars[0].span,
        Some((span.trace_id, span.span_id))
    );
}
