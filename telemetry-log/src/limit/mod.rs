//! What holds a flood of lines back: sampling, a rate for each callsite, a budget for each level.

mod bucket;
mod callsites;
mod counts;
mod rate;
mod sample;
mod settings;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use telemetry_core::context::{CurrentIds, current_request};
use telemetry_core::otlp::Severity;
use tracing_core::{Event, Level, Metadata};
use tracing_log::NormalizeEvent;

use crate::event::SEVERITY_FIELD;
use bucket::Bucket;
use callsites::Callsites;
pub(crate) use callsites::Origin;
pub(crate) use counts::Counts;
pub use counts::{Suppressed, SuppressedBy};
pub use rate::Rate;
use sample::Sampling;

/// How often it is said how many lines a callsite has lost.
const SAY_EVERY: Duration = Duration::from_secs(10);

/// The limits of a log, as they are written. Nothing is held back by default.
#[derive(Clone, Debug, Default)]
pub(crate) struct LimitRules {
    pub(crate) per_callsite: Option<Rate>,
    /// By level, [`index`].
    pub(crate) budgets: [Option<Rate>; LEVELS],
    /// The share of lines that are kept, by level.
    pub(crate) samples: [Option<f64>; LEVELS],
}

pub(crate) const LEVELS: usize = 5;

/// The place of a level in a list of all, the most verbose first.
#[inline]
pub(crate) fn index(level: Level) -> usize {
    match level {
        Level::TRACE => 0,
        Level::DEBUG => 1,
        Level::INFO => 2,
        Level::WARN => 3,
        Level::ERROR => 4,
    }
}

/// What decides about a line before its fields are read.
#[derive(Debug)]
pub(crate) struct Limits {
    samples: [Option<Sampling>; LEVELS],
    budgets: [Option<Bucket>; LEVELS],
    callsites: Option<Callsites>,
    /// When the callsites are to be asked next what they have lost.
    next_say: AtomicU64,
}

impl Limits {
    /// None if there is nothing to decide.
    pub(crate) fn new(rules: &LimitRules) -> Option<Self> {
        let has_budget = rules.budgets.iter().any(Option::is_some);
        let is_any =
            rules.per_callsite.is_some() || has_budget || rules.samples.iter().any(Option::is_some);
        is_any.then(|| Self {
            samples: rules.samples.map(|share| share.map(Sampling::new)),
            budgets: rules.budgets.map(|rate| rate.map(Bucket::new)),
            callsites: (rules.per_callsite.is_some() || has_budget)
                .then(|| Callsites::new(rules.per_callsite)),
            next_say: AtomicU64::new(0),
        })
    }

    /// Whether a line is written, and else what holds it back. One of severity FATAL always is;
    /// one that somebody asked for is not sampled.
    pub(crate) fn admit(
        &self,
        event: &Event<'_>,
        monotonic_nanos: u64,
        ids: impl FnOnce() -> Option<CurrentIds>,
        is_asked_for: impl FnOnce() -> bool,
    ) -> Result<(), SuppressedBy> {
        let metadata = event.metadata();
        if is_fatal(metadata) {
            return Ok(());
        }
        let level = index(*metadata.level());
        if let Some(sampling) = &self.samples[level]
            && !sampling.keeps(ids())
            && !is_asked_for()
        {
            return Err(SuppressedBy::Sampling);
        }
        let callsite = self.callsites.as_ref().and_then(|it| it.find(event));
        let reason = if callsite.is_some_and(|(it, rate)| !it.take(rate, monotonic_nanos)) {
            SuppressedBy::RateLimit
        } else if self.budgets[level]
            .as_ref()
            .is_some_and(|budget| !budget.take(monotonic_nanos))
        {
            SuppressedBy::Budget
        } else {
            return Ok(());
        };
        if let Some((callsite, _)) = callsite {
            callsite.lose();
        }
        Err(reason)
    }

    /// What callsites have lost since it was said last, if it is time to say so again.
    #[inline]
    pub(crate) fn due(&self, monotonic_nanos: u64) -> bool {
        let next = self.next_say.load(Ordering::Relaxed);
        monotonic_nanos >= next && self.callsites.is_some() && self.claim(next, monotonic_nanos)
    }

    #[cold]
    fn claim(&self, next: u64, now: u64) -> bool {
        let later = now.saturating_add(rate::nanos(SAY_EVERY));
        let claimed =
            self.next_say
                .compare_exchange(next, later, Ordering::Relaxed, Ordering::Relaxed);
        // the first line of all begins the time
        claimed.is_ok() && next != 0
    }

    /// Hands on what each callsite has lost since it was said last.
    pub(crate) fn tell(&self, mut say: impl FnMut(&'static Metadata<'static>, &Origin, u64)) {
        let callsites = self.callsites.iter().flat_map(Callsites::iter);
        for (callsite, metadata, origin) in callsites {
            let lost = callsite.take_lost();
            if lost > 0 {
                say(metadata, origin, lost);
            }
        }
    }
}

/// The severity of a line, as far as its callsite tells.
#[inline]
pub(crate) fn severity_of(metadata: &Metadata<'_>) -> Severity {
    if is_fatal(metadata) {
        Severity::Fatal
    } else {
        (*metadata.level()).into()
    }
}

#[inline]
fn is_fatal(metadata: &Metadata<'_>) -> bool {
    *metadata.level() == Level::ERROR && metadata.fields().field(SEVERITY_FIELD).is_some()
}

/// The route of the current request, with its number.
#[inline]
pub(crate) fn route() -> Option<(u32, &'static str)> {
    let route = current_request().route()?;
    Some((route.number(), route.as_str()))
}

/// Whether an event is a record of the `log` crate.
fn is_log(event: &Event<'_>) -> bool {
    event.metadata().target() == "log" && event.is_log()
}
