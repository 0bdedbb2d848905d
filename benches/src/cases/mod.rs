//! What is measured: a name, and how to set it up in a process of its own.

mod context;
mod encode;
mod logs;
mod metrics;
mod recorded;
mod requests;
mod spans;

use crate::harness::Case;

pub(crate) use metrics::MEMORY;
use metrics::{MetricsExporter, PrometheusClient, PrometheusClientExemplars, alone, beside};
pub(crate) use requests::quiet;
use requests::{NOT_SAMPLED, SAMPLED};

type Start = fn() -> Case;

/// All cases. A name is `operation.library`; `floor` and `base` are what the work costs without.
pub(crate) const ALL: &[(&str, Start)] = &[
    ("request.base", requests::base),
    ("request.ours", requests::ours::<SAMPLED>),
    (
        "request.axum-tracing-opentelemetry",
        requests::usual::<SAMPLED>,
    ),
    (
        "request.axum-tracing-opentelemetry+axum-otel-metrics",
        requests::two_layers::<SAMPLED>,
    ),
    (
        "request.opentelemetry-instrumentation-tower",
        requests::instrumentation_tower::<SAMPLED>,
    ),
    (
        "request.tower-http+tracing-opentelemetry",
        requests::tower_http::<SAMPLED>,
    ),
    ("request.fastrace-axum", requests::fastrace::<SAMPLED>),
    ("request-unsampled.ours", requests::ours::<NOT_SAMPLED>),
    (
        "request-unsampled.axum-tracing-opentelemetry",
        requests::usual::<NOT_SAMPLED>,
    ),
    (
        "request-unsampled.axum-tracing-opentelemetry+axum-otel-metrics",
        requests::two_layers::<NOT_SAMPLED>,
    ),
    (
        "request-unsampled.opentelemetry-instrumentation-tower",
        requests::instrumentation_tower::<NOT_SAMPLED>,
    ),
    (
        "request-unsampled.tower-http+tracing-opentelemetry",
        requests::tower_http::<NOT_SAMPLED>,
    ),
    (
        "request-unsampled.fastrace-axum",
        requests::fastrace::<NOT_SAMPLED>,
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
    ("disabled-target.ours", logs::armed_for_another_target),
    ("disabled-route.ours", logs::armed_for_another_route),
    ("armed.ours", logs::armed_here),
    ("recorded.ours", recorded::within),
    ("recorded-outside.ours", recorded::outside),
    ("recorded-other.ours", recorded::another_crate),
    ("metric.floor", metrics::floor),
    ("metric.ours", alone::<metrics::Ours>),
    ("metric.opentelemetry_sdk", alone::<metrics::Sdk>),
    ("metric.prometheus-client", alone::<PrometheusClient>),
    (
        "metric.metrics-exporter-prometheus",
        alone::<MetricsExporter>,
    ),
    ("metric-exemplar.ours", metrics::ours_exemplars),
    (
        "metric-exemplar.prometheus-client",
        alone::<PrometheusClientExemplars>,
    ),
    ("metric-two.floor", metrics::floor_beside),
    ("metric-two.ours", beside::<metrics::Ours>),
    ("metric-two.opentelemetry_sdk", beside::<metrics::Sdk>),
    ("metric-two.prometheus-client", beside::<PrometheusClient>),
    (
        "metric-two.metrics-exporter-prometheus",
        beside::<MetricsExporter>,
    ),
    ("bound-counter.floor", metrics::atomic),
    ("bound-counter.ours", metrics::ours_bound_counter),
    (
        "bound-counter.prometheus-client",
        metrics::prometheus_client_bound_counter,
    ),
    (
        "bound-counter.metrics-exporter-prometheus",
        metrics::metrics_exporter_bound_counter,
    ),
    ("bound-histogram.ours", metrics::ours_bound_histogram),
    (
        "bound-histogram.prometheus-client",
        metrics::prometheus_client_bound_histogram,
    ),
    (
        "bound-histogram.metrics-exporter-prometheus",
        metrics::metrics_exporter_bound_histogram,
    ),
    ("page.ours", metrics::page::<metrics::Ours>),
    ("page.prometheus-client", metrics::page::<PrometheusClient>),
    (
        "page.metrics-exporter-prometheus",
        metrics::page::<MetricsExporter>,
    ),
    ("inject.ours", context::inject),
    ("inject.opentelemetry_sdk", context::inject_sdk),
    ("extract.ours", context::extract),
    ("extract.opentelemetry_sdk", context::extract_sdk),
    ("encode.ours", encode::ours),
    ("encode.opentelemetry-proto", encode::proto),
];
