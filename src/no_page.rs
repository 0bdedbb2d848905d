//! Without feature `prometheus` there is no page for Prometheus.

use telemetry_core::config::{ExporterKind, Plan};
use telemetry_core::diagnostics::{Level, Voice};
use telemetry_core::pipeline::Service;

/// Where the page is served: nowhere.
pub(crate) const ROUTE: Option<&str> = None;

/// Nothing to serve.
#[derive(Clone, Debug)]
pub(crate) struct Page;

impl Page {
    pub(crate) fn of(_: &Plan, _: &Voice) -> Self {
        Self
    }

    #[expect(
        clippy::unused_self,
        reason = "it stands in for the page with feature `prometheus`"
    )]
    pub(crate) fn listener(&self, plan: &Plan, voice: &Voice) -> Option<Service> {
        if plan.metrics.exporters.contains(&ExporterKind::Prometheus) {
            let what =
                "telemetry: metrics are not served: enable feature prometheus of telemetry-sdk";
            voice.say(Level::Error, what);
        }
        None
    }
}
