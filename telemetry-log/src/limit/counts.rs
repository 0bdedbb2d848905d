//! How many lines there were, and how many were held back.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use telemetry_core::otlp::Severity;

/// Why a line was not written though its level is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SuppressedBy {
    /// It was not in the share that is kept.
    Sampling,
    /// Its callsite had written too many.
    RateLimit,
    /// Its level had.
    Budget,
}

impl SuppressedBy {
    /// All reasons.
    pub const ALL: [Self; 3] = [Self::Sampling, Self::RateLimit, Self::Budget];

    /// The reason as a value of an attribute.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sampling => "sampling",
            Self::RateLimit => "rate_limit",
            Self::Budget => "budget",
        }
    }
}

impl fmt::Display for SuppressedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How many lines were held back, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Suppressed([u64; SuppressedBy::ALL.len()]);

impl Suppressed {
    /// How many for this reason.
    #[must_use]
    pub fn get(&self, reason: SuppressedBy) -> u64 {
        self.0[reason as usize]
    }

    /// How many in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

const SEVERITIES: [Severity; 6] = [
    Severity::Trace,
    Severity::Debug,
    Severity::Info,
    Severity::Warn,
    Severity::Error,
    Severity::Fatal,
];

/// How many routes are counted apart, as many as are told apart elsewhere.
const ROUTES: usize = 4096;

/// Everything that is counted of lines before they are made.
#[derive(Debug)]
pub(crate) struct Counts {
    elsewhere: BySeverity,
    routes: Box<[OnceLock<Box<OfRoute>>]>,
    suppressed: [AtomicU64; SuppressedBy::ALL.len()],
}

#[derive(Debug, Default)]
struct BySeverity([AtomicU64; SEVERITIES.len()]);

#[derive(Debug)]
struct OfRoute {
    route: &'static str,
    counts: BySeverity,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            elsewhere: BySeverity::default(),
            routes: (0..ROUTES).map(|_| OnceLock::new()).collect(),
            suppressed: Default::default(),
        }
    }
}

impl Counts {
    /// Counts a line of a severity in a route, which has a number.
    #[inline]
    pub(crate) fn count(&self, severity: Severity, route: Option<(u32, &'static str)>) {
        let by_route = route.and_then(|(number, route)| {
            let of_route = self.routes.get(number as usize)?;
            Some(&of_route.get_or_init(|| OfRoute::new(route)).counts)
        });
        by_route.unwrap_or(&self.elsewhere).count(severity);
    }

    #[cold]
    pub(crate) fn suppress(&self, reason: SuppressedBy) {
        self.suppressed[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn suppressed(&self) -> Suppressed {
        Suppressed(SuppressedBy::ALL.map(|it| self.suppressed[it as usize].load(Ordering::Relaxed)))
    }

    /// What there was, by severity and route.
    pub(crate) fn all(&self) -> Vec<(Severity, Option<&'static str>, u64)> {
        let routes = self.routes.iter().filter_map(OnceLock::get);
        let routes = routes.map(|of| (Some(of.route), &of.counts));
        let mut all = Vec::new();
        for (route, counts) in std::iter::once((None, &self.elsewhere)).chain(routes) {
            for severity in SEVERITIES {
                let count = counts.get(severity);
                if count > 0 {
                    all.push((severity, route, count));
                }
            }
        }
        all
    }
}

impl OfRoute {
    #[cold]
    fn new(route: &'static str) -> Box<Self> {
        Box::new(Self {
            route,
            counts: BySeverity::default(),
        })
    }
}

impl BySeverity {
    #[inline]
    fn count(&self, severity: Severity) {
        self.0[severity as usize / 4].fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self, severity: Severity) -> u64 {
        self.0[severity as usize / 4].load(Ordering::Relaxed)
    }
}
