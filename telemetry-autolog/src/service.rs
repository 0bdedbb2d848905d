use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use telemetry::{Clock, Telemetry};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::http::{self, Door};
use crate::metrics::Metrics;
use crate::settings::Settings;
use crate::store::Store;

/// How many requests may wait for a change at once; the next is answered without waiting. Each takes
/// some 35 KB, most of it the connection's: `scripts/autolog-load` measures it.
const MAX_WAITING: usize = 10_000;
/// How long the requests that are being answered may take once the service is to end.
const GRACE: Duration = Duration::from_secs(10);

/// The auto-log service over one store. Clones are the same service.
///
/// ```
/// use std::sync::Arc;
///
/// use telemetry::Clock;
/// use telemetry_autolog::{MemoryStore, Service, Settings};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let telemetry = telemetry::init()?;
/// let store = Arc::new(MemoryStore::new(Clock::system()));
/// let socket = tokio::net::TcpListener::bind("127.0.0.1:5000").await?;
/// let service = Service::new(Settings::default(), store, Clock::system(), true);
/// service.serve(socket, &telemetry, telemetry::shutdown_signal()).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Service(Arc<Parts>);

pub(crate) struct Parts {
    pub(crate) settings: Settings,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Clock,
    pub(crate) webhooks: Door,
    pub(crate) operators: Door,
    pub(crate) metrics: Metrics,
    waiting: Arc<Semaphore>,
    stopped: watch::Sender<bool>,
}

impl Service {
    /// A service of these settings. `loopback` says whether its socket takes connections from this
    /// machine only: without secrets it serves no others.
    #[must_use]
    pub fn new(settings: Settings, store: Arc<dyn Store>, clock: Clock, loopback: bool) -> Self {
        let webhooks = Door::new(
            settings.webhook_secret.as_deref(),
            loopback,
            "no secret is configured: set ALERTMANAGER_WEBHOOK_SECRET",
        );
        let operators = Door::new(
            settings.api_token.as_deref(),
            loopback,
            "no token is configured: set AUTOLOG_API_TOKEN",
        );
        warn(&settings, &webhooks, &operators);
        Self(Arc::new(Parts {
            metrics: Metrics::new(&store),
            settings,
            store,
            clock,
            webhooks,
            operators,
            waiting: Arc::new(Semaphore::new(MAX_WAITING)),
            stopped: watch::channel(false).0,
        }))
    }

    /// Everything that it answers, with a span for each request except those for `/health` and
    /// `/metrics`.
    pub fn router(&self, telemetry: &Telemetry) -> Router {
        http::router(self, telemetry)
    }

    /// Serves until `shutdown` completes; then answers those who wait, and those who ask, and ends.
    ///
    /// # Errors
    ///
    /// When the socket fails.
    pub async fn serve(
        &self,
        socket: TcpListener,
        telemetry: &Telemetry,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let service = self.clone();
        let shutdown = async move {
            shutdown.await;
            service.stop();
        };
        let served = axum::serve(socket, self.router(telemetry)).with_graceful_shutdown(shutdown);
        let patience = async {
            self.stopped().await;
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            ended = served => ended,
            () = patience => Ok(()),
        }
    }

    /// Answers those who wait, now and from now on.
    pub fn stop(&self) {
        self.0.stopped.send_replace(true);
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.0
    }

    pub(crate) async fn stopped(&self) {
        let mut stopped = self.0.stopped.subscribe();
        // the sender lives as long as the service
        drop(stopped.wait_for(|stopped| *stopped).await);
    }

    /// A place among those who wait; none if all are taken.
    pub(crate) fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0.waiting).try_acquire_owned().ok()
    }
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service")
            .field("settings", &self.0.settings)
            .finish_non_exhaustive()
    }
}

fn warn(settings: &Settings, webhooks: &Door, operators: &Door) {
    let secrets = [
        (
            "ALERTMANAGER_WEBHOOK_SECRET",
            &settings.webhook_secret,
            webhooks,
        ),
        ("AUTOLOG_API_TOKEN", &settings.api_token, operators),
    ];
    for (variable, secret, door) in secrets {
        if door.is_open() {
            tracing::warn!(
                variable,
                "not set: everybody on this machine may do what it protects"
            );
        } else if secret.is_none() {
            tracing::warn!(
                variable,
                "not set, and the socket is not bound to loopback: what it protects is refused"
            );
        }
    }
}
