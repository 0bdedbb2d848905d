//! Stands in for `lines.rs` without feature `log`: no lines, no records, no filter.

use std::sync::Arc;
use std::time::Duration;

use telemetry_core::clock::Clock;
use telemetry_core::config::Plan;
use telemetry_core::diagnostics::Voice;
use telemetry_core::pipeline::Service;
use telemetry_core::trace::{LineRecorder, SpanLayer};
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;

use crate::init::LineParts;

/// No sinks either.
#[derive(Debug, Default)]
pub(crate) struct Sinks {}

#[derive(Debug)]
pub(crate) struct Lines;

#[derive(Debug)]
pub(crate) struct LineLayers;

/// No flight recorder either.
pub(crate) type Recorder = std::convert::Infallible;
pub(crate) type Recording = Option<Recorder>;

pub(crate) fn recorder(_: &Plan, config: Recording, _: &Voice) -> Recording {
    config
}

pub(crate) fn line_recorder(_: Option<&Recorder>) -> Option<Arc<dyn LineRecorder>> {
    None
}

/// Nothing to filter.
#[derive(Debug)]
pub(crate) struct Filter;

pub(crate) fn filter(_: &Plan, _: &Clock, _: &Voice) -> Filter {
    Filter
}

pub(crate) fn timer(_: &Filter, _: &Voice) -> Option<Service> {
    None
}

pub(crate) fn start(_: &Plan, _: LineParts<'_>, _: &Clock, _: &Voice) -> (LineLayers, Lines) {
    (LineLayers, Lines)
}

impl LineLayers {
    pub(crate) fn shield(&self, spans: SpanLayer) -> SpanLayer {
        spans
    }

    pub(crate) fn around<S>(
        self,
        spans: Option<impl Layer<S> + Send + Sync>,
    ) -> impl Layer<S> + Send + Sync
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        spans
    }
}

impl Lines {
    pub(crate) fn bridge(&self, _: &Voice) {}

    pub(crate) fn flush(&self, _: Duration) -> bool {
        true
    }

    pub(crate) fn shutdown(&self, _: Duration) -> (u64, u64) {
        (0, 0)
    }

    pub(crate) fn written(&self) -> u64 {
        0
    }

    pub(crate) fn suppressed(&self) -> u64 {
        0
    }

    pub(crate) fn dropped(&self) -> u64 {
        0
    }
}

pub(crate) fn service_start(_: &Plan) {}
