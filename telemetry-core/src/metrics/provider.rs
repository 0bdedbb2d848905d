//! The registry behind the OpenTelemetry metrics API.

use std::borrow::Cow;
use std::sync::Arc;

use opentelemetry::InstrumentationScope;
use opentelemetry::metrics::{
    AsyncInstrumentBuilder, Callback, Counter, Gauge, Histogram, HistogramBuilder,
    InstrumentBuilder, InstrumentProvider, Meter, MeterProvider, ObservableCounter,
    ObservableGauge, ObservableUpDownCounter, SyncInstrument, UpDownCounter,
};

use super::instrument::{Instrument, Synchronous};
use super::measurement::Measurement;
use super::registry::Registry;
use super::snapshot::{Descriptor, InstrumentKind};
use crate::otlp::ScopeId;

/// Makes meters.
#[derive(Debug)]
pub(super) struct Provider(Registry);

impl Provider {
    pub(super) fn new(registry: Registry) -> Self {
        Self(registry)
    }
}

impl MeterProvider for Provider {
    fn meter_with_scope(&self, scope: InstrumentationScope) -> Meter {
        self.0.meter(scope)
    }
}

/// Makes the instruments of a meter.
#[derive(Debug)]
pub(super) struct ScopedProvider {
    registry: Registry,
    scope: ScopeId,
}

type Text = Cow<'static, str>;

/// What a builder says.
struct Wanted {
    name: Text,
    description: Option<Text>,
    unit: Option<Text>,
    boundaries: Option<Vec<f64>>,
}

impl ScopedProvider {
    pub(super) fn new(registry: Registry, scope: ScopeId) -> Self {
        Self { registry, scope }
    }

    fn synchronous<T: Measurement>(
        &self,
        kind: InstrumentKind,
        wanted: Wanted,
    ) -> Arc<dyn SyncInstrument<T> + Send + Sync> {
        Arc::new(Synchronous::new(self.instrument::<T>(kind, wanted)))
    }

    fn observable<T: Measurement>(
        &self,
        kind: InstrumentKind,
        wanted: Wanted,
        callbacks: Vec<Callback<T>>,
    ) {
        self.instrument::<T>(kind, wanted).on_collect(callbacks);
    }

    fn instrument<T: Measurement>(&self, kind: InstrumentKind, wanted: Wanted) -> Arc<Instrument> {
        let Wanted {
            name,
            description,
            unit,
            boundaries,
        } = wanted;
        let descriptor = Descriptor {
            scope: self.scope,
            name,
            description: description.unwrap_or_default(),
            unit: unit.unwrap_or_default(),
            kind,
        };
        self.registry
            .instrument(descriptor, T::TYPE, boundaries.map(Into::into))
    }
}

macro_rules! synchronous {
    ($($method:ident: $instrument:ident<$number:ty>),+ $(,)?) => {
        $(fn $method(
            &self,
            builder: InstrumentBuilder<'_, $instrument<$number>>,
        ) -> $instrument<$number> {
            let wanted = Wanted {
                name: builder.name,
                description: builder.description,
                unit: builder.unit,
                boundaries: None,
            };
            $instrument::new(self.synchronous(InstrumentKind::$instrument, wanted))
        })+
    };
}

macro_rules! histogram {
    ($($method:ident: $number:ty),+ $(,)?) => {
        $(fn $method(&self, builder: HistogramBuilder<'_, Histogram<$number>>) -> Histogram<$number> {
            let wanted = Wanted {
                name: builder.name,
                description: builder.description,
                unit: builder.unit,
                boundaries: builder.boundaries,
            };
            Histogram::new(self.synchronous(InstrumentKind::Histogram, wanted))
        })+
    };
}

macro_rules! observable {
    ($($method:ident: $instrument:ident<$number:ty>),+ $(,)?) => {
        $(fn $method(
            &self,
            builder: AsyncInstrumentBuilder<'_, $instrument<$number>, $number>,
        ) -> $instrument<$number> {
            let wanted = Wanted {
                name: builder.name,
                description: builder.description,
                unit: builder.unit,
                boundaries: None,
            };
            self.observable(InstrumentKind::$instrument, wanted, builder.callbacks);
            $instrument::new()
        })+
    };
}

impl InstrumentProvider for ScopedProvider {
    synchronous! {
        u64_counter: Counter<u64>,
        f64_counter: Counter<f64>,
        i64_up_down_counter: UpDownCounter<i64>,
        f64_up_down_counter: UpDownCounter<f64>,
        u64_gauge: Gauge<u64>,
        i64_gauge: Gauge<i64>,
        f64_gauge: Gauge<f64>,
    }
    histogram! {
        u64_histogram: u64,
        f64_histogram: f64,
    }
    observable! {
        u64_observable_counter: ObservableCounter<u64>,
        f64_observable_counter: ObservableCounter<f64>,
        i64_observable_up_down_counter: ObservableUpDownCounter<i64>,
        f64_observable_up_down_counter: ObservableUpDownCounter<f64>,
        u64_observable_gauge: ObservableGauge<u64>,
        i64_observable_gauge: ObservableGauge<i64>,
        f64_observable_gauge: ObservableGauge<f64>,
    }
}
