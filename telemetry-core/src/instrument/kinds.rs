//! The kinds of calls, and where each is recorded.

use std::borrow::Cow;
use std::sync::OnceLock;

use opentelemetry::metrics::{Counter, Histogram};
use opentelemetry::{KeyValue, Value};

use super::Verdict;
use super::call::{Fallible, Judge, Kind, sealed::Sealed, text, words};
use super::verdict::Answer;
use crate::metrics::Registry;
use crate::semconv::{self, Metric, SECONDS};

/// Source: <https://opentelemetry.io/docs/specs/semconv/db/database-metrics/#metric-dbclientoperationduration>.
const DB_SECONDS: [f64; 9] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];

/// From a look-up in memory to a cache that does not answer.
const CACHE_SECONDS: [f64; 10] = [
    0.00001, 0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 1.0,
];

macro_rules! kinds {
    ($($(#[$doc:meta])+ $kind:ident: $metric:ident, $boundaries:ident;)+) => {
        $($(#[$doc])+
        #[derive(Clone, Copy, Debug)]
        #[non_exhaustive]
        pub struct $kind;

        impl Sealed for $kind {}

        impl $kind {
            fn histogram() -> &'static Histogram<f64> {
                static HISTOGRAM: OnceLock<Histogram<f64>> = OnceLock::new();
                HISTOGRAM.get_or_init(|| {
                    semconv::$metric.histogram(&semconv::meter(Registry::global()), &$boundaries)
                })
            }
        })+
    };
}

kinds! {
    /// An operation of the program.
    Operation: METRIC_TELEMETRY_OPERATION_DURATION, SECONDS;
    /// An operation of a database.
    DbOperation: METRIC_DB_CLIENT_OPERATION_DURATION, DB_SECONDS;
    /// The wait for a connection of a pool.
    Acquire: METRIC_DB_CLIENT_CONNECTION_WAIT_TIME, DB_SECONDS;
    /// An operation of a cache that looks nothing up.
    CacheOperation: METRIC_TELEMETRY_CACHE_OPERATION_DURATION, CACHE_SECONDS;
    /// A look-up in a cache.
    CacheLookup: METRIC_TELEMETRY_CACHE_OPERATION_DURATION, CACHE_SECONDS;
    /// Sending or receiving messages.
    Transfer: METRIC_MESSAGING_CLIENT_OPERATION_DURATION, SECONDS;
    /// Processing a message.
    Process: METRIC_MESSAGING_PROCESS_DURATION, SECONDS;
}

impl Fallible for Operation {}
impl Fallible for DbOperation {}
impl Fallible for Acquire {}
impl Fallible for CacheOperation {}
impl Fallible for Transfer {}
impl Fallible for Process {}

impl<T: Answer> Judge<T> for CacheLookup {
    fn judge(result: &T) -> Verdict {
        result.verdict()
    }
}

impl Kind for Operation {
    fn span_name(labels: &[KeyValue]) -> Cow<'static, str> {
        words([text(labels, semconv::TELEMETRY_OPERATION_NAME)])
    }

    fn span_kind(_: &[KeyValue]) -> &'static str {
        "internal"
    }

    fn durations() -> &'static Histogram<f64> {
        Self::histogram()
    }
}

impl Kind for DbOperation {
    /// Source: <https://opentelemetry.io/docs/specs/semconv/db/database-spans/#name>.
    fn span_name(labels: &[KeyValue]) -> Cow<'static, str> {
        if let Some(summary) = text(labels, semconv::DB_QUERY_SUMMARY) {
            return words([Some(summary)]);
        }
        let target = text(labels, semconv::DB_COLLECTION_NAME)
            .or_else(|| text(labels, semconv::DB_NAMESPACE));
        match (text(labels, semconv::DB_OPERATION_NAME), target) {
            (None, None) => words([text(labels, semconv::DB_SYSTEM_NAME)]),
            (operation, target) => words([operation, target]),
        }
    }

    fn span_kind(_: &[KeyValue]) -> &'static str {
        "client"
    }

    fn durations() -> &'static Histogram<f64> {
        Self::histogram()
    }
}

impl Kind for Acquire {
    fn span_name(labels: &[KeyValue]) -> Cow<'static, str> {
        let pool = text(labels, semconv::DB_CLIENT_CONNECTION_POOL_NAME);
        words([Some("acquire".into()), pool])
    }

    fn span_kind(_: &[KeyValue]) -> &'static str {
        "internal"
    }

    fn durations() -> &'static Histogram<f64> {
        Self::histogram()
    }

    fn ended(labels: &[KeyValue], verdict: &Verdict) {
        static TIMEOUTS: OnceLock<Counter<u64>> = OnceLock::new();
        // whoever waits with a deadline of his own drops the future
        let timed_out = matches!(verdict.error_type.as_deref(), Some("timeout" | "cancelled"));
        if timed_out {
            let timeouts = counter(&TIMEOUTS, &semconv::METRIC_DB_CLIENT_CONNECTION_TIMEOUTS);
            timeouts.add(1, &only(labels, &[semconv::DB_CLIENT_CONNECTION_POOL_NAME]));
        }
    }
}

impl Kind for CacheOperation {
    fn span_name(labels: &[KeyValue]) -> Cow<'static, str> {
        let operation = text(labels, semconv::TELEMETRY_CACHE_OPERATION_NAME);
        words([operation, text(labels, semconv::TELEMETRY_CACHE_NAME)])
    }

    fn span_kind(_: &[KeyValue]) -> &'static str {
        "client"
    }

    fn durations() -> &'static Histogram<f64> {
        Self::histogram()
    }
}

impl Kind for CacheLookup {
    fn span_name(labels: &[KeyValue]) -> Cow<'static, str> {
        CacheOperation::span_name(labels)
    }

    fn span_kind(labels: &[KeyValue]) -> &'static str {
        CacheOperation::span_kind(labels)
    }

    fn durations() -> &'static Histogram<f64> {
        Self::histogram()
    }

    fn ended(labels: &[KeyValue], verdict: &Verdict) {
        if verdict.hit.is_some() {
            let keys = [
                semconv::TELEMETRY_CACHE_NAME,
                semconv::TELEMETRY_CACHE_RESULT,
            ];
            looked_up(&only(labels, &keys));
        }
    }
}

impl Kind for Transfer {
    /// Source: <https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/#span-name>.
    fn span_name(labels: &[KeyValue]) -> Cow<'static, str> {
        let operation = text(labels, semconv::MESSAGING_OPERATION_NAME);
        words([operation, text(labels, semconv::MESSAGING_DESTINATION_NAME)])
    }

    /// Source: <https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/#span-kind>.
    fn span_kind(labels: &[KeyValue]) -> &'static str {
        match text(labels, semconv::MESSAGING_OPERATION_TYPE).as_deref() {
            Some("send") => "producer",
            _ => "client",
        }
    }

    fn durations() -> &'static Histogram<f64> {
        Self::histogram()
    }
}

impl Kind for Process {
    fn span_name(labels: &[KeyValue]) -> Cow<'static, str> {
        Transfer::span_name(labels)
    }

    fn span_kind(_: &[KeyValue]) -> &'static str {
        "consumer"
    }

    fn durations() -> &'static Histogram<f64> {
        Self::histogram()
    }
}

/// Counts a look-up.
pub(super) fn looked_up(labels: &[KeyValue]) {
    static LOOKUPS: OnceLock<Counter<u64>> = OnceLock::new();
    counter(&LOOKUPS, &semconv::METRIC_TELEMETRY_CACHE_LOOKUPS).add(1, labels);
}

/// A label of the conventions.
pub(super) fn label(key: &'static str, value: impl Into<super::Label>) -> KeyValue {
    let value: Value = value.into().into_value();
    KeyValue::new(key, value)
}

fn counter(made: &'static OnceLock<Counter<u64>>, metric: &Metric) -> &'static Counter<u64> {
    made.get_or_init(|| metric.counter(&semconv::meter(Registry::global())))
}

fn only(labels: &[KeyValue], keys: &[&str]) -> Vec<KeyValue> {
    let wanted = labels.iter().filter(|it| keys.contains(&it.key.as_str()));
    wanted.cloned().collect()
}
