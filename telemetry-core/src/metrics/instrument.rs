//! What the program records into.

use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Callback, SyncInstrument};

use super::bind;
use super::measurement::{Measurement, NumberType};
use super::shared::Shared;
use super::snapshot::{Descriptor, InstrumentKind, Metric};
use super::stream::Stream;
use super::view::{self, Advice, StreamSpec};

/// An instrument of any kind.
pub(super) struct Instrument {
    pub(super) descriptor: Descriptor,
    pub(super) number: NumberType,
    pub(super) boundaries: Option<Arc<[f64]>>,
    pub(super) shared: Arc<Shared>,
    /// The streams of the first settings; those of later ones hang on to them, so that recording
    /// takes no lock.
    first: Generation,
    callbacks: Mutex<Vec<Arc<ErasedCallback>>>,
    is_panic_told: AtomicBool,
    is_difference_told: AtomicBool,
}

type ErasedCallback = dyn Fn(&Observer<'_>) + Send + Sync;

/// The streams of an instrument under some settings.
#[derive(Debug)]
struct Generation {
    streams: Box<[Arc<Stream>]>,
    /// Those of earlier settings. Bound handles may still record into them.
    earlier: Vec<Arc<Stream>>,
    next: OnceLock<Box<Self>>,
}

impl Instrument {
    pub(super) fn new(
        descriptor: Descriptor,
        number: NumberType,
        boundaries: Option<Arc<[f64]>>,
        shared: Arc<Shared>,
    ) -> Self {
        let specs = specs(&descriptor, boundaries.as_ref(), &shared);
        Self::with_streams(specs, descriptor, number, boundaries, shared)
    }

    /// An instrument that keeps nothing.
    pub(super) fn deaf(descriptor: Descriptor, number: NumberType, shared: Arc<Shared>) -> Self {
        Self::with_streams(Vec::new(), descriptor, number, None, shared)
    }

    fn with_streams(
        specs: Vec<StreamSpec>,
        descriptor: Descriptor,
        number: NumberType,
        boundaries: Option<Arc<[f64]>>,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            first: Generation::new(specs, number, &shared, Vec::new()),
            descriptor,
            number,
            boundaries,
            shared,
            callbacks: Mutex::default(),
            is_panic_told: AtomicBool::new(false),
            is_difference_told: AtomicBool::new(false),
        }
    }

    #[inline]
    pub(super) fn streams(&self) -> &[Arc<Stream>] {
        &self.latest().streams
    }

    /// Whether it takes such a value; one that it does not take is counted.
    #[inline]
    pub(super) fn takes<T: Measurement>(&self, value: T) -> bool {
        let is_sum = || {
            let kind = self.descriptor.kind;
            matches!(
                kind,
                InstrumentKind::Counter | InstrumentKind::ObservableCounter
            )
        };
        let takes = value.is_finite() && !(value.is_negative() && is_sum());
        if !takes {
            self.shared.refuse();
        }
        takes
    }

    /// Tells once how another handle would differ.
    pub(super) fn tell_difference(&self, difference: impl FnOnce() -> Option<String>) {
        let is_told = &self.is_difference_told;
        if !is_told.load(Ordering::Relaxed)
            && let Some(difference) = difference()
            && !is_told.swap(true, Ordering::Relaxed)
        {
            self.shared.warn(difference);
        }
    }

    /// Makes new streams, if the registry's settings want them.
    pub(super) fn configure(&self) {
        let latest = self.latest();
        let specs = specs(&self.descriptor, self.boundaries.as_ref(), &self.shared);
        if latest.streams.iter().map(|stream| &stream.spec).eq(&specs) {
            return;
        }
        let earlier = latest.earlier.iter().chain(&latest.streams);
        let earlier = earlier.cloned().collect();
        let next = Generation::new(specs, self.number, &self.shared, earlier);
        // configurations come one at a time
        drop(latest.next.set(Box::new(next)));
    }

    pub(super) fn on_collect<T: Measurement>(&self, callbacks: Vec<Callback<T>>) {
        let mut all = self.callbacks();
        for callback in callbacks {
            all.push(Arc::new(move |observer: &Observer<'_>| callback(observer)));
        }
    }

    /// Asks for values. A callback that panics loses only its own.
    pub(super) fn observe(&self, collection: u64) {
        let callbacks = self.callbacks().clone();
        let observer = Observer {
            instrument: self,
            collection,
        };
        for callback in callbacks {
            if catch_unwind(AssertUnwindSafe(|| callback(&observer))).is_err() {
                self.shared.panicked();
                if !self.is_panic_told.swap(true, Ordering::Relaxed) {
                    self.shared.warn(format!(
                        "telemetry: a callback of the instrument \"{}\" panicked; what it would have observed is missing. This is said once",
                        self.descriptor.name
                    ));
                }
            }
        }
    }

    /// The points of this moment.
    pub(super) fn collect(&self, now: u64, collection: u64) -> impl Iterator<Item = Metric> {
        let latest = self.latest();
        if !self.descriptor.kind.is_observable() {
            latest.inherit();
        }
        let streams = latest.streams.iter();
        streams.filter_map(move |stream| stream.collect(now, collection))
    }

    #[inline]
    fn latest(&self) -> &Generation {
        let mut latest = &self.first;
        while let Some(next) = latest.next.get() {
            latest = next;
        }
        latest
    }

    fn callbacks(&self) -> std::sync::MutexGuard<'_, Vec<Arc<ErasedCallback>>> {
        self.callbacks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Instrument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instrument")
            .field("descriptor", &self.descriptor)
            .finish_non_exhaustive()
    }
}

impl Generation {
    fn new(
        specs: Vec<StreamSpec>,
        number: NumberType,
        shared: &Arc<Shared>,
        earlier: Vec<Arc<Stream>>,
    ) -> Self {
        let streams = specs.into_iter();
        Self {
            streams: streams
                .map(|spec| Arc::new(Stream::new(spec, number, Arc::clone(shared))))
                .collect(),
            earlier,
            next: OnceLock::new(),
        }
    }

    /// Takes over what earlier streams have recorded, also after their time.
    fn inherit(&self) {
        for (series, value) in self.earlier.iter().flat_map(|stream| stream.drain()) {
            for stream in &self.streams {
                stream.absorb(&series, &value);
            }
        }
    }
}

fn specs(
    descriptor: &Descriptor,
    boundaries: Option<&Arc<[f64]>>,
    shared: &Shared,
) -> Vec<StreamSpec> {
    shared.setting(|settings| {
        let advice = Advice {
            boundaries: boundaries.cloned(),
            histograms: settings.histogram_aggregation,
        };
        view::streams(&settings.views, descriptor, &advice)
    })
}

/// The side of a synchronous instrument that the API sees.
#[derive(Debug)]
pub(super) struct Synchronous<T> {
    instrument: Arc<Instrument>,
    number: PhantomData<T>,
}

impl<T> Synchronous<T> {
    pub(super) fn new(instrument: Arc<Instrument>) -> Self {
        Self {
            instrument,
            number: PhantomData,
        }
    }
}

impl<T: Measurement> SyncInstrument<T> for Synchronous<T> {
    fn measure(&self, value: T, attributes: &[KeyValue]) {
        if value.is_probe() && bind::answer(&self.instrument, attributes) {
            return;
        }
        if self.instrument.takes(value) {
            for stream in self.instrument.streams() {
                stream.record(value, attributes);
            }
        }
    }
}

/// What a callback observes with.
#[derive(Debug)]
pub(super) struct Observer<'a> {
    instrument: &'a Instrument,
    collection: u64,
}

impl<T: Measurement> AsyncInstrument<T> for Observer<'_> {
    fn observe(&self, value: T, attributes: &[KeyValue]) {
        if self.instrument.takes(value) {
            for stream in self.instrument.streams() {
                stream.observe(value, attributes, self.collection);
            }
        }
    }
}
