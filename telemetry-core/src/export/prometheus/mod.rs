//! Metrics for Prometheus to scrape: a page of text, and a listener that serves it.
//!
//! [`Renderer`] turns a [`Snapshot`](crate::metrics::Snapshot) into a [`Page`], in OpenMetrics
//! 1.0 (with exemplars) when the `Accept` header asks for it and in the classic text format
//! otherwise. [`Listener`] serves pages on the telemetry thread.
//!
//! Names, units, labels and types are translated by
//! <https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/>:
//! `http.server.request.duration` in `s` becomes `http_server_request_duration_seconds`. What
//! cannot be told there is told otherwise or left out, and reported:
//!
//! - Sums that go down are gauges.
//! - Exponential histograms become histograms of at most 160 buckets at powers of their base:
//!   text has no native histograms.
//! - A histogram with negative values or bounds has no `_sum`, and in OpenMetrics no `_count`:
//!   both formats take a sum for something that only grows.
//! - Of two families with one name but different types, the second is left out; of two series
//!   with the same labels too.
//! - Labels named like our own (`le`, `otel_scope_…`) get the prefix `exported_`.

mod accept;
#[cfg(feature = "prometheus-client")]
mod attached;
mod encode;
mod exemplar;
mod exponential;
mod family;
mod labels;
mod listener;
mod name;
mod number;
mod problems;
mod renderer;
mod scope;
mod text;
mod unit;

pub use listener::Listener;
pub use renderer::{Page, Renderer};
