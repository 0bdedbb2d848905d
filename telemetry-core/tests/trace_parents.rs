//! Who is whose parent.
#![cfg(feature = "testing")]
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod spans;

use spans::{Capture, assert_child, assert_root, find, remote};
use telemetry_core::context::{
    CurrentIds, TraceState, current, current_span_context, enter_ids, enter_span_context,
};
use telemetry_core::trace::{SpanExt, with_remote_parent};
use tracing::{Instrument, Span, info_span};

fn span_id(span: &Span) -> telemetry_core::context::SpanId {
    span.span_context().unwrap().span_id()
}

#[test]
fn contextual_explicit_and_no_parents() {
    let spans = Capture::new().run(|| {
        let root = info_span!("root");
        let _root = root.clone().entered();
        let child = info_span!("child").entered();
        drop(info_span!("grandchild"));
        drop(info_span!(parent: &root, "explicit"));
        drop(info_span!(parent: None, "alone"));
        drop(child);
        drop(info_span!("second child"));
    });
    let root = find(&spans, "root");
    assert_root(root);
    assert_child(find(&spans, "child"), root);
    assert_child(find(&spans, "grandchild"), find(&spans, "child"));
    assert_child(find(&spans, "explicit"), root);
    assert_child(find(&spans, "second child"), root);
    let alone = find(&spans, "alone");
    assert_root(alone);
    assert_ne!(alone.trace_id, root.trace_id);
    assert!(spans.iter().all(|span| span.scope == module_path!()));
}

#[test]
fn guards_dropped_out_of_order() {
    let spans = Capture::new().run(|| {
        let a = info_span!("a").entered();
        let b = info_span!("b").entered();
        let c = info_span!("c").entered();
        drop(b);
        drop(info_span!("in c"));
        drop(a);
        drop(info_span!("still in c"));
        drop(c);
        assert_eq!(current(), None);
        drop(info_span!("outside"));
    });
    assert_child(find(&spans, "in c"), find(&spans, "c"));
    assert_child(find(&spans, "still in c"), find(&spans, "c"));
    assert_root(find(&spans, "outside"));
}

#[test]
fn a_span_entered_again_within_itself() {
    let spans = Capture::new().run(|| {
        let a = info_span!("a");
        let once = a.enter();
        let b = info_span!("b");
        let _b = b.enter();
        let again = a.enter();
        assert_eq!(current().unwrap().span_id, span_id(&a));
        drop(again);
        drop(info_span!("in b"));
        assert_eq!(current().unwrap().span_id, span_id(&b));
        drop(once);
        assert_eq!(current().unwrap().span_id, span_id(&b));
    });
    assert_child(find(&spans, "in b"), find(&spans, "b"));
}

#[test]
fn nested_subscribers_keep_to_themselves() {
    let (one, two) = (Capture::new(), Capture::new());
    let (first, second) = (one.dispatch(), two.dispatch());
    tracing::dispatcher::with_default(&first, || {
        let outer = info_span!("outer").entered();
        tracing::dispatcher::with_default(&second, || {
            let _other = info_span!("other").entered();
            tracing::dispatcher::with_default(&first, || {
                info_span!("inner").in_scope(|| drop(info_span!("innermost")));
            });
            drop(info_span!("other's child"));
        });
        drop(info_span!("sibling"));
        drop(outer);
    });
    let ones = one.take();
    assert_child(find(&ones, "inner"), find(&ones, "outer"));
    assert_child(find(&ones, "innermost"), find(&ones, "inner"));
    assert_child(find(&ones, "sibling"), find(&ones, "outer"));
    let twos = two.take();
    assert_root(find(&twos, "other"));
    assert_child(find(&twos, "other's child"), find(&twos, "other"));
}

#[test]
fn one_engine_under_two_registries() {
    let capture = Capture::new();
    let (first, second) = (capture.dispatch(), capture.dispatch());
    let span_of = |dispatch, name: &'static str| {
        tracing::dispatcher::with_default(dispatch, || match name {
            "first" => info_span!("first"),
            _ => info_span!("second"),
        })
    };
    // both registries give the same number to their first span
    let (one, two) = (span_of(&first, "first"), span_of(&second, "second"));
    for _ in 0..3 {
        one.in_scope(|| assert_eq!(current().unwrap().span_id, span_id(&one)));
        two.in_scope(|| assert_eq!(current().unwrap().span_id, span_id(&two)));
        one.in_scope(|| {
            two.in_scope(|| assert_eq!(current().unwrap().span_id, span_id(&two)));
            assert_eq!(current().unwrap().span_id, span_id(&one));
        });
    }
    drop((one, two));
    assert_eq!(capture.take().len(), 2);
}

#[test]
fn across_threads() {
    let capture = Capture::new();
    let dispatch = capture.dispatch();
    let spans = capture.run(|| ());
    assert!(spans.is_empty());
    let root = tracing::dispatcher::with_default(&dispatch, || info_span!("root"));
    let ids = span_id(&root);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let (root, dispatch) = (root.clone(), dispatch.clone());
            scope.spawn(move || {
                tracing::dispatcher::with_default(&dispatch, || {
                    for _ in 0..100 {
                        let _entered = root.enter();
                        assert_eq!(current().unwrap().span_id, ids);
                        drop(info_span!("child"));
                    }
                    assert_eq!(current(), None);
                });
            });
        }
    });
    // closed by another thread than the one that made it
    std::thread::spawn(move || drop(root)).join().unwrap();
    let spans = capture.take();
    assert_eq!(spans.len(), 401);
    let root = find(&spans, "root");
    for child in spans.iter().filter(|span| span.name == "child") {
        assert_child(child, root);
    }
    assert_eq!(capture.open(), 0);
}

#[test]
fn spawned_tasks_follow_their_span() {
    let capture = Capture::new();
    let dispatch = capture.dispatch();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .on_thread_start({
            let dispatch = dispatch.clone();
            move || spans::stay_default(&dispatch)
        })
        .build()
        .unwrap();
    let _default = tracing::dispatcher::set_default(&dispatch);
    let root = info_span!("root");
    let spawned = root.in_scope(|| {
        runtime.spawn(
            async {
                tokio::task::yield_now().await;
                async { tokio::task::yield_now().await }
                    .instrument(info_span!("inner"))
                    .await;
                drop(info_span!("late"));
            }
            .in_current_span(),
        )
    });
    runtime.block_on(spawned).unwrap();
    drop(root);
    let spans = capture.take();
    assert_child(find(&spans, "inner"), find(&spans, "root"));
    assert_child(find(&spans, "late"), find(&spans, "root"));
}

#[test]
fn a_remote_parent_is_not_stolen() {
    let spans = Capture::new().run(|| {
        with_remote_parent(remote(), || {
            let first = info_span!("first");
            first.in_scope(|| drop(info_span!("nested")));
            drop(info_span!("second"));
            let other = remote().with_trace_state(TraceState::parse("a=b").unwrap());
            with_remote_parent(other, || drop(info_span!("inner")));
            drop(info_span!("third"));
            drop(info_span!(parent: &first, "explicit"));
        });
        drop(info_span!("after"));
    });
    for name in ["first", "second", "third", "inner"] {
        let span = find(&spans, name);
        assert_eq!(span.parent, remote().span_id(), "{name}");
        assert_eq!(span.parent_is_remote, Some(true), "{name}");
    }
    assert_eq!(find(&spans, "inner").trace_state, "a=b");
    assert_eq!(find(&spans, "third").trace_state, "");
    assert_child(find(&spans, "nested"), find(&spans, "first"));
    assert_child(find(&spans, "explicit"), find(&spans, "first"));
    assert_root(find(&spans, "after"));
}

#[test]
fn a_remote_parent_ends_with_a_panic() {
    let spans = Capture::new().run(|| {
        let outer = info_span!("outer").entered();
        let panic = std::panic::catch_unwind(|| {
            with_remote_parent(remote(), || {
                drop(info_span!("before"));
                panic!("planned");
            })
        });
        assert!(panic.is_err());
        drop(info_span!("after"));
        drop(outer);
    });
    assert_eq!(find(&spans, "before").parent, remote().span_id());
    assert_child(find(&spans, "after"), find(&spans, "outer"));
}

#[test]
fn tracestate_reaches_descendants() {
    let state = TraceState::parse("vendor=1").unwrap();
    let spans = Capture::new().run(|| {
        with_remote_parent(remote().with_trace_state(state.clone()), || {
            let server = info_span!("server");
            let _server = server.enter();
            let child = info_span!("child").entered();
            drop(info_span!("grandchild"));
            assert_eq!(
                Span::current().span_context().unwrap().trace_state(),
                &state
            );
            drop(child);
        });
    });
    assert!(spans.iter().all(|span| span.trace_state == "vendor=1"));
}

#[test]
fn ids_without_a_span_are_the_parent() {
    let ids = CurrentIds {
        trace_id: remote().trace_id(),
        span_id: remote().span_id(),
        trace_flags: remote().trace_flags(),
    };
    let spans = Capture::new().run(|| {
        let outer = info_span!("outer").entered();
        let entered = enter_ids(Some(ids));
        drop(info_span!("child"));
        {
            let _nothing = enter_ids(None);
            assert_eq!(current(), None);
            drop(info_span!("root"));
        }
        drop(entered);
        drop(info_span!("outer's child"));
        drop(outer);
    });
    assert_eq!(find(&spans, "child").parent, remote().span_id());
    assert_root(find(&spans, "root"));
    assert_child(find(&spans, "outer's child"), find(&spans, "outer"));
}

#[test]
fn a_tracestate_stays_with_an_identity_without_a_span() {
    // a key that only level 2 of the specification allows
    let state = TraceState::parse("1a@b@c=1").unwrap();
    let identity = remote().with_trace_state(state.clone());
    let spans = Capture::new().run(|| {
        let entered = enter_span_context(&identity);
        assert_eq!(*current_span_context().unwrap().trace_state(), state);
        drop(info_span!("child"));
        {
            let _bare = enter_span_context(&remote());
            drop(info_span!("bare"));
        }
        drop(entered);
        assert_eq!(current_span_context(), None);
    });
    assert_eq!(find(&spans, "child").trace_state, "1a@b@c=1");
    assert_eq!(find(&spans, "bare").trace_state, "");
}
