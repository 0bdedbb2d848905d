//! `prometheus-client`: families by a struct of labels.

use std::hint::black_box;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::exemplar::{CounterWithExemplar, HistogramWithExemplars};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::page::Paged;
use super::{HELP, IDS, Library, Request, SECONDS};

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(in crate::cases) struct Labels {
    http_route: &'static str,
    http_request_method: &'static str,
    http_response_status_code: u16,
}

impl From<&Request> for Labels {
    #[inline]
    fn from(request: &Request) -> Self {
        Self {
            http_route: request.route,
            http_request_method: request.method,
            http_response_status_code: request.status,
        }
    }
}

pub(in crate::cases) struct PrometheusClient(Registry);

impl Library for PrometheusClient {
    type Attributes = Labels;
    type Counter = Family<Labels, Counter>;
    type Histogram = Family<Labels, Histogram, fn() -> Histogram>;

    fn start() -> Self {
        Self(Registry::default())
    }

    fn counter(&mut self, name: &'static str) -> Self::Counter {
        let counter = Self::Counter::default();
        self.0.register(name, HELP, counter.clone());
        counter
    }

    fn histogram(&mut self, name: &'static str) -> Self::Histogram {
        let histogram = Self::Histogram::new_with_constructor(|| Histogram::new(SECONDS));
        self.0.register(name, HELP, histogram.clone());
        histogram
    }

    #[inline]
    fn attributes(request: &Request) -> Labels {
        request.into()
    }

    #[inline]
    fn add(counter: &Self::Counter, labels: &Labels) {
        counter.get_or_create(labels).inc();
    }

    #[inline]
    fn record(histogram: &Self::Histogram, seconds: f64, labels: &Labels) {
        histogram.get_or_create(labels).observe(seconds);
    }
}

impl Paged for PrometheusClient {
    fn pages(self) -> impl FnMut() -> Vec<u8> + 'static {
        move || {
            let mut page = String::new();
            text::encode(&mut page, &self.0).unwrap();
            page.into_bytes()
        }
    }
}

/// The labels of an exemplar, made from the current span as its documentation shows.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(in crate::cases) struct Trace {
    trace_id: String,
    span_id: String,
}

impl Trace {
    fn current() -> Self {
        let ids = black_box(IDS);
        Self {
            trace_id: ids.trace_id.to_string(),
            span_id: ids.span_id.to_string(),
        }
    }
}

pub(in crate::cases) struct PrometheusClientExemplars;

impl Library for PrometheusClientExemplars {
    type Attributes = Labels;
    type Counter = Family<Labels, CounterWithExemplar<Trace>>;
    type Histogram =
        Family<Labels, HistogramWithExemplars<Trace>, fn() -> HistogramWithExemplars<Trace>>;

    fn start() -> Self {
        Self
    }

    fn counter(&mut self, _: &'static str) -> Self::Counter {
        Self::Counter::default()
    }

    fn histogram(&mut self, _: &'static str) -> Self::Histogram {
        let make = || HistogramWithExemplars::new(SECONDS.into_iter());
        Self::Histogram::new_with_constructor(make)
    }

    #[inline]
    fn attributes(request: &Request) -> Labels {
        request.into()
    }

    #[inline]
    fn add(counter: &Self::Counter, labels: &Labels) {
        let counter = counter.get_or_create(labels);
        counter.inc_by(1, Some(Trace::current()), None);
    }

    #[inline]
    fn record(histogram: &Self::Histogram, seconds: f64, labels: &Labels) {
        let histogram = histogram.get_or_create(labels);
        histogram.observe(seconds, Some(Trace::current()), None);
    }
}
