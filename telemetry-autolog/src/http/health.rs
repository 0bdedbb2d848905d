use std::error::Error;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::service::Service;

/// Shorter than what a prober waits for.
const PATIENCE: Duration = Duration::from_millis(900);

/// `GET /health`: whether the store can be reached.
pub(super) async fn health(State(service): State<Service>) -> Response {
    let store = &service.parts().store;
    let error = match tokio::time::timeout(PATIENCE, store.ping()).await {
        Ok(Ok(())) => {
            let body = json!({ "status": "healthy", "store": store.name() });
            return Json(body).into_response();
        }
        Ok(Err(error)) => match error.source() {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        },
        Err(_) => "the store does not answer".to_owned(),
    };
    let body = json!({ "status": "unhealthy", "error": error });
    (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
}
