//! The series of an instrument, as a view wants them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use opentelemetry::{Key, KeyValue};

use super::AttributeSet;
use super::cache;
use super::cardinality;
use super::exemplar::Origin;
use super::hash::{Order, Pairs};
use super::measurement::{Measurement, NumberType};
use super::pin::Pin;
use super::series::{CellValue, Series};
use super::shared::Shared;
use super::snapshot::{
    Descriptor, Exemplar, InstrumentKind, Metric, Point, Points, SeriesId, ValueTemporality,
};
use super::view::{Resolved, StreamSpec};
use crate::clock::saturating_nanos;

/// The series of an instrument, as a view wants them.
#[derive(Debug)]
pub(super) struct Stream {
    /// Tells it from all others of this process.
    key: u64,
    pub(super) spec: StreamSpec,
    descriptor: Arc<Descriptor>,
    number: NumberType,
    shared: Arc<Shared>,
    /// By the strong hash of their attributes, or the next number that is free.
    series: RwLock<HashMap<u64, Arc<Series>>>,
    overflow: OnceLock<Arc<Series>>,
    is_overflow_told: AtomicBool,
    /// What [`Stream::drain`] has given of each series until now.
    drained: Mutex<HashMap<SeriesId, Option<CellValue>>>,
    places: Mutex<Places>,
    /// When it was made or last collected.
    collected_at: AtomicU64,
}

/// How many series have been observed in a collection.
#[derive(Debug, Default)]
struct Places {
    collection: u64,
    taken: usize,
}

impl Stream {
    pub(super) fn new(spec: StreamSpec, number: NumberType, shared: Arc<Shared>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self {
            key: NEXT.fetch_add(1, Ordering::Relaxed),
            descriptor: Arc::new(spec.descriptor.clone()),
            spec,
            number,
            collected_at: AtomicU64::new(shared.now()),
            shared,
            series: RwLock::default(),
            overflow: OnceLock::new(),
            is_overflow_told: AtomicBool::new(false),
            drained: Mutex::default(),
            places: Mutex::default(),
        }
    }

    #[inline]
    pub(super) fn keep(&self) -> Option<&[Key]> {
        self.spec.keep.as_deref()
    }

    /// Records a measurement.
    #[inline]
    pub(super) fn record<T: Measurement>(&self, value: T, attributes: &[KeyValue]) {
        let pairs = Pairs::new(attributes, self.keep());
        let hash = pairs.weak_hash();
        let origin = Origin {
            shared: &self.shared,
            pairs,
        };
        let is_known = cache::with(self.key, pairs, hash, |series| {
            series.record(value, || origin, &self.shared);
        });
        if !is_known {
            self.record_slowly(value, hash, origin);
        }
    }

    #[cold]
    fn record_slowly<T: Measurement>(&self, value: T, hash: u64, origin: Origin<'_>) {
        let (series, is_own) = self.find(origin.pairs);
        series.record(value, || origin, &self.shared);
        if is_own {
            cache::put(self.key, hash, series);
        }
    }

    /// Takes a value that was asked for.
    pub(super) fn observe<T: Measurement>(
        &self,
        value: T,
        attributes: &[KeyValue],
        collection: u64,
    ) {
        let pairs = Pairs::new(attributes, self.keep());
        let (series, is_own) = self.find_observed(pairs, collection);
        let adds = !is_own || self.spec.keep.is_some();
        let origin = Origin {
            shared: &self.shared,
            pairs,
        };
        series.observe(value, collection, adds, origin);
    }

    /// The series of these attributes, to be kept while the pin is there; none if it would be the
    /// one for the rest.
    pub(super) fn pin(&self, attributes: &[KeyValue]) -> Option<Pin> {
        let (series, is_own) = self.find(Pairs::new(attributes, self.keep()));
        is_own.then(|| Pin::new(series))
    }

    /// Adds what another stream of the instrument has recorded.
    pub(super) fn absorb(&self, series: &Series, value: &CellValue) {
        let given: Vec<KeyValue> = series.attributes.iter().cloned().collect();
        let (mine, _) = self.find(Pairs::new(&given, self.keep()));
        mine.absorb(value, self.number, series.start());
    }

    /// Gives what was recorded since it last did: the first time also of series that have nothing,
    /// because bound ones are to be seen.
    pub(super) fn drain(&self) -> Vec<(Arc<Series>, CellValue)> {
        // held, so that two collections at a time do not both get it
        let mut drained = self.drained.lock().unwrap_or_else(PoisonError::into_inner);
        let new = self.all().into_iter().filter_map(|series| {
            let is_first = !drained.contains_key(&series.id);
            let value = series.take(self.number, drained.entry(series.id).or_default());
            (is_first || !value.is_nothing()).then_some((series, value))
        });
        new.collect()
    }

    /// The points of this moment.
    pub(super) fn collect(&self, now: u64, collection: u64) -> Option<Metric> {
        self.forget(collection);
        let mut all = self.all();
        if self.spec.descriptor.kind.is_observable() {
            // the one for the rest stays, but is not always observed
            all.retain(|series| series.was_observed_in(collection));
        }
        self.tell_overflow(&all);
        self.collected_at.store(now, Ordering::Relaxed);
        let points = self.points(all);
        (!points.is_empty()).then(|| Metric {
            descriptor: Arc::clone(&self.descriptor),
            temporality: ValueTemporality::Cumulative,
            points,
        })
    }

    fn points(&self, all: Vec<Arc<Series>>) -> Points {
        let values = all.into_iter().map(|series| {
            // the start may move back while values are absorbed, never forward
            let start = series.start();
            let value = series.value(self.number);
            (series.exemplars(), start, series, value)
        });
        match self.spec.resolved {
            Resolved::Sum => Points::Sum(points(values, |value| match value {
                CellValue::Sum(number) => Some(number),
                _ => None,
            })),
            Resolved::LastValue => Points::Gauge(points(values, |value| match value {
                CellValue::LastValue(number) => number,
                _ => None,
            })),
            Resolved::Histogram(_) => Points::Histogram(points(values, |value| match value {
                CellValue::Histogram(histogram) => Some(histogram),
                _ => None,
            })),
            Resolved::Exponential { .. } => {
                Points::ExponentialHistogram(points(values, |value| match value {
                    CellValue::Exponential(histogram) => Some(histogram),
                    _ => None,
                }))
            }
        }
    }

    /// Removes series that were not observed, or that nobody has used for long.
    fn forget(&self, collection: u64) {
        let is_observable = self.spec.descriptor.kind.is_observable();
        let expiry = self.shared.setting(|settings| settings.idle_expiry);
        let expiry = expiry.map(saturating_nanos);
        let now = self.shared.monotonic();
        let goes_down = self.spec.descriptor.kind == InstrumentKind::UpDownCounter;
        let is_over = |series: &Series| {
            if is_observable {
                !series.was_observed_in(collection)
            } else {
                expiry.is_some_and(|expiry| series.expires(now, expiry, goes_down))
            }
        };
        if !is_observable && expiry.is_none() {
            return;
        }
        let mut map = self.series.write().unwrap_or_else(PoisonError::into_inner);
        let before = map.len();
        map.retain(|_, series| !is_over(series));
        if map.len() < before {
            // those that lay beside a removed one move up
            for (_, series) in std::mem::take(&mut *map) {
                let given: Vec<KeyValue> = series.attributes.iter().cloned().collect();
                let hash = Pairs::new(&given, None).strong_hash();
                insert(&mut map, hash, series);
            }
        }
    }

    fn all(&self) -> Vec<Arc<Series>> {
        let map = self.series.read().unwrap_or_else(PoisonError::into_inner);
        let collection_of_observed = self.overflow.get();
        map.values()
            .chain(collection_of_observed)
            .cloned()
            .collect()
    }

    /// The series of these attributes, and whether it is their own or the one for the rest.
    fn find(&self, pairs: Pairs<'_>) -> (Arc<Series>, bool) {
        let hash = pairs.strong_hash();
        let limit = self.shared.setting(|settings| settings.cardinality_limit);
        {
            let map = self.series.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(series) = lookup(&map, hash, self.key, pairs) {
                series.revive();
                return (Arc::clone(series), true);
            }
            if map.len() >= limit {
                drop(map);
                return (self.overflow(), false);
            }
        }
        let new = Arc::new(self.new_series(pairs.to_set()));
        let mut map = self.series.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(series) = lookup(&map, hash, self.key, pairs) {
            series.revive();
            return (Arc::clone(series), true);
        }
        if map.len() >= limit {
            drop(map);
            return (self.overflow(), false);
        }
        insert(&mut map, hash, Arc::clone(&new));
        (new, true)
    }

    /// The same for a callback: the first so many of a collection have a series of their own. Until
    /// its end, those of the last one are kept too: most will be observed again, as the same.
    ///
    /// Source: <https://opentelemetry.io/docs/specs/otel/metrics/sdk/#asynchronous-instrument-cardinality-limits>.
    fn find_observed(&self, pairs: Pairs<'_>, collection: u64) -> (Arc<Series>, bool) {
        let hash = pairs.strong_hash();
        let known = {
            let map = self.series.read().unwrap_or_else(PoisonError::into_inner);
            lookup(&map, hash, self.key, pairs).cloned()
        };
        if let Some(series) = &known
            && series.was_observed_in(collection)
        {
            return (Arc::clone(series), true);
        }
        if !self.takes_place(collection) {
            return (self.overflow(), false);
        }
        let series = known.unwrap_or_else(|| {
            let new = Arc::new(self.new_series(pairs.to_set()));
            let mut map = self.series.write().unwrap_or_else(PoisonError::into_inner);
            // a callback may use threads
            if let Some(series) = lookup(&map, hash, self.key, pairs) {
                return Arc::clone(series);
            }
            insert(&mut map, hash, Arc::clone(&new));
            new
        });
        (series, true)
    }

    fn takes_place(&self, collection: u64) -> bool {
        let limit = self.shared.setting(|settings| settings.cardinality_limit);
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if places.collection != collection {
            *places = Places {
                collection,
                taken: 0,
            };
        }
        let is_free = places.taken < limit;
        places.taken += usize::from(is_free);
        is_free
    }

    #[cold]
    fn overflow(&self) -> Arc<Series> {
        let overflow = self.overflow.get_or_init(|| {
            let set = AttributeSet::new([KeyValue::new(cardinality::OVERFLOW, true)]);
            Arc::new(self.new_series((set, Order::default())))
        });
        Arc::clone(overflow)
    }

    fn new_series(&self, set: (AttributeSet, Order)) -> Series {
        let is_observable = self.spec.descriptor.kind.is_observable();
        let start = if is_observable {
            self.collected_at.load(Ordering::Relaxed)
        } else {
            self.shared.now()
        };
        let number = (self.number, is_observable);
        Series::new(self.key, set, &self.spec.resolved, number, start)
    }

    fn tell_overflow(&self, all: &[Arc<Series>]) {
        if self.overflow.get().is_some() && !self.is_overflow_told.swap(true, Ordering::Relaxed) {
            let limit = self.shared.setting(|settings| settings.cardinality_limit);
            let sets = all.iter().map(|series| series.attributes.as_ref());
            self.shared
                .warn(cardinality::warning(&self.descriptor.name, limit, sets));
        }
    }
}

/// The series of these attributes.
fn lookup<'a>(
    map: &'a HashMap<u64, Arc<Series>>,
    mut hash: u64,
    stream: u64,
    pairs: Pairs<'_>,
) -> Option<&'a Arc<Series>> {
    loop {
        let series = map.get(&hash)?;
        if series.is(stream, pairs) {
            return Some(series);
        }
        hash = hash.wrapping_add(1);
    }
}

fn insert(map: &mut HashMap<u64, Arc<Series>>, mut hash: u64, series: Arc<Series>) {
    loop {
        match map.entry(hash) {
            Entry::Vacant(place) => {
                place.insert(series);
                return;
            }
            Entry::Occupied(_) => hash = hash.wrapping_add(1),
        }
    }
}

type Read = (Vec<Exemplar>, u64, Arc<Series>, CellValue);

fn points<V>(
    values: impl Iterator<Item = Read>,
    pick: impl Fn(CellValue) -> Option<V>,
) -> Vec<Point<V>> {
    let points = values.filter_map(|(exemplars, start, series, value)| {
        Some(Point {
            series: series.id,
            attributes: Arc::clone(&series.attributes),
            start_unix_nanos: start,
            value: pick(value)?,
            exemplars,
        })
    });
    points.collect()
}
