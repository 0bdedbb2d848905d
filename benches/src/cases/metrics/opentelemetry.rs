//! Instruments of the OpenTelemetry API: ours and the SDK's.

use std::hint::black_box;
use std::marker::PhantomData;

use opentelemetry::metrics::{Counter, Histogram, Meter, MeterProvider};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{ManualReader, SdkMeterProvider};
use telemetry_core::diagnostics::Voice;
use telemetry_core::export::prometheus::Renderer;
use telemetry_core::metrics::Registry;

use super::page::Paged;
use super::{HELP, Library, Request, SECONDS};
use crate::harness::{BATCH, Case};

/// Who makes the meter.
pub(in crate::cases) trait Implementation: Sync + 'static {
    fn meter() -> Meter;
}

pub(in crate::cases) struct OurRegistry;

impl Implementation for OurRegistry {
    fn meter() -> Meter {
        let scope = InstrumentationScope::builder("bench").build();
        Registry::global().meter(scope)
    }
}

pub(in crate::cases) struct SdkProvider;

impl Implementation for SdkProvider {
    fn meter() -> Meter {
        let reader = ManualReader::builder().build();
        let provider = SdkMeterProvider::builder().with_reader(reader);
        provider.build().meter("bench")
    }
}

pub(in crate::cases) struct OpenTelemetry<I>(Meter, PhantomData<I>);
pub(in crate::cases) type Ours = OpenTelemetry<OurRegistry>;
pub(in crate::cases) type Sdk = OpenTelemetry<SdkProvider>;

impl<I: Implementation> Library for OpenTelemetry<I> {
    type Attributes = [KeyValue; 3];
    type Counter = Counter<u64>;
    type Histogram = Histogram<f64>;

    fn start() -> Self {
        Self(I::meter(), PhantomData)
    }

    fn counter(&mut self, name: &'static str) -> Counter<u64> {
        let counter = self.0.u64_counter(name);
        counter.with_description(HELP).build()
    }

    fn histogram(&mut self, name: &'static str) -> Histogram<f64> {
        let histogram = self.0.f64_histogram(name).with_unit("s");
        let histogram = histogram.with_boundaries(SECONDS.to_vec());
        histogram.with_description(HELP).build()
    }

    #[inline]
    fn attributes(request: &Request) -> [KeyValue; 3] {
        [
            KeyValue::new("http.route", request.route),
            KeyValue::new("http.request.method", request.method),
            KeyValue::new("http.response.status_code", i64::from(request.status)),
        ]
    }

    #[inline]
    fn add(counter: &Counter<u64>, attributes: &[KeyValue; 3]) {
        counter.add(1, attributes);
    }

    #[inline]
    fn record(histogram: &Histogram<f64>, seconds: f64, attributes: &[KeyValue; 3]) {
        histogram.record(seconds, attributes);
    }
}

impl Paged for Ours {
    fn pages(self) -> impl FnMut() -> Vec<u8> + 'static {
        let renderer = Renderer::new(&Resource::builder_empty().build(), Voice::silent());
        move || {
            let snapshot = Registry::global().collect();
            let page = renderer.render(&snapshot, Some("application/openmetrics-text"), None);
            page.body
        }
    }
}

/// What callers of that API pay before any implementation is reached.
pub(in crate::cases) fn floor() -> Case {
    Case::new(make_attributes)
}

pub(in crate::cases) fn floor_beside() -> Case {
    std::thread::spawn(|| {
        loop {
            make_attributes(BATCH);
        }
    });
    floor()
}

fn make_attributes(count: u64) {
    for number in 0..count {
        black_box(Ours::attributes(&Request::usual(number)));
    }
}
