use std::time::Duration;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query, State};
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Refusal;
use super::body::Body;
use crate::labels::{optional, required};
use crate::service::Service;
use crate::session::{App, Holder, Opening, Scope, Session, Verbosity};
use crate::settings::MAX_TTL_MINUTES;
use crate::store::{Cursor, MAX_SESSIONS};

/// Somebody who may open, close, list and report.
#[derive(Debug)]
pub(super) struct Operator;

impl FromRequestParts<Service> for Operator {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, service: &Service) -> Result<Self, Refusal> {
        service.parts().operators.admit(&parts.headers)?;
        Ok(Self)
    }
}

#[derive(Deserialize)]
struct Enable {
    app: Option<String>,
    environment: Option<String>,
    service: Option<String>,
    endpoint: Option<String>,
    error_type: Option<String>,
    trace_id: Option<String>,
    trigger_source: Option<String>,
    reason: Option<String>,
    level: Option<Verbosity>,
    ttl_minutes: Option<u64>,
}

#[derive(Deserialize)]
struct Disable {
    app: Option<String>,
    environment: Option<String>,
    endpoint: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Paging {
    limit: Option<String>,
    cursor: Option<String>,
}

#[derive(Serialize)]
pub(super) struct List {
    count: usize,
    sessions: Vec<Session>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// `POST /api/autolog/enable`: a person opens a session, or extends the one that is open.
pub(super) async fn enable(
    State(service): State<Service>,
    _: Operator,
    body: Body,
) -> Result<Json<Value>, Refusal> {
    let opening = body
        .parse::<Enable>()?
        .opening(service.parts().settings.ttl)?;
    let (scope, source) = (opening.scope.clone(), opening.trigger_source.clone());
    let opened = service.parts().store.open(opening).await?;
    if opened.new {
        service.parts().metrics.opened(&scope, &source);
    }
    let session = opened.session;
    tracing::info!(
        app = session.app,
        environment = session.environment,
        endpoint = session.endpoint,
        reason = session.reason,
        expires_at = session.expires_at,
        new = opened.new,
        "a person opened a session"
    );
    Ok(Json(json!({ "status": "enabled", "config": session })))
}

/// `POST /api/autolog/disable`: closes a session, whoever holds it.
pub(super) async fn disable(
    State(service): State<Service>,
    _: Operator,
    body: Body,
) -> Result<Json<Value>, Refusal> {
    let body: Disable = body.parse()?;
    let scope = scope(&body.app, &body.environment, &body.endpoint)?;
    if !service.parts().store.close(scope.clone()).await? {
        return Err(Refusal::NoSession);
    }
    tracing::info!(
        app = scope.app.name,
        environment = scope.app.environment,
        endpoint = scope.endpoint,
        "a person closed a session"
    );
    Ok(Json(json!({ "status": "disabled" })))
}

/// `GET /api/autolog/list`: the open sessions, newest first.
pub(super) async fn list(
    State(service): State<Service>,
    _: Operator,
    paging: Result<Query<Paging>, QueryRejection>,
) -> Result<Json<List>, Refusal> {
    let Query(paging) = paging.map_err(|bad| Refusal::BadRequest(bad.body_text()))?;
    let (after, limit) = paging.read()?;
    let page = service.parts().store.list(after, limit).await?;
    Ok(Json(List {
        count: page.sessions.len(),
        sessions: page.sessions,
        next_cursor: page.next.map(|cursor| cursor.to_string()),
    }))
}

impl Enable {
    fn opening(self, default: Duration) -> Result<Opening, Refusal> {
        let scope = scope(&self.app, &self.environment, &self.endpoint)?;
        let trigger = optional("trigger_source", self.trigger_source.as_deref())?;
        Ok(Opening {
            scope,
            holder: Holder::Person,
            ttl: ttl(self.ttl_minutes, default)?,
            level: self.level.unwrap_or_default(),
            service: required("service", self.service.as_deref())?,
            trigger_source: trigger.unwrap_or_else(|| "manual".to_owned()),
            error_type: optional("error_type", self.error_type.as_deref())?,
            trace_id: optional("trace_id", self.trace_id.as_deref())?,
            reason: optional("reason", self.reason.as_deref())?,
        })
    }
}

impl Paging {
    fn read(&self) -> Result<(Option<Cursor>, usize), Refusal> {
        let limit = match self.limit.as_deref().filter(|limit| !limit.is_empty()) {
            None => Some(MAX_SESSIONS),
            Some(limit) => limit
                .parse()
                .ok()
                .filter(|limit| (1..=MAX_SESSIONS).contains(limit)),
        };
        let problem = || Refusal::BadRequest(format!("limit is a number from 1 to {MAX_SESSIONS}"));
        let limit = limit.ok_or_else(problem)?;
        let Some(cursor) = self.cursor.as_deref().filter(|cursor| !cursor.is_empty()) else {
            return Ok((None, limit));
        };
        let problem = || Refusal::BadRequest("cursor is not one that a list gave".to_owned());
        Ok((Some(Cursor::parse(cursor).ok_or_else(problem)?), limit))
    }
}

/// Where a request means: `app` and `environment`, which must be there, and perhaps `endpoint`.
pub(super) fn scope(
    app: &Option<String>,
    environment: &Option<String>,
    endpoint: &Option<String>,
) -> Result<Scope, Refusal> {
    Ok(Scope {
        app: App {
            name: required("app", app.as_deref())?,
            environment: required("environment", environment.as_deref())?,
        },
        endpoint: optional("endpoint", endpoint.as_deref())?,
    })
}

fn ttl(minutes: Option<u64>, default: Duration) -> Result<Duration, Refusal> {
    let Some(minutes) = minutes else {
        return Ok(default);
    };
    if !(1..=MAX_TTL_MINUTES).contains(&minutes) {
        let problem = format!("ttl_minutes is a number from 1 to {MAX_TTL_MINUTES}");
        return Err(Refusal::BadRequest(problem));
    }
    Ok(Duration::from_secs(minutes * 60))
}
