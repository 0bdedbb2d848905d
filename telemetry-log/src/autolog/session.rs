//! A session as the service announces it.

use std::fmt;
use std::time::Duration;

use tracing_core::Level;

use crate::verbosity::{Override, Scope};

/// Verbose lines for the app or one of its endpoints, for a while.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) id: String,
    pub(super) endpoint: Option<String>,
    pub(super) level: Level,
    pub(super) reason: String,
    /// How long it still lasts.
    pub(super) lasts: Duration,
}

impl Session {
    /// The override that it asks for, on these targets.
    pub(super) fn wish(&self, targets: &[String]) -> Override {
        let scope = match &self.endpoint {
            Some(endpoint) => Scope::Route(endpoint.clone()),
            None => Scope::Everything,
        };
        Override::new(scope, self.level, self.lasts)
            .targets(targets)
            .reason(&*self.reason)
            .session(&*self.id)
    }

    /// Whether both make the same lines, whatever their ends.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        (&self.id, &self.endpoint, self.level) == (&other.id, &other.endpoint, other.level)
    }
}

/// `route /pay at DEBUG (refunds fail)`
impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.endpoint {
            Some(endpoint) => write!(f, "route {endpoint}")?,
            None => f.write_str("everything")?,
        }
        write!(f, " at {}", self.level)?;
        if self.reason.is_empty() {
            return Ok(());
        }
        f.write_str(" (")?;
        for c in self.reason.chars().filter(|c| !c.is_control()) {
            write!(f, "{c}")?;
        }
        f.write_str(")")
    }
}
