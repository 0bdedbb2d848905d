//! Messages over the memory transport: their spans, and that none is lost.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::FutureExt;
use telemetry_core::context::{
    Baggage, SpanContext, SpanId, TraceFlags, TraceId, current_baggage, otel,
};
use telemetry_core::metrics::{AttributeSet, Points, Registry};
use telemetry_core::otlp::Kind;
use telemetry_core::testing::Capture;
use telemetry_queue::carriers::{self, Injected, Propagation};
use telemetry_queue::transport::{MemoryTransport, QueueTransport, TransportError};
use telemetry_queue::{Consumer, Message, Outcome, Producer, Relation};
use tracing::Instrument;
use tracing_subscriber::layer::SubscriberExt;

fn recorded<T>(work: impl Future<Output = T>) -> (T, Capture) {
    let capture = Capture::new();
    let subscriber = tracing_subscriber::registry().with(capture.layer());
    let _default = tracing::subscriber::set_default(subscriber);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let result = runtime
        .unwrap()
        .block_on(async { tokio::time::timeout(Duration::from_secs(60), work).await });
    (result.expect("it takes less than a minute"), capture)
}

async fn one(consumer: &Consumer) -> telemetry_queue::transport::Delivery {
    let mut deliveries = consumer.receive(1).await.unwrap();
    assert_eq!(deliveries.len(), 1);
    deliveries.remove(0)
}

async fn ship(message: Message) -> Result<String, std::io::Error> {
    let _shipping = tracing::info_span!("ship").entered();
    Ok(String::from_utf8(message.body.to_vec()).unwrap())
}

#[test]
fn a_message_is_one_trace_from_the_request_to_its_processing() {
    let ((), capture) = recorded(async {
        let queue = MemoryTransport::new();
        let producer = Producer::new(queue.clone(), "orders");
        let request = tracing::info_span!("request");
        let message = Message::new("seven").with_id("m-7");
        producer.send(message).instrument(request).await.unwrap();
        let consumer = Consumer::new(queue.clone(), "orders");
        let delivery = one(&consumer).await;
        let outcome = consumer.process(delivery, ship).await.unwrap();
        assert!(matches!(outcome, Outcome::Done(body) if body == "seven"));
        assert_eq!(queue.depth("orders").await.unwrap(), Some(0));
    });
    let send = capture.assert_span("send orders");
    send.is_child_of("request")
        .has_kind(Kind::Producer)
        .has_attribute("messaging.system", "memory")
        .has_attribute("messaging.operation.name", "send")
        .has_attribute("messaging.operation.type", "send")
        .has_attribute("messaging.destination.name", "orders")
        .has_attribute("messaging.message.id", "m-7")
        .has_attribute("messaging.message.body.size", 5);
    let process = capture.assert_span("process orders");
    process
        .is_child_of("send orders")
        .has_remote_parent()
        .has_kind(Kind::Consumer)
        .has_attribute("messaging.operation.type", "process")
        .has_attribute("messaging.message.id", "m-7")
        .has_attribute("telemetry.queue.attempt", 1)
        .has_attribute("telemetry.queue.settlement", "ack");
    capture.assert_span("ship").is_child_of("process orders");
    let sent = send.span().span_id;
    for name in ["process orders", "receive orders"] {
        let links = capture.span(name).links;
        assert_eq!(links.len(), 1, "{name}");
        assert_eq!(links[0].span_id, sent, "{name}");
    }
    capture
        .assert_span("receive orders")
        .is_root()
        .has_kind(Kind::Client);
}

#[test]
fn in_link_mode_processing_is_a_trace_of_its_own() {
    let ((), capture) = recorded(async {
        let queue = MemoryTransport::new();
        let producer = Producer::new(queue.clone(), "orders");
        producer.send(Message::new("seven")).await.unwrap();
        let consumer = Consumer::new(queue, "orders").relation(Relation::Link);
        let delivery = one(&consumer).await;
        drop(consumer.process(delivery, ship).await.unwrap());
    });
    let process = capture.assert_span("process orders");
    process.is_root();
    let send = capture.span("send orders");
    assert_eq!(process.span().links[0].span_id, send.span_id);
    assert_ne!(process.span().trace_id, send.trace_id);
}

#[test]
fn each_message_of_a_batch_has_its_span_and_the_batch_is_linked_to_them() {
    let ((), capture) = recorded(async {
        let queue = MemoryTransport::new();
        let producer = Producer::new(queue.clone(), "orders");
        let messages = ["a", "b", "c"].map(Message::new);
        producer.send_batch(messages.to_vec()).await.unwrap();
        let consumer = Consumer::new(queue, "orders");
        for delivery in consumer.receive(10).await.unwrap() {
            drop(consumer.process(delivery, ship).await.unwrap());
        }
    });
    let created = capture.spans_named("create orders");
    assert_eq!(created.len(), 3);
    let send = capture.assert_span("send orders");
    send.has_attribute("messaging.batch.message_count", 3);
    let receive = capture.span("receive orders");
    for links in [&send.span().links, &receive.links] {
        let mut linked: Vec<_> = links.iter().map(|link| link.span_id).collect();
        let mut expected: Vec<_> = created.iter().map(|span| span.span_id).collect();
        linked.sort_by_key(ToString::to_string);
        expected.sort_by_key(ToString::to_string);
        assert_eq!(linked, expected);
    }
    let processed = capture.spans_named("process orders");
    assert_eq!(processed.len(), 3);
    for span in created {
        assert_eq!(span.kind, Kind::Producer);
        let child = processed.iter().find(|it| it.trace_id == span.trace_id);
        assert_eq!(child.unwrap().parent_span_id, Some(span.span_id));
    }
}

#[test]
fn an_error_and_a_panic_are_outcomes_and_the_message_comes_again() {
    let ((), capture) = recorded(async {
        let queue = MemoryTransport::new();
        let producer = Producer::new(queue.clone(), "orders");
        producer.send(Message::new("seven")).await.unwrap();
        let consumer = Consumer::new(queue.clone(), "orders").max_attempts(4);

        let fails = |_| async { Err::<(), _>(std::io::Error::other("no stock")) };
        let outcome = consumer.process(one(&consumer).await, fails).await.unwrap();
        assert!(matches!(
            outcome,
            Outcome::Failed {
                error: Some(_),
                dead_letter: false
            }
        ));

        let panics = |_| async { Err::<(), std::io::Error>(panic_with("a bug")) };
        let outcome = consumer
            .process(one(&consumer).await, panics)
            .await
            .unwrap();
        assert!(matches!(
            outcome,
            Outcome::Failed {
                error: None,
                dead_letter: false
            }
        ));

        // a consumer that is gone in the middle of its work
        let delivery = one(&consumer).await;
        assert_eq!(delivery.attempt, 3);
        let hangs = |_| std::future::pending::<Result<(), std::io::Error>>();
        let work = consumer.process(delivery, hangs);
        assert!(
            tokio::time::timeout(Duration::from_millis(1), work)
                .await
                .is_err()
        );

        let outcome = consumer.process(one(&consumer).await, ship).await.unwrap();
        assert!(matches!(outcome, Outcome::Done(_)));
        assert!(queue.take_dead_letters("orders").is_empty());
    });
    let spans = capture.spans_named("process orders");
    let ends: Vec<_> = spans
        .iter()
        .map(|span| span.attributes.iter().find(|(key, _)| *key == "error.type"))
        .map(|found| found.map_or_else(String::new, |(_, value)| format!("{value:?}")))
        .collect();
    assert_eq!(ends.len(), 4);
    for (end, expected) in ends
        .iter()
        .zip(["io::error::Error", "panic", "cancelled", ""])
    {
        assert!(end.contains(expected), "{end} for {expected}");
    }
    // each attempt continues the same trace
    let send = capture.span("send orders");
    assert!(
        spans
            .iter()
            .all(|span| span.parent_span_id == Some(send.span_id))
    );
}

fn panic_with(text: &str) -> std::io::Error {
    panic!("{text}")
}

#[test]
fn a_message_that_fails_too_often_is_a_dead_letter_with_its_reason_and_blocks_nobody() {
    let ((), capture) = recorded(async {
        let queue = MemoryTransport::new();
        let producer = Producer::new(queue.clone(), "orders");
        let messages = ["poison", "good"].map(Message::new);
        producer.send_batch(messages.to_vec()).await.unwrap();
        let consumer = Consumer::new(queue.clone(), "orders").max_attempts(2);
        let handler = |message: Message| async move {
            match &*message.body {
                b"poison" => Err("cannot be read"),
                _ => Ok(()),
            }
        };
        let mut done = 0;
        for _ in 0..3 {
            match consumer
                .process(one(&consumer).await, handler)
                .await
                .unwrap()
            {
                Outcome::Done(()) => done += 1,
                outcome => assert!(matches!(outcome, Outcome::Failed { error: Some(_), .. })),
            }
        }
        assert_eq!(done, 1);
        let dead = queue.take_dead_letters("orders");
        assert_eq!(dead.len(), 1);
        assert_eq!(
            (&*dead[0].message.body, dead[0].attempts),
            (&b"poison"[..], 2)
        );
        assert_eq!(dead[0].reason, "cannot be read");
        let names: Vec<_> = dead[0]
            .message
            .headers
            .iter()
            .map(|(name, _)| &**name)
            .collect();
        assert_eq!(names, ["traceparent"]);
    });
    let last = capture.spans_named("process orders").pop().unwrap();
    let settled = last
        .attributes
        .iter()
        .find(|(key, _)| *key == "telemetry.queue.settlement");
    assert!(format!("{settled:?}").contains("dead_letter"));
}

#[test]
fn without_anybody_who_records_the_context_passes_through() {
    let sender = SpanContext::new(TraceId::from(7), SpanId::from(8), TraceFlags::SAMPLED);
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let sent_on = runtime.unwrap().block_on(async {
        let queue = MemoryTransport::new();
        let mut message = Message::new("seven");
        let injected = Propagation::default().inject(&sender, &Baggage::EMPTY, &mut message);
        assert_eq!(injected, Injected::Whole);
        queue.publish("orders", message).await.unwrap();
        let consumer = Consumer::new(queue.clone(), "orders");
        let next = Producer::new(queue.clone(), "next");
        let handler = |message: Message| async {
            tokio::task::yield_now().await;
            next.send(Message::new(message.body)).await
        };
        let outcome = consumer
            .process(one(&consumer).await, handler)
            .await
            .unwrap();
        assert!(matches!(outcome, Outcome::Done(())));
        one(&Consumer::new(queue, "next")).await.message
    });
    let extracted = carriers::extract(&sent_on).span_context;
    assert_eq!(extracted, Some(sender.remote()));
}

#[test]
fn baggage_arrives_at_the_handler_and_what_it_sends_on() {
    let ((), _) = recorded(async {
        otel::arm();
        let queue = MemoryTransport::new();
        let producer = Producer::new(queue.clone(), "orders");
        let tenant = opentelemetry::KeyValue::new("tenant", "acme");
        let context = Context::current_with_baggage([tenant]);
        let send = producer.send(Message::new("seven"));
        send.with_context(context).await.unwrap();
        let consumer = Consumer::new(queue, "orders");
        let handler = |_| async {
            tokio::task::yield_now().await; // it is there after each wait
            current_baggage()
                .get("tenant")
                .map(str::to_owned)
                .ok_or("no baggage")
        };
        let outcome = consumer
            .process(one(&consumer).await, handler)
            .await
            .unwrap();
        assert_eq!(outcome, Outcome::Done(String::from("acme")));
        assert!(current_baggage().is_empty());
    });
}

#[test]
fn a_full_queue_and_a_closed_one_say_so() {
    let ((), capture) = recorded(async {
        let queue = MemoryTransport::with_capacity(1);
        let producer = Producer::new(queue.clone(), "orders");
        producer.send(Message::new("a")).await.unwrap();
        let refused = producer.send_batch(vec![Message::new("b")]).await;
        assert!(matches!(refused, Err(TransportError::Full)));
        let consumer = Consumer::new(queue.clone(), "orders");
        let delivery = one(&consumer).await;
        // what is being processed has its place: it may come back
        let refused = producer.send(Message::new("b")).await;
        assert!(matches!(refused, Err(TransportError::Full)));
        let waits = consumer.receive(1);
        let closes = async {
            tokio::task::yield_now().await;
            queue.close().await.unwrap();
        };
        let (received, ()) = tokio::join!(waits, closes);
        assert!(matches!(received, Err(TransportError::Closed)));
        let outcome = consumer.process(delivery, ship).await.unwrap();
        assert!(
            matches!(outcome, Outcome::Done(_)),
            "what was delivered is settled"
        );
        let refused = producer.send(Message::new("b")).await;
        assert!(matches!(refused, Err(TransportError::Closed)));
    });
    let ends = capture.spans_named("send orders");
    assert_eq!(ends.len(), 4);
    assert!(format!("{:?}", ends[1].attributes).contains("queue_full"));
    assert!(format!("{:?}", ends[3].attributes).contains("closed"));
}

#[test]
fn ten_thousand_messages_none_lost_while_handlers_fail() {
    let ((), _) = recorded(async {
        let queue = MemoryTransport::new();
        let producer = Producer::new(queue.clone(), "orders");
        let messages = (0..10_000_u32).map(|number| Message::new(number.to_be_bytes().to_vec()));
        producer.send_batch(messages.collect()).await.unwrap();
        let consumer = Consumer::new(queue.clone(), "orders").max_attempts(2);
        let (mut done, mut failed) = (0, 0);
        while queue.depth("orders").await.unwrap() != Some(0) {
            for delivery in consumer.receive(100).await.unwrap() {
                let first = delivery.attempt == 1;
                let handler = move |message: Message| async move {
                    match message.body[3] % 10 {
                        0 => Err("poison"),
                        1 if first => Err("once"),
                        _ => Ok(()),
                    }
                };
                match consumer.process(delivery, handler).await.unwrap() {
                    Outcome::Done(()) => done += 1,
                    _ => failed += 1,
                }
            }
        }
        let poison = (0..10_000_u32)
            .filter(|number| number.to_be_bytes()[3] % 10 == 0)
            .count();
        let once = (0..10_000_u32)
            .filter(|number| number.to_be_bytes()[3] % 10 == 1)
            .count();
        assert_eq!(queue.take_dead_letters("orders").len(), poison);
        assert_eq!((done, failed), (10_000 - poison, 2 * poison + once));
    });
}

#[test]
fn a_service_with_its_layers_processes_messages() {
    let ((), capture) = recorded(async {
        let queue = MemoryTransport::new();
        let producer = Producer::new(queue.clone(), "orders");
        let messages = ["slow", "quick"].map(Message::new);
        producer.send_batch(messages.to_vec()).await.unwrap();
        let consumer = Consumer::new(queue.clone(), "orders").max_attempts(1);
        let mut service = tower::ServiceBuilder::new()
            .timeout(Duration::from_secs(2))
            .service_fn(|message: Message| async move {
                if &*message.body == b"slow" {
                    std::future::pending::<()>().await;
                }
                ship(message).await
            });
        for delivery in consumer.receive(2).await.unwrap() {
            let body = delivery.message.body.clone();
            let outcome = consumer.process_by(delivery, &mut service).await.unwrap();
            assert_eq!(matches!(outcome, Outcome::Done(_)), &*body == b"quick");
        }
        let dead = queue.take_dead_letters("orders");
        assert_eq!(dead.len(), 1);
        assert!(dead[0].reason.contains("timed out"), "{}", dead[0].reason);
    });
    capture.assert_span("ship").is_child_of("process orders");
    assert_eq!(capture.spans_named("process orders").len(), 2);
}

#[test]
fn messages_and_their_time_in_the_queue_are_measured() {
    let ((), _) = recorded(async {
        let queue = MemoryTransport::new();
        let producer = Producer::new(queue.clone(), "measured");
        producer.send(Message::new("a")).await.unwrap();
        let batch = ["b", "c"].map(Message::new);
        producer.send_batch(batch.to_vec()).await.unwrap();
        let consumer = Consumer::new(queue, "measured");
        for delivery in consumer.receive(3).await.unwrap() {
            drop(consumer.process(delivery, ship).await.unwrap());
        }
    });
    let value = |name| measured(name, "measured");
    assert_eq!(value("messaging.client.sent.messages"), [3]);
    assert_eq!(value("messaging.client.consumed.messages"), [3]);
    assert_eq!(value("telemetry.queue.wait.duration"), [3]);
    assert_eq!(value("messaging.process.duration"), [3]);
    // two for `send`, one for `receive`
    assert_eq!(value("messaging.client.operation.duration"), [1, 2]);
}

/// The sums of a counter, or how many measurements a histogram has, for one queue; sorted.
fn measured(name: &str, destination: &str) -> Vec<u64> {
    let is_ours = |attributes: &AttributeSet| {
        let mut values = attributes.iter().map(|entry| entry.value.as_str());
        values.any(|value| value == destination)
    };
    let metrics = Registry::global().collect().metrics;
    let mut values = Vec::new();
    for metric in metrics.iter().filter(|it| it.descriptor.name == name) {
        match &metric.points {
            Points::Sum(points) => {
                let ours = points.iter().filter(|it| is_ours(&it.attributes));
                values.extend(ours.map(|it| it.value.as_f64().to_string().parse::<u64>().unwrap()));
            }
            Points::Histogram(points) => {
                let ours = points.iter().filter(|it| is_ours(&it.attributes));
                values.extend(ours.map(|it| it.value.count()));
            }
            other => panic!("{name}: {other:?}"),
        }
    }
    values.sort_unstable();
    values
}
