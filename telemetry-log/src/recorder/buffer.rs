//! The lines of one request.

use std::collections::VecDeque;

use telemetry_core::clock::Timestamp;
use telemetry_core::context::CurrentIds;
use tracing_core::Metadata;

use crate::json::Fields;
use crate::scope::LogScope;

/// The share of the memory for what the spans around the lines say.
const SCOPES_SHARE: usize = 4;

/// The lines of one request, the latest that fit. Its memory is made once and used again.
#[derive(Debug)]
pub(crate) struct Buffer {
    pub(super) begun: Option<Timestamp>,
    /// Whether the lines are to be written however the request ends.
    pub(super) pinned: bool,
    max_lines: usize,
    lines: VecDeque<Line>,
    /// The fields of the lines.
    bytes: Box<[u8]>,
    /// Where the latest of them end.
    end: usize,
    scopes: Vec<Scope>,
    max_scope_bytes: usize,
    scope_bytes: usize,
    last_scope: usize,
    cut: u64,
}

#[derive(Debug)]
struct Line {
    metadata: &'static Metadata<'static>,
    unix_nanos: u64,
    scope: usize,
    start: usize,
    len: usize,
    log_scope: Option<LogScope>,
}

/// A line on its way into a buffer.
#[derive(Debug)]
pub(crate) struct NewLine<'a> {
    pub(crate) metadata: &'static Metadata<'static>,
    pub(crate) unix_nanos: u64,
    pub(crate) place: Place,
    /// The further fields of the lines of a piece of work.
    pub(crate) log_scope: Option<LogScope>,
    pub(crate) tape: &'a [u8],
}

/// Where a line was written: what it says beside the event depends on nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Tells the span from the other open ones.
    pub(crate) span: (u32, u64),
    pub(crate) ids: Option<CurrentIds>,
    /// How often spans had been given further fields by then.
    pub(crate) changes: u64,
}

/// What the spans around a line say, shared by the lines of a place.
#[derive(Debug)]
struct Scope {
    place: Place,
    /// The lines that share it; without any it is free.
    lines: usize,
    spans: Spans,
}

/// What the spans around a line say, in each of the forms that a format wants.
#[derive(Debug, Default)]
pub(crate) struct Spans {
    pub(crate) fields: Fields,
    pub(crate) list: Vec<u8>,
    pub(crate) names: String,
}

/// A line of a buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeptLine<'a> {
    pub(crate) metadata: &'static Metadata<'static>,
    pub(crate) unix_nanos: u64,
    pub(crate) ids: Option<CurrentIds>,
    pub(crate) spans: &'a Spans,
    pub(crate) log_scope: Option<&'a LogScope>,
    pub(crate) tape: &'a [u8],
    /// How many lines of the request before it were cut.
    pub(crate) cut: u64,
}

impl Buffer {
    pub(super) fn new(max_lines: usize, max_bytes: usize) -> Self {
        Self {
            begun: None,
            pinned: false,
            max_lines,
            lines: VecDeque::with_capacity(max_lines),
            bytes: vec![0; max_bytes - max_bytes / SCOPES_SHARE].into(),
            end: 0,
            scopes: Vec::new(),
            max_scope_bytes: max_bytes / SCOPES_SHARE,
            scope_bytes: 0,
            last_scope: 0,
            cut: 0,
        }
    }

    /// Forgets everything but its memory.
    pub(super) fn clear(&mut self) {
        self.begun = None;
        self.pinned = false;
        self.lines.clear();
        self.end = 0;
        for scope in &mut self.scopes {
            scope.lines = 0;
        }
        self.scope_bytes = 0;
        self.cut = 0;
    }

    /// How many lines are there, and how many had to give way.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.lines.len() as u64, self.cut)
    }

    /// Adds a line; the oldest ones give way. `gather` says what the spans around it say.
    #[inline]
    pub(super) fn push(&mut self, line: NewLine<'_>, gather: impl FnOnce(&mut Spans)) {
        if self.lines.len() >= self.max_lines {
            self.cut_oldest();
        }
        let len = line.tape.len();
        if len > self.bytes.len() {
            self.cut += 1;
            return;
        }
        let scope = self.scope(&line.place, gather);
        // it shares the scope from now on, so that making room leaves that alone
        self.scopes[scope].lines += 1;
        let start = self.make_room(len);
        self.end = start + len;
        self.bytes[start..self.end].copy_from_slice(line.tape);
        self.lines.push_back(Line {
            metadata: line.metadata,
            unix_nanos: line.unix_nanos,
            scope,
            start,
            len,
            log_scope: line.log_scope,
        });
    }

    /// The lines in the order of their times.
    pub(crate) fn lines(&self) -> impl Iterator<Item = KeptLine<'_>> {
        let mut lines: Vec<_> = self.lines.iter().collect();
        lines.sort_by_key(|line| line.unix_nanos);
        let cut = std::iter::once(self.cut).chain(std::iter::repeat(0));
        lines.into_iter().zip(cut).map(|(line, cut)| {
            let scope = &self.scopes[line.scope];
            KeptLine {
                metadata: line.metadata,
                unix_nanos: line.unix_nanos,
                ids: scope.place.ids,
                spans: &scope.spans,
                log_scope: line.log_scope.as_ref(),
                tape: &self.bytes[line.start..line.start + line.len],
                cut,
            }
        })
    }

    #[inline]
    fn scope(&mut self, place: &Place, gather: impl FnOnce(&mut Spans)) -> usize {
        let is_it = |scope: &Scope| scope.lines > 0 && scope.place == *place;
        if self.scopes.get(self.last_scope).is_some_and(is_it) {
            return self.last_scope;
        }
        let known = self.scopes.iter().position(is_it);
        self.last_scope = known.unwrap_or_else(|| self.new_scope(place, gather));
        self.last_scope
    }

    /// There are never more of them than lines.
    #[cold]
    fn new_scope(&mut self, place: &Place, gather: impl FnOnce(&mut Spans)) -> usize {
        let free = self.scopes.iter().position(|scope| scope.lines == 0);
        let index = free.unwrap_or(self.scopes.len());
        if free.is_none() {
            self.scopes.push(Scope {
                place: *place,
                lines: 0,
                spans: Spans::default(),
            });
        }
        let scope = &mut self.scopes[index];
        scope.place = *place;
        scope.spans.clear();
        gather(&mut scope.spans);
        if scope.spans.len() > self.max_scope_bytes {
            scope.spans.clear();
        }
        if let Some(same) = self.unchanged(index) {
            self.scopes[same].place = *place;
            return same;
        }
        let len = self.scopes[index].spans.len();
        while self.scope_bytes + len > self.max_scope_bytes && !self.lines.is_empty() {
            self.cut_oldest();
        }
        self.scope_bytes += len;
        index
    }

    /// Another scope of the same span that says the same: the fields that were added since were those
    /// of other spans.
    fn unchanged(&self, index: usize) -> Option<usize> {
        let new = &self.scopes[index];
        self.scopes.iter().position(|scope| {
            scope.lines > 0
                && scope.place.span == new.place.span
                && scope.place.ids == new.place.ids
                && scope.spans.is_same(&new.spans)
        })
    }

    /// Where the next so many bytes go: the lines that are there give way, the oldest first. They lie
    /// one after the other, and again from the start where the rest is too short.
    #[inline]
    fn make_room(&mut self, len: usize) -> usize {
        if self.end + len > self.bytes.len() {
            let end = self.end;
            self.cut_while(|start| start >= end);
            self.end = 0;
        }
        let room = self.end..self.end + len;
        self.cut_while(|start| room.contains(&start));
        room.start
    }

    /// Cuts the oldest lines as long as their places are among these.
    #[inline]
    fn cut_while(&mut self, is_in_the_way: impl Fn(usize) -> bool) {
        while self
            .lines
            .front()
            .is_some_and(|line| is_in_the_way(line.start))
        {
            self.cut_oldest();
        }
    }

    fn cut_oldest(&mut self) {
        if let Some(line) = self.lines.pop_front() {
            self.cut += 1;
            self.leave(line.scope);
        }
    }

    /// A line no longer shares the scope.
    fn leave(&mut self, scope: usize) {
        let scope = &mut self.scopes[scope];
        scope.lines -= 1;
        if scope.lines == 0 {
            self.scope_bytes -= scope.spans.len();
        }
    }
}

impl Spans {
    fn len(&self) -> usize {
        self.fields.json().len() + self.list.len() + self.names.len()
    }

    fn clear(&mut self) {
        self.fields.clear();
        self.list.clear();
        self.names.clear();
    }

    fn is_same(&self, other: &Self) -> bool {
        self.fields.json() == other.fields.json()
            && self.list == other.list
            && self.names == other.names
    }
}
