use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use telemetry::Telemetry;

use super::body::MAX_BODY;
use super::{Refusal, check, control, errors, health, openapi, page, webhook};
use crate::service::Service;

/// Every path that is served, but for `/health` and `/metrics`, which are not traced.
pub(super) fn routes() -> Vec<(&'static str, MethodRouter<Service>)> {
    vec![
        ("/", get(page::html)),
        ("/page.css", get(page::css)),
        ("/page.js", get(page::script)),
        ("/openapi.json", get(openapi::document)),
        ("/api/autolog/check", get(check::check)),
        ("/api/autolog/enable", post(control::enable)),
        ("/api/autolog/disable", post(control::disable)),
        ("/api/autolog/list", get(control::list)),
        ("/api/autolog/error", post(errors::report)),
        ("/webhook/{type}", post(webhook::receive)),
    ]
}

pub(crate) fn router(service: &Service, telemetry: &Telemetry) -> Router {
    let mut router = Router::new();
    for (path, methods) in routes() {
        router = router.route(path, methods);
    }
    router
        .layer(telemetry::server_layer())
        .route("/health", get(health::health))
        .merge(telemetry.metrics_router())
        .fallback(|| async { Refusal::NoSuchPath })
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn(headers))
        .with_state(service.clone())
}

/// What keeps a browser from being tricked, on every answer.
const SAFE: [(HeaderName, HeaderValue); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
    ),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    ),
];
/// A year. <https://www.rfc-editor.org/rfc/rfc6797#section-6.1>
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

async fn headers(request: Request, next: Next) -> Response {
    let tls = came_by_tls(request.headers());
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.extend(SAFE);
    if tls {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    response
}

/// The service itself speaks plain HTTP; a proxy before it says what the browser speaks.
fn came_by_tls(headers: &HeaderMap) -> bool {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    let by_name =
        text("x-forwarded-proto").is_some_and(|proto| proto.eq_ignore_ascii_case("https"));
    by_name
        || text("forwarded").is_some_and(|hops| hops.to_ascii_lowercase().contains("proto=https"))
}
