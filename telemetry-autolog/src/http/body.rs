use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::de::DeserializeOwned;

use super::Refusal;

/// The largest body. The contract's figure.
pub(super) const MAX_BODY: usize = 1 << 20;
/// How long a body may take: a MiB at 1 Mbit/s.
const BODY_LIMIT: Duration = Duration::from_secs(10);

/// The bytes of a body that came in time and is not too large.
#[derive(Debug)]
pub(super) struct Body(Bytes);

impl Body {
    /// What its JSON says; fields that nobody knows are passed over.
    pub(super) fn parse<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        serde_json::from_slice(&self.0).map_err(|error| {
            Refusal::BadRequest(format!("the body is not what is expected: {error}"))
        })
    }
}

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let bytes = Bytes::from_request(request, state);
        let bytes = tokio::time::timeout(BODY_LIMIT, bytes).await;
        match bytes.map_err(|_| Refusal::TooSlow)? {
            Ok(bytes) => Ok(Self(bytes)),
            Err(rejection) => match rejection.into_response().status() {
                StatusCode::PAYLOAD_TOO_LARGE => Err(Refusal::TooLarge),
                _ => Err(Refusal::BadRequest("the body broke off".to_owned())),
            },
        }
    }
}
