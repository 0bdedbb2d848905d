//! How a middleware hands a prepared span to the layer.

use std::cell::RefCell;
use std::sync::Arc;

use super::engine::Engine;
use super::layer::SpanLayer;
use super::record::Record;
use super::recording::{LineRecorder, Recording};
use super::state::SpanState;
use crate::clock::Timestamp;
use crate::context::propagate::Extracted;
use crate::context::{CurrentIds, RequestScope, SpanContext};
use crate::otlp::Kind;

/// A span that has its ids, its head decision and, if it is sampled, its record, before the
/// `tracing` macro makes it.
///
/// A middleware makes it with [`prepare`], fills the record and offers it right before its own
/// `span!`. If the span is filtered out, [`Prepared::ids`] still says what to propagate.
#[derive(Debug)]
pub struct Prepared {
    engine: u32,
    recorder: Option<Arc<dyn LineRecorder>>,
    state: SpanState,
}

struct Offered {
    target: &'static str,
    prepared: Prepared,
}

thread_local! {
    static OFFERED: RefCell<Option<Offered>> = const { RefCell::new(None) };
    static PARENT: RefCell<Option<ScopedParent>> = const { RefCell::new(None) };
}

/// A parent for the spans that are made without one while a closure runs.
#[derive(Clone)]
struct ScopedParent {
    parent: SpanContext,
    /// The span that was current when the closure began, if any.
    outer: Option<CurrentIds>,
}

/// Prepares a span for what came in, in the engine of the current subscriber; `None` if it has none.
#[must_use]
pub fn prepare(incoming: &Extracted, name: &str, kind: Kind) -> Option<Prepared> {
    tracing::dispatcher::get_default(|dispatch| {
        let engine = dispatch.downcast_ref::<SpanLayer>()?.engine();
        Some(Prepared {
            engine: engine.id(),
            recorder: engine.recorder().cloned(),
            state: engine.start_incoming(incoming, name, kind),
        })
    })
}

impl Prepared {
    /// The ids that the span will have.
    #[must_use]
    pub fn ids(&self) -> CurrentIds {
        self.state.ids
    }

    /// The identity that the span will have.
    #[must_use]
    pub fn span_context(&self) -> SpanContext {
        self.state.span_context()
    }

    /// When the span started; `None` if it is not sampled.
    #[must_use]
    pub fn started(&self) -> Option<Timestamp> {
        self.state.record.as_ref().map(|_| self.state.start)
    }

    /// Says what is known of the request; otherwise the span has it from the one around it.
    pub fn set_request(&mut self, request: RequestScope) {
        self.state.request = request;
    }

    /// The record to fill; `None` if the span is not sampled.
    pub fn record_mut(&mut self) -> Option<&mut Record> {
        self.state.record.as_deref_mut()
    }

    /// Keeps the lines within the span until the recording is ended; `None` without a flight
    /// recorder, and if it has no room.
    pub fn record_lines(&mut self) -> Option<Recording> {
        let recording = Recording::begin(self.recorder.as_ref()?)?;
        self.state.recording = Some(recording.number());
        Some(recording)
    }

    /// Offers it to the next span of `target` that this thread makes, until the guard is dropped.
    #[must_use = "the offer ends when the guard is dropped"]
    pub fn offer(self, target: &'static str) -> Offer {
        let offered = Offered {
            target,
            prepared: self,
        };
        drop(OFFERED.try_with(|slot| slot.try_borrow_mut().map(|mut slot| slot.replace(offered))));
        Offer(())
    }
}

/// Ends the offer when dropped.
#[derive(Debug)]
pub struct Offer(());

impl Offer {
    /// Whether a span has taken what was offered. If not, it was filtered out.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        OFFERED
            .try_with(|slot| slot.try_borrow().is_ok_and(|slot| slot.is_none()))
            .unwrap_or(false)
    }
}

impl Drop for Offer {
    fn drop(&mut self) {
        let left = OFFERED
            .try_with(|slot| slot.try_borrow_mut().ok()?.take())
            .ok()
            .flatten();
        // the span was never made
        if let Some(record) = left.and_then(|left| left.prepared.state.record) {
            Record::put_back(record);
        }
    }
}

/// Takes what was offered to the span that is being made.
#[inline]
pub(super) fn take(engine: &Engine, target: &str) -> Option<SpanState> {
    OFFERED
        .try_with(|slot| {
            let mut slot = slot.try_borrow_mut().ok()?;
            let fits = slot.as_ref().is_some_and(|offered| {
                offered.target == target && offered.prepared.engine == engine.id()
            });
            if fits {
                slot.take().map(|offered| offered.prepared.state)
            } else {
                None
            }
        })
        .ok()
        .flatten()
}

/// Runs `make` so that the spans it makes without a parent of their own become children of
/// `parent`, which usually came from another process.
///
/// ```
/// # use telemetry_core::context::{SpanContext, SpanId, TraceFlags, TraceId};
/// # let received = SpanContext::new(TraceId::from(1), SpanId::from(2), TraceFlags::SAMPLED).remote();
/// let span = telemetry_core::trace::with_remote_parent(received, || tracing::info_span!("job"));
/// ```
pub fn with_remote_parent<T>(parent: SpanContext, make: impl FnOnce() -> T) -> T {
    let outer = crate::context::current::peek();
    let scoped = ScopedParent { parent, outer };
    let previous = PARENT
        .try_with(|slot| slot.try_borrow_mut().ok()?.replace(scoped))
        .ok()
        .flatten();
    let _restore = Restore(previous);
    make()
}

struct Restore(Option<ScopedParent>);

impl Drop for Restore {
    fn drop(&mut self) {
        let _ = PARENT.try_with(|slot| slot.try_borrow_mut().map(|mut slot| *slot = self.0.take()));
    }
}

/// The parent that [`with_remote_parent`] gives to a span made now, if what is current is what was
/// current when its closure began.
#[inline]
pub(super) fn scoped_parent() -> Option<SpanContext> {
    PARENT
        .try_with(|slot| {
            let slot = slot.try_borrow().ok()?;
            let scoped = slot.as_ref()?;
            (scoped.outer == crate::context::current::peek()).then(|| scoped.parent.clone())
        })
        .ok()
        .flatten()
}
