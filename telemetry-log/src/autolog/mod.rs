//! Turns verbose while the auto-log service says so.

mod answer;
mod errors;
mod outage;
mod poll;
mod session;
mod status;

use std::collections::HashSet;
use std::fmt;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use telemetry_core::clock::Clock;
use telemetry_core::config::AutologPlan;
use telemetry_core::context::RouteId;
use telemetry_core::diagnostics::{Level, Voice};
use telemetry_core::export::{ExportError, HttpClient};
use telemetry_core::otlp::Severity;
use telemetry_core::pipeline::Service;

use self::answer::Answer;
use self::errors::Reporter;
use self::poll::Poll;
use self::session::Session;
use self::status::State;
use crate::verbosity::Verbosity;

pub use self::status::{AutologSession, AutologStatus};

/// The source of the overrides that sessions set.
const SOURCE: &str = "autolog";

/// How long a request may take, beside the time for which the service may hold it.
const TIMEOUT: Duration = Duration::from_secs(2);

/// How many routes the service may name before the program does: a quarter of those that there can be.
const MAX_NAMED_ROUTES: usize = 1024;

/// How many sessions a line on standard error names.
const MAX_TOLD: usize = 3;

/// The client of the auto-log service: asks on the telemetry thread which sessions are open for this
/// app, and sets them on a [`Verbosity`]. Cloning is cheap; all clones are one.
///
/// Each session becomes an override that ends with it, by the service's clock, also if the service is
/// gone by then. That of the whole app holds everywhere, one of an endpoint in the route of this name.
/// Lines and spans in its scope carry `autolog.session.id`.
///
/// A service whose answers have an `ETag` holds a request until there is news, at most 55 s; another is
/// asked at an interval. Without an answer it is asked again after 1 s, and then ever more rarely, up to
/// every five minutes.
#[derive(Clone)]
pub struct Autolog(Arc<Inner>);

struct Inner {
    plan: AutologPlan,
    verbosity: Verbosity,
    clock: Clock,
    voice: Voice,
    client: Mutex<Option<HttpClient>>,
    state: Mutex<State>,
    counts: OnceLock<Counts>,
}

/// How many records there were, by severity and route.
type Counts = Box<dyn Fn() -> Vec<(Severity, Option<&'static str>, u64)> + Send + Sync>;

impl Autolog {
    /// A client by this plan; none if the plan names no service.
    ///
    /// # Errors
    ///
    /// The system has no certificate authorities for an `https` address, or TLS cannot be set up.
    pub fn new(
        plan: &AutologPlan,
        verbosity: Verbosity,
        clock: Clock,
        voice: Voice,
    ) -> Result<Option<Self>, ExportError> {
        let Some(url) = &plan.url else {
            return Ok(None);
        };
        let client = HttpClient::new(url, TIMEOUT)?;
        Ok(Some(Self(Arc::new(Inner {
            state: Mutex::default(),
            plan: plan.clone(),
            verbosity,
            clock,
            voice,
            client: Mutex::new(Some(client)),
            counts: OnceLock::new(),
        }))))
    }

    /// Says where records are counted, such as [`LogHandle`](crate::LogHandle): those of ERROR and FATAL
    /// are reported to the service, which may open a session because of them. Returns whether it will
    /// be asked: the first one stays.
    pub fn count_errors(
        &self,
        counts: impl Fn() -> Vec<(Severity, Option<&'static str>, u64)> + Send + Sync + 'static,
    ) -> bool {
        self.0.counts.set(Box::new(counts)).is_ok()
    }

    /// What asks the service, for the telemetry thread. The second one has nothing to do.
    #[must_use]
    pub fn service(&self) -> Service {
        let inner = Arc::clone(&self.0);
        Box::new(move || {
            Box::pin(async move {
                let client = inner.client().take();
                let Some(client) = client.map(Rc::new) else {
                    return;
                };
                let reporter = Reporter::new(Arc::clone(&inner), Rc::clone(&client));
                tokio::join!(Poll::new(inner, client).run(), reporter.run());
            })
        })
    }

    /// How it fares, and which sessions are open.
    #[must_use]
    pub fn status(&self) -> AutologStatus {
        let Inner {
            plan,
            verbosity,
            clock,
            ..
        } = &*self.0;
        let url = plan.url.as_ref().map(ToString::to_string);
        let sessions = verbosity.overrides().into_iter();
        let sessions = sessions.filter(|set| set.source == SOURCE);
        self.0.state().status(
            url.unwrap_or_default(),
            clock.now(),
            sessions.map(AutologSession::from).collect(),
        )
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn client(&self) -> MutexGuard<'_, Option<HttpClient>> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Autolog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Autolog")
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

/// Sets what the service announces.
struct Setter {
    inner: Arc<Inner>,
    /// The routes that the service has named first.
    named: HashSet<String>,
    /// What was announced last.
    sessions: Vec<Session>,
    problem: Option<String>,
}

impl Setter {
    fn new(inner: Arc<Inner>) -> Self {
        Self {
            inner,
            named: HashSet::new(),
            sessions: Vec::new(),
            problem: None,
        }
    }

    fn set(&mut self, mut answer: Answer) {
        let announced = std::mem::take(&mut answer.sessions);
        for session in announced {
            if self.has_room(&session) {
                answer.sessions.push(session);
            } else {
                answer.refuse(format!("it has named more than {MAX_NAMED_ROUTES} routes"));
            }
        }
        let verbosity = &self.inner.verbosity;
        let wishes = |sessions: &[Session]| {
            let wish = |session: &Session| session.wish(&self.inner.plan.targets);
            sessions.iter().map(wish).collect::<Vec<_>>()
        };
        if let Err(error) = verbosity.replace_source(SOURCE, wishes(&answer.sessions)) {
            // others have taken the room: what concerns the whole app comes first, and is one
            let refused = answer.sessions.len().saturating_sub(1);
            answer.sessions.truncate(1);
            let only = verbosity.replace_source(SOURCE, wishes(&answer.sessions));
            if only.is_err() {
                answer.sessions.clear();
            }
            answer.refused += refused as u64;
            answer.problem.get_or_insert(error.to_string());
        }
        self.tell(answer);
    }

    /// Routes are kept for the life of the process, and the service chooses their names.
    fn has_room(&mut self, session: &Session) -> bool {
        let Some(endpoint) = &session.endpoint else {
            return true;
        };
        if RouteId::known(endpoint).is_some() {
            return true;
        }
        self.named.len() < MAX_NAMED_ROUTES && {
            self.named.insert(endpoint.clone());
            true
        }
    }

    fn tell(&mut self, answer: Answer) {
        let voice = &self.inner.voice;
        let is_same = self.sessions.len() == answer.sessions.len()
            && (self.sessions.iter().zip(&answer.sessions)).all(|(old, new)| old.is_like(new));
        if !is_same {
            voice.say(Level::Info, Announcement(&answer.sessions));
        }
        if let Some(problem) = &answer.problem
            && self.problem.as_ref() != Some(problem)
        {
            let refused = answer.refused;
            voice.say(
                Level::Warn,
                format_args!("telemetry: auto-log: {refused} sessions are left out: {problem}"),
            );
        }
        self.inner
            .state()
            .refused(answer.refused, answer.problem.as_deref());
        self.sessions = answer.sessions;
        self.problem = answer.problem;
    }
}

/// What is verbose from now on.
struct Announcement<'a>(&'a [Session]);

impl fmt::Display for Announcement<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("telemetry: auto-log: ")?;
        if self.0.is_empty() {
            return f.write_str("no session is open");
        }
        for (number, session) in self.0.iter().take(MAX_TOLD).enumerate() {
            let comma = if number > 0 { ", " } else { "" };
            let seconds = session.lasts.as_secs();
            write!(f, "{comma}{session} for {seconds} s")?;
        }
        match self.0.len().saturating_sub(MAX_TOLD) {
            0 => Ok(()),
            more => write!(f, ", and {more} more"),
        }
    }
}
