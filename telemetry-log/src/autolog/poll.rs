//! Asking whether sessions are open, again and again.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::DateTime;
use http::header::{ACCEPT, DATE, ETAG, HeaderMap, IF_NONE_MATCH, LOCATION, RETRY_AFTER};
use http::{HeaderValue, Request, Response, StatusCode};
use telemetry_core::export::{ExportError, ExportErrorKind, HttpClient};
use tokio::time::{Instant, sleep};

use super::answer::Answer;
use super::outage::{Outage, jittered};
use super::{Inner, Setter, TIMEOUT};

/// How long the service may hold a request: the longest that it takes, and less than the minute after
/// which proxies give up.
const WAIT: Duration = Duration::from_secs(55);

/// An answer that comes sooner was not held.
const HELD: Duration = Duration::from_secs(1);

/// How many of them in a row are answered by the next question at once. More come from something that
/// changes its tags all the time.
const MAX_AT_ONCE: u32 = 10;

/// Asks the service.
pub(super) struct Poll {
    inner: Arc<Inner>,
    client: Rc<HttpClient>,
    setter: Setter,
    /// Where to ask, without how long to wait.
    path: String,
    /// Of the last answer.
    tag: Option<HeaderValue>,
    outage: Outage,
    /// Answers in a row that were not held.
    at_once: u32,
}

/// Why an answer is none.
pub(super) struct Failure {
    pub(super) why: String,
    /// When to ask again, if the service says so.
    pub(super) after: Option<Duration>,
    is_bad_answer: bool,
}

impl Failure {
    /// Of what was no answer, or too long for one.
    pub(super) fn of(error: &ExportError) -> Self {
        Self {
            why: error.to_string(),
            after: None,
            is_bad_answer: error.kind() == ExportErrorKind::Permanent,
        }
    }
}

impl Poll {
    pub(super) fn new(inner: Arc<Inner>, client: Rc<HttpClient>) -> Self {
        let (app, environment) = (encoded(&inner.plan.app), encoded(&inner.plan.environment));
        Self {
            setter: Setter::new(Arc::clone(&inner)),
            path: format!("/api/autolog/check?app={app}&environment={environment}"),
            tag: None,
            outage: Outage::of(
                "the auto-log service is not heard",
                "it is asked again, and sessions that are open end in time",
            ),
            at_once: 0,
            inner,
            client,
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            let began = Instant::now();
            let asked = self.ask().await;
            let took = began.elapsed();
            let pause = match asked {
                Ok(()) => self.succeeded(took),
                Err(failure) => self.failed(failure),
            };
            sleep(pause).await;
        }
    }

    /// Asks once, and sets what is answered.
    async fn ask(&mut self) -> Result<(), Failure> {
        let answer = self.client.send(self.request(), self.timeout()).await;
        let answer = answer.map_err(|error| Failure::of(&error))?;
        let tag = answer.headers().get(ETAG).cloned();
        match answer.status() {
            StatusCode::NOT_MODIFIED if self.tag.is_some() => {
                self.tag = tag.or(self.tag.take());
            }
            StatusCode::OK => {
                let now = server_time(answer.headers());
                let now = now.unwrap_or_else(|| self.inner.clock.now().unix_nanos());
                let read = Answer::read(answer.body(), now);
                self.setter.set(read.map_err(|why| self.bad_answer(why))?);
                self.tag = tag;
            }
            _ => return Err(refusal(&self.client, &answer)),
        }
        Ok(())
    }

    fn request(&self) -> Request<Bytes> {
        let mut request = Request::new(Bytes::new());
        let path = match &self.tag {
            Some(_) => format!("{}&wait={}", self.path, WAIT.as_secs()),
            None => self.path.clone(),
        };
        // what is encoded is always the path of a URI
        *request.uri_mut() = path.parse().unwrap_or_default();
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(tag) = &self.tag {
            headers.insert(IF_NONE_MATCH, tag.clone());
        }
        request
    }

    fn timeout(&self) -> Duration {
        match self.tag {
            Some(_) => TIMEOUT + WAIT,
            None => TIMEOUT,
        }
    }

    fn bad_answer(&self, why: &str) -> Failure {
        Failure {
            why: format!("{}: {why}; check AUTOLOG_URL", self.client.base()),
            after: None,
            is_bad_answer: true,
        }
    }

    fn succeeded(&mut self, took: Duration) -> Duration {
        let Inner {
            plan, clock, voice, ..
        } = &*self.inner;
        self.outage.ends(clock, voice);
        self.at_once = if took < HELD { self.at_once + 1 } else { 0 };
        let is_held = self.tag.is_some() && self.at_once <= MAX_AT_ONCE;
        self.inner.state().succeeded(clock.now(), is_held);
        if is_held {
            return Duration::ZERO;
        }
        self.at_once = MAX_AT_ONCE;
        jittered(plan.poll_interval)
    }

    fn failed(&mut self, failure: Failure) -> Duration {
        let Inner { clock, voice, .. } = &*self.inner;
        let Failure {
            why,
            after,
            is_bad_answer,
        } = failure;
        let pause = self.outage.goes_on(&why, after, clock, voice);
        self.inner.state().failed(why, is_bad_answer);
        pause
    }
}

/// What a status says that is no success.
pub(super) fn refusal(client: &HttpClient, answer: &Response<Vec<u8>>) -> Failure {
    let (base, status) = (client.base(), answer.status());
    let why = match status.as_u16() {
        300..=399 if answer.headers().contains_key(LOCATION) => {
            format!("{base} redirects ({status}), which is not followed; check AUTOLOG_URL")
        }
        401 | 403 => format!("{base} answered {status}; check AUTOLOG_TOKEN"),
        404 | 405 => format!("{base} answered {status}; check AUTOLOG_URL"),
        _ => format!("{base} answered {status}"),
    };
    Failure {
        why,
        after: retry_after(answer.headers()),
        is_bad_answer: !status.is_server_error(),
    }
}

/// The seconds of `Retry-After`, <https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3>.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse();
    seconds.ok().map(Duration::from_secs)
}

/// The service's clock, in nanoseconds since the Unix epoch: sessions end by that one, whatever ours
/// shows. <https://www.rfc-editor.org/rfc/rfc9110#section-6.6.1>
fn server_time(headers: &HeaderMap) -> Option<u64> {
    let date = headers.get(DATE)?.to_str().ok()?;
    let date = DateTime::parse_from_rfc2822(date).ok()?;
    u64::try_from(date.timestamp_nanos_opt()?).ok()
}

/// A value of a query: everything but the unreserved characters in percent-encoding.
/// <https://www.rfc-editor.org/rfc/rfc3986#section-2>
fn encoded(text: &str) -> String {
    use std::fmt::Write;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // writing to a String cannot fail
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
