//! Reporting errors, so that their rate may open a session.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Uri};
use serde_json::json;
use telemetry_core::export::HttpClient;
use telemetry_core::otlp::Severity;
use tokio::time::sleep;

use super::outage::{Outage, jittered};
use super::poll::{Failure, refusal};
use super::{Inner, TIMEOUT};

/// How often it is looked whether there are new ones: soon enough for an alarm, and one request each
/// time at most for each route.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How many routes are reported at a time, those with the most errors; the others have to wait.
const MAX_REPORTS: usize = 20;

/// How long errors wait for a service that takes no reports: as long as its window, after which they say
/// nothing of what happens now.
const KEEP: Duration = Duration::from_secs(5 * 60);

type Route = Option<&'static str>;

/// Reports the errors of each route.
pub(super) struct Reporter {
    inner: Arc<Inner>,
    client: Rc<HttpClient>,
    /// What is not new any more.
    told: HashMap<Route, u64>,
    outage: Outage,
}

impl Reporter {
    pub(super) fn new(inner: Arc<Inner>, client: Rc<HttpClient>) -> Self {
        Self {
            inner,
            client,
            told: HashMap::new(),
            outage: Outage::of(
                "the auto-log service takes no reports of errors",
                "it is tried again",
            ),
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            sleep(jittered(LOOK_EVERY)).await;
            let Err(failure) = self.report().await else {
                continue;
            };
            let Inner { clock, voice, .. } = &*self.inner;
            let pause = self
                .outage
                .goes_on(&failure.why, failure.after, clock, voice);
            self.inner.state().report_failed(failure.why);
            if self.outage.lasts(clock) >= KEEP {
                self.give_up();
            }
            sleep(pause).await;
        }
    }

    /// Reports what is new.
    async fn report(&mut self) -> Result<(), Failure> {
        let mut news = self.news();
        news.sort_unstable_by_key(|(_, count)| std::cmp::Reverse(*count));
        for (route, count) in news.into_iter().take(MAX_REPORTS) {
            self.send(route, count).await?;
            *self.told.entry(route).or_default() += count;
            self.inner.state().reported(count);
            self.outage.ends(&self.inner.clock, &self.inner.voice);
        }
        Ok(())
    }

    /// The errors of each route that has new ones.
    fn news(&self) -> Vec<(Route, u64)> {
        let mut all: HashMap<Route, u64> = HashMap::new();
        let counts = self.inner.counts.get().map(|counts| counts());
        for (severity, route, count) in counts.into_iter().flatten() {
            if matches!(severity, Severity::Error | Severity::Fatal) {
                *all.entry(route).or_default() += count;
            }
        }
        let told = |route: &Route| self.told.get(route).copied().unwrap_or(0);
        let news = all
            .into_iter()
            .map(|(route, count)| (route, count.saturating_sub(told(&route))));
        news.filter(|(_, count)| *count > 0).collect()
    }

    async fn send(&self, route: Route, count: u64) -> Result<(), Failure> {
        let request = self.request(route, count);
        let answer = self.client.send(request, TIMEOUT).await;
        let answer = answer.map_err(|error| Failure::of(&error))?;
        if answer.status().is_success() {
            return Ok(());
        }
        Err(refusal(&self.client, &answer))
    }

    fn request(&self, route: Route, count: u64) -> Request<Bytes> {
        let plan = &self.inner.plan;
        let mut body = json!({
            "app": plan.app,
            "environment": plan.environment,
            "service": plan.service,
            "count": u32::try_from(count).unwrap_or(u32::MAX),
        });
        if let Some(route) = route {
            body["endpoint"] = route.into();
        }
        let mut request = Request::new(body.to_string().into());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::from_static("/api/autolog/error");
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(CONTENT_TYPE, json);
        if let Some(token) = &plan.token
            && let Ok(mut bearer) = HeaderValue::try_from(format!("Bearer {}", token.reveal()))
        {
            bearer.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, bearer);
        }
        request
    }

    /// Forgets errors that nobody took in time.
    fn give_up(&mut self) {
        for (route, count) in self.news() {
            *self.told.entry(route).or_default() += count;
            self.inner.state().gave_up(count);
        }
    }
}
