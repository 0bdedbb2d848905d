//! Sums.

use std::sync::atomic::Ordering;

use super::measurement::NumberType;
use super::shards::{Lines, Shards};
use super::snapshot::Number;

/// A sum that several threads add to.
#[derive(Debug)]
pub(super) struct SumCell {
    number: NumberType,
    shards: Shards<Lines>,
}

impl SumCell {
    pub(super) fn new(number: NumberType) -> Self {
        Self {
            number,
            shards: Shards::new(),
        }
    }

    #[inline]
    pub(super) fn add(&self, number: NumberType, bits: u64) {
        number.add(self.shards.mine(|| Lines::new(1)).at(0), bits);
    }

    pub(super) fn get(&self) -> u64 {
        let shards = self.shards.iter();
        shards.fold(0, |sum, shard| {
            self.number.sum(sum, shard.at(0).load(Ordering::Relaxed))
        })
    }

    pub(super) fn is_zero(&self) -> bool {
        match self.number.number(self.get()) {
            Number::U64(sum) => sum == 0,
            Number::I64(sum) => sum == 0,
            Number::F64(sum) => sum == 0.0,
        }
    }

    pub(super) fn take(&self) -> u64 {
        let shards = self.shards.iter();
        shards.fold(0, |sum, shard| {
            self.number.sum(sum, shard.at(0).swap(0, Ordering::Relaxed))
        })
    }

    /// Replaces the sum by one that somebody else has made.
    pub(super) fn set(&self, bits: u64) {
        let mine = self.shards.mine(|| Lines::new(1));
        mine.at(0).store(bits, Ordering::Relaxed);
        for shard in self
            .shards
            .iter()
            .filter(|shard| !std::ptr::eq(*shard, mine))
        {
            shard.at(0).store(0, Ordering::Relaxed);
        }
    }
}
