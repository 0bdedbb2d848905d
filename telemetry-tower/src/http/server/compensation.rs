//! What undoes a failed request.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use http::Method;

use super::Outcome;

type Hook = dyn Fn(&Outcome<'_>) + Send + Sync;

/// A hook that is called when a request has failed whose route is marked as idempotent.
///
/// It is called once for a request, inside its span and before that ends: after a failing status
/// (by the layer's [`Classify`](crate::Classify)), an error or a panic, and never after a success.
/// A request that was cancelled counts only with [`after_cancel`](Self::after_cancel), because
/// nobody knows how far it came.
///
/// The hook runs on the server's thread and must not block: it spawns what takes time, which is then
/// part of the trace. A panic in it is caught and logged.
///
/// ```
/// use http::Method;
/// use telemetry_tower::{Compensation, ServerLayer};
/// use tracing::Instrument;
///
/// async fn release_stock() {}
///
/// let compensation = Compensation::new(|outcome| {
///     tracing::warn!(status = ?outcome.status(), "undoing");
///     tokio::spawn(release_stock().in_current_span());
/// })
/// .idempotent(Method::PUT, "/orders/{id}");
/// let layer = ServerLayer::new().compensation(compensation);
/// # let _ = layer;
/// ```
#[derive(Clone)]
pub struct Compensation {
    hook: Arc<Hook>,
    idempotent: Vec<(Method, Box<str>)>,
    after_cancel: bool,
}

impl Compensation {
    /// Calls `hook` for the routes that are marked as [`idempotent`](Self::idempotent): none yet.
    #[must_use]
    pub fn new(hook: impl Fn(&Outcome<'_>) + Send + Sync + 'static) -> Self {
        Self {
            hook: Arc::new(hook),
            idempotent: Vec::new(),
            after_cancel: false,
        }
    }

    /// Marks a route, as in `http.route`, or a gRPC method, `POST` and `/package.Service/Method`: its
    /// requests may be undone and sent again.
    #[must_use]
    pub fn idempotent(mut self, method: Method, route: &str) -> Self {
        self.idempotent.push((method, route.into()));
        self
    }

    /// Also calls the hook for requests that were cancelled.
    #[must_use]
    pub fn after_cancel(mut self) -> Self {
        self.after_cancel = true;
        self
    }

    pub(super) fn applies(&self, method: &Method, route: Option<&str>) -> bool {
        let Some(route) = route else { return false };
        let is_it = |(other, marked): &(Method, Box<str>)| other == method && **marked == *route;
        self.idempotent.iter().any(is_it)
    }

    /// Calls the hook if it wants to know of this outcome.
    pub(super) fn run(&self, outcome: &Outcome<'_>) {
        if outcome.failure().is_none() || (outcome.is_cancelled() && !self.after_cancel) {
            return;
        }
        // a panic must not reach the server, nor a thread that is unwinding already
        let called = catch_unwind(AssertUnwindSafe(|| (self.hook)(outcome)));
        if called.is_err() {
            tracing::error!(
                target: "telemetry_tower::compensation", // no filter of spans hides it
                { http.route = outcome.route() },
                "the compensation hook panicked; see the panic's own report"
            );
        }
    }
}

impl fmt::Debug for Compensation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compensation")
            .field("idempotent", &self.idempotent)
            .field("after_cancel", &self.after_cancel)
            .finish_non_exhaustive()
    }
}
