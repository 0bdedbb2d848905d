use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Refusal;
use super::body::Body;
use super::control::{Operator, scope};
use crate::labels::{optional, required};
use crate::service::Service;
use crate::session::{Holder, Opening, Verbosity};
use crate::settings::Settings;
use crate::store::Errors;

#[derive(Deserialize)]
struct Report {
    app: Option<String>,
    environment: Option<String>,
    service: Option<String>,
    endpoint: Option<String>,
    error_type: Option<String>,
    count: Option<u32>,
}

/// `POST /api/autolog/error`: a client reports errors; too many in a window open a session.
pub(super) async fn report(
    State(service): State<Service>,
    _: Operator,
    body: Body,
) -> Result<Json<Value>, Refusal> {
    let parts = service.parts();
    let errors = body.parse::<Report>()?.errors(&parts.settings)?;
    let (scope, kind) = (
        errors.opening.scope.clone(),
        errors.opening.error_type.clone(),
    );
    parts.metrics.errors(&scope, kind.as_deref(), errors.count);
    let counted = parts.store.count(errors).await?;
    if counted.opened {
        parts.metrics.opened(&scope, SOURCE);
        tracing::info!(
            app = scope.app.name,
            environment = scope.app.environment,
            endpoint = scope.endpoint,
            count = counted.count,
            "errors opened a session"
        );
    }
    Ok(Json(json!({
        "count": counted.count,
        "threshold": parts.settings.error_threshold,
        "triggered": counted.triggered,
    })))
}

const SOURCE: &str = "error_rate";

impl Report {
    fn errors(self, settings: &Settings) -> Result<Errors, Refusal> {
        let count = self.count.unwrap_or(1);
        if count == 0 {
            return Err(Refusal::BadRequest("count is at least 1".to_owned()));
        }
        let scope = scope(&self.app, &self.environment, &self.endpoint)?;
        let (threshold, minutes) = (
            settings.error_threshold,
            settings.error_window.as_secs() / 60,
        );
        Ok(Errors {
            count,
            threshold,
            window: settings.error_window,
            opening: Opening {
                scope,
                holder: Holder::ErrorRate,
                ttl: settings.ttl,
                level: Verbosity::Debug,
                service: required("service", self.service.as_deref())?,
                trigger_source: SOURCE.to_owned(),
                error_type: optional("error_type", self.error_type.as_deref())?,
                trace_id: None,
                reason: Some(format!("{threshold} errors within {minutes} min")),
            },
        })
    }
}
