//! The levels of the log, over HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use subtle::ConstantTimeEq;
use telemetry_core::config::Secret;
use telemetry_log::{Override, OverrideStatus, Scope, Verbosity};
use tracing::Level;

use crate::handle::Telemetry;
use crate::verbosity::shown;

const PATH: &str = "/telemetry/loggers";

/// The name under which every target together is asked for.
const ROOT: &str = "ROOT";

/// The largest body; the one that is expected has some hundred bytes.
const MAX_BODY: usize = 16 * 1024;

/// The source of the overrides that are set here.
const SOURCE: &str = "loggers";

impl Telemetry {
    /// Routes that show and change the log's levels while the program runs.
    ///
    /// | request | what it does |
    /// |---|---|
    /// | `GET /telemetry/loggers` | every target that has a level of its own, with the configured and the effective level, and the overrides with their remaining time |
    /// | `GET /telemetry/loggers/{target}` | one target; `ROOT` is every target together |
    /// | `PUT /telemetry/loggers/{target}` | raises its level: `{"level":"debug","ttl_seconds":600,"reason":"…"}`; the time is at most a day |
    /// | `DELETE /telemetry/loggers/{target}`, `DELETE /telemetry/loggers` | resets it, or everything that was set here |
    ///
    /// Each request needs the bearer token of `TELEMETRY_LOGGERS_TOKEN`, or of
    /// [`Builder::loggers_token`](crate::Builder::loggers_token). Without one they are answered only if
    /// `bound_to`, the address on which the application listens, is of the loopback interface, and
    /// neither `Forwarded`, `X-Forwarded-*` nor `Origin` is sent: behind a sidecar every caller comes
    /// from there, and a browser lets any page ask.
    ///
    /// ```
    /// use std::net::SocketAddr;
    ///
    /// let telemetry = telemetry::init()?;
    /// let address = SocketAddr::from(([127, 0, 0, 1], 3000));
    /// let app: axum::Router = axum::Router::new().merge(telemetry.loggers_router(address));
    /// # Ok::<(), telemetry::InitError>(())
    /// ```
    pub fn loggers_router<S: Clone + Send + Sync + 'static>(
        &self,
        bound_to: SocketAddr,
    ) -> Router<S> {
        let gate = Arc::new(Gate {
            token: self.parts().loggers_token.clone(),
            is_local: bound_to.ip().is_loopback(),
        });
        let one = format!("{PATH}/{{target}}");
        Router::new()
            .route(PATH, get(show_all).delete(reset_all))
            .route(&one, get(show).put(raise).delete(reset))
            .layer(DefaultBodyLimit::max(MAX_BODY))
            .layer(middleware::from_fn_with_state(gate, guard))
            .with_state(self.verbosity())
    }
}

/// Who may ask.
struct Gate {
    token: Option<Secret>,
    is_local: bool,
}

impl Gate {
    fn admits(&self, headers: &HeaderMap) -> bool {
        match (&self.token, bearer(headers)) {
            (Some(token), Some(sent)) => token.reveal().as_bytes().ct_eq(sent).into(),
            _ => self.is_local && !headers.keys().any(|name| is_from_elsewhere(name.as_str())),
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let only = values.next().filter(|_| values.next().is_none())?;
    let (scheme, token) = only.as_bytes().split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then_some(token)
}

/// Whether a header says that somebody else asks through whoever is connected.
fn is_from_elsewhere(name: &str) -> bool {
    name == "forwarded" || name == "origin" || name.starts_with("x-forwarded-")
}

async fn guard(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    if gate.admits(request.headers()) {
        return next.run(request).await;
    }
    let ask = [(header::WWW_AUTHENTICATE, "Bearer")];
    let how = "send the bearer token of TELEMETRY_LOGGERS_TOKEN";
    (StatusCode::UNAUTHORIZED, ask, json(&error(how))).into_response()
}

async fn show_all(State(verbosity): State<Verbosity>) -> Response {
    json(&all(&verbosity))
}

async fn show(State(verbosity): State<Verbosity>, Path(target): Path<String>) -> Response {
    json(&levels(&verbosity, &target))
}

async fn reset_all(State(verbosity): State<Verbosity>) -> Response {
    // an empty list is never too long
    let _none = verbosity.replace_source(SOURCE, []);
    json(&all(&verbosity))
}

async fn reset(State(verbosity): State<Verbosity>, Path(target): Path<String>) -> Response {
    let scope = scope_of(&target);
    for earlier in ours(&verbosity).filter(|it| it.scope == scope) {
        verbosity.remove(earlier.id);
    }
    json(&levels(&verbosity, &target))
}

async fn raise(
    State(verbosity): State<Verbosity>,
    Path(target): Path<String>,
    body: String,
) -> Response {
    let set = wish(&target, &body).and_then(|wish| {
        let scope = scope_of(&target);
        let earlier: Vec<_> = ours(&verbosity).filter(|it| it.scope == scope).collect();
        verbosity.set(wish).map_err(|error| error.to_string())?;
        for earlier in earlier {
            verbosity.remove(earlier.id);
        }
        Ok(())
    });
    match set {
        Ok(()) => json(&levels(&verbosity, &target)),
        Err(why) => (StatusCode::BAD_REQUEST, json(&error(&why))).into_response(),
    }
}

/// What a request asks for. Unknown members are ignored.
#[derive(Deserialize)]
struct Wish {
    level: String,
    ttl_seconds: u64,
    #[serde(default)]
    reason: String,
}

fn wish(target: &str, body: &str) -> Result<Override, String> {
    let wish: Wish = serde_json::from_str(body)
        .map_err(|error| format!("{error}; send {{\"level\":\"debug\",\"ttl_seconds\":600}}"))?;
    let level: Level = wish
        .level
        .parse()
        .map_err(|_| "the level is none of error, warn, info, debug, trace".to_owned())?;
    let lasts = Duration::from_secs(wish.ttl_seconds);
    if lasts.is_zero() || lasts > Override::MAX_DURATION {
        return Err("ttl_seconds is not between 1 and 86400".to_owned());
    }
    let wish = Override::new(scope_of(target), level, lasts).reason(wish.reason);
    Ok(wish.source(SOURCE))
}

fn scope_of(target: &str) -> Scope {
    match target {
        ROOT => Scope::Everything,
        target => Scope::Target(target.to_owned()),
    }
}

fn ours(verbosity: &Verbosity) -> impl Iterator<Item = OverrideStatus> {
    let set = verbosity.overrides().into_iter();
    set.filter(|it| it.source == SOURCE)
}

fn all(verbosity: &Verbosity) -> Value {
    let configured = verbosity.base().targets().map(|(target, _)| target);
    let overrides = verbosity.overrides();
    let raised = overrides.iter().filter_map(|it| match &it.scope {
        Scope::Target(target) => Some(target.as_str()),
        _ => None,
    });
    let mut targets: Vec<_> = configured.chain(raised).chain([ROOT]).collect();
    targets.sort_unstable();
    targets.dedup();
    let loggers: Map<_, _> = targets
        .into_iter()
        .map(|target| (target.to_owned(), levels(verbosity, target)))
        .collect();
    json!({
        "loggers": loggers,
        "overrides": overrides.iter().map(shown).collect::<Vec<_>>(),
    })
}

fn levels(verbosity: &Verbosity, target: &str) -> Value {
    let target = if target == ROOT { "" } else { target };
    json!({
        "configured": verbosity.base().level_of(target).to_string(),
        "effective": verbosity.level_of(target).to_string(),
    })
}

fn error(why: &str) -> Value {
    json!({ "error": why })
}

fn json(body: &Value) -> Response {
    let kind = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (kind, format!("{body}\n")).into_response()
}
