//! The capture of `telemetry::testing`, as a user's own tests have it: several at once in this
//! process, without a global.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::thread;

use telemetry::config::SamplerPlan;
use telemetry::context::{SpanContext, SpanId, TraceFlags, TraceId};
use telemetry::logs::Logs;
use telemetry::metrics::{Number, Points};
use telemetry::testing::Capture;
use telemetry::trace::Sampler;
use tracing::{Dispatch, Instrument, instrument::WithSubscriber};
use tracing_subscriber::layer::SubscriberExt;

/// What a user tests.
#[tracing::instrument]
async fn order(id: i64) -> Result<(), std::io::Error> {
    tracing::info!(id, "charging");
    tokio::task::yield_now().await;
    charge(id)
        .instrument(tracing::info_span!("charge", amount = id * 10))
        .await
}

async fn charge(id: i64) -> Result<(), std::io::Error> {
    tokio::task::yield_now().await;
    if id % 2 == 1 {
        let error = std::io::Error::other("card declined");
        tracing::error!(error = &error as &dyn std::error::Error, "charge failed");
        return Err(error);
    }
    Ok(())
}

/// A subscriber that feeds a capture with spans and log records.
fn capturing(capture: &Capture) -> Dispatch {
    let logs = Logs::builder().otlp(capture.log_intake(), Default::default());
    let (lines, _) = logs.build().unwrap();
    tracing_subscriber::registry()
        .with(lines)
        .with(capture.layer())
        .into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_async_test_sees_its_own_telemetry() {
    let capture = Capture::new();
    order(2).with_subscriber(capturing(&capture)).await.unwrap();
    capture
        .assert_span("order")
        .is_root()
        .has_attribute("id", 2);
    capture
        .assert_span("charge")
        .is_child_of("order")
        .has_attribute("amount", 20);
    capture
        .assert_log("charging")
        .in_span("order")
        .has_attribute("id", 2);
    assert_eq!(capture.tree(), "order\n└─ charge\n");
}

#[tokio::test]
async fn a_failure_is_on_its_span_and_in_its_log() {
    let capture = Capture::new();
    order(1)
        .with_subscriber(capturing(&capture))
        .await
        .unwrap_err();
    capture.assert_span("charge").has_exception("card declined");
    capture.assert_log("charge failed").in_span("charge");
}

#[test]
fn captures_on_many_threads_do_not_mix() {
    let threads = 8;
    let start = Barrier::new(threads);
    thread::scope(|scope| {
        for id in (0_i64..).step_by(2).take(threads) {
            let start = &start;
            scope.spawn(move || {
                let capture = Capture::new();
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .build()
                    .unwrap();
                tracing::dispatcher::with_default(&capturing(&capture), || {
                    start.wait();
                    for _ in 0..100 {
                        runtime.block_on(order(id)).unwrap();
                    }
                });
                let orders = capture.spans_named("order");
                assert_eq!((orders.len(), capture.spans().len()), (100, 200));
                assert_eq!(capture.logs().len(), 100);
                let own = |span: &telemetry::export::memory::CapturedSpan| {
                    span.attribute("id").and_then(|it| it.as_i64()) == Some(id)
                };
                assert!(orders.iter().all(own));
            });
        }
    });
}

#[test]
fn one_capture_takes_what_several_threads_record() {
    let capture = Capture::new();
    let dispatch = capturing(&capture);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                tracing::dispatcher::with_default(&dispatch, || {
                    tracing::info_span!("work").in_scope(|| tracing::info!("done"));
                });
            });
        }
    });
    assert_eq!(capture.spans_named("work").len(), 4);
    assert_eq!(capture.logs().len(), 4);
    capture.clear();
    assert!(capture.spans().is_empty());
}

#[test]
fn what_is_measured_stays_in_its_capture() {
    let captures = [Capture::new(), Capture::new()];
    for (capture, orders) in captures.iter().zip([1, 2]) {
        let counter = capture.meter("shop").u64_counter("shop.orders").build();
        counter.add(orders, &[]);
    }
    for (capture, orders) in captures.iter().zip([1, 2]) {
        let Points::Sum(points) = capture.metric("shop.orders").points else {
            panic!("a counter is a sum");
        };
        assert_eq!(points[0].value, Number::U64(orders));
        assert_eq!(capture.metrics().len(), 1);
    }
}

#[test]
fn a_capture_takes_a_sampler_and_a_remote_parent() {
    let capture = Capture::with(|engine| {
        engine.sampler = Sampler::from(SamplerPlan::ParentBasedAlwaysOff);
    });
    tracing::dispatcher::with_default(&capturing(&capture), || {
        tracing::info_span!("unsampled").in_scope(|| {});
        let parent = SpanContext::new(
            TraceId::from_hex("0af7651916cd43dd8448eb211c80319c").unwrap(),
            SpanId::from_hex("b7ad6b7169203331").unwrap(),
            TraceFlags::SAMPLED,
        );
        let parent = parent.remote();
        telemetry::with_remote_parent(parent, || tracing::info_span!("sampled")).in_scope(|| {});
    });
    capture.assert_no_span("unsampled");
    capture.assert_span("sampled").has_remote_parent();
}

#[test]
fn a_failed_assertion_shows_the_trace() {
    let capture = Capture::new();
    tracing::dispatcher::with_default(&capturing(&capture), || {
        let _order = tracing::info_span!("order", id = 7).entered();
        tracing::info_span!("charge").in_scope(|| {});
    });
    let wrong = AssertUnwindSafe(|| {
        capture.assert_span("charge").is_root();
    });
    let panic = catch_unwind(wrong).unwrap_err();
    let message = panic.downcast_ref::<String>().unwrap();
    for part in ["\"charge\" has a parent", "order", "└─ charge", "id=7"] {
        assert!(message.contains(part), "{part} in\n{message}");
    }
}
