//! Sums.

use std::sync::atomic::{AtomicU64, Ordering};

use super::measurement::NumberType;
use super::place::Place;
use super::shards::{Line, Shards};
use super::snapshot::Number;

/// A sum that several threads add to.
#[derive(Debug)]
pub(super) struct SumCell {
    number: NumberType,
    shards: Shards<Box<Line>>,
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
        let place = Place::mine();
        let [sum, ..] = &self.shards.at(place, Box::default).0;
        match number {
            NumberType::U64 | NumberType::I64 => place.add(sum, bits),
            NumberType::F64 => place.update(sum, |sum| sum + f64::from_bits(bits)),
        }
    }

    pub(super) fn get(&self) -> u64 {
        let shards = self.shards.iter();
        shards.fold(0, |sum, shard| {
            self.number.sum(sum, shard.0[0].load(Ordering::Relaxed))
        })
    }

    pub(super) fn is_zero(&self) -> bool {
        match self.number.number(self.get()) {
            Number::U64(sum) => sum == 0,
            Number::I64(sum) => sum == 0,
            Number::F64(sum) => sum == 0.0,
        }
    }
}

/// A sum that callbacks tell.
#[derive(Debug, Default)]
pub(super) struct ObservedSum(AtomicU64);

impl ObservedSum {
    pub(super) fn set(&self, bits: u64) {
        self.0.store(bits, Ordering::Relaxed);
    }

    pub(super) fn add(&self, number: NumberType, bits: u64) {
        let add = |old| Some(number.sum(old, bits));
        // it is always replaced
        let _ = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
