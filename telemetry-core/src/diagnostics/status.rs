//! How each exporter is doing.

use std::fmt;
use std::time::Duration;

use crate::pipeline::{Ledger, Signal};

/// How one exporter of one signal is doing.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ExporterStatus {
    /// What it exports.
    pub signal: Signal,
    /// Where to.
    pub destination: String,
    /// Where every item went.
    pub ledger: Ledger,
    /// How the last exports went.
    pub health: Health,
}

/// How the last exports went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// Time since the last success; `None` if there was none.
    pub last_success: Option<Duration>,
    /// What went wrong last, with its remedy; `None` after a success.
    pub last_error: Option<String>,
    /// How many attempts have failed since the last success.
    pub failed_attempts: u64,
    /// How many collections of metrics missed values, because a callback of an observable
    /// instrument blocked or panicked.
    pub missed_collections: u64,
}

impl fmt::Display for ExporterStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ledger {
            exported,
            dropped,
            pending,
            ..
        } = self.ledger;
        write!(
            f,
            "{} to {}: {exported} exported, {pending} pending, {} dropped",
            self.signal,
            self.destination,
            dropped.total()
        )?;
        if dropped.total() > 0 {
            write!(f, " ({dropped})")?;
        }
        if self.health.missed_collections > 0 {
            let missed = self.health.missed_collections;
            write!(f, "; {missed} collections missed observable metrics")?;
        }
        match &self.health.last_error {
            Some(error) => write!(f, "; failing: {error}"),
            None => Ok(()),
        }
    }
}
