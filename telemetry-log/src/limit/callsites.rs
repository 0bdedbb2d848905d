//! What each callsite has used and lost.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tracing_core::{Event, Metadata};
use tracing_log::NormalizeEvent;

use super::bucket::Level;
use super::is_log;
use super::rate::Rate;

/// How many callsites are told apart; lines of further ones are not held back. Programs have
/// hundreds to thousands of callsites that log.
const CALLSITES: usize = 4096;

/// How many places a callsite may have in the table.
const PROBES: usize = 16;

#[derive(Debug)]
pub(super) struct Callsites {
    /// None where only levels have budgets.
    rate: Option<Rate>,
    table: Box<[Callsite]>,
}

#[derive(Debug, Default)]
pub(super) struct Callsite {
    /// Zero for nobody.
    key: AtomicUsize,
    level: Level,
    lost: AtomicU64,
    place: OnceLock<(&'static Metadata<'static>, Origin)>,
}

/// Where a record of the `log` crate comes from; empty for events.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin {
    pub(crate) target: String,
    pub(crate) file: String,
    pub(crate) line: Option<u32>,
}

impl Callsites {
    pub(super) fn new(rate: Option<Rate>) -> Self {
        Self {
            rate,
            table: (0..CALLSITES).map(|_| Callsite::default()).collect(),
        }
    }

    /// The callsite of an event, and the rate of each; none if there are too many.
    pub(super) fn find(&self, event: &Event<'_>) -> Option<(&Callsite, Option<Rate>)> {
        Some((self.callsite(event)?, self.rate))
    }

    fn callsite(&self, event: &Event<'_>) -> Option<&Callsite> {
        let metadata = event.metadata();
        if is_log(event) {
            return self.find_of_log(event);
        }
        // an address of static memory, which no other callsite has
        let key = std::ptr::from_ref(metadata).addr();
        let callsite = self.slot(key)?;
        callsite.place.get_or_init(|| (metadata, Origin::default()));
        Some(callsite)
    }

    /// Records of the `log` crate share a callsite for each level: what they say of themselves
    /// tells them apart.
    fn find_of_log(&self, event: &Event<'_>) -> Option<&Callsite> {
        let said = event.normalized_metadata()?;
        let mut hasher = DefaultHasher::new();
        (
            said.target(),
            said.file(),
            said.line(),
            said.level().as_str(),
        )
            .hash(&mut hasher);
        // odd, as the address of metadata never is
        let key = usize::try_from(hasher.finish() & u64::from(u32::MAX)).unwrap_or(0) | 1;
        let callsite = self.slot(key)?;
        callsite.place.get_or_init(|| {
            let origin = Origin {
                target: said.target().to_owned(),
                file: said.file().unwrap_or_default().to_owned(),
                line: said.line(),
            };
            (event.metadata(), origin)
        });
        Some(callsite)
    }

    fn slot(&self, key: usize) -> Option<&Callsite> {
        let first = (key >> 3) ^ (key >> 15);
        (first..first + PROBES)
            .map(|place| &self.table[place % CALLSITES])
            .find(|callsite| callsite.is_of(key))
    }

    /// The callsites that have a place.
    pub(super) fn iter(
        &self,
    ) -> impl Iterator<Item = (&Callsite, &'static Metadata<'static>, &Origin)> {
        self.table.iter().filter_map(|callsite| {
            let (metadata, origin) = callsite.place.get()?;
            Some((callsite, *metadata, origin))
        })
    }
}

impl Callsite {
    /// Whether the place belongs to this callsite, or does from now on.
    fn is_of(&self, key: usize) -> bool {
        match self.key.load(Ordering::Relaxed) {
            0 => {
                let taken = self
                    .key
                    .compare_exchange(0, key, Ordering::Relaxed, Ordering::Relaxed);
                taken.is_ok() || taken == Err(key)
            }
            other => other == key,
        }
    }

    /// Whether the callsite may write a line now.
    pub(super) fn take(&self, rate: Option<Rate>, now: u64) -> bool {
        rate.is_none_or(|rate| self.level.take(rate, now))
    }

    pub(super) fn lose(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn take_lost(&self) -> u64 {
        match self.lost.load(Ordering::Relaxed) {
            0 => 0,
            _ => self.lost.swap(0, Ordering::Relaxed),
        }
    }
}
