//! Spans of the OpenTelemetry API beside `tracing` spans. In a process of its own: the provider
//! and the contexts are global.
#![cfg(feature = "testing")]
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod spans;

use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{
    FutureExt, Link, Span as _, SpanKind, Status, TraceContextExt, Tracer, TracerProvider,
};
use opentelemetry::{Context, InstrumentationScope, KeyValue, global};
use spans::{Capture, Finished, assert_child, assert_root, find, get, remote, text};
use telemetry_core::clock::Clock;
use telemetry_core::context::{CurrentIds, current, current_baggage, enter_ids, inject};
use telemetry_core::otlp::{Kind, StatusCode};
use telemetry_core::trace::{self, SetParentError, SpanExt, with_remote_parent};
use tracing::{Instrument, error, info_span};

static CAPTURE: OnceLock<Capture> = OnceLock::new();

/// The one capture behind both APIs. Tests share it and find their spans by name.
fn capture() -> &'static Capture {
    CAPTURE.get_or_init(|| {
        let capture = Capture::with(|settings| settings.clock = Clock::system());
        let engine = std::sync::Arc::clone(&capture.engine);
        global::set_tracer_provider(trace::TracerProvider::new(engine));
        tracing::dispatcher::set_global_default(capture.dispatch()).unwrap();
        let _armed = global::tracer("arms");
        capture
    })
}

/// What `work` finished under a root of this name, which no other test uses.
fn under(root: &'static str, work: impl FnOnce()) -> Vec<Finished> {
    capture();
    let span = info_span!("root", otel.name = root);
    let trace_id = span.span_context().unwrap().trace_id();
    span.in_scope(work);
    drop(span);
    let mut spans = taken();
    spans.retain(|span| span.trace_id == trace_id);
    spans
}

/// Everything that has ended so far.
fn taken() -> Vec<Finished> {
    static TAKEN: std::sync::Mutex<Vec<Finished>> = std::sync::Mutex::new(Vec::new());
    let mut taken = TAKEN.lock().unwrap();
    taken.extend(capture().take());
    taken.clone()
}

fn tracer() -> global::BoxedTracer {
    global::tracer("shop")
}

fn api_ids(cx: &Context) -> Option<CurrentIds> {
    let span = cx.span();
    let context = span.span_context();
    context.is_valid().then(|| CurrentIds {
        trace_id: context.trace_id(),
        span_id: context.span_id(),
        trace_flags: context.trace_flags(),
    })
}

#[test]
fn parents_are_right_both_ways() {
    let spans = under("both", || {
        tracer().in_span("api", |cx| {
            assert_eq!(current(), api_ids(&cx));
            info_span!("tracing inside").in_scope(|| {
                assert_eq!(current(), api_ids(&Context::current()));
                tracer().in_span("api inside", |_| drop(info_span!("innermost")));
            });
            assert_eq!(current(), api_ids(&cx));
            drop(info_span!("second"));
        });
        drop(info_span!("after"));
    });
    let (root, api) = (find(&spans, "both"), find(&spans, "api"));
    assert_child(api, root);
    assert_child(find(&spans, "tracing inside"), api);
    assert_child(find(&spans, "api inside"), find(&spans, "tracing inside"));
    assert_child(find(&spans, "innermost"), find(&spans, "api inside"));
    assert_child(find(&spans, "second"), api);
    assert_child(find(&spans, "after"), root);
    assert_eq!(
        (api.scope.as_str(), root.scope.as_str()),
        ("shop", module_path!())
    );
}

#[test]
fn parents_are_right_across_await() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(3)
        .build()
        .unwrap();
    let spans = under("await", || {
        let cx = Context::current_with_span(tracer().start("api"));
        let work = async {
            for _ in 0..20 {
                tokio::task::yield_now().await;
                assert_eq!(current(), api_ids(&Context::current()));
            }
            async {
                tokio::task::yield_now().await;
                tracer().start("leaf").end();
            }
            .instrument(info_span!("tracing"))
            .await;
            drop(info_span!("late"));
        };
        let task = runtime.spawn(work.with_context(cx));
        runtime.block_on(task).unwrap();
    });
    let api = find(&spans, "api");
    assert_child(api, find(&spans, "await"));
    assert_child(find(&spans, "tracing"), api);
    assert_child(find(&spans, "leaf"), find(&spans, "tracing"));
    assert_child(find(&spans, "late"), api);
}

fn order() -> Option<String> {
    Context::map_current(|cx| cx.baggage().get("order").map(ToString::to_string))
}

#[derive(Debug, PartialEq)]
struct Tenant(u32);

#[test]
fn what_the_context_holds_survives_every_enter() {
    under("baggage", || {
        let span = info_span!("span");
        for number in 0..3 {
            let order_now = number.to_string();
            let cx = Context::current()
                .with_baggage([KeyValue::new("order", order_now.clone())])
                .with_value(Tenant(number));
            let _outer = cx.attach();
            span.in_scope(|| {
                assert_eq!(order(), Some(order_now));
                assert_eq!(Context::current().get(), Some(&Tenant(number)));
            });
        }
        span.in_scope(|| assert_eq!(order(), None));
    });
}

#[test]
fn baggage_follows_a_span_into_its_task() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    under("spawned", || {
        let cx = Context::current_with_baggage([KeyValue::new("order", "7")]);
        let attached = cx.attach();
        let span = info_span!("task");
        drop(attached);
        let task = runtime.spawn(
            async {
                tokio::task::yield_now().await;
                async { order() }.instrument(info_span!("inner")).await
            }
            .instrument(span),
        );
        assert_eq!(runtime.block_on(task).unwrap().as_deref(), Some("7"));
    });
}

#[test]
fn an_explicit_context_wins_and_an_empty_one_makes_a_root() {
    let spans = under("explicit", || {
        let cx = Context::new().with_remote_span_context((&remote()).into());
        let span = tracer().start_with_context("child of another", &cx);
        assert_eq!(span.span_context().trace_id(), remote().trace_id());
        let root = tracer().start_with_context("alone", &Context::new());
        assert_ne!(root.span_context().trace_id(), current().unwrap().trace_id);
        let in_cx = cx.attach();
        drop(info_span!("tracing child of another"));
        assert_eq!(current().unwrap().trace_id, remote().trace_id());
        drop(info_span!(parent: None, "tracing alone"));
        drop(in_cx);
        drop(info_span!("child"));
    });
    assert_eq!(spans.len(), 2, "{spans:#?}");
    assert_child(find(&spans, "child"), find(&spans, "explicit"));
}

#[test]
fn a_scoped_parent_gives_way_to_a_span_made_inside() {
    let spans = under("scoped", || {
        let parent = info_span!("parent").span_context().unwrap();
        with_remote_parent(parent, || {
            drop(info_span!("scoped child"));
            tracer().in_span("api", |_| drop(info_span!("inside")));
        });
    });
    assert_child(find(&spans, "inside"), find(&spans, "api"));
    assert_child(find(&spans, "scoped child"), find(&spans, "parent"));
}

#[test]
fn ids_without_a_span_are_seen_by_both() {
    let spans = under("ids", || {
        let span = info_span!("filtered out");
        let ids = span.span_context().map(|cx| CurrentIds {
            trace_id: cx.trace_id(),
            span_id: cx.span_id(),
            trace_flags: cx.trace_flags(),
        });
        let outer = current();
        let entered = enter_ids(ids);
        assert_eq!((current(), api_ids(&Context::current())), (ids, ids));
        tracer().start("api").end();
        drop(info_span!("tracing"));
        drop(entered);
        assert_eq!((current(), api_ids(&Context::current())), (outer, outer));
    });
    assert_child(find(&spans, "api"), find(&spans, "filtered out"));
    assert_child(find(&spans, "tracing"), find(&spans, "filtered out"));
}

#[test]
fn everything_that_the_api_can_say() {
    let at = |secs: u64| UNIX_EPOCH + Duration::from_secs(1_600_000_000 + secs);
    let nanos = |secs: u64| (1_600_000_000 + secs) * 1_000_000_000;
    let spans = under("full", || {
        let scope = InstrumentationScope::builder("lib")
            .with_version("1.2")
            .build();
        let tracer = global::tracer_provider().tracer_with_scope(scope);
        let mut span = tracer
            .span_builder("before")
            .with_kind(SpanKind::Producer)
            .with_start_time(at(0))
            .with_attributes([
                KeyValue::new("a", 1),
                KeyValue::new("b", 2),
                KeyValue::new("a", 3),
            ])
            .with_links(vec![Link::new(
                (&remote()).into(),
                vec![KeyValue::new("l", 1)],
                0,
            )])
            .start(&tracer);
        assert!(span.is_recording());
        span.add_event_with_timestamp("event", at(1), vec![KeyValue::new("e", 1)]);
        span.set_attribute(KeyValue::new("b", "two"));
        span.set_attributes([KeyValue::new("c", 1.5), KeyValue::new("c", true)]);
        span.update_name("full api");
        span.set_status(Status::error("bad"));
        span.record_error(&std::fmt::Error);
        span.add_link((&remote()).into(), vec![]);
        span.end_with_timestamp(at(2));
        assert!(!span.is_recording());
        span.end();
        span.set_attribute(KeyValue::new("late", 1));
        drop(span);
    });
    let span = find(&spans, "full api");
    assert_eq!(
        (span.start, span.end, span.kind),
        (nanos(0), nanos(2), Kind::Producer)
    );
    assert_eq!(
        (span.get("a"), span.get("b"), span.get("c")),
        ("Int(3)", text("two").as_str(), "Bool(true)")
    );
    assert_eq!(
        (span.status, span.status_message.as_str()),
        (StatusCode::Error, "bad")
    );
    assert_eq!(
        (span.events[0].0.as_str(), span.events[0].1),
        ("event", nanos(1))
    );
    assert_eq!(get(&span.events[0].2, "e"), "Int(1)");
    assert_eq!((span.events.len(), span.links.len()), (2, 2));
    assert_eq!(span.get("late"), "absent");
    assert_eq!(span.scope, "lib");
}

#[test]
fn a_span_with_a_past_start_ends_now() {
    let spans = under("past", || {
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let tracer = tracer();
        drop(
            tracer
                .span_builder("long")
                .with_start_time(start)
                .start(&tracer),
        );
    });
    let (root, long) = (find(&spans, "past"), find(&spans, "long"));
    assert_eq!(long.start, 1_000_000_000_000_000_000);
    assert!(
        long.end >= root.start && long.end <= root.end,
        "{} {} {}",
        root.start,
        long.end,
        root.end
    );
}

#[test]
fn nothing_is_made_where_telemetry_is_suppressed() {
    let spans = under("suppressed", || {
        let _suppressed = Context::enter_telemetry_suppressed_scope();
        let mut span = tracer().start("hidden");
        assert!(!span.is_recording() && !span.span_context().is_valid());
        span.end();
    });
    assert_eq!(spans.len(), 1);
}

#[test]
fn a_span_in_a_context_may_end_on_another_thread() {
    let spans = under("moved", || {
        let cx = Context::current_with_span(tracer().start("api"));
        let there = cx.clone();
        std::thread::spawn(move || {
            let _cx = there.attach();
            drop(info_span!("elsewhere"));
        })
        .join()
        .unwrap();
        std::thread::spawn(move || drop(cx)).join().unwrap();
    });
    assert_child(find(&spans, "elsewhere"), find(&spans, "api"));
}

#[test]
fn an_attached_context_makes_the_ids_known() {
    under("attached", || {
        let span = info_span!(parent: None, "late parent");
        span.set_parent(remote()).unwrap();
        let span = info_span!(parent: None, "entered");
        span.in_scope(|| ());
        assert_eq!(span.set_parent(remote()), Err(SetParentError::IdsInUse));
    });
}

#[test]
fn guards_dropped_out_of_order() {
    let spans = under("order", || {
        let before = (current(), api_ids(&Context::current()));
        let a = info_span!("a").entered();
        let api = Context::current_with_span(tracer().start("api")).attach();
        let b = info_span!("b").entered();
        drop(a);
        assert_eq!(current(), api_ids(&Context::current()));
        drop(info_span!("in b"));
        drop(api);
        drop(b);
        assert_eq!((current(), api_ids(&Context::current())), before);
    });
    assert_child(find(&spans, "in b"), find(&spans, "b"));
}

/// Uses telemetry while its thread ends.
struct AtExit(std::cell::RefCell<Vec<tracing::Span>>);

impl Drop for AtExit {
    fn drop(&mut self) {
        let _ids = current();
        let _baggage = current_baggage();
        inject(&mut http::HeaderMap::new());
        error!("logged at exit");
        tracer_at_exit();
        let _entered = enter_ids(None);
        self.0.borrow_mut().clear();
    }
}

fn tracer_at_exit() {
    let engine = std::sync::Arc::clone(&capture().engine);
    let tracer = trace::TracerProvider::new(engine).tracer("exit");
    drop(tracer.build_with_context(tracer.span_builder("api"), &Context::new()));
}

#[test]
fn thread_locals_that_use_telemetry_while_they_are_destroyed() {
    // destroyed in turn: the last one before what telemetry itself keeps, the first one after
    thread_local! {
        static EARLY: AtExit = const { AtExit(std::cell::RefCell::new(Vec::new())) };
        static LATE: AtExit = const { AtExit(std::cell::RefCell::new(Vec::new())) };
    }
    capture();
    let (early, late) = (
        info_span!("held early", x = 1),
        info_span!("held late", x = 1),
    );
    let ids = [&early, &late].map(|span| span.span_context().unwrap().span_id());
    let ended = std::thread::spawn(|| {
        EARLY.with(|held| held.0.borrow_mut().push(early));
        info_span!("ordinary").in_scope(|| {
            let _ids = current();
            tracer().in_span("api", |_| ());
        });
        LATE.with(|held| held.0.borrow_mut().push(late));
        spans::leak(info_span!("forgotten").entered());
    });
    ended.join().unwrap();
    let spans = under("at exit", || ());
    assert_eq!(spans.len(), 1);
    for id in ids {
        assert!(
            taken().iter().any(|span| span.span_id == id),
            "{id} did not end"
        );
    }
}

#[test]
fn roots_are_roots() {
    under("outer", || {
        let spans = under_root();
        assert_root(find(&spans, "lonely"));
    });
}

fn under_root() -> Vec<Finished> {
    let own = Capture::new();
    own.run(|| {
        let _detached = Context::new().attach();
        drop(info_span!("lonely"));
    })
}
