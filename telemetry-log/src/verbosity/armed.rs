//! The overrides that are set, as the filter reads them.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use telemetry_core::clock::{Clock, Timestamp};
use telemetry_core::context::current_request;
use telemetry_core::context::verbose::Grant;
use tracing_core::{Level, LevelFilter};

use super::scope::{Matcher, Place};
use super::{Override, OverrideId};

const NANOS: u64 = 1_000_000_000;

/// An override that is set.
#[derive(Clone, Debug)]
pub(super) struct Armed {
    pub(super) id: OverrideId,
    pub(super) matcher: Matcher,
    /// On the monotonic clock.
    pub(super) expires: u64,
    pub(super) wish: Override,
}

impl Armed {
    /// Whether it may concern a callsite of this target, wherever that runs.
    pub(super) fn may_concern(&self, target: &str) -> bool {
        let targets = &self.wish.targets;
        let listed = targets.is_empty() || targets.iter().any(|it| target.starts_with(&**it));
        listed
            && !matches!(&self.matcher, Matcher::Target(prefix) if !target.starts_with(&**prefix))
    }

    fn matches(&self, place: &Place<'_>) -> bool {
        self.may_concern(place.target) && self.matcher.matches(place)
    }

    /// Whether it lasts, and the token too if it is one that is asked for.
    fn is_valid(&self, place: &Place<'_>, now: Timestamp) -> bool {
        let is_granted = |grant: Grant| {
            grant.level() >= number(self.wish.level) && now.unix_nanos() / NANOS < grant.until()
        };
        self.expires > now.monotonic_nanos()
            && (!matches!(self.matcher, Matcher::Token)
                || place.request.grant().is_some_and(is_granted))
    }
}

/// What can be known of all overrides from a few atomics, without asking each.
#[derive(Debug, Default)]
pub(super) struct Summary {
    /// The most verbose level of each [`Kind`], three bits each.
    levels: AtomicU64,
    /// The same for those who ask about a line: of each level, the kinds that may let it through, a
    /// byte each.
    kinds: AtomicU64,
    /// The routes with an override, by their number modulo 64.
    routes: AtomicU64,
}

/// Overrides that are recognised alike.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Anywhere,
    Route,
    Trace,
    Token,
    Other,
    /// Of any kind, if it belongs to a session; its level is of no interest.
    Session,
}

impl Kind {
    /// Those that let lines through.
    const ALL: [Self; 5] = [
        Self::Anywhere,
        Self::Route,
        Self::Trace,
        Self::Token,
        Self::Other,
    ];

    #[inline]
    const fn bit(self) -> u64 {
        1 << self as u64
    }

    fn of(matcher: &Matcher) -> Self {
        match matcher {
            Matcher::Everything | Matcher::Target(_) => Self::Anywhere,
            Matcher::Route(_) => Self::Route,
            Matcher::Trace(_) => Self::Trace,
            Matcher::Token => Self::Token,
            Matcher::Baggage(..) | Matcher::Attribute(..) => Self::Other,
        }
    }

    #[inline]
    fn level(self, levels: u64) -> u64 {
        levels >> (self as u64 * 3) & 7
    }

    fn raise(self, levels: &mut u64, level: u64) {
        if self.level(*levels) < level {
            *levels &= !(7 << (self as u64 * 3));
            *levels |= level << (self as u64 * 3);
        }
    }
}

impl Summary {
    fn renew(&self, armed: &[Armed]) {
        let (mut levels, mut routes) = (0, 0);
        for one in armed {
            Kind::of(&one.matcher).raise(&mut levels, number(one.wish.level));
            if one.wish.session.is_some() {
                Kind::Session.raise(&mut levels, 1);
            }
            if let Matcher::Route(route) = &one.matcher {
                routes |= 1 << (route.number() % 64);
            }
        }
        let kinds = (1..=5).fold(0, |kinds, level| {
            let raised = Kind::ALL.iter().filter(|kind| kind.level(levels) >= level);
            kinds | raised.fold(0, |bits, kind| bits | kind.bit()) << (8 * level)
        });
        self.routes.store(routes, Ordering::Relaxed);
        self.kinds.store(kinds, Ordering::Relaxed);
        self.levels.store(levels, Ordering::Relaxed);
    }

    /// Whether some override might let a line of this level through, here and now.
    #[inline]
    fn may_allow(&self, level: Level) -> bool {
        let kinds = self.kinds.load(Ordering::Relaxed) >> (8 * number(level));
        let elsewhere = Kind::Anywhere.bit() | Kind::Trace.bit() | Kind::Other.bit();
        kinds & elsewhere != 0
            || (kinds & Kind::Route.bit() != 0 && self.is_in_route())
            || (kinds & Kind::Token.bit() != 0 && current_request().grant().is_some())
    }

    #[inline]
    fn is_in_route(&self) -> bool {
        current_request().route().is_some_and(|route| {
            self.routes.load(Ordering::Relaxed) & 1 << (route.number() % 64) != 0
        })
    }
}

/// The list of overrides, and what readers need to avoid it.
#[derive(Debug)]
pub(super) struct Board {
    summary: Summary,
    /// Names the list, among those of all boards.
    version: AtomicU64,
    list: Mutex<Arc<Vec<Armed>>>,
}

thread_local! {
    /// The list that this thread has read last, and its version.
    static SEEN: RefCell<(u64, Option<Arc<Vec<Armed>>>)> = const { RefCell::new((0, None)) };
}

impl Default for Board {
    fn default() -> Self {
        Self {
            summary: Summary::default(),
            version: AtomicU64::new(next_version()),
            list: Mutex::default(),
        }
    }
}

impl Board {
    /// Changes the list. Nothing else happens while it is locked.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Vec<Armed>) -> T) -> T {
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        let result = change(Arc::make_mut(&mut list));
        self.summary.renew(&list);
        self.version.store(next_version(), Ordering::Release);
        result
    }

    /// The list as it is now.
    pub(super) fn list(&self) -> Arc<Vec<Armed>> {
        let list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&list)
    }

    /// Whether nothing is set.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.summary.levels.load(Ordering::Relaxed) == 0
    }

    /// Whether an override with a session is set.
    #[inline]
    pub(super) fn has_sessions(&self) -> bool {
        Kind::Session.level(self.summary.levels.load(Ordering::Relaxed)) > 0
    }

    /// Whether one looks at attributes of spans.
    #[inline]
    pub(super) fn reads_spans(&self) -> bool {
        Kind::Other.level(self.summary.levels.load(Ordering::Relaxed)) > 0
    }

    /// Whether an override lets a line of this level through, here and now.
    #[inline]
    pub(super) fn allows(
        &self,
        level: Level,
        target: &str,
        clock: &Clock,
        has_attribute: &dyn Fn(&str, &str) -> bool,
    ) -> bool {
        self.summary.may_allow(level)
            && self.asks_each(level, &Place::here(target, has_attribute), clock)
    }

    #[cold]
    fn asks_each(&self, level: Level, place: &Place<'_>, clock: &Clock) -> bool {
        self.find(place, clock, |armed| {
            (armed.wish.level >= level).then_some(())
        })
        .is_some()
    }

    /// The session of the first override that applies here and has one.
    pub(super) fn session(&self, place: &Place<'_>, clock: &Clock) -> Option<Arc<str>> {
        self.find(place, clock, |armed| armed.wish.session.clone())
    }

    /// What the first override is wanted for that applies and has not expired; the clock is read
    /// only if the rest fits.
    fn find<T>(
        &self,
        place: &Place<'_>,
        clock: &Clock,
        wanted: impl Fn(&Armed) -> Option<T>,
    ) -> Option<T> {
        self.with_list(|list| {
            let mut now = None;
            list.iter().find_map(|armed| {
                let found = wanted(armed).filter(|_| armed.matches(place))?;
                let now = *now.get_or_insert_with(|| clock.now());
                armed.is_valid(place, now).then_some(found)
            })
        })
    }

    /// Reads the list without a lock, unless it is new to this thread, and without touching what other
    /// threads write to.
    fn with_list<T>(&self, read: impl Fn(&[Armed]) -> T) -> T {
        let version = self.version.load(Ordering::Acquire);
        let known = SEEN.try_with(|seen| {
            let seen = seen.try_borrow().ok()?;
            let list = seen.1.as_ref().filter(|_| seen.0 == version)?;
            Some(read(list))
        });
        match known {
            Ok(Some(result)) => result,
            _ => read(&self.see(version)),
        }
    }

    /// The list may be newer than its version says: then it is read again next time.
    #[cold]
    fn see(&self, version: u64) -> Arc<Vec<Armed>> {
        let list = self.list();
        let _ = SEEN.try_with(|seen| {
            if let Ok(mut seen) = seen.try_borrow_mut() {
                *seen = (version, Some(Arc::clone(&list)));
            }
        });
        list
    }
}

/// ERROR is 1, TRACE is 5.
#[inline]
pub(super) fn number(level: Level) -> u64 {
    match level {
        Level::ERROR => 1,
        Level::WARN => 2,
        Level::INFO => 3,
        Level::DEBUG => 4,
        Level::TRACE => 5,
    }
}

/// The most verbose level that an override gives to any line of this target.
pub(super) fn level_for(list: &[Armed], target: &str) -> LevelFilter {
    let concerning = list.iter().filter(|armed| armed.may_concern(target));
    concerning
        .map(|armed| LevelFilter::from_level(armed.wish.level))
        .max()
        .unwrap_or(LevelFilter::OFF)
}

/// 0 is no list.
fn next_version() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
