use std::future::pending;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use super::Refusal;
use super::etag::ETag;
use crate::labels::optional;
use crate::service::Service;
use crate::session::{App, Session};

/// The longest a request may wait, in seconds: proxies give up after 60.
const MAX_WAIT: u64 = 55;

#[derive(Debug, Deserialize)]
pub(super) struct Parameters {
    app: Option<String>,
    environment: Option<String>,
    endpoint: Option<String>,
    service: Option<String>,
    wait: Option<String>,
}

/// What a client asks for.
struct Asked {
    app: App,
    endpoint: Option<String>,
    wait: Duration,
}

#[derive(Serialize)]
struct Verdict<'s> {
    enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<&'s Session>,
    /// The sessions of single endpoints, for those who ask for the whole app.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sessions: Vec<&'s Session>,
}

/// `GET /api/autolog/check`: at once if the client does not know the answer yet; else when it
/// changes, or when the client has waited long enough.
pub(super) async fn check(
    State(service): State<Service>,
    parameters: Result<Query<Parameters>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let asked = Asked::read(parameters)?;
    let store = &service.parts().store;
    let deadline = sleep(asked.wait);
    tokio::pin!(deadline);
    let mut news = store.changes().subscribe(&asked.app);
    let place = if asked.wait.is_zero() {
        None
    } else {
        service.place()
    };
    loop {
        let sessions = news.read(&**store).await?;
        let verdict = Verdict::of(&sessions, asked.endpoint.as_deref());
        let tag = verdict.tag();
        if !tag.is_known(&headers) {
            return Ok((tagged(&tag), Json(verdict)).into_response());
        }
        let same = (StatusCode::NOT_MODIFIED, tagged(&tag)).into_response();
        if place.is_none() {
            return Ok(same);
        }
        tokio::select! {
            () = news.changed() => {}
            () = end_of(&service, verdict.ends_at()) => {}
            () = &mut deadline => return Ok(same),
            () = service.stopped() => return Ok(same),
        }
    }
}

impl Asked {
    fn read(parameters: Result<Query<Parameters>, QueryRejection>) -> Result<Self, Refusal> {
        let Query(given) = parameters.map_err(|bad| Refusal::BadRequest(bad.body_text()))?;
        let app = optional("app", given.app.as_deref())?;
        let environment = optional("environment", given.environment.as_deref())?;
        let (Some(name), Some(environment)) = (app, environment) else {
            let problem = "app and environment are required".to_owned();
            return Err(Refusal::BadRequest(problem));
        };
        // part of the format, and no part of the decision
        optional("service", given.service.as_deref())?;
        Ok(Self {
            app: App { name, environment },
            endpoint: optional("endpoint", given.endpoint.as_deref())?,
            wait: wait(given.wait.as_deref())?,
        })
    }
}

impl<'s> Verdict<'s> {
    /// An endpoint has its own session, else that of the app.
    fn of(all: &'s [Session], endpoint: Option<&str>) -> Self {
        let find =
            |endpoint: Option<&str>| all.iter().find(|one| one.endpoint.as_deref() == endpoint);
        let own = endpoint.and_then(|endpoint| find(Some(endpoint)));
        let config = own.or_else(|| find(None));
        let others = all
            .iter()
            .filter(|one| endpoint.is_none() && one.endpoint.is_some());
        Self {
            enabled: config.is_some(),
            config,
            sessions: others.collect(),
        }
    }

    /// When the first of these sessions expires.
    fn ends_at(&self) -> Option<u64> {
        let all = self.config.iter().chain(&self.sessions);
        all.map(|session| session.ends_at).min()
    }

    /// The count of errors does not matter to a client, and would wake it all the time.
    fn tag(&self) -> ETag {
        let quiet = |session: &Session| Session {
            error_count: 0,
            ..session.clone()
        };
        let config = self.config.map(quiet);
        let sessions: Vec<Session> = self.sessions.iter().map(|one| quiet(one)).collect();
        // strings and numbers always become JSON
        ETag::of(&serde_json::to_string(&(config, sessions)).unwrap_or_default())
    }
}

fn wait(text: Option<&str>) -> Result<Duration, Refusal> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(Duration::ZERO);
    };
    let seconds = text
        .parse()
        .ok()
        .filter(|&seconds: &u64| seconds <= MAX_WAIT);
    let problem =
        || Refusal::BadRequest(format!("wait is a number of seconds from 0 to {MAX_WAIT}"));
    seconds.map(Duration::from_secs).ok_or_else(problem)
}

fn tagged(tag: &ETag) -> [(HeaderName, HeaderValue); 2] {
    [
        (header::ETAG, tag.header()),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ]
}

/// Completes when a session that ends then has expired.
async fn end_of(service: &Service, ends_at: Option<u64>) {
    let Some(ends_at) = ends_at else {
        return pending().await;
    };
    let now = service.parts().clock.now().unix_nanos() / 1_000_000;
    sleep(Duration::from_millis(ends_at.saturating_sub(now).max(1))).await;
}
