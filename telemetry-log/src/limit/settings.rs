//! How the limits of a log are set.

use tracing_core::Level;

use super::{Rate, index};
use crate::logs::Logs;

impl Logs {
    /// Limits the lines of each callsite. What is held back is counted, and every 10 s, at a
    /// flush and at the end said by a line `N similar suppressed` of the callsite's level and
    /// target, with its file and line. Default: no limit.
    ///
    /// Lines of severity FATAL are never held back. Of 4096 callsites each has a limit of its
    /// own; those of further ones are not held back.
    #[must_use]
    pub fn rate_limit(mut self, rate: Rate) -> Self {
        self.limits.per_callsite = Some(rate);
        self
    }

    /// Limits the lines of a level, all callsites together. Default: no limit.
    #[must_use]
    pub fn budget(mut self, level: Level, rate: Rate) -> Self {
        self.limits.budgets[index(level)] = Some(rate);
        self
    }

    /// Keeps a share of the lines of INFO, DEBUG or TRACE: those of a trace all or none, the same
    /// in every service with this share. For WARN and ERROR it changes nothing. Default: 1.
    #[must_use]
    pub fn sample(mut self, level: Level, share: f64) -> Self {
        if level > Level::WARN {
            self.limits.samples[index(level)] = Some(share);
        }
        self
    }
}
