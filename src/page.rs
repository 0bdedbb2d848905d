//! The page for Prometheus, with feature `prometheus`.

use std::sync::{Arc, OnceLock};

use telemetry_core::config::{ExporterKind, Plan};
use telemetry_core::diagnostics::self_metrics::Timed;
use telemetry_core::diagnostics::{Level, Voice};
use telemetry_core::export::prometheus::{self, Listener, Renderer};
use telemetry_core::metrics::{Producer, Registry};
use telemetry_core::pipeline::Service;

use crate::handle::Telemetry;

/// Where [`Telemetry::routes`] serves the page.
pub(crate) const ROUTE: Option<&str> = Some("/metrics");

/// Makes the page, wherever it is served.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    renderer: Arc<Renderer>,
    /// Made with the first page: whoever serves none needs no metric of it.
    reader: Arc<OnceLock<Timed>>,
}

impl Page {
    pub(crate) fn of(plan: &Plan, voice: &Voice) -> Self {
        Self {
            renderer: Arc::new(Renderer::new(&plan.resource, voice.clone())),
            reader: Arc::default(),
        }
    }

    fn reader(&self) -> &Timed {
        self.reader
            .get_or_init(|| Timed::new(Registry::global(), "prometheus_http_text_metric_exporter"))
    }

    pub(crate) fn render(
        &self,
        accept: Option<&str>,
        accept_encoding: Option<&str>,
    ) -> prometheus::Page {
        let snapshot = self.reader().collect();
        self.renderer.render(&snapshot, accept, accept_encoding)
    }

    /// The page without what callbacks would tell.
    fn render_part(&self, accept: Option<&str>, accept_encoding: Option<&str>) -> prometheus::Page {
        let snapshot = self.reader().without_callbacks().unwrap_or_default();
        self.renderer.render(&snapshot, accept, accept_encoding)
    }

    /// The port of its own, if the plan asks for one. A port that is taken is said, and the
    /// program goes on.
    pub(crate) fn listener(&self, plan: &Plan, voice: &Voice) -> Option<Service> {
        let metrics = &plan.metrics;
        if plan.disabled || !metrics.exporters.contains(&ExporterKind::Prometheus) {
            return None;
        }
        let listener = Listener::bind(&metrics.prometheus_host, metrics.prometheus_port)
            .inspect_err(|error| voice.say(Level::Error, format_args!("telemetry: {error}")))
            .ok()?;
        let (page, part, voice) = (self.clone(), self.clone(), voice.clone());
        let listener = listener.or_else(move |accept, encoding| part.render_part(accept, encoding));
        Some(Box::new(move || {
            Box::pin(async move {
                let render = move |accept: Option<&str>, encoding: Option<&str>| {
                    page.render(accept, encoding)
                };
                if let Err(error) = listener.serve(render).await {
                    voice.say(
                        Level::Error,
                        format_args!("telemetry: metrics are not served any more: {error}"),
                    );
                }
            })
        }))
    }
}

impl Telemetry {
    /// The page for Prometheus, for servers other than axum: OpenMetrics with exemplars or the
    /// classic text, as the request's `Accept` wishes, and compressed if its `Accept-Encoding`
    /// does.
    ///
    /// It asks the observable instruments, and takes some milliseconds for 10,000 series: call it
    /// where blocking is allowed.
    ///
    /// ```
    /// let telemetry = telemetry::init()?;
    /// let page = telemetry.render_metrics(Some("application/openmetrics-text"), None);
    /// assert!(page.content_type.starts_with("application/openmetrics-text"));
    /// # Ok::<(), telemetry::InitError>(())
    /// ```
    #[must_use]
    pub fn render_metrics(
        &self,
        accept: Option<&str>,
        accept_encoding: Option<&str>,
    ) -> prometheus::Page {
        self.parts().page.render(accept, accept_encoding)
    }

    /// Serves the families of another registry on the same page.
    #[cfg(feature = "prometheus-client")]
    pub fn attach(&self, registry: Arc<prometheus_client::registry::Registry>) {
        self.parts().page.renderer.attach(registry);
    }
}
