//! Handles that know their series.

use std::cell::RefCell;
use std::sync::Arc;

use opentelemetry::metrics::{Counter, Gauge, Histogram, UpDownCounter};
use opentelemetry::{Key, KeyValue};

use super::exemplar::Origin;
use super::hash::Pairs;
use super::instrument::Instrument;
use super::measurement::Measurement;
use super::pin::Pin;

/// A handle that records into an instrument with fixed attributes, for a few nanoseconds.
///
/// The series exists from now on, with a sum of zero, and does not expire while a handle is there.
/// Beyond the limit of series, the handle looks each time for a place that has become free. An
/// instrument that another library implements gets a handle that records through the API; it sees one measurement more, of
/// 0 for integers and of NaN for floats, by which we find out whose it is.
///
/// ```
/// use opentelemetry::{InstrumentationScope, KeyValue};
/// use telemetry_core::metrics::{Registry, bind};
///
/// let meter = Registry::global().meter(InstrumentationScope::builder("shop").build());
/// let orders = meter.u64_counter("orders").build();
/// let paid = bind(&orders, &[KeyValue::new("state", "paid")]);
/// paid.add(1);
/// ```
#[must_use]
pub fn bind<I: Bind>(instrument: &I, attributes: &[KeyValue]) -> I::Bound {
    instrument.bind_to(attributes)
}

/// An instrument that [`bind`] takes.
pub trait Bind: sealed::Sealed {
    /// The handle.
    type Bound;

    /// See [`bind`].
    #[doc(hidden)]
    fn bind_to(&self, attributes: &[KeyValue]) -> Self::Bound;
}

#[expect(unnameable_types, reason = "nobody else implements it")]
mod sealed {
    pub trait Sealed {}
}

macro_rules! bound {
    ($(#[$doc:meta])* $name:ident, $instrument:ident, $(#[$method_doc:meta])* $method:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name<T>(Bound<$instrument<T>>);

        impl<T: Measurement> $name<T> {
            $(#[$method_doc])*
            #[inline]
            pub fn $method(&self, value: T) {
                match &self.0 {
                    Bound::Ours(handle) => handle.record(value),
                    Bound::Foreign(instrument, attributes) => instrument.$method(value, attributes),
                }
            }
        }

        impl<T> sealed::Sealed for $instrument<T> {}

        impl<T: Measurement> Bind for $instrument<T> {
            type Bound = $name<T>;

            fn bind_to(&self, attributes: &[KeyValue]) -> Self::Bound {
                let handle = handle_of(|| self.$method(T::PROBE, attributes));
                $name(handle.map_or_else(
                    || Bound::Foreign(self.clone(), attributes.into()),
                    Bound::Ours,
                ))
            }
        }
    };
}

bound!(
    /// A counter with fixed attributes.
    BoundCounter,
    Counter,
    /// Adds to the sum.
    add
);
bound!(
    /// An up-down counter with fixed attributes.
    BoundUpDownCounter,
    UpDownCounter,
    /// Adds to the sum; negative values take from it.
    add
);
bound!(
    /// A gauge with fixed attributes.
    BoundGauge,
    Gauge,
    /// Replaces the value.
    record
);
bound!(
    /// A histogram with fixed attributes.
    BoundHistogram,
    Histogram,
    /// Records a value.
    record
);

#[derive(Clone, Debug)]
enum Bound<I> {
    Ours(Arc<Handle>),
    /// An instrument that another library implements, or has no place for another series.
    Foreign(I, Box<[KeyValue]>),
}

/// The series of an instrument for some attributes: one for each of its streams.
#[derive(Debug)]
struct Handle {
    instrument: Arc<Instrument>,
    /// Most instruments have one stream.
    first: Option<Target>,
    others: Box<[Target]>,
    /// For the exemplars of streams that leave some out; none if no stream does.
    attributes: Box<[KeyValue]>,
}

/// A series, and the only keys that its view keeps.
type Target = (Pin, Option<Arc<[Key]>>);

impl Handle {
    /// None if one of the streams has no place for another series.
    fn new(instrument: &Arc<Instrument>, attributes: &[KeyValue]) -> Option<Self> {
        let streams = instrument.streams().iter();
        let targets: Option<Vec<Target>> = streams
            .map(|stream| Some((stream.pin(attributes)?, stream.spec.keep.clone())))
            .collect();
        let mut targets = targets?.into_iter();
        let (first, others) = (targets.next(), targets.collect::<Box<[_]>>());
        let mut keeps = first.iter().chain(&others).map(|(_, keep)| keep);
        let are_some_left_out = keeps.any(Option::is_some);
        Some(Self {
            instrument: Arc::clone(instrument),
            first,
            others,
            attributes: attributes
                .iter()
                .filter(|_| are_some_left_out)
                .cloned()
                .collect(),
        })
    }

    #[inline]
    fn record<T: Measurement>(&self, value: T) {
        if self.instrument.takes(value) {
            if let Some(first) = &self.first {
                self.record_in(first, value);
            }
            if !self.others.is_empty() {
                self.record_in_others(value);
            }
        }
    }

    #[inline]
    fn record_in<T: Measurement>(&self, (series, keep): &Target, value: T) {
        series.revive();
        let shared = &self.instrument.shared;
        let origin = || Origin {
            shared,
            pairs: Pairs::new(&self.attributes, keep.as_deref()),
        };
        series.record(value, origin, shared);
    }

    #[inline(never)]
    fn record_in_others<T: Measurement>(&self, value: T) {
        for other in &self.others {
            self.record_in(other, value);
        }
    }
}

thread_local! {
    static QUESTION: RefCell<Question> = const { RefCell::new(Question::None) };
}

/// Whether the next measurement on this thread asks for a handle.
#[derive(Debug)]
enum Question {
    None,
    Asked,
    Answered(Option<Arc<Handle>>),
}

/// The handle of the instrument that `measure` measures with, if it is ours.
fn handle_of(measure: impl FnOnce()) -> Option<Arc<Handle>> {
    let ask = QUESTION.try_with(|question| question.replace(Question::Asked));
    // the thread may be ending
    ask.ok()?;
    measure();
    match QUESTION.try_with(|question| question.replace(Question::None)) {
        Ok(Question::Answered(handle)) => handle,
        _ => None,
    }
}

/// Answers with a handle, if that was the question. Returns whether it was.
#[cold]
pub(super) fn answer(instrument: &Arc<Instrument>, attributes: &[KeyValue]) -> bool {
    let is_asked = QUESTION.try_with(|question| matches!(*question.borrow(), Question::Asked));
    if is_asked != Ok(true) {
        return false;
    }
    let handle = Handle::new(instrument, attributes).map(Arc::new);
    QUESTION
        .try_with(|question| question.replace(Question::Answered(handle)))
        .is_ok()
}
