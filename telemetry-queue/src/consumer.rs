//! Who receives messages and processes them.

use std::fmt::Display;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;

use futures_util::FutureExt;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::FutureExt as _;
use opentelemetry::{Context, KeyValue};
use telemetry_core::clock::Clock;
use telemetry_core::context::propagate::Extracted;
use telemetry_core::context::{enter_span_context, otel};
use telemetry_core::instrument::{self, Label};
use telemetry_core::trace::{SpanExt, with_remote_parent};
use tower_service::Service;
use tracing::Span;

use crate::carriers;
use crate::producer::{about, verdict};
use crate::transport::{Delivery, QueueTransport, Settlement, TransportError};
use crate::{Message, Outcome, metrics, semconv};

/// How often a message is delivered before it is a dead letter, unless it is told otherwise.
const MAX_ATTEMPTS: u32 = 5;

/// How the span of a message that is processed relates to the one that sent it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Relation {
    /// It is a child of it, with a link to it as well: one trace from the request to the last message.
    #[default]
    Parent,
    /// It has a link to it, and is a child of what is current in the consumer, or a trace of its own.
    Link,
}

/// Receives messages from one queue or topic and processes them, each in a span `process <destination>`
/// of kind consumer.
#[derive(Clone, Debug)]
pub struct Consumer {
    transport: Arc<dyn QueueTransport>,
    destination: String,
    relation: Relation,
    max_attempts: u32,
}

impl Consumer {
    /// A consumer of this queue or topic. There must be few: each is a series of the metrics.
    #[must_use]
    pub fn new(transport: impl QueueTransport + 'static, destination: impl Into<String>) -> Self {
        Self {
            transport: Arc::new(transport),
            destination: destination.into(),
            relation: Relation::default(),
            max_attempts: MAX_ATTEMPTS,
        }
    }

    /// How spans relate to those of the producer; [`Relation::Parent`] unless set.
    #[must_use]
    pub fn relation(mut self, relation: Relation) -> Self {
        self.relation = relation;
        self
    }

    /// How often a message that fails is delivered before it is a dead letter; 5 unless set.
    #[must_use]
    pub fn max_attempts(mut self, max_attempts: u32) -> Self {
        self.max_attempts = max_attempts;
        self
    }

    /// Waits until there are messages and takes `most` of them at most, in a span
    /// `receive <destination>` with a link to each message.
    ///
    /// # Errors
    ///
    /// [`TransportError`], if the transport has none and will have none.
    pub async fn receive(&self, most: usize) -> Result<Vec<Delivery>, TransportError> {
        let consume = async {
            let deliveries = self.transport.consume(&self.destination, most).await?;
            let span = Span::current();
            let count = i64::try_from(deliveries.len()).unwrap_or(i64::MAX);
            span.set_attribute(semconv::MESSAGING_BATCH_MESSAGE_COUNT, count);
            for delivery in &deliveries {
                let sender = carriers::extract(&delivery.message).span_context;
                sender.inspect(|sender| span.add_link(sender, &[]));
                self.count(&delivery.message);
            }
            Ok(deliveries)
        };
        self.queue().receive().run_with(consume, verdict).await
    }

    /// Processes a message: `handler` runs in its span, with the baggage that came, and then the message
    /// is settled. An error or a panic is an outcome: the message comes again, and is a dead letter
    /// when it has come [`max_attempts`](Self::max_attempts) times. If this future is dropped, it comes
    /// again, too.
    ///
    /// # Errors
    ///
    /// [`TransportError`], if the message could not be settled; then it comes again.
    pub async fn process<H, F, T, E>(
        &self,
        delivery: Delivery,
        handler: H,
    ) -> Result<Outcome<T, E>, TransportError>
    where
        H: FnOnce(Message) -> F,
        F: Future<Output = Result<T, E>>,
        E: Display,
    {
        let attempt = delivery.attempt;
        let incoming = carriers::extract(&delivery.message);
        let (message, receipt) = delivery.into_parts();
        let mut call = self.queue().process();
        for attribute in about(&message) {
            call = call.span_attribute(attribute.key, attribute.value);
        }
        let mut span = None;
        let work = async {
            span = Some(self.begin(&incoming, attempt));
            handler(message).await
        };
        let work = self.inside(&incoming, call.run(work));
        let result = AssertUnwindSafe(work).catch_unwind().await;
        let settlement = match &result {
            Ok(Ok(_)) => Settlement::Ack,
            _ if attempt < self.max_attempts => Settlement::Nack,
            Ok(Err(error)) => Settlement::DeadLetter(error.to_string()),
            Err(_) => Settlement::DeadLetter(String::from("the handler panicked")),
        };
        let dead_letter = matches!(settlement, Settlement::DeadLetter(_));
        if let Some(span) = span {
            span.set_attribute(semconv::TELEMETRY_QUEUE_SETTLEMENT, settlement.name());
        }
        receipt.settle(settlement).await?;
        let failed = |error| Outcome::Failed { error, dead_letter };
        Ok(match result {
            Ok(Ok(done)) => Outcome::Done(done),
            Ok(Err(error)) => failed(Some(error)),
            Err(_) => failed(None),
        })
    }

    /// The same by a `tower` service, whose layers apply: timeouts, limits, retries within one delivery.
    /// Waiting until it is ready is part of the processing.
    ///
    /// # Errors
    ///
    /// As [`process`](Self::process).
    pub async fn process_by<S>(
        &self,
        delivery: Delivery,
        service: &mut S,
    ) -> Result<Outcome<S::Response, S::Error>, TransportError>
    where
        S: Service<Message>,
        S::Error: Display,
    {
        let handler = move |message| async move {
            poll_fn(|cx| service.poll_ready(cx)).await?;
            service.call(message).await
        };
        self.process(delivery, handler).await
    }

    /// Says in the span of a message where that comes from.
    fn begin(&self, incoming: &Extracted, attempt: u32) -> Span {
        let span = Span::current();
        span.set_attribute(semconv::MESSAGING_OPERATION_TYPE, "process");
        span.set_attribute(semconv::TELEMETRY_QUEUE_ATTEMPT, i64::from(attempt));
        if let Some(sender) = &incoming.span_context {
            span.add_link(sender, &[]);
        }
        span
    }

    /// Gives the span that `work` begins its parent, and `work` the baggage. If nobody records that span,
    /// what `work` sends and logs has the sender's identity.
    async fn inside<F: Future>(&self, incoming: &Extracted, work: F) -> F::Output {
        let parent = incoming.span_context.as_ref();
        let parent = parent.filter(|_| self.relation == Relation::Parent);
        let mut unmade = parent.cloned();
        let mut work = pin!(work);
        let work = poll_fn(move |cx| {
            let _sender = parent.map(enter_span_context);
            // the span is made at the first poll
            match unmade.take() {
                Some(parent) => with_remote_parent(parent, || work.as_mut().poll(cx)),
                None => work.as_mut().poll(cx),
            }
        });
        if incoming.baggage.is_empty() {
            return work.await;
        }
        otel::arm();
        let baggage = opentelemetry::baggage::Baggage::from(&incoming.baggage);
        work.with_context(Context::current_with_baggage(baggage))
            .await
    }

    fn count(&self, message: &Message) {
        let labels = [
            KeyValue::new(semconv::MESSAGING_SYSTEM, self.transport.system()),
            KeyValue::new(
                semconv::MESSAGING_DESTINATION_NAME,
                self.destination.clone(),
            ),
        ];
        if let Some(sent) = message.sent_unix_nanos {
            let nanos = Clock::system().now().unix_nanos().saturating_sub(sent);
            metrics::waited(
                std::time::Duration::from_nanos(nanos).as_secs_f64(),
                &labels,
            );
        }
        let [system, destination] = labels;
        let operation = KeyValue::new(semconv::MESSAGING_OPERATION_NAME, "receive");
        metrics::consumed(&[system, operation, destination]);
    }

    fn queue(&self) -> instrument::Queue {
        let destination = Label::one_of_few(self.destination.clone());
        instrument::queue(self.transport.system()).destination(destination)
    }
}
