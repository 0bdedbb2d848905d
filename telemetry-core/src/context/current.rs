//! Which span is current on this thread.

use std::cell::{Cell, RefCell};
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::trace::{SpanId, TraceContextExt, TraceFlags, TraceId};
use opentelemetry::{Context, ContextGuard};

use super::{RequestScope, SpanContext, TraceState};

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

/// What the thread-local holds beside the ids. A plain value without an `Option` around or in it,
/// because each poll of each request moves four of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    pub(crate) key: Key,
    /// The recording of lines that the span belongs to, 0 without one.
    pub(crate) recording: u64,
    /// What is known of the request that the span belongs to.
    pub(crate) request: RequestScope,
    pub(crate) ids: CurrentIds,
    pub(crate) marks: Marks,
}

/// What is true of a span, in one byte.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marks(u8);

/// Which span of which layer: nested dispatchers and parallel tests have several layers, and the
/// registry below each gives its numbers without asking the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// The layer; 0 for ids without a span.
    pub(crate) layer: u32,
    /// The number that the registry gave, or that of an [`EnteredIds`].
    pub(crate) span: u64,
}

impl Slot {
    /// In place of a span where there is none.
    pub(crate) const NONE: Self = Self {
        key: Key { layer: 0, span: 0 },
        recording: 0,
        request: RequestScope::NONE,
        ids: CurrentIds {
            trace_id: TraceId::INVALID,
            span_id: SpanId::INVALID,
            trace_flags: TraceFlags::NOT_SAMPLED,
        },
        marks: Marks::NONE,
    };

    #[inline]
    fn get(self) -> Option<Self> {
        // the numbers of spans begin with 1
        (self.key.span != 0).then_some(self)
    }
}

impl Marks {
    pub(crate) const NONE: Self = Self(0);
    const TRACE_STATE: u8 = 1;
    const BAGGAGE: u8 = 2;
    const USE: u8 = 4;

    /// The span has a tracestate, which is too large for the cell.
    #[inline]
    pub(crate) fn with_trace_state(self, has: bool) -> Self {
        Self(self.0 | (u8::from(has) * Self::TRACE_STATE))
    }

    /// The span takes baggage along.
    #[inline]
    pub(crate) fn with_baggage(self, has: bool) -> Self {
        Self(self.0 | (u8::from(has) * Self::BAGGAGE))
    }

    /// The span is a local root whose ids nobody is known to have used.
    #[inline]
    pub(crate) fn with_tracked_use(self, tracks: bool) -> Self {
        Self(self.0 | (u8::from(tracks) * Self::USE))
    }

    #[inline]
    pub(crate) fn has_trace_state(self) -> bool {
        self.0 & Self::TRACE_STATE != 0
    }

    #[inline]
    pub(crate) fn has_baggage(self) -> bool {
        self.0 & Self::BAGGAGE != 0
    }

    #[inline]
    pub(crate) fn tracks_use(self) -> bool {
        self.0 & Self::USE != 0
    }
}

thread_local! {
    static SLOT: Cell<Slot> = const { Cell::new(Slot::NONE) };
    /// Whether somebody has read the ids of the current span: they can no longer be replaced.
    static USED: Cell<bool> = const { Cell::new(false) };
    static STACK: RefCell<Vec<Frame>> = const { RefCell::new(Vec::new()) };
    /// What does not fit into the cell of ids without a span.
    static TRACE_STATES: RefCell<Vec<(Key, TraceState)>> = const { RefCell::new(Vec::new()) };
    /// The number of the last [`EnteredIds`].
    static ENTERED: Cell<u64> = const { Cell::new(0) };
}

/// One enter, with what was current before it.
struct Frame {
    entered: Key,
    slot: Slot,
    used: bool,
}

/// Whether OpenTelemetry contexts are attached when spans are entered; see the crate's `trace`
/// module. Process-wide, because `opentelemetry::Context` is.
static ARMED: AtomicBool = AtomicBool::new(false);

/// The ids of the current span: what a log line, an exemplar or an outgoing call carries.
///
/// A thread-local read. Once OpenTelemetry contexts are in use in this process, the current
/// [`opentelemetry::Context`] is asked first, so that spans made through that API are found too.
/// Whoever asks is taken to pass the ids on: the span can no longer be given another parent.
#[inline]
#[must_use]
pub fn current() -> Option<CurrentIds> {
    if is_armed()
        && let Some(ids) = opentelemetry_ids()
    {
        return Some(ids);
    }
    let slot = slot()?;
    USED.set(true);
    Some(slot.ids)
}

/// The same, for those who only compare: the span can still be given another parent.
#[inline]
#[must_use]
pub fn peek() -> Option<CurrentIds> {
    let ids = if is_armed() {
        opentelemetry_ids()
    } else {
        None
    };
    ids.or_else(|| slot().map(|slot| slot.ids))
}

/// Whether [`peek`] may find a sampled span: a cheap question with few wrong hopes.
#[inline]
pub(crate) fn may_be_sampled() -> bool {
    SLOT.get().ids.trace_flags.is_sampled() || is_armed()
}

#[cold]
fn opentelemetry_ids() -> Option<CurrentIds> {
    with_opentelemetry(|context| {
        let span = context.span();
        let span = span.span_context();
        span.is_valid().then(|| CurrentIds {
            trace_id: span.trace_id(),
            span_id: span.span_id(),
            trace_flags: span.trace_flags(),
        })
    })?
}

/// Reads the current OpenTelemetry context; `None` once this thread has none any more, because it
/// ends. The API itself panics then, which in a thread-local's destructor ends the process.
pub(crate) fn with_opentelemetry<T>(read: impl FnOnce(&Context) -> T) -> Option<T> {
    thread_local! {
        // made after the API's own, and therefore gone before it
        static ALIVE: Alive = Alive(std::panic::catch_unwind(|| Context::map_current(|_| ())).is_ok());
    }
    let alive = ALIVE.try_with(|alive| alive.0).unwrap_or(false);
    alive.then(|| Context::map_current(read))
}

/// Has a destructor, so that its end can be seen.
struct Alive(bool);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0 = false;
    }
}

/// Makes `ids` current until the guard is dropped, without a span: how context survives where a
/// span is filtered out or telemetry is disabled. `None` leaves nothing current.
#[must_use = "the ids are current until the guard is dropped"]
pub fn enter_ids(ids: Option<CurrentIds>) -> EnteredIds {
    let span = ids.map(|ids| SpanContext::new(ids.trace_id, ids.span_id, ids.trace_flags));
    enter_identity(span.as_ref(), request())
}

/// Makes a whole identity current until the guard is dropped, without a span: its ids as
/// [`enter_ids`] does, and its tracestate for calls and spans that are made meanwhile.
#[must_use = "the identity is current until the guard is dropped"]
pub fn enter_span_context(identity: &SpanContext) -> EnteredIds {
    enter_identity(Some(identity), request())
}

/// Makes an identity current as [`enter_span_context`] does, and with it what is known of the
/// request.
#[must_use = "the identity is current until the guard is dropped"]
pub fn enter_request(identity: &SpanContext, request: RequestScope) -> EnteredIds {
    enter_identity(Some(identity), request)
}

fn enter_identity(identity: Option<&SpanContext>, request: RequestScope) -> EnteredIds {
    let number = ENTERED.get() + 1;
    ENTERED.set(number);
    let key = Key {
        layer: 0,
        span: number,
    };
    let kept = identity.is_some_and(|identity| keep_trace_state(key, identity));
    let slot = identity.map_or(Slot::NONE, |identity| Slot {
        key,
        request,
        ids: CurrentIds {
            trace_id: identity.trace_id(),
            span_id: identity.span_id(),
            trace_flags: identity.trace_flags(),
        },
        recording: SLOT.get().recording,
        marks: Marks::NONE.with_trace_state(kept),
    });
    enter(key, slot);
    let attached = is_armed().then(|| with_opentelemetry(|context| attach(context, identity)));
    EnteredIds {
        key,
        kept,
        _attached: attached.flatten().map(Context::attach),
    }
}

fn attach(context: &Context, identity: Option<&SpanContext>) -> Context {
    context.with_remote_span_context(
        identity.map_or(opentelemetry::trace::SpanContext::NONE, |identity| {
            (&identity.clone().remote()).into()
        }),
    )
}

/// Returns whether there is one to keep.
fn keep_trace_state(key: Key, identity: &SpanContext) -> bool {
    let state = identity.trace_state();
    let keep = |states: &RefCell<Vec<_>>| {
        states
            .try_borrow_mut()
            .map(|mut states| states.push((key, state.clone())))
            .is_ok()
    };
    !state.is_empty() && TRACE_STATES.try_with(keep).unwrap_or(false)
}

fn forget_trace_state(key: Key) {
    let _ = TRACE_STATES.try_with(|states| {
        if let Ok(mut states) = states.try_borrow_mut() {
            states.retain(|(other, _)| *other != key);
        }
    });
}

/// The identity of ids that are current without a span.
pub(crate) fn entered_span_context(slot: Slot) -> SpanContext {
    let ids = slot.ids;
    let identity = SpanContext::new(ids.trace_id, ids.span_id, ids.trace_flags);
    if !slot.marks.has_trace_state() {
        return identity;
    }
    let find = |states: &RefCell<Vec<(Key, TraceState)>>| {
        let states = states.try_borrow().ok()?;
        let (_, state) = states.iter().rfind(|(key, _)| *key == slot.key)?;
        Some(state.clone())
    };
    match TRACE_STATES.try_with(find) {
        Ok(Some(state)) => identity.with_trace_state(state),
        _ => identity,
    }
}

/// Restores the previous ids when dropped; see [`enter_ids`].
#[derive(Debug)]
pub struct EnteredIds {
    key: Key,
    /// Whether a tracestate is kept for it.
    kept: bool,
    /// Also keeps the guard on its thread.
    _attached: Option<ContextGuard>,
}

impl Drop for EnteredIds {
    fn drop(&mut self) {
        pop(self.key);
        if self.kept {
            forget_trace_state(self.key);
        }
    }
}

/// The number of the recording that keeps the lines of this thread's current span, if there is one;
/// see [`LineRecorder`](crate::trace::LineRecorder). It may have ended. A thread-local read.
#[inline]
#[must_use]
pub fn recording() -> Option<NonZeroU64> {
    NonZeroU64::new(SLOT.get().recording)
}

/// What tells this thread's current span from the other open ones of the process; zeros without
/// one. A thread-local read.
#[inline]
#[must_use]
pub fn span_key() -> (u32, u64) {
    let key = SLOT.get().key;
    (key.layer, key.span)
}

#[inline]
pub(crate) fn slot() -> Option<Slot> {
    SLOT.get().get()
}

#[inline]
pub(crate) fn request() -> RequestScope {
    SLOT.get().request
}

/// Replaces what this thread has of a span that is entered, after its parent was set.
pub(crate) fn replace(new: Slot) {
    let is_it = |slot: &Slot| slot.key == new.key;
    if is_it(&SLOT.get()) {
        SLOT.set(new);
    }
    with_stack(|stack| {
        for frame in stack.iter_mut().filter(|frame| is_it(&frame.slot)) {
            frame.slot = new;
        }
    });
}

/// Says that somebody knows the current ids.
#[inline]
pub(crate) fn mark_used() {
    USED.set(true);
}

/// Whether the ids of a span were used on this thread since it was entered.
pub(crate) fn is_used(key: Key) -> bool {
    (SLOT.get().key == key && USED.get())
        || with_stack(|stack| {
            let mut frames = stack.iter();
            frames.any(|frame| frame.used && frame.slot.key == key)
        })
        .unwrap_or(false)
}

/// Makes the span of `slot` current and remembers what was, until [`pop`].
#[inline]
pub(crate) fn push(slot: Slot) {
    enter(slot.key, slot);
}

#[inline]
fn enter(key: Key, slot: Slot) {
    let frame = Frame {
        entered: key,
        slot: SLOT.replace(slot),
        used: USED.replace(false),
    };
    with_stack(|stack| stack.push(frame));
}

/// Ends what [`push`] began. Returns whether the ids were used meanwhile. Guards may be dropped
/// out of order: then what is current stays, and what comes back later is corrected.
#[inline]
pub(crate) fn pop(key: Key) -> bool {
    with_stack(|stack| pop_from(stack, key)).unwrap_or(false)
}

/// The stack is gone while the thread ends; then there is nothing to come back to.
#[inline]
fn with_stack<T>(act: impl FnOnce(&mut Vec<Frame>) -> T) -> Option<T> {
    STACK
        .try_with(|stack| stack.try_borrow_mut().ok().map(|mut stack| act(&mut stack)))
        .ok()?
}

#[inline]
fn pop_from(stack: &mut Vec<Frame>, key: Key) -> bool {
    if stack.last().is_some_and(|frame| frame.entered == key) {
        let Some(frame) = stack.pop() else {
            return false;
        };
        SLOT.set(frame.slot);
        return USED.replace(frame.used);
    }
    pop_within(stack, key)
}

#[cold]
fn pop_within(stack: &mut Vec<Frame>, key: Key) -> bool {
    let Some(index) = stack.iter().rposition(|frame| frame.entered == key) else {
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

/// From now on, entering a `tracing` span also attaches an OpenTelemetry context, so that parents
/// are right in both directions and what the context holds follows the span.
///
/// The first tracer of our [`TracerProvider`](crate::trace::TracerProvider) does it, and whoever
/// extracts baggage should: its place is that context.
pub fn arm() {
    ARMED.store(true, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(span: u64) -> Key {
        Key { layer: 1, span }
    }

    fn slot_of(span: u64) -> Slot {
        let ids = CurrentIds {
            trace_id: TraceId::from(1),
            span_id: SpanId::from(span),
            trace_flags: TraceFlags::SAMPLED,
        };
        Slot {
            ids,
            key: key(span),
            ..Slot::NONE
        }
    }

    fn current_span() -> Option<u64> {
        current().map(|ids| u64::from_be_bytes(ids.span_id.to_bytes()))
    }

    #[test]
    fn nested_spans_come_back_in_order() {
        push(slot_of(1));
        push(slot_of(2));
        assert_eq!(current_span(), Some(2));
        assert!(pop(key(2)));
        assert_eq!(current_span(), Some(1));
        pop(key(1));
        assert_eq!(current_span(), None);
    }

    #[test]
    fn guards_dropped_out_of_order_do_not_leave_a_span_behind() {
        push(slot_of(1));
        push(slot_of(2));
        pop(key(1));
        assert_eq!(current_span(), Some(2));
        pop(key(2));
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

    #[test]
    fn ids_without_a_span_may_outlive_the_span_around_them() {
        push(slot_of(1));
        let entered = enter_ids(Some(slot_of(7).ids));
        pop(key(1));
        assert_eq!(current_span(), Some(7));
        drop(entered);
        assert_eq!(current_span(), None);
    }

    #[test]
    fn use_is_remembered_below_other_spans() {
        push(slot_of(1));
        assert!(!is_used(key(1)));
        let _ = current();
        push(slot_of(2));
        assert!(is_used(key(1)));
        assert!(!is_used(key(2)));
        pop(key(2));
        assert!(pop(key(1)));
    }
}
