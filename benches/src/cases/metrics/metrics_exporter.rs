//! The macros of `metrics`, recorded by `metrics-exporter-prometheus` without its listener.

use metrics::{SharedString, counter, describe_counter, describe_histogram, histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use super::page::Paged;
use super::{HELP, Library, Request, SECONDS};

pub(in crate::cases) struct MetricsExporter(PrometheusHandle);

pub(in crate::cases) struct Labels {
    route: &'static str,
    method: &'static str,
    status: SharedString,
}

impl Library for MetricsExporter {
    type Attributes = Labels;
    type Counter = &'static str;
    type Histogram = &'static str;

    fn start() -> Self {
        let builder = PrometheusBuilder::new().set_buckets(&SECONDS).unwrap();
        Self(builder.install_recorder().unwrap())
    }

    fn counter(&mut self, name: &'static str) -> &'static str {
        describe_counter!(name, HELP);
        name
    }

    fn histogram(&mut self, name: &'static str) -> &'static str {
        describe_histogram!(name, HELP);
        name
    }

    /// The usual status costs no allocation, as it does not where it is text already.
    #[inline]
    fn attributes(request: &Request) -> Labels {
        let status = match request.status {
            200 => "200".into(),
            other => other.to_string().into(),
        };
        Labels {
            route: request.route,
            method: request.method,
            status,
        }
    }

    #[inline]
    fn add(name: &&'static str, labels: &Labels) {
        counter!(
            *name,
            "http_route" => labels.route,
            "http_request_method" => labels.method,
            "http_response_status_code" => labels.status.clone()
        )
        .increment(1);
    }

    #[inline]
    fn record(name: &&'static str, seconds: f64, labels: &Labels) {
        histogram!(
            *name,
            "http_route" => labels.route,
            "http_request_method" => labels.method,
            "http_response_status_code" => labels.status.clone()
        )
        .record(seconds);
    }

    /// Puts the values that were recorded into their buckets.
    fn settle(&self) {
        self.0.run_upkeep();
    }
}

impl Paged for MetricsExporter {
    fn pages(self) -> impl FnMut() -> Vec<u8> + 'static {
        move || self.0.render().into_bytes()
    }
}
