//! Where sessions are kept.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::changes::Changes;
use crate::session::{App, Opening, Scope, Session};

mod memory;
#[cfg(feature = "redis")]
mod redis;

pub use memory::MemoryStore;
#[cfg(feature = "redis")]
pub use redis::RedisStore;

/// The most sessions that a store keeps, and the most windows in which it counts errors. The
/// contract's figure; a session takes about a kilobyte.
pub const MAX_SESSIONS: usize = 10_000;

/// A future of an answer of a store.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Keeps sessions and counts errors. Every method decides and writes at once: two callers never
/// both open a session, and none closes what another has just extended.
///
/// [`MemoryStore`] and `RedisStore` are the stores that there are: nobody else can make a [`Session`].
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// What `/health` calls it.
    fn name(&self) -> &'static str;

    /// Whether it can be reached.
    fn ping(&self) -> Answer<'_, ()>;

    /// Opens a session, or joins the one that is open there.
    fn open(&self, opening: Opening) -> Answer<'_, Opened>;

    /// Closes a session, whoever holds it; false if there is none.
    fn close(&self, scope: Scope) -> Answer<'_, bool>;

    /// Lets go of the hold of one alert; the last hold closes the session.
    fn release(&self, scope: Scope, fingerprint: String) -> Answer<'_, Released>;

    /// Counts errors in the window of their scope; the one that reaches the threshold opens.
    fn count(&self, errors: Errors) -> Answer<'_, Counted>;

    /// The open sessions of an app, that of the whole app first.
    fn sessions(&self, app: &App) -> Answer<'_, Vec<Session>>;

    /// At most `limit` open sessions, newest first, from after where an earlier page ended.
    fn list(&self, after: Option<Cursor>, limit: usize) -> Answer<'_, Page>;

    /// How many sessions each app has open.
    fn active(&self) -> Answer<'_, Vec<(App, u64)>>;

    /// Who is told when sessions change.
    fn changes(&self) -> &Changes;
}

/// What [`Store::open`] did.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "stores make it")]
pub struct Opened {
    /// The session as it is now.
    pub session: Session,
    /// Whether it is new.
    pub new: bool,
}

/// What [`Store::release`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "stores make it")]
pub enum Released {
    /// The alert held nothing.
    Nothing,
    /// Others hold the session.
    StillHeld,
    /// It was the last hold.
    Closed,
}

/// Errors that a client reports.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the parts of one call of a store"
)]
pub struct Errors {
    /// How many.
    pub count: u32,
    /// How many in a window open a session.
    pub threshold: u64,
    /// How long a window is, from its first error.
    pub window: Duration,
    /// The session that they open.
    pub opening: Opening,
}

/// What [`Store::count`] did.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "stores make it")]
pub struct Counted {
    /// The errors of this window.
    pub count: u64,
    /// Whether these were the errors that reached the threshold.
    pub triggered: bool,
    /// Whether that opened a session that was not there.
    pub opened: bool,
}

/// Some sessions of a list.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "stores make it")]
pub struct Page {
    /// The sessions, newest first.
    pub sessions: Vec<Session>,
    /// Where to go on; none if this is the end.
    pub next: Option<Cursor>,
}

/// A place in the list of sessions: after the session that was opened then, there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_structs, reason = "stores make it")]
pub struct Cursor {
    /// Milliseconds since the Unix epoch.
    pub enabled_at: u64,
    /// The scope as one text.
    pub key: String,
}

/// Why a store did not do it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// It keeps [`MAX_SESSIONS`] already: close some, or wait until they expire.
    Full,
    /// What was given is not the address of such a store.
    Address(Arc<dyn std::error::Error + Send + Sync>),
    /// It cannot be reached; try again in some seconds.
    Unreachable(Arc<dyn std::error::Error + Send + Sync>),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => write!(
                f,
                "there are {MAX_SESSIONS} sessions already: close some, or wait until they expire"
            ),
            Self::Address(_) => f.write_str("this is not the URL of a Redis"),
            Self::Unreachable(_) => f.write_str("the store cannot be reached"),
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Full => None,
            Self::Address(cause) | Self::Unreachable(cause) => Some(&**cause),
        }
    }
}

/// `MILLISECONDS.KEY`.
impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.enabled_at, self.key)
    }
}

impl Cursor {
    /// Reads what `Display` wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (enabled_at, key) = text.split_once('.')?;
        Some(Self {
            enabled_at: enabled_at.parse().ok()?,
            key: key.to_owned(),
        })
    }
}
