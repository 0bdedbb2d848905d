//! What telemetry serves about itself.

use std::fmt::Write;
use std::sync::Arc;

use axum::Router;
use axum::http::header;
#[cfg(feature = "prometheus")]
use axum::http::{HeaderMap, StatusCode};
#[cfg(feature = "prometheus")]
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use telemetry_core::diagnostics::ExporterStatus;

use crate::handle::{Parts, Telemetry};

impl Telemetry {
    /// Routes for the application's router: `GET /telemetry/status`, how each exporter is doing,
    /// as JSON, and `GET /metrics`, the page for Prometheus. Merge them after
    /// [`server_layer`](crate::server_layer), so that they are not traced themselves.
    pub fn routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let parts = Arc::clone(self.parts());
        let routes = Router::new().route(
            "/telemetry/status",
            get(move || async move { status(&parts) }),
        );
        #[cfg(feature = "prometheus")]
        let routes = routes.merge(self.metrics_router());
        routes
    }

    /// `GET /metrics` alone: the page for Prometheus, whatever `OTEL_METRICS_EXPORTER` says.
    #[cfg(feature = "prometheus")]
    pub fn metrics_router<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let page = self.parts().page.clone();
        Router::new().route(
            "/metrics",
            get(move |headers: HeaderMap| metrics(page, headers)),
        )
    }
}

/// The page, made where blocking is allowed: callbacks of the program run for it.
#[cfg(feature = "prometheus")]
async fn metrics(page: crate::page::Page, headers: HeaderMap) -> Response {
    let render = move || {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        page.render(text(header::ACCEPT), text(header::ACCEPT_ENCODING))
    };
    let Ok(page) = tokio::task::spawn_blocking(render).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let kind = [
        (header::CONTENT_TYPE, page.content_type),
        (header::VARY, "accept, accept-encoding"),
    ];
    match page.content_encoding {
        Some(name) => (kind, [(header::CONTENT_ENCODING, name)], page.body).into_response(),
        None => (kind, page.body).into_response(),
    }
}

fn status(parts: &Parts) -> ([(axum::http::HeaderName, &'static str); 1], String) {
    let status = parts.status();
    let exporters: Vec<serde_json::Value> = status.exporters.iter().map(exporter).collect();
    let lines = serde_json::json!({ "written": status.lines, "dropped": status.lost_lines });
    let mut body = String::new();
    let _ = writeln!(
        body,
        "{}",
        serde_json::json!({ "exporters": exporters, "lines": lines })
    );
    ([(header::CONTENT_TYPE, "application/json")], body)
}

fn exporter(status: &ExporterStatus) -> serde_json::Value {
    let dropped: serde_json::Map<_, _> = status
        .ledger
        .dropped
        .iter()
        .map(|(reason, count)| (reason.as_str().to_owned(), count.into()))
        .collect();
    serde_json::json!({
        "signal": status.signal.as_str(),
        "destination": status.destination,
        "created": status.ledger.created,
        "exported": status.ledger.exported,
        "pending": status.ledger.pending,
        "dropped": dropped,
        "last_success_seconds_ago": status.health.last_success.map(|ago| ago.as_secs_f64()),
        "last_error": status.health.last_error,
        "failed_attempts": status.health.failed_attempts,
    })
}
