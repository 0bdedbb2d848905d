use std::error::Error;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::store::StoreError;

/// Why a request is not answered with what it asked for.
#[derive(Debug)]
pub(crate) enum Refusal {
    BadRequest(String),
    Unauthorized(&'static str),
    /// `{"status":"not_found"}`.
    NoSession,
    NoSuchPath,
    TooSlow,
    TooLarge,
    Store(StoreError),
}

/// When to try again: a store that is away is asked for again at least this often.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, text) = match self {
            Self::BadRequest(problem) => (StatusCode::BAD_REQUEST, problem),
            Self::Unauthorized(problem) => return unauthorized(problem),
            Self::NoSession => {
                let body = Json(json!({ "status": "not_found" }));
                return (StatusCode::NOT_FOUND, body).into_response();
            }
            Self::NoSuchPath => (StatusCode::NOT_FOUND, "there is nothing here".to_owned()),
            Self::TooSlow => {
                let problem = "the body did not come in time".to_owned();
                (StatusCode::REQUEST_TIMEOUT, problem)
            }
            Self::TooLarge => {
                let problem = "the body is larger than 1 MiB".to_owned();
                (StatusCode::PAYLOAD_TOO_LARGE, problem)
            }
            Self::Store(StoreError::Full) => {
                let retry = [(header::RETRY_AFTER, RETRY_AFTER)];
                let body = Json(json!({ "error": StoreError::Full.to_string() }));
                return (StatusCode::TOO_MANY_REQUESTS, retry, body).into_response();
            }
            Self::Store(error) => return unavailable(&error),
        };
        (status, Json(json!({ "error": text }))).into_response()
    }
}

fn unauthorized(problem: &str) -> Response {
    let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
    let body = Json(json!({ "error": problem }));
    (StatusCode::UNAUTHORIZED, challenge, body).into_response()
}

fn unavailable(error: &StoreError) -> Response {
    let cause = error.source().map(ToString::to_string);
    tracing::warn!(error = cause.as_deref(), "{error}");
    let retry = [(header::RETRY_AFTER, RETRY_AFTER)];
    let body = Json(json!({ "error": error.to_string() }));
    (StatusCode::SERVICE_UNAVAILABLE, retry, body).into_response()
}
