//! Who sends messages.

use std::sync::Arc;

use opentelemetry::KeyValue;
use telemetry_core::clock::Clock;
use telemetry_core::context::SpanContext;
use telemetry_core::instrument::{self, Label, Verdict};
use telemetry_core::trace::SpanExt;
use tracing::Span;

use crate::Message;
use crate::carriers;
use crate::metrics;
use crate::semconv;
use crate::transport::{QueueTransport, TransportError};

/// Sends messages to one queue or topic, each with the context of the span that sends it.
///
/// A message alone has a span `send <destination>` of kind producer, whose context it carries. Each
/// message of a batch has a span `create <destination>`, whose context it carries, and the batch one
/// span `send <destination>` that is linked to those.
#[derive(Clone, Debug)]
pub struct Producer {
    transport: Arc<dyn QueueTransport>,
    destination: String,
}

impl Producer {
    /// A producer for this queue or topic. There must be few: each is a series of the metrics.
    #[must_use]
    pub fn new(transport: impl QueueTransport + 'static, destination: impl Into<String>) -> Self {
        Self {
            transport: Arc::new(transport),
            destination: destination.into(),
        }
    }

    /// Sends a message.
    ///
    /// # Errors
    ///
    /// [`TransportError`], if the transport did not take it.
    pub async fn send(&self, mut message: Message) -> Result<(), TransportError> {
        self.stamp(&mut message);
        let mut call = self.queue().send();
        for attribute in about(&message) {
            call = call.span_attribute(attribute.key, attribute.value);
        }
        let publish = async {
            let _ = carriers::inject(&mut message); // what has no place is counted
            self.transport.publish(&self.destination, message).await
        };
        let sent = call.run_with(publish, verdict).await;
        self.count(1, &sent);
        sent
    }

    /// Sends messages together.
    ///
    /// # Errors
    ///
    /// [`TransportError`], if the transport did not take all of them.
    pub async fn send_batch(&self, mut messages: Vec<Message>) -> Result<(), TransportError> {
        let count = messages.len();
        let created: Vec<_> = messages
            .iter_mut()
            .filter_map(|it| self.create(it))
            .collect();
        let call = self.queue().send().span_attribute(
            semconv::MESSAGING_BATCH_MESSAGE_COUNT,
            i64::try_from(count).unwrap_or(i64::MAX),
        );
        let publish = async {
            let span = Span::current();
            for message in &created {
                span.add_link(message, &[]);
            }
            self.transport
                .publish_batch(&self.destination, messages)
                .await
        };
        let sent = call.run_with(publish, verdict).await;
        self.count(count, &sent);
        sent
    }

    /// Makes the span of one message in a batch; its identity, if it is recorded.
    fn create(&self, message: &mut Message) -> Option<SpanContext> {
        self.stamp(message);
        let span = tracing::info_span!(
            "create",
            otel.name = format!("create {}", self.destination),
            otel.kind = "producer"
        );
        span.set_attributes(&self.labels("create"));
        span.set_attribute(semconv::MESSAGING_OPERATION_TYPE, "create");
        span.set_attributes(&about(message));
        span.in_scope(|| {
            let _ = carriers::inject(message); // what has no place is counted
        });
        span.span_context()
    }

    fn stamp(&self, message: &mut Message) {
        let now = || Clock::system().now().unix_nanos();
        message.sent_unix_nanos.get_or_insert_with(now);
    }

    fn queue(&self) -> instrument::Queue {
        let destination = Label::one_of_few(self.destination.clone());
        instrument::queue(self.transport.system()).destination(destination)
    }

    fn count(&self, messages: usize, sent: &Result<(), TransportError>) {
        let mut labels = self.labels("send");
        let error = sent.as_ref().err().map(TransportError::error_type);
        labels.extend(error.map(|error| KeyValue::new("error.type", error)));
        metrics::sent(messages, &labels);
    }

    fn labels(&self, operation: &'static str) -> Vec<KeyValue> {
        vec![
            KeyValue::new(semconv::MESSAGING_SYSTEM, self.transport.system()),
            KeyValue::new(semconv::MESSAGING_OPERATION_NAME, operation),
            KeyValue::new(
                semconv::MESSAGING_DESTINATION_NAME,
                self.destination.clone(),
            ),
        ]
    }
}

/// What spans say about a message.
pub(crate) fn about(message: &Message) -> Vec<KeyValue> {
    let size = i64::try_from(message.body.len()).unwrap_or(i64::MAX);
    let id = message.id.clone();
    let id = id.map(|id| KeyValue::new(semconv::MESSAGING_MESSAGE_ID, id));
    let size = KeyValue::new(semconv::MESSAGING_MESSAGE_BODY_SIZE, size);
    id.into_iter().chain([size]).collect()
}

pub(crate) fn verdict<T>(result: &Result<T, TransportError>) -> Verdict {
    match result {
        Ok(_) => Verdict::success(),
        Err(error) => Verdict::failure(error.error_type()).because(error),
    }
}
