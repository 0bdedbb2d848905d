//! What is measured of requests.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use http::{Method, StatusCode};
use opentelemetry::metrics::{Histogram, Meter, UpDownCounter};
use opentelemetry::{InstrumentationScope, KeyValue, StringValue};
use telemetry_core::clock::{Clock, Timestamp};
use telemetry_core::metrics::{BoundHistogram, BoundUpDownCounter, Registry, bind};

use crate::{Failure, Route, semconv};

/// The boundaries of durations, in seconds.
///
/// Source: <https://github.com/open-telemetry/semantic-conventions/blob/v1.42.0/docs/http/http-metrics.md#metric-httpserverrequestduration>.
const BOUNDARIES: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// How many series each thread finds without asking the registry, and how many gauges.
const CACHED: usize = 64;
const CACHED_ACTIVE: usize = 16;

/// The instruments of one side of HTTP.
#[derive(Debug)]
pub(crate) struct Instruments {
    /// Tells them from others in the tables of each thread.
    number: u64,
    clock: Clock,
    duration: Histogram<f64>,
    active: UpDownCounter<i64>,
}

/// A request that is being measured.
#[derive(Debug)]
pub(crate) struct Measured {
    started: Timestamp,
    labels: Labels,
}

/// What is known of a request before its end, as far as it tells series apart.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Labels {
    /// None for a method that is not known.
    pub(crate) method: Option<Method>,
    pub(crate) route: Option<Route>,
    pub(crate) scheme: Scheme,
    pub(crate) version: Option<&'static str>,
}

/// `url.scheme`, which a client chooses: one of few.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct End {
    pub(crate) status: Option<StatusCode>,
    pub(crate) failure: Option<Failure>,
}

/// A series of durations that a thread has used before.
struct Duration {
    instruments: u64,
    labels: Labels,
    end: End,
    series: BoundHistogram<f64>,
}

/// A gauge that a thread has used before.
struct Active {
    instruments: u64,
    method: Option<Method>,
    scheme: Scheme,
    series: BoundUpDownCounter<i64>,
}

thread_local! {
    static DURATIONS: RefCell<Vec<Option<Duration>>> = const { RefCell::new(Vec::new()) };
    static ACTIVE: RefCell<Vec<Option<Active>>> = const { RefCell::new(Vec::new()) };
}

impl Instruments {
    /// The instruments of servers in this process's registry.
    pub(crate) fn server() -> Arc<Self> {
        static SERVER: OnceLock<Arc<Instruments>> = OnceLock::new();
        let make = || {
            let scope = InstrumentationScope::builder(env!("CARGO_PKG_NAME"))
                .with_version(env!("CARGO_PKG_VERSION"));
            Arc::new(Self::server_of(&Registry::global().meter(scope.build())))
        };
        Arc::clone(SERVER.get_or_init(make))
    }

    /// The instruments of servers, made by this meter.
    pub(crate) fn server_of(meter: &Meter) -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        Self {
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            clock: Clock::system(),
            duration: meter
                .f64_histogram(semconv::HTTP_SERVER_REQUEST_DURATION)
                .with_unit("s")
                .with_description("Duration of HTTP server requests.")
                .with_boundaries(BOUNDARIES.to_vec())
                .build(),
            active: meter
                .i64_up_down_counter(semconv::HTTP_SERVER_ACTIVE_REQUESTS)
                .with_unit("{request}")
                .with_description("Number of active HTTP server requests.")
                .build(),
        }
    }

    /// A request has come.
    #[inline]
    pub(crate) fn begin(&self, labels: Labels) -> Measured {
        self.count(&labels, 1);
        Measured {
            started: self.clock.now(),
            labels,
        }
    }

    /// The request has ended. Call it inside the request's span, for the exemplar.
    #[inline]
    pub(crate) fn end(&self, measured: Measured, end: &End) {
        let Measured { started, labels } = measured;
        self.count(&labels, -1);
        let seconds = self.clock.now().since(started).as_secs_f64();
        let recorded = DURATIONS.try_with(|cached| {
            let mut cached = cached.try_borrow_mut().ok()?;
            let entry = slot(&mut cached, CACHED, labels.hash() ^ end.hash())?;
            let found = entry.as_ref().is_some_and(|it| {
                it.instruments == self.number && it.end == *end && it.labels == labels
            });
            if !found {
                *entry = Some(self.find(labels.clone(), end.clone()));
            }
            entry.as_ref().map(|entry| entry.series.record(seconds))
        });
        // a thread that ends has no table any more
        if !matches!(recorded, Ok(Some(()))) {
            self.duration.record(seconds, &labels.attributes(end));
        }
    }

    #[cold]
    fn find(&self, labels: Labels, end: End) -> Duration {
        let series = bind(&self.duration, &labels.attributes(&end));
        Duration {
            instruments: self.number,
            labels,
            end,
            series,
        }
    }

    #[inline]
    fn count(&self, labels: &Labels, by: i64) {
        let counted = ACTIVE.try_with(|cached| {
            let mut cached = cached.try_borrow_mut().ok()?;
            let hash = method_hash(labels.method.as_ref()) ^ labels.scheme as u64;
            let entry = slot(&mut cached, CACHED_ACTIVE, hash)?;
            let found = entry.as_ref().is_some_and(|it| {
                it.instruments == self.number
                    && it.method == labels.method
                    && it.scheme == labels.scheme
            });
            if !found {
                *entry = Some(Active {
                    instruments: self.number,
                    method: labels.method.clone(),
                    scheme: labels.scheme,
                    series: bind(&self.active, &labels.of_all_requests()),
                });
            }
            entry.as_ref().map(|entry| entry.series.add(by))
        });
        if !matches!(counted, Ok(Some(()))) {
            self.active.add(by, &labels.of_all_requests());
        }
    }
}

/// The place of a hash in a table, which is made on first use.
#[inline]
fn slot<T>(table: &mut Vec<Option<T>>, size: usize, hash: u64) -> Option<&mut Option<T>> {
    if table.is_empty() {
        table.resize_with(size, || None);
    }
    let spread = hash.wrapping_mul(SPREAD) >> u32::BITS;
    let index = usize::try_from(spread).unwrap_or_default() % size;
    table.get_mut(index)
}

/// Multiplying by it spreads what differs in few bits over all: 2^64 divided by the golden ratio.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

impl Labels {
    /// A hash for the tables: lengths and ends differ where routes do, and equality has the last
    /// word.
    #[inline]
    fn hash(&self) -> u64 {
        let route = self
            .route
            .as_ref()
            .map_or(0, |route| weak_hash(route.as_str()));
        method_hash(self.method.as_ref()) ^ route.rotate_left(8) ^ self.scheme as u64
    }

    fn of_all_requests(&self) -> [KeyValue; 2] {
        let method = match &self.method {
            None => StringValue::from(semconv::METHOD_OTHER),
            Some(method) => static_name(method)
                .map_or_else(|| method.as_str().to_owned().into(), StringValue::from),
        };
        [
            KeyValue::new(semconv::HTTP_REQUEST_METHOD, method),
            KeyValue::new(semconv::URL_SCHEME, self.scheme.as_str()),
        ]
    }

    fn attributes(&self, end: &End) -> Vec<KeyValue> {
        let mut attributes = Vec::from(self.of_all_requests());
        if let Some(route) = &self.route {
            attributes.push(KeyValue::new(
                semconv::HTTP_ROUTE,
                route.as_str().to_owned(),
            ));
        }
        if let Some(version) = self.version {
            attributes.push(KeyValue::new(semconv::NETWORK_PROTOCOL_VERSION, version));
        }
        if let Some(status) = end.status {
            let code = i64::from(status.as_u16());
            attributes.push(KeyValue::new(semconv::HTTP_RESPONSE_STATUS_CODE, code));
        }
        if let Some(failure) = &end.failure {
            let failure = failure.error_type().to_owned();
            attributes.push(KeyValue::new(semconv::ERROR_TYPE, failure));
        }
        attributes
    }
}

impl Scheme {
    /// What a target says; a target without a scheme came over plain HTTP, as far as we know.
    pub(crate) fn of(scheme: Option<&str>) -> Self {
        match scheme {
            Some("https") => Self::Https,
            _ => Self::Http,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl End {
    #[inline]
    fn hash(&self) -> u64 {
        let status = self.status.map_or(0, |status| u64::from(status.as_u16()));
        let failure = self
            .failure
            .as_ref()
            .map_or(0, |it| weak_hash(it.error_type()));
        status << 16 ^ failure.rotate_left(24)
    }
}

#[inline]
fn method_hash(method: Option<&Method>) -> u64 {
    method.map_or(0, |method| weak_hash(method.as_str()))
}

/// The length, the first and the last four bytes.
#[inline]
fn weak_hash(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let word = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(0_u64, |word, byte| word << 8 | u64::from(*byte))
    };
    let first = &bytes[..bytes.len().min(4)];
    let last = &bytes[bytes.len().saturating_sub(4)..];
    word(first) ^ word(last).rotate_left(32) ^ (bytes.len() as u64).rotate_left(17)
}

fn static_name(method: &Method) -> Option<&'static str> {
    Some(match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        Method::CONNECT => "CONNECT",
        Method::TRACE => "TRACE",
        _ => return None,
    })
}
