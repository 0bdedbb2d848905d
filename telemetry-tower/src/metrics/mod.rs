//! What is measured of requests and calls.

mod labels;
mod peer;
mod sizes;
mod table;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use opentelemetry::InstrumentationScope;
use opentelemetry::metrics::{Histogram, Meter, UpDownCounter};
use telemetry_core::clock::{Clock, Timestamp};
use telemetry_core::metrics::{BoundHistogram, BoundUpDownCounter, Registry, bind};

use crate::http::end::End;
use crate::http::subject::{Call, Subject};
use crate::{Side, semconv};
use labels::{ActiveLabels, Labels, Request};
pub(crate) use labels::{Scheme, Target};
pub(crate) use peer::Peer;
use sizes::Sizes;
use table::Table;

/// The boundaries of durations, in seconds, of HTTP and of remote calls alike.
///
/// Source: <https://github.com/open-telemetry/semantic-conventions/blob/v1.42.0/docs/http/http-metrics.md#metric-httpserverrequestduration>.
const BOUNDARIES: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// The instruments of one side.
#[derive(Debug)]
pub(crate) struct Instruments {
    /// Tells them from others in the tables of each thread.
    number: u64,
    clock: Clock,
    /// How long requests of HTTP took.
    requests: Histogram<f64>,
    /// How many requests of HTTP have not ended.
    active: UpDownCounter<i64>,
    /// How long calls of gRPC took.
    calls: Histogram<f64>,
    sizes: Sizes,
}

/// A request that is being measured.
#[derive(Debug)]
pub(crate) struct Measured {
    started: Timestamp,
    target: Target,
}

thread_local! {
    static DURATIONS: Table<Labels, BoundHistogram<f64>, 64> = const { Table::new() };
    static ACTIVE: Table<ActiveLabels, BoundUpDownCounter<i64>, 16> = const { Table::new() };
}

impl Instruments {
    /// The instruments of servers in this process's registry.
    pub(crate) fn server() -> Arc<Self> {
        static SERVER: OnceLock<Arc<Instruments>> = OnceLock::new();
        Arc::clone(SERVER.get_or_init(|| Arc::new(Self::of_process(Side::Server))))
    }

    /// The instruments of clients in this process's registry.
    pub(crate) fn client() -> Arc<Self> {
        static CLIENT: OnceLock<Arc<Instruments>> = OnceLock::new();
        Arc::clone(CLIENT.get_or_init(|| Arc::new(Self::of_process(Side::Client))))
    }

    fn of_process(side: Side) -> Self {
        let scope = InstrumentationScope::builder(env!("CARGO_PKG_NAME"))
            .with_version(env!("CARGO_PKG_VERSION"));
        Self::new(side, &Registry::global().meter(scope.build()))
    }

    /// The instruments of a side, made by this meter.
    pub(crate) fn new(side: Side, meter: &Meter) -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let names = match side {
            Side::Server => &SERVER,
            Side::Client => &CLIENT,
        };
        let [requests, active, calls] = *names;
        let histogram = |(name, description): (&'static str, &'static str)| {
            meter
                .f64_histogram(name)
                .with_unit("s")
                .with_description(description)
                .with_boundaries(BOUNDARIES.to_vec())
                .build()
        };
        Self {
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            clock: Clock::system(),
            requests: histogram(requests),
            active: meter
                .i64_up_down_counter(active.0)
                .with_unit("{request}")
                .with_description(active.1)
                .build(),
            calls: histogram(calls),
            sizes: Sizes::new(side, meter),
        }
    }

    /// A request has begun; `started` is when, if somebody has read the clock already.
    #[inline]
    pub(crate) fn begin(
        &self,
        subject: &Subject,
        target: Target,
        started: Option<Timestamp>,
    ) -> Measured {
        self.count(subject, &target, 1);
        Measured {
            started: started.unwrap_or_else(|| self.clock.now()),
            target,
        }
    }

    /// The request has ended, at `ended` if somebody has read the clock already. Call it where the
    /// request's ids are current, for the exemplar.
    #[inline]
    pub(crate) fn end(&self, measured: &Measured, end: &End, ended: Option<Timestamp>) {
        let Measured { started, target } = measured;
        self.count(&end.subject, target, -1);
        let ended = ended.unwrap_or_else(|| self.clock.now());
        let seconds = ended.since(*started).as_secs_f64();
        let recorded = DURATIONS.try_with(|table| {
            table.with(
                self.number,
                labels::hash(target, end),
                |labels| labels.are_of(target, end),
                || self.find(target, end),
                |series| series.record(seconds),
            )
        });
        // a thread that ends has no table any more
        if !matches!(recorded, Ok(true)) {
            let attributes = Labels::of(target, end).attributes();
            self.durations(&end.subject).record(seconds, &attributes);
        }
    }

    /// Records how large the bodies of the request and of its response were, as far as that is
    /// known. Calls of gRPC have no such metrics.
    pub(crate) fn sizes(&self, measured: &Measured, end: &End, sizes: [Option<u64>; 2]) {
        if !end.subject.is_grpc() {
            self.sizes.record(self.number, &measured.target, end, sizes);
        }
    }

    #[cold]
    fn find(&self, target: &Target, end: &End) -> (Labels, BoundHistogram<f64>) {
        let labels = Labels::of(target, end);
        let series = bind(self.durations(&end.subject), &labels.attributes());
        (labels, series)
    }

    fn durations(&self, subject: &Subject) -> &Histogram<f64> {
        match subject.call {
            Call::Http { .. } => &self.requests,
            Call::Grpc { .. } => &self.calls,
        }
    }

    /// Counts a request of HTTP: the conventions have no such gauge of remote calls.
    #[inline]
    fn count(&self, subject: &Subject, target: &Target, by: i64) {
        let Some(request) = Request::of(subject) else {
            return;
        };
        let counted = ACTIVE.try_with(|table| {
            table.with(
                self.number,
                labels::active_hash(request, target),
                |labels| labels.are_of(request, target),
                || {
                    let labels = ActiveLabels::of(request, target);
                    let series = bind(&self.active, &labels.attributes());
                    (labels, series)
                },
                |series| series.add(by),
            )
        });
        if !matches!(counted, Ok(true)) {
            let attributes = ActiveLabels::of(request, target).attributes();
            self.active.add(by, &attributes);
        }
    }
}

/// Names and descriptions: the durations of requests, the requests that have not ended, and the
/// durations of calls.
type Names = [(&'static str, &'static str); 3];

const SERVER: Names = [
    (
        semconv::HTTP_SERVER_REQUEST_DURATION,
        "Duration of HTTP server requests.",
    ),
    (
        semconv::HTTP_SERVER_ACTIVE_REQUESTS,
        "Number of active HTTP server requests.",
    ),
    (
        semconv::RPC_SERVER_CALL_DURATION,
        "Duration of inbound remote procedure calls.",
    ),
];

const CLIENT: Names = [
    (
        semconv::HTTP_CLIENT_REQUEST_DURATION,
        "Duration of HTTP client requests.",
    ),
    (
        semconv::HTTP_CLIENT_ACTIVE_REQUESTS,
        "Number of active HTTP client requests.",
    ),
    (
        semconv::RPC_CLIENT_CALL_DURATION,
        "Duration of outbound remote procedure calls.",
    ),
];
