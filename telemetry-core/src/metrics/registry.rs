//! All instruments of a program.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use opentelemetry::InstrumentationScope;
use opentelemetry::metrics::{Meter, MeterProvider};

use super::boundaries;
use super::instrument::Instrument;
use super::measurement::NumberType;
use super::name;
use super::provider::{Provider, ScopedProvider};
use super::shared::Shared;
use super::snapshot::{Descriptor, Snapshot};
use super::{Producer, RegistrySettings};
use crate::otlp::ScopeId;

/// All instruments of a program, and what was recorded with them. Cloning is cheap.
///
/// ```
/// use opentelemetry::{InstrumentationScope, KeyValue};
/// use telemetry_core::metrics::{Registry, RegistrySettings};
///
/// let registry = Registry::new(RegistrySettings::default());
/// let meter = registry.meter(InstrumentationScope::builder("shop").build());
/// let orders = meter.u64_counter("orders").build();
/// orders.add(1, &[KeyValue::new("state", "paid")]);
/// assert_eq!(registry.collect().metrics[0].descriptor.name, "orders");
/// ```
#[derive(Clone, Debug)]
pub struct Registry(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    shared: Arc<Shared>,
    instruments: Mutex<Instruments>,
    is_namelessness_told: AtomicBool,
    /// How many collections there were. Held while one is made: they would forget each other's
    /// observed series.
    collections: Mutex<u64>,
}

#[derive(Debug, Default)]
struct Instruments {
    all: Vec<Arc<Instrument>>,
    /// By scope and name in lower case.
    by_name: HashMap<(ScopeId, String), Vec<Arc<Instrument>>>,
}

impl Registry {
    /// A registry without instruments.
    #[must_use]
    pub fn new(settings: RegistrySettings) -> Self {
        let registry = Self(Arc::new(Inner {
            shared: Arc::new(Shared::new(RegistrySettings::default())),
            instruments: Mutex::default(),
            is_namelessness_told: AtomicBool::new(false),
            collections: Mutex::default(),
        }));
        registry.configure(settings);
        registry
    }

    /// The registry of this process. It is there before telemetry is set up, and keeps what was
    /// recorded before.
    #[must_use]
    pub fn global() -> &'static Self {
        static GLOBAL: OnceLock<Registry> = OnceLock::new();
        GLOBAL.get_or_init(|| Self::new(RegistrySettings::default()))
    }

    /// Replaces the settings. What was recorded stays: where a view wants other attributes or
    /// another aggregation, it is carried over as far as it can be. A distribution then has its
    /// values at the upper ends of the buckets in which they were; a sum and a last value cannot
    /// become a distribution.
    pub fn configure(&self, settings: RegistrySettings) {
        let mistakes: Vec<_> = settings.views.iter().filter_map(|v| v.mistake()).collect();
        let instruments = self.instruments();
        self.0.shared.configure(settings);
        for instrument in &instruments.all {
            instrument.configure();
        }
        // a voice may do anything, so it is not used under the lock
        drop(instruments);
        self.0.shared.catch_up();
        for mistake in mistakes {
            self.0.shared.warn(mistake);
        }
    }

    /// A meter: what makes instruments, by the standard API.
    #[must_use]
    pub fn meter(&self, scope: InstrumentationScope) -> Meter {
        Meter::new(Arc::new(ScopedProvider::new(
            self.clone(),
            ScopeId::of(&scope),
        )))
    }

    /// What makes meters, for `opentelemetry::global::set_meter_provider`.
    #[must_use]
    pub fn meter_provider(&self) -> impl MeterProvider + Send + Sync + 'static {
        Provider::new(self.clone())
    }

    /// What was recorded until now, after asking the observable instruments.
    ///
    /// Callbacks run on this thread. One that collects itself gets no observable instruments.
    #[must_use]
    pub fn collect(&self) -> Snapshot {
        let Some(_collecting) = Collecting::begin() else {
            return self.snapshot(None);
        };
        let mut collections = self
            .0
            .collections
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *collections += 1;
        self.snapshot(Some(*collections))
    }

    /// How many measurements were refused: NaN, infinities, and negative ones of counters.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.0.shared.refused()
    }

    /// Tells [`Registry::refused`] later, without keeping the registry.
    pub(crate) fn refused_later(&self) -> impl Fn() -> u64 + Send + Sync + 'static {
        let shared = Arc::clone(&self.0.shared);
        move || shared.refused()
    }

    /// How often a callback of an observable instrument has panicked.
    #[must_use]
    pub fn panics(&self) -> u64 {
        self.0.shared.panics()
    }

    fn snapshot(&self, collection: Option<u64>) -> Snapshot {
        let mut instruments = self.instruments().all.clone();
        match collection {
            // callbacks may make instruments
            Some(collection) => {
                for instrument in &instruments {
                    instrument.observe(collection);
                }
            }
            None => instruments.retain(|i| !i.descriptor.kind.is_observable()),
        }
        let now = self.0.shared.now();
        let collected = instruments
            .iter()
            .flat_map(|instrument| instrument.collect(now, collection.unwrap_or(0)));
        let mut metrics: Vec<_> = collected.collect();
        metrics.sort_by_cached_key(|metric| {
            let Descriptor { scope, name, .. } = metric.descriptor.as_ref();
            (scope.scope().get().name().to_owned(), *scope, name.clone())
        });
        Snapshot {
            metrics,
            // after reading, so that no series begins later
            unix_nanos: self.0.shared.now(),
        }
    }

    /// The instrument that is meant: one that is there, or a new one. What is wrong with it is said
    /// once, because some programs make their instruments with each request.
    pub(super) fn instrument(
        &self,
        descriptor: Descriptor,
        number: NumberType,
        boundaries: Option<Arc<[f64]>>,
    ) -> Arc<Instrument> {
        let shared = &self.0.shared;
        if descriptor.name.is_empty() {
            if !self.0.is_namelessness_told.swap(true, Ordering::Relaxed) {
                name::mistake("").into_iter().for_each(|m| shared.warn(m));
            }
            return Arc::new(Instrument::deaf(descriptor, number, Arc::clone(shared)));
        }
        let key = (descriptor.scope, descriptor.name.to_ascii_lowercase());
        let mut guard = self.instruments();
        let Instruments { all, by_name } = &mut *guard;
        let named = by_name.entry(key).or_default();
        if let Some(same) = named.iter().find(|i| is_same(i, &descriptor, number)) {
            let same = Arc::clone(same);
            drop(guard);
            same.tell_difference(|| difference(&same, &descriptor, boundaries.as_deref()));
            return same;
        }
        let bad_bounds = boundaries
            .as_deref()
            .and_then(|bounds| boundaries::mistake(&descriptor.name, bounds));
        let boundaries = boundaries.filter(|_| bad_bounds.is_none());
        let conflict = named.first().map(|other| conflict(other, &descriptor));
        let mistakes = [name::mistake(&descriptor.name), bad_bounds, conflict];
        let new = Instrument::new(descriptor, number, boundaries, Arc::clone(shared));
        let new = Arc::new(new);
        named.push(Arc::clone(&new));
        all.push(Arc::clone(&new));
        drop(guard);
        for mistake in mistakes.into_iter().flatten() {
            shared.warn(mistake);
        }
        new
    }

    fn instruments(&self) -> std::sync::MutexGuard<'_, Instruments> {
        self.0
            .instruments
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Producer for Registry {
    fn collect(&self) -> Snapshot {
        Self::collect(self)
    }

    fn without_callbacks(&self) -> Option<Snapshot> {
        Some(self.snapshot(None))
    }
}

/// Whether an instrument is another handle of one that is there.
///
/// Source: <https://opentelemetry.io/docs/specs/otel/metrics/sdk/#duplicate-instrument-registration>.
fn is_same(instrument: &Instrument, other: &Descriptor, number: NumberType) -> bool {
    let Descriptor { kind, unit, .. } = &instrument.descriptor;
    (*kind, unit, instrument.number) == (other.kind, &other.unit, number)
}

fn conflict(first: &Instrument, second: &Descriptor) -> String {
    let first = &first.descriptor;
    format!(
        "telemetry: two instruments of the meter \"{}\" are named \"{}\": {:?} in \"{}\" and {:?} in \"{}\"; both are exported and backends may mix them up. Rename one, or make both alike",
        second.scope.scope().get().name(),
        second.name,
        first.kind,
        first.unit,
        second.kind,
        second.unit,
    )
}

/// What an instrument that was made before keeps to.
fn difference(first: &Instrument, again: &Descriptor, bounds: Option<&[f64]>) -> Option<String> {
    let name = &first.descriptor.name;
    if *name != again.name {
        return Some(format!(
            "telemetry: the instrument \"{name}\" was made again as \"{}\"; the first spelling is used",
            again.name
        ));
    }
    let bounds = bounds.filter(|bounds| boundaries::are_valid(bounds));
    if bounds.is_some() && bounds != first.boundaries.as_deref() {
        return Some(format!(
            "telemetry: the instrument \"{name}\" was made again with other boundaries; the first ones are used"
        ));
    }
    let is_described = !again.description.is_empty();
    (is_described && first.descriptor.description != again.description).then(|| {
        format!("telemetry: the instrument \"{name}\" was made again with another description; the first one is used")
    })
}

/// Says that this thread is collecting.
struct Collecting;

thread_local! {
    static IS_COLLECTING: Cell<bool> = const { Cell::new(false) };
}

impl Collecting {
    fn begin() -> Option<Self> {
        (!IS_COLLECTING.replace(true)).then_some(Self)
    }
}

impl Drop for Collecting {
    fn drop(&mut self) {
        IS_COLLECTING.set(false);
    }
}
