//! Spans that wait for the rest of their trace.

use std::collections::VecDeque;
use std::time::Duration;

use super::tree::{Forest, Hidden};
use crate::clock::Timestamp;
use crate::context::TraceId;
use crate::export::memory::CapturedSpan;
use crate::pipeline::Batch;

/// How much waits, and how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeldLimits {
    /// Traces. 256: what a person would call many at once.
    pub(super) traces: usize,
    /// Spans of one trace; five times what is shown of one.
    pub(super) spans: usize,
    /// Bytes of encoded spans; decoded they take about four times as much.
    pub(super) bytes: usize,
    /// How long a trace waits for its root before it is shown without.
    pub(super) age: Duration,
}

impl Default for HeldLimits {
    fn default() -> Self {
        Self {
            traces: 256,
            spans: 1000,
            bytes: 4 << 20,
            age: Duration::from_secs(5),
        }
    }
}

/// Traces whose local root has not ended yet, the oldest first.
#[derive(Debug)]
pub(super) struct Held {
    traces: VecDeque<Trace>,
    bytes: usize,
    limits: HeldLimits,
}

#[derive(Debug)]
struct Trace {
    id: TraceId,
    since: Timestamp,
    spans: Vec<CapturedSpan>,
    bytes: usize,
    missing: Hidden,
    has_root: bool,
}

/// Spans to be shown together.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) spans: Vec<CapturedSpan>,
    /// How many of the trace were not kept.
    pub(super) missing: Hidden,
}

impl Held {
    pub(super) fn new(limits: HeldLimits) -> Self {
        Self {
            traces: VecDeque::new(),
            bytes: 0,
            limits,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.traces.is_empty()
    }

    /// Takes in a batch, and gives out what is complete, too old or too much.
    pub(super) fn absorb(&mut self, batch: &Batch, now: Timestamp) -> Vec<Ready> {
        for item in batch.items() {
            self.keep(CapturedSpan::read(item), item.message.len(), now);
        }
        let mut ready = self.take_complete();
        ready.extend(self.take_older(now));
        while self.traces.len() > self.limits.traces || self.bytes > self.limits.bytes {
            ready.extend(self.take_oldest());
        }
        ready
    }

    /// Gives out the traces that have waited long enough.
    pub(super) fn take_older(&mut self, now: Timestamp) -> Vec<Ready> {
        let mut ready = Vec::new();
        let age = self.limits.age;
        while self
            .traces
            .front()
            .is_some_and(|trace| now.since(trace.since) >= age)
        {
            ready.extend(self.take_oldest());
        }
        ready
    }

    /// Gives out everything.
    pub(super) fn take_all(&mut self) -> Vec<Ready> {
        std::iter::from_fn(|| self.take_oldest()).collect()
    }

    fn keep(&mut self, span: CapturedSpan, bytes: usize, now: Timestamp) {
        let place = self
            .traces
            .iter()
            .rposition(|trace| trace.id == span.trace_id);
        let trace = match place.and_then(|place| self.traces.get_mut(place)) {
            Some(trace) => trace,
            None => {
                self.traces.push_back(Trace::new(span.trace_id, now));
                let Some(trace) = self.traces.back_mut() else {
                    return;
                };
                trace
            }
        };
        trace.has_root |= span.is_local_root();
        if trace.spans.len() < self.limits.spans || span.is_local_root() {
            trace.bytes += bytes;
            self.bytes += bytes;
            trace.spans.push(span);
        } else {
            trace.missing.extend([&span]);
        }
    }

    fn take_complete(&mut self) -> Vec<Ready> {
        let mut ready = Vec::new();
        for trace in &mut self.traces {
            if trace.has_root {
                trace.take_complete(&mut ready);
            }
        }
        self.traces.retain(|trace| !trace.spans.is_empty());
        self.bytes = self.traces.iter().map(|trace| trace.bytes).sum();
        ready
    }

    fn take_oldest(&mut self) -> Option<Ready> {
        let trace = self.traces.pop_front()?;
        self.bytes = self.bytes.saturating_sub(trace.bytes);
        Some(Ready {
            spans: trace.spans,
            missing: trace.missing,
        })
    }
}

impl Trace {
    fn new(id: TraceId, since: Timestamp) -> Self {
        Self {
            id,
            since,
            spans: Vec::new(),
            bytes: 0,
            missing: Hidden::default(),
            has_root: false,
        }
    }

    /// Moves each local root with what is below it to `ready`; what remains belongs to a root
    /// that has not ended yet. Where spans are missing nobody can tell, so everything goes.
    fn take_complete(&mut self, ready: &mut Vec<Ready>) {
        self.has_root = false;
        let spans = std::mem::take(&mut self.spans);
        if !self.missing.is_none() {
            let missing = std::mem::take(&mut self.missing);
            ready.push(Ready { spans, missing });
            return;
        }
        let mut group = vec![None; spans.len()];
        let forest = Forest::of(&spans);
        let is_local_root = |index: &&usize| {
            let span = spans.get(**index);
            span.is_some_and(CapturedSpan::is_local_root)
        };
        for &root in forest.roots.iter().filter(is_local_root) {
            for index in forest.below(root) {
                if let Some(group) = group.get_mut(index) {
                    *group = Some(ready.len());
                }
            }
            ready.push(Ready {
                spans: Vec::new(),
                missing: Hidden::default(),
            });
        }
        for (span, group) in spans.into_iter().zip(group) {
            match group.and_then(|group| ready.get_mut(group)) {
                Some(ready) => ready.spans.push(span),
                None => self.spans.push(span),
            }
        }
    }
}
