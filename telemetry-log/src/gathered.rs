//! The fields of the spans around an event.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing_subscriber::registry::{LookupSpan, SpanRef};

use crate::json::Fields;
use crate::span;
use crate::spans::Spans;

/// The fields of a span and of those around it, kept for the thread's next line, because most
/// lines share their spans with the one before.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    all: Fields,
    of: Option<Origin>,
    /// Those of `all` that the event does not have itself.
    rest: Fields,
    none: Fields,
    shown: Shown,
}

#[derive(Clone, Copy, Debug, Default)]
enum Shown {
    #[default]
    None,
    All,
    Rest,
}

/// What gathered fields depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Origin {
    log: u64,
    /// The innermost span that has fields.
    span: SpanNumber,
    /// See [`forget`].
    forgotten: u64,
}

impl Origin {
    /// To be asked for before the fields are read: what is added meanwhile makes the next line
    /// gather again.
    #[inline]
    fn now(log: u64, span: SpanNumber) -> Self {
        Self {
            log,
            span,
            forgotten: FORGOTTEN.load(Ordering::Acquire),
        }
    }
}

/// Tells a span from all others of the process, before and after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SpanNumber {
    thread: u64,
    span: u64,
}

static FORGOTTEN: AtomicU64 = AtomicU64::new(0);

/// Makes all threads gather again. To be called after a span was given further fields.
pub(crate) fn forget() {
    FORGOTTEN.fetch_add(1, Ordering::Release);
}

/// How often spans were given further fields.
pub(crate) fn changes() -> u64 {
    FORGOTTEN.load(Ordering::Acquire)
}

impl Gathered {
    pub(crate) fn clear(&mut self) {
        self.shown = Shown::None;
    }

    /// Collects the fields of a span and of those around it; the innermost wins, and the event
    /// over all.
    #[inline]
    pub(crate) fn gather<'a, S>(
        &mut self,
        log: u64,
        event: &Fields,
        innermost: &SpanRef<'a, S>,
        spans: &Spans,
    ) where
        S: LookupSpan<'a>,
    {
        let of = |span| Origin::now(log, span);
        match span::number(&innermost.id(), spans) {
            Some(number) => self.update(of(number), innermost, spans),
            None => match outer_with_fields(innermost, spans) {
                Some((number, span)) => self.update(of(number), &span, spans),
                None => return,
            },
        }
        self.show(event);
    }

    /// Shows the fields of the last line once more, if they are those of this span.
    #[inline]
    pub(crate) fn gather_again(&mut self, log: u64, event: &Fields, span: SpanNumber) -> bool {
        let is_same = self.of == Some(Origin::now(log, span));
        if is_same {
            self.show(event);
        }
        is_same
    }

    /// Shows fields that were gathered for an earlier line.
    pub(crate) fn show_earlier(&mut self, fields: &Fields, event: &Fields) {
        self.all.assign(fields);
        self.of = None;
        self.show(event);
    }

    pub(crate) fn fields(&self) -> &Fields {
        match self.shown {
            Shown::None => &self.none,
            Shown::All => &self.all,
            Shown::Rest => &self.rest,
        }
    }

    pub(crate) fn capacity(&self) -> usize {
        self.all.capacity() + self.rest.capacity()
    }

    #[inline]
    fn update<'a, S>(&mut self, of: Origin, innermost: &SpanRef<'a, S>, spans: &Spans)
    where
        S: LookupSpan<'a>,
    {
        if self.of != Some(of) {
            self.gather_anew(innermost, spans);
            self.of = Some(of);
        }
    }

    #[inline(never)]
    fn gather_anew<'a, S>(&mut self, innermost: &SpanRef<'a, S>, spans: &Spans)
    where
        S: LookupSpan<'a>,
    {
        self.all.clear();
        span::inherit(&mut self.all, innermost, spans);
        let mut next = innermost.parent();
        while let Some(span) = next {
            span::inherit(&mut self.all, &span, spans);
            next = span.parent();
        }
    }

    #[inline]
    fn show(&mut self, event: &Fields) {
        self.shown = Shown::All;
        if event.meets(&self.all) {
            self.leave_out(event);
        }
    }

    #[cold]
    fn leave_out(&mut self, event: &Fields) {
        self.rest.clear();
        self.rest.inherit(event, &self.all);
        self.shown = Shown::Rest;
    }
}

fn outer_with_fields<'a, S>(
    span: &SpanRef<'a, S>,
    spans: &Spans,
) -> Option<(SpanNumber, SpanRef<'a, S>)>
where
    S: LookupSpan<'a>,
{
    let mut next = span.parent();
    while let Some(span) = next {
        if let Some(number) = span::number(&span.id(), spans) {
            return Some((number, span));
        }
        next = span.parent();
    }
    None
}

impl SpanNumber {
    /// A number that no span had before.
    pub(crate) fn next() -> Self {
        thread_local! {
            static LAST: Cell<SpanNumber> = const { Cell::new(SpanNumber { thread: 0, span: 0 }) };
        }
        static THREADS: AtomicU64 = AtomicU64::new(1);
        let mut number = LAST.get();
        if number.thread == 0 {
            number.thread = THREADS.fetch_add(1, Ordering::Relaxed);
        }
        number.span += 1;
        LAST.set(number);
        number
    }
}
