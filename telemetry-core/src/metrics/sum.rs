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

    pub(super) fn add(&self, number: NumberType, bits: u64) {
        let place = Place::mine();
        add_at(place, self.shards.at(place, Box::default), number, bits);
    }

    /// Adds if this thread has a place for itself here. Returns whether it has.
    #[inline]
    pub(super) fn add_alone(&self, number: NumberType, bits: u64) -> bool {
        let own = self.shards.own();
        own.is_some_and(|(place, line)| {
            add_at(place, line, number, bits);
            true
        })
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

#[inline]
fn add_at(place: Place, line: &Line, number: NumberType, bits: u64) {
    let [sum, ..] = &line.0;
    match number {
        NumberType::U64 | NumberType::I64 => place.add(sum, bits),
        NumberType::F64 => place.update(sum, |sum| sum + f64::from_bits(bits)),
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
