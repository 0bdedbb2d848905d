//! A call that is about to be measured.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::time::Duration;

use opentelemetry::metrics::Histogram;
use opentelemetry::{Key, KeyValue, Value};

use super::future::Run;
use super::running::Running;
use super::{Label, Outcome, Verdict};

/// A call that is about to be measured: one wrapper gives it a span, a duration with an exemplar
/// that leads to the span, and `error.type` on both.
///
/// A future that is dropped before its end counts as `error.type` `cancelled`, one that panics as
/// `panic`.
#[derive(Debug)]
#[must_use = "nothing is measured until it is run"]
pub struct Call<K> {
    labels: Vec<KeyValue>,
    details: Vec<KeyValue>,
    slow_after: Option<Duration>,
    kind: PhantomData<K>,
}

/// What is measured of one kind of call.
pub trait Kind: sealed::Sealed {
    /// What the span is called.
    #[doc(hidden)]
    fn span_name(labels: &[KeyValue]) -> Cow<'static, str>;

    /// The span's kind, as `otel.kind` has it.
    #[doc(hidden)]
    fn span_kind(labels: &[KeyValue]) -> &'static str;

    /// Where durations are recorded.
    #[doc(hidden)]
    fn durations() -> &'static Histogram<f64>;

    /// Records what else there is to record.
    #[doc(hidden)]
    fn ended(_labels: &[KeyValue], _verdict: &Verdict) {}
}

/// Calls of a kind whose results of type `T` can be judged.
pub trait Judge<T>: Kind {
    /// How a call with this result ended.
    #[doc(hidden)]
    fn judge(result: &T) -> Verdict;
}

/// Judges results by their type.
pub type JudgeOf<T> = fn(&T) -> Verdict;

pub(super) mod sealed {
    /// Kinds of calls are ours: each has its conventions.
    #[expect(unnameable_types, reason = "it seals a trait")]
    pub trait Sealed: Send + Sync + 'static {}
}

/// A kind of call whose result is a `Result`.
pub(super) trait Fallible: Kind {}

impl<K> Call<K> {
    pub(super) fn new(labels: Vec<KeyValue>) -> Self {
        Self {
            labels,
            details: Vec::new(),
            slow_after: None,
            kind: PhantomData,
        }
    }

    /// Adds an attribute to the span and to the metrics.
    pub fn attribute(mut self, key: impl Into<Key>, value: impl Into<Label>) -> Self {
        let value = value.into().into_value();
        self.labels.push(KeyValue::new(key, value));
        self
    }

    /// Adds an attribute to the span only: ids, texts, whatever there are many of.
    pub fn span_attribute(mut self, key: impl Into<Key>, value: impl Into<Value>) -> Self {
        self.details.push(KeyValue::new(key, value));
        self
    }

    /// Logs a warning with the ids of the trace if the call takes longer than this. Never by
    /// default.
    pub fn slow_after(mut self, threshold: Duration) -> Self {
        self.slow_after = Some(threshold);
        self
    }
}

impl<K: Kind> Call<K> {
    /// Measures a future whose result says how it ended. It begins when it is first polled.
    pub fn run<F>(self, future: F) -> Run<K, F, JudgeOf<F::Output>>
    where
        F: Future,
        K: Judge<F::Output>,
    {
        Run::new(self, future, K::judge)
    }

    /// Measures a future; `judge` says how it ended.
    ///
    /// ```
    /// use telemetry_core::instrument::{self, Verdict};
    ///
    /// # async fn example() {
    /// let answer = instrument::operation("charge").run_with(
    ///     async { Err::<(), _>("card declined") },
    ///     |result| match result {
    ///         Ok(()) => Verdict::success(),
    ///         Err(why) => Verdict::failure("declined").because(why),
    ///     },
    /// );
    /// answer.await.unwrap_err();
    /// # }
    /// ```
    pub fn run_with<F, J>(self, future: F, judge: J) -> Run<K, F, J>
    where
        F: Future,
        J: FnOnce(&F::Output) -> Verdict,
    {
        Run::new(self, future, judge)
    }

    /// Measures a closure whose result says how it ended.
    pub fn call<T>(self, function: impl FnOnce() -> T) -> T
    where
        K: Judge<T>,
    {
        self.call_with(function, K::judge)
    }

    /// Measures a closure; `judge` says how it ended.
    pub fn call_with<T>(
        self,
        function: impl FnOnce() -> T,
        judge: impl FnOnce(&T) -> Verdict,
    ) -> T {
        let mut running = self.start();
        let result = running.step(function);
        running.end(judge(&result));
        result
    }

    pub(super) fn start(self) -> Running<K> {
        Running::start(self.labels, &self.details, self.slow_after)
    }
}

impl<T: Outcome, K: Fallible> Judge<T> for K {
    fn judge(result: &T) -> Verdict {
        result.verdict()
    }
}

/// The text of a label, if it is there.
pub(super) fn text<'a>(labels: &'a [KeyValue], key: &str) -> Option<Cow<'a, str>> {
    let label = labels.iter().rev().find(|label| label.key.as_str() == key);
    label.map(|label| label.value.as_str())
}

/// What there is of the texts, with a space between.
pub(super) fn words<const N: usize>(texts: [Option<Cow<'_, str>>; N]) -> Cow<'static, str> {
    let texts: Vec<_> = texts.into_iter().flatten().collect();
    Cow::Owned(texts.join(" "))
}
