//! A call that is being measured.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::Status;
use tracing::Span;

use super::Verdict;
use super::call::Kind;
use crate::clock::{Clock, Timestamp};
use crate::semconv;
use crate::trace::SpanExt;

/// A call that is being measured. Dropped before its end, it was cancelled or panicked.
#[derive(Debug)]
pub(super) struct Running<K: Kind> {
    span: Span,
    labels: Vec<KeyValue>,
    slow_after: Option<Duration>,
    started: Timestamp,
    /// Whether the user's code runs.
    inside: bool,
    ended: bool,
    kind: PhantomData<K>,
}

impl<K: Kind> Running<K> {
    pub(super) fn start(
        labels: Vec<KeyValue>,
        details: &[KeyValue],
        slow_after: Option<Duration>,
    ) -> Self {
        let span = tracing::info_span!(
            "operation",
            otel.name = &*K::span_name(&labels),
            otel.kind = K::span_kind(&labels),
        );
        span.set_attributes(labels.iter().chain(details));
        Self {
            span,
            labels,
            slow_after,
            started: Clock::system().now(),
            inside: false,
            ended: false,
            kind: PhantomData,
        }
    }

    /// Runs a part of the call inside its span.
    pub(super) fn step<T>(&mut self, part: impl FnOnce() -> T) -> T {
        let _entered = self.span.enter();
        self.inside = true;
        let result = part();
        self.inside = false;
        result
    }

    pub(super) fn end(mut self, verdict: Verdict) {
        self.record(verdict);
    }

    fn record(&mut self, verdict: Verdict) {
        self.ended = true;
        let took = Clock::system().now().since(self.started);
        if let Some(error_type) = &verdict.error_type {
            self.add(KeyValue::new(semconv::ERROR_TYPE, error_type.clone()));
            let description = Cow::Owned(verdict.message.clone());
            self.span.set_status(Status::Error { description });
        }
        if let Some(hit) = verdict.hit {
            let result = if hit { "hit" } else { "miss" };
            self.add(KeyValue::new(semconv::TELEMETRY_CACHE_RESULT, result));
        }
        // inside the span, for the exemplar and the ids of the line
        let _entered = self.span.enter();
        K::durations().record(took.as_secs_f64(), &self.labels);
        K::ended(&self.labels, &verdict);
        if let Some(threshold) = self.slow_after.filter(|most| took > *most) {
            let name = K::span_name(&self.labels);
            tracing::warn!(
                telemetry.operation.name = &*name,
                telemetry.operation.duration = took.as_secs_f64(),
                telemetry.operation.slow_after = threshold.as_secs_f64(),
                "slow: {name} took {took:.1?}"
            );
        }
    }

    fn add(&mut self, attribute: KeyValue) {
        self.span.set_attributes([&attribute]);
        self.labels.push(attribute);
    }
}

impl<K: Kind> Drop for Running<K> {
    fn drop(&mut self) {
        if !self.ended {
            self.record(Verdict::failure(if self.inside {
                "panic"
            } else {
                "cancelled"
            }));
        }
    }
}
