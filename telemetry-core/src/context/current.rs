//! Which span is current on this thread.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::Context;
use opentelemetry::trace::{SpanId, TraceContextExt, TraceFlags, TraceId};

/// The ids of the span that is current on this thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what a log line carries, no more"
)]
pub struct CurrentIds {
    /// The trace.
    pub trace_id: TraceId,
    /// The span.
    pub span_id: SpanId,
    /// The W3C trace flags.
    pub trace_flags: TraceFlags,
}

/// What the thread-local holds beside the ids.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    pub(crate) ids: CurrentIds,
    /// Which engine made the span: nested dispatchers and parallel tests have several.
    pub(crate) engine: u32,
    /// Whether the span has a tracestate, which is too large for the cell.
    pub(crate) has_trace_state: bool,
    /// Whether the span is a local root whose ids nobody is known to have used.
    pub(crate) tracks_use: bool,
}

thread_local! {
    static SLOT: Cell<Option<Slot>> = const { Cell::new(None) };
    /// Whether somebody has read the ids of the current span: they can no longer be replaced.
    static USED: Cell<bool> = const { Cell::new(false) };
    static STACK: RefCell<Vec<Frame>> = const { RefCell::new(Vec::new()) };
}

struct Frame {
    key: u64,
    slot: Option<Slot>,
    used: bool,
}

/// Whether OpenTelemetry contexts are attached when spans are entered; see the crate's `trace`
/// module. Process-wide, because `opentelemetry::Context` is.
static ARMED: AtomicBool = AtomicBool::new(false);

/// The ids of the current span: what a log line, an exemplar or an outgoing call carries.
///
/// A thread-local read. Once OpenTelemetry contexts are in use in this process, the current
/// [`opentelemetry::Context`] is asked first, so that spans made through that API are found too.
#[inline]
#[must_use]
pub fn current() -> Option<CurrentIds> {
    if is_armed()
        && let Some(ids) = opentelemetry_ids()
    {
        return Some(ids);
    }
    let slot = SLOT.get()?;
    USED.set(true);
    Some(slot.ids)
}

fn opentelemetry_ids() -> Option<CurrentIds> {
    Context::map_current(|context| {
        let span = context.span();
        let span = span.span_context();
        span.is_valid().then(|| CurrentIds {
            trace_id: span.trace_id(),
            span_id: span.span_id(),
            trace_flags: span.trace_flags(),
        })
    })
}

/// Makes `ids` current until the guard is dropped, without a span: how context survives where a
/// span is filtered out or telemetry is disabled.
#[must_use = "the ids are current until the guard is dropped"]
pub fn enter_ids(ids: Option<CurrentIds>) -> EnteredIds {
    let slot = ids.map(|ids| Slot {
        ids,
        engine: 0,
        has_trace_state: false,
        tracks_use: false,
    });
    EnteredIds {
        previous: SLOT.replace(slot),
        used: USED.replace(true),
        _thread: std::marker::PhantomData,
    }
}

/// Restores the previous ids when dropped; see [`enter_ids`].
#[derive(Debug)]
pub struct EnteredIds {
    previous: Option<Slot>,
    used: bool,
    _thread: std::marker::PhantomData<*const ()>,
}

impl Drop for EnteredIds {
    fn drop(&mut self) {
        SLOT.set(self.previous);
        USED.set(self.used);
    }
}

#[inline]
pub(crate) fn slot() -> Option<Slot> {
    SLOT.get()
}

/// Replaces the ids of the current span of `engine` that are `old`, after its parent was set.
pub(crate) fn replace(engine: u32, old: CurrentIds, new: Slot) {
    if SLOT
        .get()
        .is_some_and(|slot| slot.engine == engine && slot.ids == old)
    {
        SLOT.set(Some(new));
    }
}

/// Says that somebody knows the current ids.
#[inline]
pub(crate) fn mark_used() {
    USED.set(true);
}

#[inline]
pub(crate) fn is_used() -> bool {
    USED.get()
}

/// Makes `slot` current and remembers what was; `key` names the span for [`pop`].
#[inline]
pub(crate) fn push(key: u64, slot: Slot) {
    let frame = Frame {
        key,
        slot: SLOT.replace(Some(slot)),
        used: USED.replace(false),
    };
    // the stack is gone while the thread ends; then there is nothing to come back to
    let _ = STACK.try_with(|stack| stack.try_borrow_mut().map(|mut stack| stack.push(frame)));
}

/// Ends what [`push`] began. Returns whether the ids were used meanwhile. Guards may be dropped
/// out of order: then what is current stays, and what comes back later is corrected.
#[inline]
pub(crate) fn pop(key: u64) -> bool {
    STACK
        .try_with(|stack| {
            stack
                .try_borrow_mut()
                .is_ok_and(|mut stack| pop_from(&mut stack, key))
        })
        .unwrap_or(false)
}

#[inline]
fn pop_from(stack: &mut Vec<Frame>, key: u64) -> bool {
    if stack.last().is_some_and(|frame| frame.key == key) {
        let Some(frame) = stack.pop() else {
            return false;
        };
        SLOT.set(frame.slot);
        return USED.replace(frame.used);
    }
    pop_within(stack, key)
}

#[cold]
fn pop_within(stack: &mut Vec<Frame>, key: u64) -> bool {
    let Some(index) = stack.iter().rposition(|frame| frame.key == key) else {
        return false;
    };
    let removed = stack.remove(index);
    let Some(above) = stack.get_mut(index) else {
        return removed.used;
    };
    above.slot = removed.slot;
    std::mem::replace(&mut above.used, removed.used)
}

#[inline]
pub(crate) fn is_armed() -> bool {
    ARMED.load(Ordering::Relaxed)
}

/// From now on, spans attach an OpenTelemetry context when they are entered.
pub(crate) fn arm() {
    ARMED.store(true, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot_of(span: u64) -> Slot {
        let ids = CurrentIds {
            trace_id: TraceId::from(1),
            span_id: SpanId::from(span),
            trace_flags: TraceFlags::SAMPLED,
        };
        Slot {
            ids,
            engine: 1,
            has_trace_state: false,
            tracks_use: false,
        }
    }

    fn current_span() -> Option<u64> {
        current().map(|ids| u64::from_be_bytes(ids.span_id.to_bytes()))
    }

    #[test]
    fn nested_spans_come_back_in_order() {
        push(1, slot_of(1));
        push(2, slot_of(2));
        assert_eq!(current_span(), Some(2));
        assert!(pop(2));
        assert_eq!(current_span(), Some(1));
        pop(1);
        assert_eq!(current_span(), None);
    }

    #[test]
    fn guards_dropped_out_of_order_do_not_leave_a_span_behind() {
        push(1, slot_of(1));
        push(2, slot_of(2));
        pop(1);
        assert_eq!(current_span(), Some(2));
        pop(2);
        assert_eq!(current_span(), None);
    }

    #[test]
    fn ids_without_a_span_are_current_within_their_guard() {
        let outer = slot_of(7).ids;
        {
            let _entered = enter_ids(Some(outer));
            assert_eq!(current(), Some(outer));
        }
        assert_eq!(current(), None);
    }
}
