//! Attributes as a caller gives them: in any order, some twice, some that a view removes.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

use opentelemetry::{Array, Key, KeyValue, Value};

use super::AttributeSet;

/// Attributes of a measurement, seen as the set of those that their series has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pairs<'a> {
    given: &'a [KeyValue],
    /// The only keys that count, if a view says so.
    keep: Option<&'a [Key]>,
}

impl<'a> Pairs<'a> {
    #[inline]
    pub(super) fn new(given: &'a [KeyValue], keep: Option<&'a [Key]>) -> Self {
        Self { given, keep }
    }

    /// A hash that costs one multiplication for each pair and does not depend on their order. It
    /// reads the ends of texts only, and hardly the keys, so it picks a place and proves nothing.
    #[inline]
    pub(super) fn weak_hash(&self) -> u64 {
        let add = |sum: u64, pair| sum.wrapping_add(weak_hash(pair));
        match self.keep {
            None => self.given.iter().fold(0, add),
            Some(keep) => {
                let kept = self.given.iter().filter(|pair| keep.contains(&pair.key));
                kept.fold(0, add)
            }
        }
    }

    /// A keyed hash of everything that counts, which does not depend on the order either.
    pub(super) fn strong_hash(&self) -> u64 {
        static KEYS: OnceLock<RandomState> = OnceLock::new();
        let keys = KEYS.get_or_init(RandomState::new);
        self.effective()
            .fold(0, |sum, pair| sum.wrapping_add(keys.hash_one(pair)))
    }

    /// Whether they make this set. `order` says where the set's attributes were when they came
    /// first, so that the same callsite finds them at once.
    #[inline]
    pub(super) fn are(&self, set: &AttributeSet, order: &Order) -> bool {
        (self.keep.is_none() && self.are_in_order(set, order)) || self.are_in_any_order(set)
    }

    /// As many pairs in which each key of the set is found have no other.
    #[inline]
    fn are_in_order(&self, set: &AttributeSet, order: &Order) -> bool {
        let mut wanted = set.iter().enumerate();
        self.given.len() == set.len()
            && wanted.all(|(index, wanted)| {
                let likely = self.given.get(order.of(index));
                likely.is_some_and(|pair| same(pair, wanted))
            })
    }

    #[inline(never)]
    fn are_in_any_order(&self, set: &AttributeSet) -> bool {
        let kept = match self.keep {
            None => self.given.len(),
            Some(_) => self.given.iter().filter(|p| self.keeps(&p.key)).count(),
        };
        if kept == set.len() {
            let mut wanted = set.iter();
            return wanted.all(|wanted| self.given.iter().any(|pair| same(pair, wanted)));
        }
        self.are_slowly(set)
    }

    /// If a key is there twice, or never.
    #[cold]
    fn are_slowly(&self, set: &AttributeSet) -> bool {
        let mut count = 0;
        self.effective().all(|pair| {
            count += 1;
            set.get(pair.key.as_str())
                .is_some_and(|value| same_value(value, &pair.value))
        }) && count == set.len()
    }

    /// The set, and where its attributes are.
    pub(super) fn to_set(self) -> (AttributeSet, Order) {
        let set = AttributeSet::new(self.effective().cloned());
        let place = |wanted: &KeyValue| self.given.iter().rposition(|pair| pair.key == wanted.key);
        let order = Order::new(set.iter().map(|wanted| place(wanted).unwrap_or(0)));
        (set, order)
    }

    /// What the view removes.
    pub(super) fn removed(&self) -> Vec<KeyValue> {
        let removed = self.given.iter().filter(|pair| !self.keeps(&pair.key));
        removed.cloned().collect()
    }

    /// The last of each key that is kept.
    fn effective(&self) -> impl Iterator<Item = &'a KeyValue> {
        let (given, keep) = (self.given, self.keep);
        let is_last = move |index: usize, pair: &KeyValue| {
            !given[index + 1..].iter().any(|later| later.key == pair.key)
        };
        given
            .iter()
            .enumerate()
            .filter(move |(index, pair)| {
                keep.is_none_or(|keep| keep.contains(&pair.key)) && is_last(*index, pair)
            })
            .map(|(_, pair)| pair)
    }

    #[inline]
    fn keeps(&self, key: &Key) -> bool {
        self.keep.is_none_or(|keep| keep.contains(key))
    }
}

/// Where the attributes of a set were in the list that it was made of, for the first eight.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Order([u8; 8]);

impl Order {
    fn new(places: impl Iterator<Item = usize>) -> Self {
        let mut order = Self::default();
        for (at, place) in order.0.iter_mut().zip(places) {
            *at = u8::try_from(place).unwrap_or(u8::MAX);
        }
        order
    }

    #[inline]
    fn of(&self, index: usize) -> usize {
        self.0.get(index).copied().map_or(index, usize::from)
    }
}

/// Whether key and value are the same, NaN being the same as itself.
#[inline]
fn same(left: &KeyValue, right: &KeyValue) -> bool {
    let is_same_key = same_text(left.key.as_str(), right.key.as_str());
    is_same_key
        && match (&left.value, &right.value) {
            (Value::String(left), Value::String(right)) => same_text(left.as_str(), right.as_str()),
            (Value::I64(left), Value::I64(right)) => left == right,
            (left, right) => same_value(left, right),
        }
}

/// Constants, which most attributes are, lie where they lay before.
#[inline]
fn same_text(left: &str, right: &str) -> bool {
    left.len() == right.len()
        && (std::ptr::addr_eq(left, right) || same_bytes(left.as_bytes(), right.as_bytes()))
}

#[inline(never)]
fn same_bytes(left: &[u8], right: &[u8]) -> bool {
    left == right
}

fn same_value(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::F64(left), Value::F64(right)) => left.to_bits() == right.to_bits(),
        (Value::Array(Array::F64(left)), Value::Array(Array::F64(right))) => {
            let mut both = left.iter().zip(right);
            left.len() == right.len() && both.all(|(l, r)| l.to_bits() == r.to_bits())
        }
        (left, right) => left == right,
    }
}

/// An odd number whose bits follow no pattern: the golden ratio of 64 bits.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

#[inline]
fn weak_hash(pair: &KeyValue) -> u64 {
    let key = pair.key.as_str().as_bytes();
    let key = key.last().map_or(0, |last| u64::from(*last)) ^ (key.len() as u64) << 8;
    let value = match &pair.value {
        Value::String(text) => ends(text.as_str().as_bytes()),
        Value::I64(number) => number.cast_unsigned(),
        other => rare(other),
    };
    let product = (key ^ value.rotate_left(32)).wrapping_mul(SPREAD);
    product ^ product >> 32
}

/// Apart from the others, so that those need no table of jumps.
#[inline(never)]
fn rare(value: &Value) -> u64 {
    match value {
        Value::F64(number) => number.to_bits(),
        Value::Bool(truth) => u64::from(*truth),
        _ => 0,
    }
}

/// Mixes the length, the first and the last eight bytes.
#[inline]
fn ends(text: &[u8]) -> u64 {
    let length = text.len() as u64;
    match (text.first_chunk(), text.last_chunk()) {
        (Some(first), Some(last)) => {
            let (first, last) = (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
            first.rotate_left(21) ^ last ^ length << 56
        }
        _ => short(text) ^ length << 56,
    }
}

/// Less than eight bytes as a number.
#[inline]
fn short(text: &[u8]) -> u64 {
    match (text.first_chunk(), text.last_chunk()) {
        (Some(first), Some(last)) => {
            let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
            u64::from(first) | u64::from(last) << 32
        }
        _ => {
            let at = |index: usize| text.get(index).map_or(0, |byte| u64::from(*byte));
            at(0) | at(1) << 8 | at(2) << 16
        }
    }
}

/// A well spread number from a hash and the stream that it is for.
#[inline]
pub(super) fn spread(hash: u64, stream: u64) -> u64 {
    (hash ^ stream).wrapping_mul(SPREAD)
}
