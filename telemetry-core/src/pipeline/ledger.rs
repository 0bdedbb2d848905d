//! Where every item went.

use std::fmt;

/// Why an item did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// The queue had its most items.
    QueueFull,
    /// The queue had its most bytes.
    QueueBytes,
    /// The item alone was larger than a message may be.
    TooLarge,
    /// It came after shutdown, or after its exporter had panicked.
    Shutdown,
    /// It still waited when the deadline of shutdown passed.
    Unsent,
    /// The receiver refused the batch for good.
    Refused,
    /// The receiver took the batch but rejected this item.
    Rejected,
    /// Every attempt failed until the time was up.
    RetriesExhausted,
    /// The last attempt got no answer: the receiver may have it.
    Unconfirmed,
}

impl DropReason {
    /// All reasons, in the order in which they are reported.
    pub const ALL: [Self; 9] = [
        Self::QueueFull,
        Self::QueueBytes,
        Self::TooLarge,
        Self::Shutdown,
        Self::Unsent,
        Self::Refused,
        Self::Rejected,
        Self::RetriesExhausted,
        Self::Unconfirmed,
    ];

    /// The reason as a value of `error.type`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::QueueBytes => "queue_bytes",
            Self::TooLarge => "too_large",
            Self::Shutdown => "already_shutdown",
            Self::Unsent => "unsent",
            Self::Refused => "refused",
            Self::Rejected => "rejected",
            Self::RetriesExhausted => "retries_exhausted",
            Self::Unconfirmed => "unconfirmed",
        }
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How many items were dropped, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drops([u64; DropReason::ALL.len()]);

impl Drops {
    /// Counts `count` items dropped for `reason`.
    pub fn add(&mut self, reason: DropReason, count: u64) {
        if let Some(slot) = self.0.get_mut(reason as usize) {
            *slot += count;
        }
    }

    /// Adds all that `other` counted.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }

    /// How many were dropped for `reason`.
    #[must_use]
    pub fn get(&self, reason: DropReason) -> u64 {
        self.0.get(reason as usize).copied().unwrap_or(0)
    }

    /// How many were dropped.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// The reasons for which something was dropped, with how much.
    pub fn iter(&self) -> impl Iterator<Item = (DropReason, u64)> {
        DropReason::ALL
            .into_iter()
            .map(|reason| (reason, self.get(reason)))
            .filter(|(_, count)| *count > 0)
    }
}

impl fmt::Display for Drops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (reason, count)) in self.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{count} {reason}")?;
        }
        Ok(())
    }
}

/// The balance of one exporter's items: `created = exported + dropped + pending`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ledger {
    /// Items that were finished and offered to the exporter.
    pub created: u64,
    /// Items that the receiver took.
    pub exported: u64,
    /// Items that did not arrive, by reason.
    pub dropped: Drops,
    /// Items that wait or are being sent.
    pub pending: u64,
}

impl Ledger {
    /// Whether every item is accounted for; always true while nothing is in motion.
    #[must_use]
    pub fn balances(&self) -> bool {
        self.created == self.exported + self.dropped.total() + self.pending
    }
}
