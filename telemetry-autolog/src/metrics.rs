//! The metrics of the service.

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Counter, Histogram};
use tokio::runtime::Handle;

use crate::session::{App, Scope};
use crate::store::{MAX_SESSIONS, Store};

/// How long a collection waits for the store.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the service counts.
pub(crate) struct Metrics {
    webhook_requests: Counter<u64>,
    webhook_duration: Histogram<f64>,
    triggers: Counter<u64>,
    error_events: Counter<u64>,
}

impl Metrics {
    /// The instruments. Call it inside of a tokio runtime: the gauge asks the store there.
    pub(crate) fn new(store: &Arc<dyn Store>) -> Self {
        let meter = telemetry::meter("telemetry-autolog");
        observe(&meter, Arc::downgrade(store));
        Self {
            webhook_requests: meter
                .u64_counter("autolog.webhook.requests")
                .with_description("Webhook requests by what they said, and alerts ignored")
                .build(),
            webhook_duration: meter
                .f64_histogram("autolog.webhook.duration")
                .with_unit("s")
                .with_description("How long a webhook request took")
                .build(),
            triggers: meter
                .u64_counter("autolog.triggers")
                .with_description("Sessions opened")
                .build(),
            error_events: meter
                .u64_counter("autolog.error.events")
                .with_description("Errors that clients reported")
                .build(),
        }
    }

    pub(crate) fn webhook(&self, source: &'static str, event: &'static str) {
        let labels = [
            KeyValue::new("source", source),
            KeyValue::new("event_type", event),
        ];
        self.webhook_requests.add(1, &labels);
    }

    pub(crate) fn webhook_took(&self, source: &'static str, took: Duration) {
        let labels = [KeyValue::new("source", source)];
        self.webhook_duration.record(took.as_secs_f64(), &labels);
    }

    pub(crate) fn opened(&self, scope: &Scope, trigger_source: &str) {
        let [app, environment] = labels(&scope.app);
        let source = KeyValue::new("trigger_source", trigger_source.to_owned());
        self.triggers.add(1, &[app, environment, source]);
    }

    pub(crate) fn errors(&self, scope: &Scope, error_type: Option<&str>, count: u32) {
        let [app, environment] = labels(&scope.app);
        // what OpenTelemetry writes where there is no better name
        let kind = KeyValue::new("error_type", error_type.unwrap_or("_OTHER").to_owned());
        self.error_events
            .add(u64::from(count), &[app, environment, kind]);
    }
}

fn labels(app: &App) -> [KeyValue; 2] {
    [
        KeyValue::new("app", app.name.clone()),
        KeyValue::new("environment", app.environment.clone()),
    ]
}

/// The gauge of open sessions, read from the store at each collection.
fn observe(meter: &opentelemetry::metrics::Meter, store: Weak<dyn Store>) {
    let Ok(runtime) = Handle::try_current() else {
        return;
    };
    let known = Mutex::new(BTreeMap::new());
    let gauge = meter
        .u64_observable_gauge("autolog.active_sessions")
        .with_description("Sessions that are open")
        .with_callback(move |observer| {
            let Some(store) = store.upgrade() else {
                return;
            };
            if let Some(active) = ask(&runtime, store) {
                let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
                tell(&mut known, active, observer);
            }
        });
    // the registry keeps it
    let _kept = gauge.build();
}

/// Asks the store on its runtime, and waits here, where waiting is allowed. A runtime that has ended
/// answers nothing.
fn ask(runtime: &Handle, store: Arc<dyn Store>) -> Option<Vec<(App, u64)>> {
    let (tell, told) = mpsc::channel();
    // nobody listens any more if it comes too late
    runtime.spawn(async move { tell.send(store.active().await).ok() });
    told.recv_timeout(PATIENCE).ok()?.ok()
}

/// An app whose last session has ended is told once more, as zero, as long as there is room.
fn tell(
    known: &mut BTreeMap<App, u64>,
    active: Vec<(App, u64)>,
    observer: &dyn AsyncInstrument<u64>,
) {
    if known.len() > MAX_SESSIONS {
        known.clear();
    }
    known.values_mut().for_each(|count| *count = 0);
    known.extend(active);
    for (app, &count) in &*known {
        observer.observe(count, &labels(app));
    }
}
