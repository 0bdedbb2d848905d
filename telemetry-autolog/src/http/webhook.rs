use std::collections::BTreeMap;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Refusal;
use super::body::Body;
use crate::labels::{fitted, optional, required};
use crate::service::Service;
use crate::session::{App, Holder, Opening, Scope, Verbosity};
use crate::store::Released;

/// The kinds of webhook, as labels of metrics.
const KINDS: [&str; 4] = ["autolog", "critical", "application", "infrastructure"];
const SOURCE: &str = "alertmanager";

/// Somebody who may send alerts.
#[derive(Debug)]
pub(super) struct AlertSource;

impl FromRequestParts<Service> for AlertSource {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, service: &Service) -> Result<Self, Refusal> {
        service.parts().webhooks.admit_webhook(&parts.headers)?;
        Ok(Self)
    }
}

/// What Alertmanager sends, version 4:
/// <https://prometheus.io/docs/alerting/latest/configuration/#webhook_config>.
#[derive(Debug, Deserialize)]
struct Notice {
    alerts: Vec<Alert>,
}

#[derive(Debug, Deserialize)]
struct Alert {
    status: Status,
    fingerprint: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Firing,
    Resolved,
}

/// `POST /webhook/{type}`.
pub(super) async fn receive(
    State(service): State<Service>,
    kind: Result<Path<String>, PathRejection>,
    source: Result<AlertSource, Refusal>,
    request: Request,
) -> Result<Json<Value>, Refusal> {
    let (kind, clock) = (known(kind)?, &service.parts().clock);
    let start = clock.now();
    let answer = match source {
        Ok(AlertSource) => take(&service, kind, request).await,
        Err(refusal) => {
            service.parts().metrics.webhook(kind, "unauthorized");
            Err(refusal)
        }
    };
    let took = clock.now().since(start);
    service.parts().metrics.webhook_took(kind, took);
    answer.map(|()| Json(json!({ "status": "processed" })))
}

fn known(kind: Result<Path<String>, PathRejection>) -> Result<&'static str, Refusal> {
    let Path(kind) = kind.map_err(|_| Refusal::NoSuchPath)?;
    let mut kinds = KINDS.into_iter();
    kinds
        .find(|known| *known == kind)
        .ok_or(Refusal::NoSuchPath)
}

async fn take(service: &Service, kind: &'static str, request: Request) -> Result<(), Refusal> {
    let metrics = &service.parts().metrics;
    let body = Body::from_request(request, service).await;
    let notice = body.and_then(|body| body.parse::<Notice>());
    let notice = notice.inspect_err(|_| metrics.webhook(kind, "malformed"))?;
    let firing = notice
        .alerts
        .iter()
        .any(|alert| alert.status == Status::Firing);
    metrics.webhook(kind, if firing { "firing" } else { "resolved" });
    let mut refusal = Ok(());
    for alert in notice.alerts {
        match alert.apply(service, kind).await {
            // one bad alert does not keep the others of its group out
            Err(bad @ Refusal::BadRequest(_)) => refusal = Err(bad),
            other => other?,
        }
    }
    refusal
}

impl Alert {
    async fn apply(self, service: &Service, kind: &'static str) -> Result<(), Refusal> {
        let Some(scope) = self.scope()? else {
            service.parts().metrics.webhook(kind, "ignored");
            tracing::warn!(
                fingerprint = self.fingerprint,
                alert = self.labels.get("alertname"),
                "ignored an alert without service_name, app, service and job"
            );
            return Ok(());
        };
        required("fingerprint", Some(&self.fingerprint))?;
        match self.status {
            Status::Resolved => self.resolve(service, scope).await,
            Status::Firing if self.is_ours(kind) => self.fire(service, scope).await,
            Status::Firing => Ok(()),
        }
    }

    fn is_ours(&self, kind: &str) -> bool {
        kind == "autolog"
            || self
                .labels
                .get("autolog")
                .is_some_and(|value| value == "true")
    }

    /// Where it belongs; none if no label says to which app.
    fn scope(&self) -> Result<Option<Scope>, Refusal> {
        let app = self.label(&["service_name", "app", "service", "job"])?;
        let environment = self.label(&[
            "deployment_environment_name",
            "deployment_environment",
            "environment",
        ])?;
        let endpoint = self.label(&["http_route", "endpoint"])?;
        Ok(app.map(|name| Scope {
            app: App {
                name,
                environment: environment.unwrap_or_else(|| "production".to_owned()),
            },
            endpoint,
        }))
    }

    /// The first of these labels that is there.
    fn label(&self, names: &[&str]) -> Result<Option<String>, Refusal> {
        let given = |name: &&str| self.labels.get(*name).filter(|value| !value.is_empty());
        let Some(name) = names.iter().find(|name| given(name).is_some()) else {
            return Ok(None);
        };
        optional(name, given(name).map(String::as_str))
    }

    async fn fire(self, service: &Service, scope: Scope) -> Result<(), Refusal> {
        let parts = service.parts();
        let opening = self.opening(scope.clone(), parts.settings.ttl)?;
        let opened = parts.store.open(opening).await?;
        if opened.new {
            parts.metrics.opened(&scope, SOURCE);
            tracing::info!(
                app = scope.app.name,
                environment = scope.app.environment,
                endpoint = scope.endpoint,
                reason = opened.session.reason,
                "an alert opened a session"
            );
        }
        Ok(())
    }

    async fn resolve(self, service: &Service, scope: Scope) -> Result<(), Refusal> {
        let store = &service.parts().store;
        let released = store.release(scope.clone(), self.fingerprint).await?;
        if released == Released::Closed {
            tracing::info!(
                app = scope.app.name,
                environment = scope.app.environment,
                endpoint = scope.endpoint,
                "the last alert is resolved: the session is closed"
            );
        }
        Ok(())
    }

    fn opening(self, scope: Scope, ttl: std::time::Duration) -> Result<Opening, Refusal> {
        let name = self.label(&["alertname"])?;
        let told = ["summary", "description"].map(|name| self.annotations.get(name));
        let told = told.into_iter().flatten().find_map(|text| fitted(text));
        let service = self.label(&["service"])?;
        Ok(Opening {
            service: service.unwrap_or_else(|| scope.app.name.clone()),
            scope,
            ttl,
            level: Verbosity::Debug,
            trigger_source: SOURCE.to_owned(),
            error_type: self.label(&["error_type"])?,
            trace_id: self.label(&["trace_id"])?,
            reason: told.or(name),
            holder: Holder::Alert(self.fingerprint),
        })
    }
}
