//! More lines where and while they are wanted.

mod armed;
mod attributes;
mod base_level;
mod defeat;
mod filter;
mod interest;
mod order;
mod scope;
#[cfg(feature = "verbose-token")]
mod token;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use telemetry_core::clock::Clock;
use telemetry_core::context::{RequestScope, TraceId};
use tracing_core::dispatcher::{WeakDispatch, with_default};
use tracing_core::{Dispatch, LevelFilter, Metadata, Subscriber};
use tracing_log::AsLog;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use self::armed::{Armed, Board, level_for};
use self::attributes::has_attribute;
use self::scope::Place;
use crate::Directives;

pub use self::base_level::{AtBaseLevel, at_base_level};
pub use self::defeat::Defeat;
pub use self::filter::BaseFilter;
pub use self::order::{Override, OverrideError, OverrideId, OverrideStatus};
pub use self::scope::Scope;
#[cfg(feature = "verbose-token")]
pub use self::token::{TokenError, Tokens};

/// The session under which a line was written, or a span begun.
pub const SESSION_ID: &str = "autolog.session.id";

/// The longest text of an override.
const MAX_TEXT: usize = 1024;

/// Makes the log more verbose, in one place and for a while, while the process runs. Cloning is
/// cheap; all clones are one.
///
/// An [`Override`] raises the base level for everything, a target, a route, a trace, a baggage entry
/// or an attribute of spans. It ends by itself: whoever writes a line looks at the clock, and
/// [`expire`](Self::expire), called by a timer, takes it away for good. What nobody has asked for
/// costs what it costs without overrides.
///
/// ```
/// use std::time::Duration;
/// use telemetry_log::{BaseFilter, Directives, Override, Scope};
/// use tracing::Level;
///
/// let filter = BaseFilter::new(Directives::default());
/// let verbosity = filter.verbosity();
/// let ten_minutes = Duration::from_secs(600);
/// let id = verbosity.set(Override::new(Scope::Target("shop::db".into()), Level::DEBUG, ten_minutes))?;
/// assert_eq!(verbosity.level_of("shop::db::pool"), Level::DEBUG);
/// assert_eq!(verbosity.level_of("shop::http"), Level::INFO);
/// verbosity.remove(id);
/// assert_eq!(verbosity.level_of("shop::db::pool"), Level::INFO);
/// # Ok::<(), telemetry_log::OverrideError>(())
/// ```
#[derive(Clone)]
pub struct Verbosity(Arc<Inner>);

struct Inner {
    settings: Settings,
    board: Board,
    next: AtomicU64,
    /// What was found to defeat it when something was set last.
    defeat: Mutex<Option<Defeat>>,
    /// The subscriber that has the filter.
    home: Mutex<Option<WeakDispatch>>,
    /// Whether callsites have not been asked again since something was armed.
    unsettled: AtomicBool,
    /// The level up to which lines are kept in memory; see [`Recorder`](crate::Recorder).
    recorded: OnceLock<LevelFilter>,
    /// Whether `log::max_level` is ours to set.
    governs_log: AtomicBool,
    watcher: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

/// What does not change while it runs.
#[derive(Clone, Debug)]
struct Settings {
    base: Directives,
    /// The most verbose level of the directives.
    base_max: LevelFilter,
    spans: LevelFilter,
    clock: Clock,
}

impl Verbosity {
    /// How many overrides there can be: many times what people set by hand and what an auto-log
    /// service keeps open for one application.
    pub const MAX_OVERRIDES: usize = 1000;

    fn new(base: Directives) -> Self {
        Self::with(Settings {
            base_max: base.max_level(),
            base,
            spans: LevelFilter::OFF,
            clock: Clock::system(),
        })
    }

    fn with(settings: Settings) -> Self {
        Self(Arc::new(Inner {
            settings,
            board: Board::default(),
            next: AtomicU64::new(1),
            defeat: Mutex::default(),
            home: Mutex::default(),
            unsettled: AtomicBool::new(false),
            recorded: OnceLock::new(),
            governs_log: AtomicBool::new(false),
            watcher: OnceLock::new(),
        }))
    }

    fn change_settings(self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = self.0.settings.clone();
        change(&mut settings);
        Self::with(settings)
    }

    /// Sets an override.
    ///
    /// # Errors
    ///
    /// [`OverrideError`]: [`MAX_OVERRIDES`](Self::MAX_OVERRIDES) are set already, or a text is longer
    /// than 1024 bytes.
    pub fn set(&self, wish: Override) -> Result<OverrideId, OverrideError> {
        let id = self.next_id();
        let armed = self.arm(id, wish)?;
        self.change(|_| false, vec![armed])?;
        Ok(id)
    }

    /// Takes these in place of all overrides of this source, in one step: lines that both let
    /// through are written without a gap.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set); then nothing has changed.
    pub fn replace_source(
        &self,
        source: &str,
        wishes: impl IntoIterator<Item = Override>,
    ) -> Result<Vec<OverrideId>, OverrideError> {
        let armed = wishes
            .into_iter()
            .map(|wish| self.arm(self.next_id(), wish.source(source)))
            .collect::<Result<Vec<_>, _>>()?;
        let ids = armed.iter().map(|armed| armed.id).collect();
        self.change(|armed| armed.wish.source == source, armed)?;
        Ok(ids)
    }

    /// Removes an override. Returns whether it was set.
    #[expect(clippy::must_use_candidate, reason = "it is gone either way")]
    pub fn remove(&self, id: OverrideId) -> bool {
        self.remove_where(|armed| armed.id == id) > 0
    }

    /// Removes every override. Returns how many there were.
    #[expect(clippy::must_use_candidate, reason = "they are gone either way")]
    pub fn clear(&self) -> usize {
        self.remove_where(|_| true)
    }

    /// The overrides that are set, the oldest first.
    #[must_use]
    pub fn overrides(&self) -> Vec<OverrideStatus> {
        let now = self.now();
        let list = self.0.board.list();
        let valid = list.iter().filter(|armed| armed.expires > now);
        valid.map(|armed| status(armed, now)).collect()
    }

    /// The levels without overrides.
    #[must_use]
    pub fn base(&self) -> &Directives {
        &self.0.settings.base
    }

    /// The level of a target for every line: the base level, or that of an override for everything or
    /// for the target. Overrides for requests or spans are not in it.
    #[must_use]
    pub fn level_of(&self, target: &str) -> LevelFilter {
        let now = self.now();
        let list = self.0.board.list();
        let everywhere = |armed: &&Armed| {
            matches!(
                armed.matcher,
                scope::Matcher::Everything | scope::Matcher::Target(_)
            )
        };
        let valid: Vec<_> = list
            .iter()
            .filter(|armed| armed.expires > now && everywhere(armed))
            .cloned()
            .collect();
        self.base().level_of(target).max(level_for(&valid, target))
    }

    /// Takes away what has expired. Returns how many overrides that were.
    ///
    /// Lines end with the override by themselves; this makes what it had armed cost nothing again.
    #[expect(clippy::must_use_candidate, reason = "called for what it does")]
    pub fn expire(&self) -> usize {
        // a callsite that was met for the first time while something was armed may have kept the
        // answer to the question before
        if self.0.unsettled.swap(false, Ordering::Relaxed) {
            self.rebuild();
        }
        let now = self.now();
        let list = self.0.board.list();
        if list.iter().all(|armed| armed.expires > now) {
            return 0;
        }
        self.remove_where(|armed| armed.expires <= now)
    }

    /// How long until the next override expires; none if none is set.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Duration> {
        let now = self.now();
        let list = self.0.board.list();
        let next = list.iter().map(|armed| armed.expires).min()?;
        Some(Duration::from_nanos(next.saturating_sub(now)))
    }

    /// Calls this whenever overrides were set or removed, such as to set a timer. Returns whether it
    /// will be: the first one stays.
    pub fn watch(&self, changed: impl Fn() + Send + Sync + 'static) -> bool {
        self.0.watcher.set(Box::new(changed)).is_ok()
    }

    /// What kept the overrides that were set last from having an effect, as far as it can be told.
    ///
    /// Found when a level is armed, on the thread that sets it, for the subscriber that is current
    /// there.
    #[must_use]
    pub fn defeated_by(&self) -> Option<Defeat> {
        *self.0.defeat.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on `log::max_level` follows, so that records of the `log` crate which nobody wants
    /// cost next to nothing, and those that an override wants are not lost. For whoever has made this
    /// log the destination of that crate.
    pub fn govern_log(&self) {
        self.0.governs_log.store(true, Ordering::Relaxed);
        self.rebuild();
    }

    /// Whether an event or span is there without any override.
    #[inline]
    #[must_use]
    pub fn is_at_base_level(&self, metadata: &Metadata<'_>) -> bool {
        let settings = &self.0.settings;
        let level = *metadata.level();
        (level <= settings.base_max && level <= settings.base.level_of(metadata.target()))
            || (metadata.is_span()
                && level <= settings.spans
                && !settings.base.turns_off(metadata.target()))
    }
}

/// What the filter asks.
impl Verbosity {
    /// Whether a line is written where it is logged, and not only kept.
    #[inline]
    pub(crate) fn is_written<S>(&self, metadata: &Metadata<'_>, context: &Context<'_, S>) -> bool
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        self.is_at_base_level(metadata) || self.is_raised(metadata, context)
    }

    /// Whether an override lets something through here and now.
    #[inline]
    fn is_raised<S>(&self, metadata: &Metadata<'_>, context: &Context<'_, S>) -> bool
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        self.allows_here(metadata, &|key, value| has_attribute(context, key, value))
    }

    /// Says up to which level lines are kept; the first one counts.
    fn record(&self, level: LevelFilter) {
        let _ = self.0.recorded.set(level);
    }

    /// The most verbose level of the lines that are written or kept.
    fn max_line_level(&self) -> LevelFilter {
        let recorded = self.0.recorded.get().copied();
        self.0
            .settings
            .base_max
            .max(self.max_armed_level())
            .max(recorded.unwrap_or(LevelFilter::OFF))
    }

    #[inline]
    fn allows_here(
        &self,
        metadata: &Metadata<'_>,
        has_attribute: &dyn Fn(&str, &str) -> bool,
    ) -> bool {
        let Inner {
            board, settings, ..
        } = &*self.0;
        !board.is_empty()
            && board.allows(
                *metadata.level(),
                metadata.target(),
                &settings.clock,
                has_attribute,
            )
    }

    /// Whether an override may let through what a callsite makes, some day and somewhere.
    fn concerns(&self, metadata: &Metadata<'_>) -> bool {
        let list = self.0.board.list();
        *metadata.level() <= level_for(&list, metadata.target())
    }

    fn max_level(&self) -> LevelFilter {
        self.max_line_level().max(self.0.settings.spans)
    }

    fn max_armed_level(&self) -> LevelFilter {
        let list = self.0.board.list();
        let levels = list
            .iter()
            .map(|armed| LevelFilter::from_level(armed.wish.level));
        levels.max().unwrap_or(LevelFilter::OFF)
    }

    fn list(&self) -> Arc<Vec<Armed>> {
        self.0.board.list()
    }

    #[inline]
    fn reads_spans(&self) -> bool {
        self.0.board.reads_spans()
    }
}

/// What lines and spans ask.
impl Verbosity {
    /// Whether an override with a session is set.
    #[inline]
    pub(crate) fn has_sessions(&self) -> bool {
        self.0.board.has_sessions()
    }

    /// The session under which a span begins: that of the first override that applies and has one.
    /// Overrides for baggage and attributes apply to what is inside a span.
    #[must_use]
    pub fn session_of_span(
        &self,
        metadata: &Metadata<'_>,
        request: RequestScope,
        trace_id: TraceId,
    ) -> Option<Arc<str>> {
        if !self.has_sessions() {
            return None;
        }
        let place = Place {
            target: metadata.target(),
            request,
            trace_id: Some(trace_id),
            has_attribute: &|_, _| false,
        };
        self.0.board.session(&place, &self.0.settings.clock)
    }

    /// The session under which something happens here and now.
    pub(crate) fn session<S>(&self, target: &str, context: &Context<'_, S>) -> Option<Arc<str>>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let has_attribute = |key: &str, value: &str| has_attribute(context, key, value);
        let place = Place::here(target, &has_attribute);
        self.0.board.session(&place, &self.0.settings.clock)
    }
}

impl Verbosity {
    fn now(&self) -> u64 {
        self.0.settings.clock.now().monotonic_nanos()
    }

    fn next_id(&self) -> OverrideId {
        OverrideId(self.0.next.fetch_add(1, Ordering::Relaxed))
    }

    fn arm(&self, id: OverrideId, wish: Override) -> Result<Armed, OverrideError> {
        let matcher = wish.scope.compile(MAX_TEXT);
        let matcher = matcher
            .filter(|_| wish.texts().all(|text| text.len() <= MAX_TEXT))
            .ok_or(OverrideError::TooLong)?;
        let lasts = u64::try_from(wish.lasts.as_nanos()).unwrap_or(u64::MAX);
        Ok(Armed {
            id,
            matcher,
            expires: self.now().saturating_add(lasts),
            wish,
        })
    }

    fn remove_where(&self, goes: impl Fn(&Armed) -> bool) -> usize {
        let before = self.0.board.list().iter().filter(|it| goes(it)).count();
        // adding nothing cannot be too much
        let _never_too_many = self.change(goes, Vec::new());
        before
    }

    fn change(&self, goes: impl Fn(&Armed) -> bool, come: Vec<Armed>) -> Result<(), OverrideError> {
        let now = self.now();
        let stays = |armed: &Armed| armed.expires > now && !goes(armed);
        let is_new_to_callsites = self.0.board.change(|list| {
            let staying = list.iter().filter(|armed| stays(armed)).count();
            if !come.is_empty() && staying + come.len() > Self::MAX_OVERRIDES {
                return Err(OverrideError::TooMany);
            }
            let before = concern(list);
            list.retain(stays);
            list.extend(come);
            Ok(before != concern(list))
        })?;
        if is_new_to_callsites {
            self.rebuild();
            self.0.unsettled.store(true, Ordering::Relaxed);
            self.look_for_defeat();
        }
        if let Some(changed) = self.0.watcher.get() {
            changed();
        }
        Ok(())
    }

    fn look_for_defeat(&self) {
        // what the base level lets through tells nothing
        let settings = &self.0.settings;
        if settings.base_max < LevelFilter::DEBUG && self.max_armed_level() >= LevelFilter::DEBUG {
            let home = self.home();
            let find = |home| with_default(&home, || defeat::find(self));
            let found = home.and_then(find);
            *self.0.defeat.lock().unwrap_or_else(PoisonError::into_inner) = found;
        }
    }

    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn live_in(&self, dispatch: &Dispatch) {
        let home = Some(dispatch.downgrade());
        *self.0.home.lock().unwrap_or_else(PoisonError::into_inner) = home;
    }

    fn home(&self) -> Option<Dispatch> {
        let home = self.0.home.lock().unwrap_or_else(PoisonError::into_inner);
        home.as_ref()?.upgrade()
    }

    /// Where there is one subscriber, `tracing` asks the one that is current on the thread, which may
    /// have none: then every callsite of the process would be turned off.
    fn rebuild(&self) {
        let max_log_level = || {
            let governs = self.0.governs_log.load(Ordering::Relaxed);
            let level = self.max_line_level();
            governs.then(|| level.as_log())
        };
        if let Some(home) = self.home() {
            with_default(&home, || interest::rebuild(max_log_level));
        }
    }
}

impl fmt::Debug for Verbosity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verbosity")
            .field("base", &self.0.settings.base)
            .field("overrides", &self.overrides())
            .finish_non_exhaustive()
    }
}

/// Which callsites a list concerns: as long as that stays, they need not be asked again.
fn concern(list: &[Armed]) -> Vec<(tracing_core::Level, Option<String>, Vec<String>)> {
    let of = |armed: &Armed| {
        let target = match &armed.matcher {
            scope::Matcher::Target(prefix) => Some(prefix.to_string()),
            _ => None,
        };
        (armed.wish.level, target, armed.wish.targets.clone())
    };
    let mut concern: Vec<_> = list.iter().map(of).collect();
    concern.sort_unstable_by(|a, b| a.1.cmp(&b.1).then(a.2.cmp(&b.2)).then(a.0.cmp(&b.0)));
    concern.dedup();
    concern
}

fn status(armed: &Armed, now: u64) -> OverrideStatus {
    let Override {
        scope,
        level,
        targets,
        reason,
        source,
        session,
        ..
    } = armed.wish.clone();
    OverrideStatus {
        id: armed.id,
        scope,
        level,
        targets,
        reason,
        source,
        session: session.as_deref().map(str::to_owned),
        remaining: Duration::from_nanos(armed.expires.saturating_sub(now)),
    }
}
