//! What telemetry serves about itself.

use std::sync::Arc;

use axum::Router;
#[cfg(feature = "prometheus")]
use axum::http::HeaderMap;
#[cfg(any(feature = "doctor", feature = "prometheus"))]
use axum::http::StatusCode;
use axum::http::header;
#[cfg(any(feature = "doctor", feature = "prometheus"))]
use axum::response::{IntoResponse, Response};
use axum::routing::get;
#[cfg(feature = "prometheus")]
use tokio::sync::Semaphore;

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

    /// `GET /telemetry/doctor` alone: the doctor's diagnosis as JSON, from inside this program. One
    /// at a time: whoever asks meanwhile gets 503. It shows settings and sends test data, so it is
    /// no part of [`routes`](Self::routes): merge it where only operators come.
    #[cfg(feature = "doctor")]
    pub fn doctor_router<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let doctor = Arc::new(std::sync::Mutex::new(self.doctor()));
        Router::new().route("/telemetry/doctor", get(move || diagnose(doctor)))
    }

    /// `GET /metrics` alone: the page for Prometheus, whatever `OTEL_METRICS_EXPORTER` says.
    #[cfg(feature = "prometheus")]
    pub fn metrics_router<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let page = self.parts().page.clone();
        let turn = Arc::new(Semaphore::new(1));
        Router::new().route(
            "/metrics",
            get(move |headers: HeaderMap| metrics(page, turn, headers)),
        )
    }
}

/// The page, made where blocking is allowed: callbacks of the program run for it. One at a time, so
/// that a callback that hangs holds one thread, however often it is asked.
#[cfg(feature = "prometheus")]
async fn metrics(page: crate::page::Page, turn: Arc<Semaphore>, headers: HeaderMap) -> Response {
    let turn = turn.acquire_owned().await;
    let render = move || {
        let _turn = turn;
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

#[cfg(feature = "doctor")]
async fn diagnose(doctor: Arc<std::sync::Mutex<crate::doctor::Doctor>>) -> Response {
    let run = move || doctor.try_lock().ok().map(|doctor| doctor.run());
    match tokio::task::spawn_blocking(run).await {
        Ok(Some(diagnosis)) => {
            let kind = [(header::CONTENT_TYPE, "application/json")];
            (kind, format!("{}\n", diagnosis.to_json())).into_response()
        }
        Ok(None) => (StatusCode::SERVICE_UNAVAILABLE, "the doctor is busy\n").into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn status(parts: &Parts) -> ([(header::HeaderName, &'static str); 1], String) {
    let body = format!("{}\n", parts.status().to_json());
    ([(header::CONTENT_TYPE, "application/json")], body)
}
