//! What an exporter gets: a number of encoded spans, log records or metrics.

use std::fmt;

use crate::otlp::ScopeId;

/// What is being exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Signal {
    /// Spans.
    Traces,
    /// Log records.
    Logs,
    /// Measurements.
    Metrics,
}

impl Signal {
    /// The signal's name in lower case, as in `/v1/traces`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Logs => "logs",
            Self::Metrics => "metrics",
        }
    }

    /// What the ledger counts, in the plural.
    #[must_use]
    pub const fn items(self) -> &'static str {
        match self {
            Self::Traces => "spans",
            Self::Logs => "log records",
            Self::Metrics => "data points",
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A number of finished items of one signal, each an encoded OTLP message with its scope.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    count: usize,
    weight: usize,
}

/// One encoded span, log record or metric.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "an item is a scope and a message"
)]
pub struct Item<'a> {
    /// Who made it.
    pub scope: ScopeId,
    /// The OTLP `Span`, `LogRecord` or `Metric` message.
    pub message: &'a [u8],
}

/// The head of a queued item: the length of its message and its scope, both 32 bits.
const HEAD: usize = 8;

/// The memory that an emptied batch keeps for the next one: a batch of 512 ordinary spans.
const KEPT_BYTES: usize = 512 * 1024;

impl Batch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many items it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How much its items count in the ledger and in a receiver's partial success: a metric by
    /// its data points, all else by one.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.weight
    }

    /// The memory its items take, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Appends an item whose message `encode` writes.
    #[inline]
    pub fn push(&mut self, scope: ScopeId, encode: impl FnOnce(&mut Vec<u8>)) {
        self.push_weighed(scope, 1, encode);
    }

    /// Appends an item that counts as `weight`, see [`Batch::weight`].
    #[inline]
    pub fn push_weighed(
        &mut self,
        scope: ScopeId,
        weight: usize,
        encode: impl FnOnce(&mut Vec<u8>),
    ) {
        let head = self.bytes.len();
        self.bytes.extend_from_slice(&[0; HEAD]);
        encode(&mut self.bytes);
        let len = u32::try_from(self.bytes.len() - head - HEAD).unwrap_or(u32::MAX);
        if let Some(slot) = self.bytes.get_mut(head..head + HEAD) {
            slot[..4].copy_from_slice(&len.to_le_bytes());
            slot[4..].copy_from_slice(&scope.to_u32().to_le_bytes());
        }
        self.count += 1;
        self.weight += weight;
    }

    /// The items in the order in which they were pushed.
    #[must_use]
    pub fn items(&self) -> Items<'_> {
        Items { rest: &self.bytes }
    }

    /// The items, each with the position at which [`Batch::item_at`] finds it again.
    #[cfg(feature = "otlp")]
    pub(crate) fn positions(&self) -> impl Iterator<Item = (usize, Item<'_>)> {
        let mut items = self.items();
        std::iter::from_fn(move || {
            let position = self.bytes.len() - items.rest.len();
            items.next().map(|item| (position, item))
        })
    }

    /// The item at a position.
    #[cfg(feature = "otlp")]
    pub(crate) fn item_at(&self, position: usize) -> Option<Item<'_>> {
        let rest = self.bytes.get(position..)?;
        Items { rest }.next()
    }

    /// Takes back the last item, which began where the batch had this size and counted as one.
    pub(crate) fn pop(&mut self, size: usize) {
        self.bytes.truncate(size);
        self.count -= 1;
        self.weight -= 1;
    }

    /// How much memory the batch holds, in bytes.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Appends an item that another batch has.
    pub(crate) fn push_item(&mut self, item: Item<'_>) {
        self.push(item.scope, |buffer| buffer.extend_from_slice(item.message));
    }

    /// Gives memory back that an unusually large batch has needed.
    pub(crate) fn shrink(&mut self) {
        self.bytes.shrink_to(KEPT_BYTES);
    }

    /// Empties the batch and keeps its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.count = 0;
        self.weight = 0;
    }
}

/// The items of a [`Batch`].
#[derive(Clone, Debug)]
pub struct Items<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        let (len, rest) = self.rest.split_first_chunk::<4>()?;
        let (scope, rest) = rest.split_first_chunk::<4>()?;
        let len = usize::try_from(u32::from_le_bytes(*len)).ok()?;
        let (message, rest) = rest.split_at_checked(len)?;
        self.rest = rest;
        Some(Item {
            scope: ScopeId::from_u32(u32::from_le_bytes(*scope)),
            message,
        })
    }
}
