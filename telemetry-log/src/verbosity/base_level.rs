//! Layers of others that shall not see what an override lets through.

use std::sync::OnceLock;

use tracing_core::subscriber::Interest;
use tracing_core::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Filtered;
use tracing_subscriber::layer::{Context, Filter};
use tracing_subscriber::registry::LookupSpan;

use super::Verbosity;

static OF_PROCESS: OnceLock<Verbosity> = OnceLock::new();

/// The filter of [`at_base_level`].
#[derive(Clone, Debug)]
pub struct AtBaseLevel(Option<Verbosity>);

/// Wraps a layer that shall see only what the base level lets through, whatever overrides are set:
/// one that would send DEBUG events to a place where each costs money, or spans above the base
/// level to a trace whose shape shall stay.
///
/// It goes by the [`Verbosity`] of the process, once [`Verbosity::make_global`] has said which that
/// is; until then the layer sees everything. [`Verbosity::at_base_level`] names one.
pub fn at_base_level<L, S>(layer: L) -> Filtered<L, AtBaseLevel, S>
where
    L: Layer<S>,
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    layer.with_filter(AtBaseLevel(None))
}

impl Verbosity {
    /// As [`at_base_level`](crate::at_base_level), with the base level of this one.
    pub fn at_base_level<L, S>(&self, layer: L) -> Filtered<L, AtBaseLevel, S>
    where
        L: Layer<S>,
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        layer.with_filter(AtBaseLevel(Some(self.clone())))
    }

    /// Makes it the one of the process, for [`at_base_level`](crate::at_base_level). Returns whether
    /// it is: the first stays.
    pub fn make_global(&self) -> bool {
        OF_PROCESS.set(self.clone()).is_ok()
    }
}

impl<S> Filter<S> for AtBaseLevel {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        let verbosity = self.0.as_ref().or_else(|| OF_PROCESS.get());
        verbosity.is_none_or(|verbosity| verbosity.is_at_base_level(metadata))
    }

    // A filter of a layer leaves its verdict for the event that follows. One that was only asked,
    // by `enabled!` or for a record of `log`, would leave it to the next event that is always let
    // through, which would be lost. So none is: each event is asked about, and has a fresh verdict.
    fn callsite_enabled(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }
}
