//! What instruments and series keep of the allocator's bytes.

use std::sync::{Barrier, Mutex};
use std::thread;

use super::{Library, MetricsExporter, Ours, PrometheusClient, Request, Sdk};
use crate::allocations;

type Measure = fn() -> f64;

/// `what.library`, and the bytes that one of it keeps.
pub(crate) const MEMORY: &[(&str, Measure)] = &[
    ("memory-instrument.ours", instrument::<Ours>),
    ("memory-instrument.opentelemetry_sdk", instrument::<Sdk>),
    (
        "memory-instrument.prometheus-client",
        instrument::<PrometheusClient>,
    ),
    (
        "memory-instrument.metrics-exporter-prometheus",
        instrument::<MetricsExporter>,
    ),
    ("memory-counter.ours", counter::<Ours>),
    ("memory-counter.opentelemetry_sdk", counter::<Sdk>),
    (
        "memory-counter.prometheus-client",
        counter::<PrometheusClient>,
    ),
    (
        "memory-counter.metrics-exporter-prometheus",
        counter::<MetricsExporter>,
    ),
    ("memory-histogram.ours", histogram::<Ours, 1>),
    ("memory-histogram.opentelemetry_sdk", histogram::<Sdk, 1>),
    (
        "memory-histogram.prometheus-client",
        histogram::<PrometheusClient, 1>,
    ),
    (
        "memory-histogram.metrics-exporter-prometheus",
        histogram::<MetricsExporter, 1>,
    ),
    ("memory-histogram-four.ours", histogram::<Ours, 4>),
    (
        "memory-histogram-four.opentelemetry_sdk",
        histogram::<Sdk, 4>,
    ),
    (
        "memory-histogram-four.prometheus-client",
        histogram::<PrometheusClient, 4>,
    ),
    (
        "memory-histogram-four.metrics-exporter-prometheus",
        histogram::<MetricsExporter, 4>,
    ),
];

const INSTRUMENTS: u32 = 100;
const SERIES: u32 = 1000;

/// A counter with which nothing was recorded yet.
fn instrument<L: Library>() -> f64 {
    let mut library = L::start();
    let names = (0..INSTRUMENTS).map(|number| &*format!("requests_{number}").leak());
    let names: Vec<_> = names.collect();
    let mut counters = Vec::with_capacity(names.len());
    let kept = kept(|| {
        counters.extend(names.into_iter().map(|name| library.counter(name)));
        library.settle();
    });
    kept / f64::from(INSTRUMENTS)
}

fn counter<L: Library>() -> f64 {
    let mut library = L::start();
    let counter = library.counter("requests");
    series(1, &library, |request| {
        L::add(&counter, &L::attributes(request));
    })
}

/// Recorded by so many threads.
fn histogram<L: Library, const THREADS: u32>() -> f64 {
    let mut library = L::start();
    let histogram = library.histogram("durations");
    series(THREADS, &library, |request| {
        L::record(&histogram, request.seconds, &L::attributes(request));
    })
}

/// What a series more keeps, once the first of the thread is there. Threads take turns, and stay
/// until all are done.
fn series<L: Library>(threads: u32, library: &L, record: impl Fn(&Request) + Sync) -> f64 {
    let (turn, all_done) = (Mutex::new(()), Barrier::new(threads.try_into().unwrap()));
    let measured = || {
        let turn = turn.lock().unwrap();
        record(&Request::unlike_others(0));
        library.settle();
        let kept = kept(|| {
            for number in 1..=SERIES {
                record(&Request::unlike_others(number.into()));
            }
            library.settle();
        });
        drop(turn);
        all_done.wait();
        kept
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(measured)).collect();
        let kept = threads.into_iter().map(|thread| thread.join().unwrap());
        kept.sum::<f64>() / f64::from(SERIES)
    })
}

#[expect(clippy::cast_precision_loss, reason = "all far below 2^52")]
fn kept(act: impl FnOnce()) -> f64 {
    let before = allocations::held();
    act();
    (allocations::held() - before) as f64
}
