//! S7: a counter and a histogram with three attributes drawn from twenty values, by each library.

mod bound;
mod memory;
mod metrics_exporter;
mod opentelemetry;
mod page;
mod prometheus_client;

use telemetry_core::context::{CurrentIds, enter_ids};

use ::opentelemetry::trace::{SpanId, TraceFlags, TraceId};

use crate::harness::{BATCH, Case};

pub(super) use bound::{
    atomic, metrics_exporter_bound_counter, metrics_exporter_bound_histogram, ours_bound_counter,
    ours_bound_histogram, prometheus_client_bound_counter, prometheus_client_bound_histogram,
};
pub(crate) use memory::MEMORY;
pub(super) use metrics_exporter::MetricsExporter;
pub(super) use opentelemetry::{Ours, Sdk, floor, floor_beside};
pub(super) use page::page;
pub(super) use prometheus_client::{PrometheusClient, PrometheusClientExemplars};

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
const HELP: &str = "What a bench has measured";

/// What is recorded about, and how long it took.
pub(super) struct Request {
    route: &'static str,
    method: &'static str,
    status: u16,
    seconds: f64,
}

impl Request {
    /// One of twenty.
    fn usual(number: u64) -> Self {
        let seconds = duration(number);
        Self {
            seconds,
            ..Self::unlike_others(number % 20)
        }
    }

    /// Its attributes are those of no other number.
    fn unlike_others(number: u64) -> Self {
        let index = usize::try_from(number % 20).unwrap();
        Self {
            route: ROUTES[index],
            method: if index < 15 { "GET" } else { "POST" },
            status: 200 + u16::try_from(number / 20).unwrap(),
            seconds: duration(number),
        }
    }
}

fn duration(number: u64) -> f64 {
    f64::from(u32::try_from(number % 97).unwrap()) * 0.001
}

/// How a library records, in the words of its documentation.
pub(super) trait Library: Sync + Sized + 'static {
    type Attributes;
    type Counter: Clone + Send + Sync + 'static;
    type Histogram: Clone + Send + Sync + 'static;

    fn start() -> Self;
    fn counter(&mut self, name: &'static str) -> Self::Counter;
    fn histogram(&mut self, name: &'static str) -> Self::Histogram;
    fn attributes(request: &Request) -> Self::Attributes;
    fn add(counter: &Self::Counter, attributes: &Self::Attributes);
    fn record(histogram: &Self::Histogram, seconds: f64, attributes: &Self::Attributes);
    /// What the library asks to be done now and then; not measured.
    fn settle(&self) {}
}

/// What records a request with both instruments.
fn recorder<L: Library>(library: &mut L) -> impl Fn(&Request) + Clone + Send + use<L> + 'static {
    let counter = library.counter("requests");
    let histogram = library.histogram("durations");
    move |request| {
        let attributes = L::attributes(request);
        L::add(&counter, &attributes);
        L::record(&histogram, request.seconds, &attributes);
    }
}

pub(super) fn alone<L: Library>() -> Case {
    let mut library = L::start();
    let record = recorder(&mut library);
    let run = move |count| (0..count).for_each(|number| record(&Request::usual(number)));
    Case::settled(run, move || library.settle())
}

/// A second thread does the same all the time.
pub(super) fn beside<L: Library>() -> Case {
    let mut library = L::start();
    let record = recorder(&mut library);
    let run = move |count| (0..count).for_each(|number| record(&Request::usual(number)));
    let other = run.clone();
    std::thread::spawn(move || {
        loop {
            other(BATCH);
        }
    });
    Case::settled(run, move || library.settle())
}

const IDS: CurrentIds = CurrentIds {
    trace_id: TraceId::from_bytes([7; 16]),
    span_id: SpanId::from_bytes([7; 8]),
    trace_flags: TraceFlags::SAMPLED,
};

/// Within a sampled trace, as requests are.
pub(super) fn ours_exemplars() -> Case {
    let Case {
        mut run, settle, ..
    } = alone::<Ours>();
    let run = move |count| {
        let _entered = enter_ids(Some(IDS));
        run(count);
    };
    Case::settled(run, settle)
}
