//! What telemetry serves about itself.

use std::fmt::Write;
use std::sync::Arc;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use telemetry_core::diagnostics::ExporterStatus;

use crate::handle::{Parts, Telemetry};

impl Telemetry {
    /// Routes for the application's router: `GET /telemetry/status`, how each exporter is doing,
    /// as JSON. Merge them after [`server_layer`](crate::server_layer), so that they are not
    /// traced themselves.
    pub fn routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let parts = Arc::clone(self.parts());
        Router::new().route(
            "/telemetry/status",
            get(move || async move { status(&parts) }),
        )
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
    ([(CONTENT_TYPE, "application/json")], body)
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
