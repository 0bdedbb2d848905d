//! Message queues.

use opentelemetry::KeyValue;

use super::kinds::{Process, Transfer, label};
use super::{Call, Label};
use crate::metrics::Registry;
use crate::semconv::{self, Metric, signed};

/// A message queue. `system` is a `messaging.system` of the conventions, such as `rabbitmq`:
/// <https://opentelemetry.io/docs/specs/semconv/registry/attributes/messaging/#messaging-system>.
///
/// It measures; it does not carry the trace from the sender to the receiver.
///
/// ```
/// use telemetry_core::instrument;
///
/// let orders = instrument::queue("rabbitmq").destination("orders");
/// orders.observe_depth(|| Some(12));
/// # async fn example(orders: instrument::Queue) -> Result<(), std::io::Error> {
/// orders.process().run(async { Ok::<_, std::io::Error>(()) }).await?;
/// # Ok(()) }
/// ```
pub fn queue(system: impl Into<Label>) -> Queue {
    Queue {
        labels: vec![label(semconv::MESSAGING_SYSTEM, system)],
    }
}

/// A message queue; see [`queue`].
#[derive(Clone, Debug)]
#[must_use = "nothing is measured until it is told what"]
pub struct Queue {
    labels: Vec<KeyValue>,
}

impl Queue {
    /// The queue or topic.
    pub fn destination(self, name: impl Into<Label>) -> Self {
        self.with(semconv::MESSAGING_DESTINATION_NAME, name)
    }

    /// The group of consumers.
    pub fn consumer_group(self, name: impl Into<Label>) -> Self {
        self.with(semconv::MESSAGING_CONSUMER_GROUP_NAME, name)
    }

    /// The broker and its port.
    pub fn server(self, address: impl Into<Label>, port: u16) -> Self {
        self.with(semconv::SERVER_ADDRESS, address)
            .with(semconv::SERVER_PORT, port)
    }

    /// Messages are sent.
    pub fn send(&self) -> Call<Transfer> {
        self.transfer("send")
    }

    /// Messages are fetched.
    pub fn receive(&self) -> Call<Transfer> {
        self.transfer("receive")
    }

    /// A message is processed.
    pub fn process(&self) -> Call<Process> {
        Call::new(self.labels.clone()).attribute(semconv::MESSAGING_OPERATION_NAME, "process")
    }

    /// Asks how many messages wait, whenever metrics are collected, as long as the program runs.
    /// `depth` must not block, and gives `None` when the queue is gone.
    pub fn observe_depth(&self, depth: impl Fn() -> Option<u64> + Send + Sync + 'static) {
        self.observe(&semconv::METRIC_TELEMETRY_QUEUE_DEPTH, depth);
    }

    /// Asks how many messages the consumer is behind, as [`Queue::observe_depth`].
    pub fn observe_consumer_lag(&self, lag: impl Fn() -> Option<u64> + Send + Sync + 'static) {
        self.observe(&semconv::METRIC_TELEMETRY_QUEUE_CONSUMER_LAG, lag);
    }

    fn observe(&self, metric: &Metric, ask: impl Fn() -> Option<u64> + Send + Sync + 'static) {
        let labels = self.labels.clone();
        let meter = semconv::meter(Registry::global());
        metric.observe_up_down_counter(&meter, move |out| {
            if let Some(number) = ask() {
                out.observe(signed(number), &labels);
            }
        });
    }

    fn transfer(&self, operation: &'static str) -> Call<Transfer> {
        Call::new(self.labels.clone())
            .attribute(semconv::MESSAGING_OPERATION_NAME, operation)
            .attribute(semconv::MESSAGING_OPERATION_TYPE, operation)
    }

    fn with(mut self, key: &'static str, value: impl Into<Label>) -> Self {
        self.labels.push(label(key, value));
        self
    }
}
