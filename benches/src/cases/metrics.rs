//! S7: a counter and a histogram with three attributes drawn from twenty values.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry::metrics::{Counter, Histogram, Meter, MeterProvider};
use opentelemetry::trace::{SpanId, TraceFlags, TraceId};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::metrics::{ManualReader, SdkMeterProvider};
use prometheus_client::metrics::counter::Counter as PrometheusCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram as PrometheusHistogram;
use telemetry_core::context::{CurrentIds, enter_ids};
use telemetry_core::metrics::{Registry, bind};

use crate::harness::Case;

const ROUTES: [&str; 20] = [
    "/",
    "/orders",
    "/orders/{id}",
    "/orders/{id}/items",
    "/users",
    "/users/{id}",
    "/users/{id}/avatar",
    "/carts/{id}",
    "/carts/{id}/items",
    "/checkout",
    "/search",
    "/login",
    "/logout",
    "/products",
    "/products/{id}",
    "/products/{id}/reviews",
    "/feeds",
    "/admin",
    "/health",
    "/ready",
];
const SECONDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

fn route(number: u64) -> &'static str {
    let index = number % 20;
    ROUTES[usize::try_from(index).unwrap()]
}

fn method(number: u64) -> &'static str {
    if number % 20 < 15 { "GET" } else { "POST" }
}

fn attributes(number: u64) -> [KeyValue; 3] {
    [
        KeyValue::new("http.route", route(number)),
        KeyValue::new("http.request.method", method(number)),
        KeyValue::new("http.response.status_code", 200),
    ]
}

fn duration(number: u64) -> f64 {
    f64::from(u32::try_from(number % 97).unwrap()) * 0.001
}

/// Instruments of the OpenTelemetry API.
#[derive(Clone)]
struct Instruments {
    requests: Counter<u64>,
    durations: Histogram<f64>,
}

impl Instruments {
    fn new(meter: &Meter) -> Self {
        let durations = meter.f64_histogram("durations").with_unit("s");
        Self {
            requests: meter.u64_counter("requests").build(),
            durations: durations.with_boundaries(SECONDS.to_vec()).build(),
        }
    }

    fn ours() -> Self {
        let scope = InstrumentationScope::builder("bench").build();
        Self::new(&Registry::global().meter(scope))
    }

    fn sdk() -> Self {
        let provider = SdkMeterProvider::builder();
        let provider = provider.with_reader(ManualReader::builder().build());
        Self::new(&provider.build().meter("bench"))
    }

    fn record(&self, count: u64) {
        for number in 0..count {
            let attributes = attributes(number);
            self.requests.add(1, &attributes);
            self.durations.record(duration(number), &attributes);
        }
    }
}

pub(super) fn floor() -> Case {
    Case::new(make_attributes)
}

fn make_attributes(count: u64) {
    for number in 0..count {
        black_box(&attributes(number));
    }
}

pub(super) fn ours() -> Case {
    let instruments = Instruments::ours();
    Case::new(move |count| instruments.record(count))
}

pub(super) fn sdk() -> Case {
    let instruments = Instruments::sdk();
    Case::new(move |count| instruments.record(count))
}

type Labels = Vec<(&'static str, &'static str)>;

pub(super) fn prometheus_client() -> Case {
    let requests = Family::<Labels, PrometheusCounter>::default();
    let durations = Family::<Labels, PrometheusHistogram>::new_with_constructor(|| {
        PrometheusHistogram::new(SECONDS)
    });
    Case::new(move |count| {
        for number in 0..count {
            let labels = vec![
                ("http_route", route(number)),
                ("http_request_method", method(number)),
                ("http_response_status_code", "200"),
            ];
            requests.get_or_create(&labels).inc();
            durations.get_or_create(&labels).observe(duration(number));
        }
    })
}

/// Within a sampled trace, as requests are.
pub(super) fn ours_exemplars() -> Case {
    let instruments = Instruments::ours();
    let ids = CurrentIds {
        trace_id: TraceId::from(1),
        span_id: SpanId::from(1),
        trace_flags: TraceFlags::SAMPLED,
    };
    Case::new(move |count| {
        let _entered = enter_ids(Some(ids));
        instruments.record(count);
    })
}

/// A second thread does the same all the time.
fn beside(record: impl Fn(u64) + Clone + Send + 'static) -> Case {
    let other = record.clone();
    std::thread::spawn(move || {
        loop {
            other(crate::harness::BATCH);
        }
    });
    Case::new(record)
}

pub(super) fn ours_beside() -> Case {
    let instruments = Instruments::ours();
    beside(move |count| instruments.record(count))
}

pub(super) fn sdk_beside() -> Case {
    let instruments = Instruments::sdk();
    beside(move |count| instruments.record(count))
}

pub(super) fn floor_beside() -> Case {
    beside(make_attributes)
}

/// What no counter can do without: one atomic addition.
pub(super) fn atomic() -> Case {
    let sum = AtomicU64::new(0);
    Case::new(move |count| {
        for _ in 0..count {
            sum.fetch_add(1, Ordering::Relaxed);
        }
    })
}

pub(super) fn ours_bound_counter() -> Case {
    let requests = bind(&Instruments::ours().requests, &attributes(0));
    Case::new(move |count| {
        for _ in 0..count {
            requests.add(1);
        }
    })
}

pub(super) fn ours_bound_histogram() -> Case {
    let durations = bind(&Instruments::ours().durations, &attributes(0));
    Case::new(move |count| {
        for number in 0..count {
            durations.record(duration(number));
        }
    })
}

pub(super) fn prometheus_client_bound_histogram() -> Case {
    let durations = PrometheusHistogram::new(SECONDS);
    Case::new(move |count| {
        for number in 0..count {
            durations.observe(duration(number));
        }
    })
}
