//! Recordings of a request's lines: whom to ask, and the mark that spans hand down.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;

use tracing::Span;

use super::layer::SpanLayer;
use super::span_ext::with_state_of;
use super::table;
use crate::context::current;

/// Keeps the lines of a request until it is known how the request ends.
pub trait LineRecorder: fmt::Debug + Send + Sync {
    /// Begins a recording, under a number that no other one of the process has; `None` if there is
    /// no room.
    fn begin(&self) -> Option<NonZeroU64>;

    /// Writes the lines of the recording if the request has failed, and forgets it. The recorder
    /// may have reasons of its own to write them.
    fn end(&self, number: NonZeroU64, failed: bool);

    /// Has the lines of the recording written however the request ends.
    fn pin(&self, number: NonZeroU64);
}

/// The lines of a request are being kept. Dropped before its [`end`](Self::end), because work was
/// given up or has panicked, they are written.
#[derive(Debug)]
#[must_use = "a recording that is dropped writes its lines"]
pub struct Recording {
    recorder: Option<Arc<dyn LineRecorder>>,
    number: NonZeroU64,
}

impl Recording {
    pub(super) fn begin(recorder: &Arc<dyn LineRecorder>) -> Option<Self> {
        Some(Self {
            number: recorder.begin()?,
            recorder: Some(Arc::clone(recorder)),
        })
    }

    pub(super) fn number(&self) -> NonZeroU64 {
        self.number
    }

    /// Has the lines written however the request ends: somebody wants to see this one, for example
    /// because its trace is kept.
    pub fn pin(&self) {
        if let Some(recorder) = &self.recorder {
            recorder.pin(self.number);
        }
    }

    /// Writes the lines if the request has failed, and forgets them otherwise.
    pub fn end(mut self, failed: bool) {
        if let Some(recorder) = self.recorder.take() {
            recorder.end(self.number, failed);
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        if let Some(recorder) = self.recorder.take() {
            recorder.end(self.number, true);
        }
    }
}

/// Keeps the lines within this span, and within those that are made inside it from now on, until
/// the recording is ended: for work that is no request of a server, such as a job or a message.
///
/// `None` without a flight recorder, if it has no room, and for a span that is filtered out.
///
/// ```
/// use telemetry_core::trace;
///
/// # fn import() -> Result<(), std::io::Error> { Ok(()) }
/// let span = tracing::info_span!("import");
/// let recording = trace::record_lines(&span);
/// let result = span.in_scope(import);
/// if let Some(recording) = recording {
///     recording.end(result.is_err());
/// }
/// ```
#[must_use = "a recording that is dropped at once records nothing"]
pub fn record_lines(span: &Span) -> Option<Recording> {
    span.with_subscriber(|(id, dispatch)| {
        let layer = dispatch.downcast_ref::<SpanLayer>()?;
        let recording = Recording::begin(layer.engine().recorder()?)?;
        let key = layer.key(id);
        let slot = with_state_of(dispatch, id, |_, state, _| {
            state.recording = Some(recording.number());
            state.slot(key)
        });
        let Some(slot) = slot else {
            recording.end(false);
            return None;
        };
        table::forget(key.span);
        current::replace(slot);
        Some(recording)
    })?
}
