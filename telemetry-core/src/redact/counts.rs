//! How often values were hidden.

use std::sync::atomic::{AtomicU64, Ordering};

/// Where a value was hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// In a log line or a log record.
    Log,
    /// In an attribute, event or link of a span, its name or its status.
    Span,
    /// In baggage that was sent on.
    Baggage,
    /// In an exemplar.
    Exemplar,
}

impl Place {
    /// All places.
    pub const ALL: [Self; 4] = [Self::Log, Self::Span, Self::Baggage, Self::Exemplar];

    /// The name in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Span => "span",
            Self::Baggage => "baggage",
            Self::Exemplar => "exemplar",
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Counts([AtomicU64; Place::ALL.len()]);

impl Counts {
    pub(super) fn add(&self, place: Place) {
        self.0[place as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn get(&self, place: Place) -> u64 {
        self.0[place as usize].load(Ordering::Relaxed)
    }
}
