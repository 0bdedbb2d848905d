//! What is measured: a name, and how to set it up in a process of its own.

mod context;
mod encode;
mod logs;
mod metrics;
mod requests;
mod spans;

use crate::harness::Case;

type Start = fn() -> Case;

/// All cases. A name is `operation.library`; `floor` and `base` are what the work costs without.
pub(crate) const ALL: &[(&str, Start)] = &[
    ("request.base", requests::base),
    ("request.ours", requests::ours),
    ("request.axum-tracing-opentelemetry", requests::usual),
    ("request-unsampled.ours", requests::ours_unsampled),
    (
        "request-unsampled.axum-tracing-opentelemetry",
        requests::usual_unsampled,
    ),
    ("request-logged.ours", requests::ours_logged),
    ("request-logged.usual", requests::usual_logged),
    ("span.floor", spans::registry),
    ("span.ours", spans::ours),
    ("span.tracing-opentelemetry", spans::tracing_opentelemetry),
    ("span.opentelemetry_sdk", spans::sdk),
    ("span.fastrace", spans::fastrace),
    ("span-armed.ours", spans::ours_armed),
    ("span-unsampled.ours", spans::ours_unsampled),
    (
        "span-unsampled.tracing-opentelemetry",
        spans::tracing_opentelemetry_unsampled,
    ),
    ("span-unsampled.opentelemetry_sdk", spans::sdk_unsampled),
    ("poll.floor", spans::registry_poll),
    ("poll.ours", spans::ours_poll),
    (
        "poll.tracing-opentelemetry",
        spans::tracing_opentelemetry_poll,
    ),
    ("polls-10.ours", spans::ours_polls),
    (
        "polls-10.tracing-opentelemetry",
        spans::tracing_opentelemetry_polls,
    ),
    ("line.floor", logs::registry),
    ("line.ours", logs::ours),
    ("line.fmt-json", logs::fmt_json),
    ("disabled.ours", logs::disabled),
    ("metric.floor", metrics::floor),
    ("metric.ours", metrics::ours),
    ("metric.opentelemetry_sdk", metrics::sdk),
    ("metric.prometheus-client", metrics::prometheus_client),
    ("metric-exemplar.ours", metrics::ours_exemplars),
    ("metric-two.floor", metrics::floor_beside),
    ("metric-two.ours", metrics::ours_beside),
    ("metric-two.opentelemetry_sdk", metrics::sdk_beside),
    ("bound-counter.floor", metrics::atomic),
    ("bound-counter.ours", metrics::ours_bound_counter),
    ("bound-histogram.ours", metrics::ours_bound_histogram),
    (
        "bound-histogram.prometheus-client",
        metrics::prometheus_client_bound_histogram,
    ),
    ("inject.ours", context::inject),
    ("inject.opentelemetry_sdk", context::inject_sdk),
    ("extract.ours", context::extract),
    ("extract.opentelemetry_sdk", context::extract_sdk),
    ("encode.ours", encode::ours),
    ("encode.opentelemetry-proto", encode::proto),
];
