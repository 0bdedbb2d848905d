//! S7 with handles that know their series.

use std::sync::atomic::{AtomicU64, Ordering};

use metrics::{counter, histogram};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;
use telemetry_core::metrics::bind;

use super::{Library, MetricsExporter, Ours, Request, SECONDS, duration};
use crate::harness::Case;

/// What no counter can do without: one atomic addition.
pub(in crate::cases) fn atomic() -> Case {
    let sum = AtomicU64::new(0);
    adding(move || {
        sum.fetch_add(1, Ordering::Relaxed);
    })
}

pub(in crate::cases) fn ours_bound_counter() -> Case {
    let requests = Ours::start().counter("requests");
    let requests = bind(&requests, &Ours::attributes(&Request::usual(0)));
    adding(move || requests.add(1))
}

pub(in crate::cases) fn prometheus_client_bound_counter() -> Case {
    let requests = Counter::<u64>::default();
    adding(move || {
        requests.inc();
    })
}

pub(in crate::cases) fn metrics_exporter_bound_counter() -> Case {
    let _exporter = MetricsExporter::start();
    let requests = counter!("requests", "http_route" => "/");
    adding(move || requests.increment(1))
}

fn adding(add: impl Fn() + 'static) -> Case {
    Case::new(move |count| (0..count).for_each(|_| add()))
}

pub(in crate::cases) fn ours_bound_histogram() -> Case {
    let durations = Ours::start().histogram("durations");
    let durations = bind(&durations, &Ours::attributes(&Request::usual(0)));
    recording(move |seconds| durations.record(seconds))
}

pub(in crate::cases) fn prometheus_client_bound_histogram() -> Case {
    let durations = Histogram::new(SECONDS);
    recording(move |seconds| durations.observe(seconds))
}

pub(in crate::cases) fn metrics_exporter_bound_histogram() -> Case {
    let exporter = MetricsExporter::start();
    let durations = histogram!("durations", "http_route" => "/");
    let mut case = recording(move |seconds| durations.record(seconds));
    case.settle = Box::new(move || exporter.settle());
    case
}

fn recording(record: impl Fn(f64) + 'static) -> Case {
    Case::new(move |count| (0..count).for_each(|number| record(duration(number))))
}
