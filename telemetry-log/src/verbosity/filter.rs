//! The filter before everything.

use tracing_core::field::{Field, Visit};
use tracing_core::span::{Attributes, Id, Record};
use tracing_core::subscriber::Interest;
use tracing_core::{Dispatch, LevelFilter, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use telemetry_core::clock::Clock;

use super::Verbosity;
use super::attributes::Wanted;
use super::defeat::Probe;
use crate::Directives;
use crate::recorder::Recorder;

/// A layer that decides for the whole subscriber which events and spans there are: those of the
/// base level, and those for which its [`Verbosity`] has an override.
///
/// Every callsite is judged once, so that what is off costs what a level fixed at compile time
/// costs, also while an override is set for other targets. It is a plain layer and meant to be one:
/// wrapped as a filter of another layer it would decide for that layer only.
///
/// Spans carry the trace: [`BaseFilter::keep_spans`] keeps them when the log's level is lower.
#[derive(Clone, Debug)]
pub struct BaseFilter {
    verbosity: Verbosity,
    recorder: Option<Recorder>,
}

impl BaseFilter {
    /// A filter with these directives for events and spans.
    #[must_use]
    pub fn new(directives: Directives) -> Self {
        Self {
            verbosity: Verbosity::new(directives),
            recorder: None,
        }
    }

    /// Keeps spans up to this level, whatever level the directives say; a target that they turn off
    /// stays off. To be called before [`verbosity`](Self::verbosity).
    #[must_use]
    pub fn keep_spans(mut self, level: LevelFilter) -> Self {
        self.verbosity = self.verbosity.change_settings(|it| it.spans = level);
        self
    }

    /// Reads from this clock when overrides expire. To be called before
    /// [`verbosity`](Self::verbosity).
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.verbosity = self.verbosity.change_settings(|it| it.clock = clock);
        self
    }

    /// Lets the lines through that this recorder keeps, where a request is recorded. To be called
    /// after [`keep_spans`](Self::keep_spans) and [`clock`](Self::clock).
    #[must_use]
    pub fn recorder(mut self, recorder: Recorder) -> Self {
        self.verbosity.record(recorder.level());
        recorder.beside(&self.verbosity);
        self.recorder = Some(recorder);
        self
    }

    /// The handle that makes it more verbose.
    #[must_use]
    pub fn verbosity(&self) -> Verbosity {
        self.verbosity.clone()
    }

    pub(super) fn is_of(&self, verbosity: &Verbosity) -> bool {
        self.verbosity.is(verbosity)
    }

    /// Whether a recorder would keep it here and now.
    #[inline]
    fn keeps(&self, metadata: &Metadata<'_>) -> bool {
        let recorder = self.recorder.as_ref();
        recorder.is_some_and(|recorder| recorder.wants(metadata))
    }

    /// Whether a recorder may keep what a callsite makes.
    fn is_recorded(&self, metadata: &Metadata<'_>) -> bool {
        let recorder = self.recorder.as_ref();
        recorder.is_some_and(|recorder| recorder.covers(metadata))
    }

    #[inline]
    fn allows<S>(&self, metadata: &Metadata<'_>, context: &Context<'_, S>) -> bool
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        if self.verbosity.is_at_base_level(metadata) {
            return true;
        }
        match Probe::of(metadata) {
            None => self.verbosity.is_raised(metadata, context) || self.keeps(metadata),
            Some(probe) => probe == Probe::Through,
        }
    }

    fn note<S>(&self, id: &Id, context: &Context<'_, S>, visit: impl FnOnce(&mut dyn Visit))
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let mut wanted = Wanted::of(self.verbosity.list());
        visit(&mut wanted);
        wanted.keep(id, context);
    }
}

impl<S> Layer<S> for BaseFilter
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        self.verbosity.live_in(dispatch);
    }

    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.verbosity.is_at_base_level(metadata) {
            Interest::always()
        } else if Probe::of(metadata).is_some()
            || self.verbosity.concerns(metadata)
            || self.is_recorded(metadata)
        {
            Interest::sometimes()
        } else {
            Interest::never()
        }
    }

    // asked for callsites that an override concerns or about which another layer is undecided, and
    // for records of `log`, whose target is known only now
    #[inline]
    fn enabled(&self, metadata: &Metadata<'_>, context: Context<'_, S>) -> bool {
        self.allows(metadata, &context)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.verbosity.max_level())
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if self.verbosity.reads_spans() {
            self.note(id, &context, |visitor| attributes.record(visitor));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if self.verbosity.reads_spans() {
            self.note(id, &context, |visitor| values.record(visitor));
        }
    }
}

/// The field's name as users write it.
pub(super) fn name(field: &Field) -> &'static str {
    let name = field.name();
    name.strip_prefix("r#").unwrap_or(name)
}
