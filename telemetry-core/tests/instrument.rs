//! The wrappers around calls: what is told of them on the span and in the metrics.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod metrics_values;

use std::collections::BTreeMap;
use std::future::{pending, ready};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use metrics_values::{count_of, exemplars_of, value_of};
use telemetry_core::context::current;
use telemetry_core::instrument::{self, Label, PoolUse, Verdict};
use telemetry_core::metrics::Registry;
use telemetry_core::otlp::Kind;
use telemetry_core::testing::Capture;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

/// Runs a future on this thread, recorded by a capture of its own.
fn recorded<T>(future: impl Future<Output = T>) -> (T, Capture) {
    let capture = Capture::new();
    let subscriber = tracing_subscriber::registry().with(capture.layer());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let result = tracing::subscriber::with_default(subscriber, || runtime.block_on(future));
    (result, capture)
}

/// The series of a histogram whose labels contain `part`, and their counts.
fn counts(name: &str, part: &str) -> Vec<(String, u64)> {
    let counts = count_of(&Registry::global().collect(), name);
    counts
        .into_iter()
        .filter(|(it, _)| it.contains(part))
        .collect()
}

fn values(name: &str, part: &str) -> BTreeMap<String, f64> {
    let values = value_of(&Registry::global().collect(), name);
    values
        .into_iter()
        .filter(|(it, _)| it.contains(part))
        .collect()
}

#[test]
fn a_database_operation_has_a_span_a_duration_and_an_exemplar() {
    let ((), capture) = recorded(async {
        let rows = instrument::db("postgresql")
            .operation("SELECT")
            .collection("orders")
            .server("db.example", 5432)
            .span_attribute("shop.order.id", 4711)
            .query_text("SELECT * FROM orders WHERE id = $1")
            .run(async { Ok::<_, io::Error>(1) })
            .await;
        assert_eq!(rows.unwrap(), 1);
    });
    let span = capture.assert_span("SELECT orders");
    span.has_kind(Kind::Client)
        .has_attribute("db.system.name", "postgresql")
        .has_attribute("db.operation.name", "SELECT")
        .has_attribute("server.port", 5432)
        .has_attribute("shop.order.id", 4711)
        .has_attribute("db.query.text", "SELECT * FROM orders WHERE id = $1")
        .has_no_attribute("error.type");
    let name = "db.client.operation.duration";
    let labels = "{db.collection.name=orders,db.operation.name=SELECT,db.system.name=postgresql,server.address=db.example,server.port=5432}";
    assert_eq!(counts(name, "orders"), [(format!("{name}{labels}"), 1)]);
    let ids = span.span();
    let exemplars = exemplars_of(&Registry::global().collect(), name);
    let ours = exemplars.iter().filter_map(|exemplar| exemplar.span);
    assert_eq!(
        ours.filter(|(trace, id)| (*trace, *id) == (ids.trace_id, ids.span_id))
            .count(),
        1
    );
}

#[test]
fn an_error_is_the_name_of_its_type_unless_somebody_knows_better() {
    let ((), capture) = recorded(async {
        let refused = || Err::<(), _>(io::Error::other("no route to host"));
        let typed = instrument::operation("typed").run(ready(refused()));
        typed.await.unwrap_err();
        let judged = instrument::operation("judged").run_with(ready(refused()), |result| {
            let why = result.as_ref().unwrap_err();
            Verdict::failure("unreachable").because(why)
        });
        judged.await.unwrap_err();
    });
    for (name, error_type) in [
        ("typed", "std::io::error::Error"),
        ("judged", "unreachable"),
    ] {
        let span = capture.assert_span(name);
        span.has_status_error()
            .has_attribute("error.type", error_type);
        assert_eq!(span.span().status_message, "no route to host");
        let expected = format!(
            "telemetry.operation.duration{{error.type={error_type},telemetry.operation.name={name}}}"
        );
        assert_eq!(
            counts("telemetry.operation.duration", &format!("name={name}")),
            [(expected, 1)]
        );
    }
}

#[test]
fn a_future_that_is_dropped_is_cancelled_and_one_that_panics_says_so() {
    let ((), capture) = recorded(async {
        let hanging = instrument::operation("hanging").run(pending::<io::Result<()>>());
        let waited = tokio::time::timeout(Duration::from_millis(1), hanging).await;
        assert!(waited.is_err());
        // never polled: it has not begun
        drop(instrument::operation("idle").run(pending::<io::Result<()>>()));
        let panics = || -> io::Result<()> { panic!("a bug") };
        let bug = catch_unwind(AssertUnwindSafe(|| {
            instrument::operation("bug").call(panics)
        }));
        assert!(bug.is_err());
    });
    for (name, error_type) in [("hanging", "cancelled"), ("bug", "panic")] {
        capture
            .assert_span(name)
            .has_status_error()
            .has_attribute("error.type", error_type);
        let found = counts("telemetry.operation.duration", &format!("name={name}"));
        assert!(
            found[0].0.contains(error_type) && found[0].1 == 1,
            "{found:?}"
        );
    }
    capture.assert_no_span("idle");
    assert_eq!(counts("telemetry.operation.duration", "name=idle"), []);
}

#[test]
fn work_inside_is_a_child_also_across_awaits() {
    let ((), capture) = recorded(async {
        let work = async {
            tokio::task::yield_now().await;
            tracing::info_span!("inner").in_scope(|| {});
            Ok::<_, io::Error>(())
        };
        instrument::operation("outer").run(work).await.unwrap();
        tracing::info_span!("after").in_scope(|| {});
    });
    capture.assert_span("inner").is_child_of("outer");
    capture.assert_span("after").is_root();
}

#[test]
fn what_there_is_much_of_stays_out_of_the_metrics() {
    let tenant = String::from("tenant-7");
    let ((), capture) = recorded(async {
        instrument::operation("labelled")
            .attribute("tier", Label::one_of_few(tenant.clone()))
            .attribute("retried", true)
            .span_attribute("customer", String::from("c-4711"))
            .run(ready(Ok::<_, io::Error>(())))
            .await
            .unwrap();
    });
    capture
        .assert_span("labelled")
        .has_attribute("customer", "c-4711");
    let found = counts("telemetry.operation.duration", "name=labelled");
    let expected = "telemetry.operation.duration{retried=true,telemetry.operation.name=labelled,tier=tenant-7}";
    assert_eq!(found, [(expected.to_owned(), 1)]);
}

#[test]
fn a_cache_counts_hits_and_misses() {
    let cache = instrument::cache("sessions");
    let ((), capture) = recorded(async {
        cache.get().run(ready(Some(1))).await.unwrap();
        cache
            .get()
            .run(ready(Ok::<_, io::Error>(None::<u8>)))
            .await
            .unwrap();
        let lost = ready(Err::<Option<u8>, _>(io::Error::other("gone")));
        cache.get().run(lost).await.unwrap_err();
        cache
            .set()
            .run(ready(Ok::<_, io::Error>(())))
            .await
            .unwrap();
        cache.looked_up(true);
    });
    assert_eq!(capture.spans_named("get sessions").len(), 3);
    capture
        .assert_span("set sessions")
        .has_kind(Kind::Client)
        .has_no_attribute("telemetry.cache.result");
    let lookup = |result| {
        format!(
            "telemetry.cache.lookups{{telemetry.cache.name=sessions,telemetry.cache.result={result}}}"
        )
    };
    let expected = BTreeMap::from([(lookup("hit"), 2.0), (lookup("miss"), 1.0)]);
    assert_eq!(values("telemetry.cache.lookups", "sessions"), expected);
    let timed = counts("telemetry.cache.operation.duration", "sessions");
    assert_eq!(timed.len(), 4, "hit, miss, failed, set: {timed:?}");
}

#[test]
fn a_queue_tells_its_depth_and_the_time_of_processing() {
    let orders = instrument::queue("rabbitmq")
        .destination("orders")
        .consumer_group("billing");
    orders.observe_depth(|| Some(12));
    orders.observe_consumer_lag(|| Some(3));
    let ((), capture) = recorded(async {
        let done = || ready(Ok::<_, io::Error>(()));
        orders.send().run(done()).await.unwrap();
        orders.receive().run(done()).await.unwrap();
        orders.process().run(done()).await.unwrap();
    });
    capture.assert_span("send orders").has_kind(Kind::Producer);
    capture.assert_span("receive orders").has_kind(Kind::Client);
    capture
        .assert_span("process orders")
        .has_kind(Kind::Consumer);
    assert_eq!(
        counts("messaging.client.operation.duration", "rabbitmq").len(),
        2
    );
    assert_eq!(counts("messaging.process.duration", "rabbitmq").len(), 1);
    let depth = values("telemetry.queue.depth", "orders");
    assert_eq!(depth.values().collect::<Vec<_>>(), [&12.0]);
    let lag = values("telemetry.queue.consumer.lag", "billing");
    assert_eq!(lag.values().collect::<Vec<_>>(), [&3.0]);
}

#[test]
fn a_pool_tells_what_its_connections_do_until_it_is_gone() {
    let pool = Arc::new(());
    let alive = Arc::downgrade(&pool);
    let orders = instrument::pool("orders-db");
    orders.observe(move || {
        alive.upgrade().map(|_| PoolUse {
            idle: 3,
            used: 7,
            max: Some(10),
            pending: None,
        })
    });
    let connections = |state| {
        format!(
            "db.client.connection.count{{db.client.connection.pool.name=orders-db,db.client.connection.state={state}}}"
        )
    };
    let count = || values("db.client.connection.count", "orders-db");
    let expected = BTreeMap::from([(connections("idle"), 3.0), (connections("used"), 7.0)]);
    assert_eq!(count(), expected);
    assert_eq!(values("db.client.connection.max", "orders-db").len(), 1);
    assert_eq!(
        values("db.client.connection.pending_requests", "orders-db").len(),
        0
    );
    let ((), _) = recorded(async {
        let waiting = orders.acquire().run(pending::<io::Result<()>>());
        let waited = tokio::time::timeout(Duration::from_millis(1), waiting).await;
        assert!(waited.is_err());
        orders
            .acquire()
            .run(ready(Ok::<_, io::Error>(())))
            .await
            .unwrap();
    });
    let timeouts = values("db.client.connection.timeouts", "orders-db");
    assert_eq!(timeouts.values().collect::<Vec<_>>(), [&1.0]);
    assert_eq!(
        counts("db.client.connection.wait_time", "orders-db").len(),
        2
    );
    drop(pool);
    assert_eq!(count(), BTreeMap::new());
}

/// Keeps the messages of events, with the trace that was current.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<Line>>>);

type Line = (String, Option<String>);

impl<S: tracing::Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        struct Message(String);
        impl Visit for Message {
            fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
                if field.name() == "message" {
                    self.0 = format!("{value:?}");
                }
            }
        }
        let mut message = Message(String::new());
        event.record(&mut message);
        let trace = current().map(|ids| ids.trace_id.to_string());
        self.0.lock().unwrap().push((message.0, trace));
    }
}

#[test]
fn a_slow_operation_is_said_inside_its_trace() {
    let (capture, lines) = (Capture::new(), Lines::default());
    let subscriber = tracing_subscriber::registry()
        .with(capture.layer())
        .with(lines.clone());
    tracing::subscriber::with_default(subscriber, || {
        let work = || std::thread::sleep(Duration::from_millis(2));
        let call = |name: &'static str| instrument::operation(name);
        call("slow")
            .slow_after(Duration::from_millis(1))
            .call_with(work, |()| Verdict::success());
        call("quick")
            .slow_after(Duration::from_secs(3600))
            .call_with(work, |()| Verdict::success());
    });
    let said = lines.0.lock().unwrap().clone();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].0.starts_with("slow: slow took "), "{said:?}");
    let trace = capture.span("slow").trace_id.to_string();
    assert_eq!(said[0].1, Some(trace));
}
