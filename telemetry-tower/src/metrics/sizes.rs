//! How large bodies are, if somebody wants to know.

use opentelemetry::metrics::{Histogram, Meter};
use telemetry_core::metrics::{BoundHistogram, bind};

use super::labels::{self, Labels, Target};
use super::table::Table;
use crate::http::end::End;
use crate::{Side, semconv};

/// The instruments for bodies.
#[derive(Debug)]
pub(super) struct Sizes {
    request: Histogram<u64>,
    response: Histogram<u64>,
}

type Known = Table<Labels, BoundHistogram<u64>, 64>;

thread_local! {
    static REQUESTS: Known = const { Table::new() };
    static RESPONSES: Known = const { Table::new() };
}

impl Sizes {
    pub(super) fn new(side: Side, meter: &Meter) -> Self {
        let [request, response] = match side {
            Side::Server => SERVER,
            Side::Client => CLIENT,
        };
        let histogram = |(name, description): (&'static str, &'static str)| {
            meter
                .u64_histogram(name)
                .with_unit("By")
                .with_description(description)
                .build()
        };
        Self {
            request: histogram(request),
            response: histogram(response),
        }
    }

    /// Records the sizes of the request's and the response's body that are known.
    pub(super) fn record(
        &self,
        instruments: u64,
        target: &Target,
        end: &End,
        [request, response]: [Option<u64>; 2],
    ) {
        let recorded = |known: &Known, instrument, size| {
            known.with(
                instruments,
                labels::hash(target, end),
                |labels| labels.are_of(target, end),
                || {
                    let labels = Labels::of(target, end);
                    let series = bind(instrument, &labels.attributes());
                    (labels, series)
                },
                |series| series.record(size),
            )
        };
        for (size, known, instrument) in [
            (request, &REQUESTS, &self.request),
            (response, &RESPONSES, &self.response),
        ] {
            let Some(size) = size else { continue };
            // a thread that ends has no table any more
            if !matches!(
                known.try_with(|it| recorded(it, instrument, size)),
                Ok(true)
            ) {
                instrument.record(size, &Labels::of(target, end).attributes());
            }
        }
    }
}

/// Names and descriptions: of requests, and of responses.
type Names = [(&'static str, &'static str); 2];

const SERVER: Names = [
    (
        semconv::HTTP_SERVER_REQUEST_BODY_SIZE,
        "Size of HTTP server request bodies.",
    ),
    (
        semconv::HTTP_SERVER_RESPONSE_BODY_SIZE,
        "Size of HTTP server response bodies.",
    ),
];

const CLIENT: Names = [
    (
        semconv::HTTP_CLIENT_REQUEST_BODY_SIZE,
        "Size of HTTP client request bodies.",
    ),
    (
        semconv::HTTP_CLIENT_RESPONSE_BODY_SIZE,
        "Size of HTTP client response bodies.",
    ),
];
