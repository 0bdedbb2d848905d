//! The flight recorder: the debug log of exactly the failed requests.
//!
//! ```text
//! request begins ──► a place in the slab, its number on the span and on all spans inside
//! debug!         ──► the number of the current span ──► binary form ──► the place's buffer
//! request ends   ──► failed, slow or pinned? the lines, as if they had been written then
//!                    else: the buffer is emptied
//! ```

mod buffer;
mod config;
mod slab;
mod tape;
#[cfg(test)]
mod tests;

pub use config::RecorderConfig;

pub(crate) use buffer::{Buffer, KeptLine, NewLine, Place, Spans};
pub(crate) use tape::{Tape, TapeVisitor, replay};

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use telemetry_core::context::recording;
use telemetry_core::diagnostics::self_metrics;
use telemetry_core::metrics::Registry;
use telemetry_core::trace::LineRecorder;
use tracing_core::{LevelFilter, Metadata, Subscriber};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::layer::Shared;
use crate::verbosity::Verbosity;
use slab::Slab;

/// Keeps the DEBUG lines of each request in memory, and writes them if it fails.
///
/// It is given to the engine, which tells it of requests, to the [`Logs`](crate::Logs), which write
/// the lines, and to the [`BaseFilter`](crate::BaseFilter), which lets them through. Cloning is cheap.
///
/// - A request has failed if [`Recording::end`](telemetry_core::trace::Recording::end) says so; the
///   layer for HTTP and gRPC does. Its lines are also written if it was slow
///   ([`RecorderConfig::slow_after`]) or was
///   [pinned](telemetry_core::trace::Recording::pin).
/// - They are those within the request's span and the spans made inside it, on all threads, that the
///   base level turns off. What is logged after the request has ended is not kept.
/// - They are written in order, with their own times and ids and what the spans around them said
///   then, and with `recorded: true`. If older ones had to give way, the first one says how many in
///   `recorded_cut`.
#[derive(Clone, Debug)]
pub struct Recorder(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: RecorderConfig,
    targets: Vec<String>,
    slab: Slab,
    /// What is written anyway.
    verbosity: OnceLock<Verbosity>,
    log: OnceLock<Weak<Shared>>,
    closed: AtomicBool,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    requests: AtomicU64,
    ended: AtomicU64,
    refused: AtomicU64,
    written_requests: AtomicU64,
    kept: AtomicU64,
    written: AtomicU64,
    cut: AtomicU64,
    unfinished: AtomicU64,
}

/// What the recorder has done since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecorderStatus {
    /// Requests that were recorded.
    pub requests: u64,
    /// Recorded requests that have ended.
    pub ended_requests: u64,
    /// Requests that were not recorded, because there was no room for one more.
    pub refused_requests: u64,
    /// Requests whose lines were written.
    pub written_requests: u64,
    /// Lines that were kept, of requests that have ended.
    pub kept_lines: u64,
    /// Lines that were written.
    pub written_lines: u64,
    /// Lines that gave way to later ones of their request.
    pub cut_lines: u64,
    /// Lines of requests that had not ended at shutdown.
    pub unfinished_lines: u64,
}

impl RecorderStatus {
    /// What became of requests, and of lines.
    fn outcomes(&self) -> [Vec<(&'static str, u64)>; 2] {
        let discarded = self.ended_requests.saturating_sub(self.written_requests);
        let requests = vec![
            ("written", self.written_requests),
            ("discarded", discarded),
            ("refused", self.refused_requests),
        ];
        let lines = vec![
            ("written", self.written_lines),
            (
                "discarded",
                self.kept_lines.saturating_sub(self.written_lines),
            ),
            ("cut", self.cut_lines),
            ("unfinished", self.unfinished_lines),
        ];
        [requests, lines]
    }
}

impl Recorder {
    /// A recorder.
    #[must_use]
    pub fn new(config: RecorderConfig) -> Self {
        let places = u16::try_from(config.max_requests()).unwrap_or(u16::MAX);
        Self(Arc::new(Inner {
            targets: config.targets_or_own(),
            config,
            slab: Slab::new(places),
            verbosity: OnceLock::new(),
            log: OnceLock::new(),
            closed: AtomicBool::new(false),
            counts: Counts::default(),
        }))
    }

    /// For the engine's [`recorder`](telemetry_core::trace::EngineSettings::recorder).
    #[must_use]
    pub fn line_recorder(&self) -> Arc<dyn LineRecorder> {
        Arc::clone(&self.0) as Arc<dyn LineRecorder>
    }

    /// The targets whose lines are kept.
    #[must_use]
    pub fn targets(&self) -> &[String] {
        &self.0.targets
    }

    /// What it has done since the start.
    #[must_use]
    pub fn status(&self) -> RecorderStatus {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let counts = &self.0.counts;
        RecorderStatus {
            requests: of(&counts.requests),
            ended_requests: of(&counts.ended),
            refused_requests: of(&counts.refused),
            written_requests: of(&counts.written_requests),
            kept_lines: of(&counts.kept),
            written_lines: of(&counts.written),
            cut_lines: of(&counts.cut),
            unfinished_lines: of(&counts.unfinished),
        }
    }

    /// Tells `registry` what it does, as long as it is there.
    pub(crate) fn observe(&self, registry: &Registry) {
        let recorder = Arc::downgrade(&self.0);
        self_metrics::register_recorder(registry, move || {
            let recorder = recorder.upgrade().map(Self);
            recorder.map_or_else(Default::default, |it| it.status().outcomes())
        });
    }

    /// Says what is written anyway; the first one counts.
    pub(crate) fn beside(&self, verbosity: &Verbosity) {
        drop(self.0.verbosity.set(verbosity.clone()));
    }

    /// Says who writes the lines; the first one counts.
    pub(crate) fn write_to(&self, log: &Arc<Shared>) {
        drop(self.0.log.set(Arc::downgrade(log)));
    }

    pub(crate) fn level(&self) -> LevelFilter {
        self.0.config.level
    }

    /// The longest text of one value.
    pub(crate) fn value_bytes(&self) -> usize {
        self.0.config.max_bytes / 8
    }

    /// Whether lines of this callsite are kept where a request is recorded.
    pub(crate) fn covers(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event()
            && *metadata.level() <= self.0.config.level
            && self.0.covers(metadata.target())
    }

    /// Whether a line of this callsite would be kept on this thread now.
    #[inline]
    pub(crate) fn wants(&self, metadata: &Metadata<'_>) -> bool {
        recording().is_some_and(|number| self.0.slab.is_open(number) && self.covers(metadata))
    }

    /// Whether a line is written anyway.
    #[inline]
    pub(crate) fn is_written<S>(&self, metadata: &Metadata<'_>, context: &Context<'_, S>) -> bool
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let verbosity = self.0.verbosity.get();
        verbosity.is_none_or(|verbosity| verbosity.is_written(metadata, context))
    }

    /// Keeps a line of a request that has not ended; see [`Buffer::push`].
    #[inline]
    pub(crate) fn keep(
        &self,
        number: NonZeroU64,
        line: NewLine<'_>,
        gather: impl FnOnce(&mut Spans),
    ) {
        self.0.slab.with(number, |buffer| buffer.push(line, gather));
    }

    /// Drops the lines of requests that have not ended, and keeps no more.
    pub(crate) fn close(&self) {
        self.0.closed.store(true, Ordering::SeqCst);
        for number in self.0.slab.open() {
            if let Some(buffer) = self.0.slab.end(number) {
                let counts = &self.0.counts;
                counts.cut.fetch_add(buffer.counts().1, Ordering::Relaxed);
                counts
                    .unfinished
                    .fetch_add(buffer.counts().0, Ordering::Relaxed);
            }
        }
    }
}

impl LineRecorder for Inner {
    fn begin(&self) -> Option<NonZeroU64> {
        if self.closed.load(Ordering::Relaxed) {
            return None;
        }
        let begun = match self.config.slow_after {
            Some(_) => self.log.get()?.upgrade().map(|log| log.clock.now()),
            None => None,
        };
        let RecorderConfig {
            max_lines,
            max_bytes,
            ..
        } = self.config;
        let number = self.slab.begin(
            || Buffer::new(max_lines, max_bytes),
            |buffer| buffer.begun = begun,
        );
        let counts = &self.counts;
        let count = number.map_or(&counts.refused, |_| &counts.requests);
        count.fetch_add(1, Ordering::Relaxed);
        number
    }

    fn end(&self, number: NonZeroU64, failed: bool) {
        let Some(buffer) = self.slab.end(number) else {
            return;
        };
        let (lines, cut) = buffer.counts();
        let counts = &self.counts;
        counts.ended.fetch_add(1, Ordering::Relaxed);
        if lines + cut > 0 {
            counts.kept.fetch_add(lines, Ordering::Relaxed);
            counts.cut.fetch_add(cut, Ordering::Relaxed);
            if (failed || buffer.pinned || self.was_slow(&buffer))
                && let Some(log) = self.log.get().and_then(Weak::upgrade)
            {
                log.write_kept(&buffer);
                counts.written.fetch_add(lines, Ordering::Relaxed);
                counts.written_requests.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.slab.put_back(number, buffer);
    }

    fn pin(&self, number: NonZeroU64) {
        self.slab.with(number, |buffer| buffer.pinned = true);
    }
}

impl Inner {
    fn covers(&self, target: &str) -> bool {
        self.targets.iter().any(|covered| {
            let rest = target.strip_prefix(covered.as_str());
            rest.is_some_and(|rest| rest.is_empty() || covered.is_empty() || rest.starts_with("::"))
        })
    }

    fn was_slow(&self, buffer: &Buffer) -> bool {
        let (Some(limit), Some(begun)) = (self.config.slow_after, buffer.begun) else {
            return false;
        };
        let log = self.log.get().and_then(Weak::upgrade);
        log.is_some_and(|log| log.clock.now().since(begun) >= limit)
    }
}
