//! The current ids against the truth, over threads, tasks and registry numbers used again.
#![cfg(feature = "testing")]
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod spans;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use spans::Capture;
use telemetry_core::context::{CurrentIds, SpanId, current};
use telemetry_core::trace::{SpanExt, SpanLayer};
use tracing::{Dispatch, Instrument, Span, info_span};
use tracing_core::span::{Attributes, Id, Record};
use tracing_core::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

/// A layer beside ours that reads the current ids in its events.
#[derive(Clone, Default)]
struct Reader {
    seen: Arc<AtomicU64>,
    wrong: Arc<AtomicU64>,
}

impl<S: Subscriber> Layer<S> for Reader {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        struct Expected(u64);
        impl tracing_core::field::Visit for Expected {
            fn record_u64(&mut self, _: &tracing_core::Field, value: u64) {
                self.0 = value;
            }
            fn record_debug(&mut self, _: &tracing_core::Field, _: &dyn std::fmt::Debug) {}
        }
        let mut expected = Expected(0);
        event.record(&mut expected);
        let ids = current().map_or(0, |ids| number(ids.span_id));
        self.seen.fetch_add(1, Ordering::Relaxed);
        self.wrong
            .fetch_add(u64::from(ids != expected.0), Ordering::Relaxed);
    }
    fn on_new_span(&self, _: &Attributes<'_>, _: &Id, _: Context<'_, S>) {}
    fn on_record(&self, _: &Id, _: &Record<'_>, _: Context<'_, S>) {}
}

fn number(id: SpanId) -> u64 {
    u64::from_be_bytes(id.to_bytes())
}

fn id_of(span: &Span) -> u64 {
    number(span.span_context().unwrap().span_id())
}

fn check(expected: u64) {
    let ids = current().map_or(0, |ids: CurrentIds| number(ids.span_id));
    assert_eq!(ids, expected);
    tracing::info!(expected);
}

/// A random walk through nested spans and other tasks; its steps depend on `seed` alone.
fn walk(
    depth: u32,
    mut seed: u64,
    around: u64,
) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        for _ in 0..4 {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            check(around);
            match (seed >> 33) % 5 {
                0 | 1 if depth > 0 => {
                    let span = info_span!("nested");
                    let id = id_of(&span);
                    walk(depth - 1, seed, id).instrument(span).await;
                }
                2 if depth > 0 => {
                    let span = info_span!("task");
                    let id = id_of(&span);
                    let task = tokio::spawn(walk(depth - 1, seed, id).instrument(span));
                    check(around);
                    task.await.unwrap();
                }
                3 => {
                    let span = info_span!("sync");
                    let id = id_of(&span);
                    span.in_scope(|| check(id));
                }
                _ => tokio::task::yield_now().await,
            }
            check(around);
        }
    })
}

fn migrate(dispatch: &Dispatch, reader: &Reader) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .on_thread_start({
            let dispatch = dispatch.clone();
            move || spans::stay_default(&dispatch)
        })
        .build()
        .unwrap();
    let _default = tracing::dispatcher::set_default(dispatch);
    let mut seed = 0;
    while reader.seen.load(Ordering::Relaxed) < 20_000 {
        let tasks: Vec<_> = (0..64)
            .map(|_| {
                seed += 1;
                runtime.spawn(walk(4, seed, 0))
            })
            .collect();
        for task in tasks {
            runtime.block_on(task).unwrap();
        }
    }
    assert_eq!(reader.wrong.load(Ordering::Relaxed), 0);
}

#[test]
fn ids_are_right_while_tasks_migrate_with_our_layer_first() {
    let (capture, reader) = (Capture::new(), Reader::default());
    let ours = SpanLayer::new(Arc::clone(&capture.engine));
    let dispatch = Dispatch::new(
        tracing_subscriber::registry()
            .with(ours)
            .with(reader.clone()),
    );
    migrate(&dispatch, &reader);
    assert_eq!(capture.open(), 0);
}

#[test]
fn ids_are_right_while_tasks_migrate_with_our_layer_last() {
    let (capture, reader) = (Capture::new(), Reader::default());
    let ours = SpanLayer::new(Arc::clone(&capture.engine));
    let dispatch = Dispatch::new(
        tracing_subscriber::registry()
            .with(reader.clone())
            .with(ours),
    );
    migrate(&dispatch, &reader);
    assert_eq!(capture.open(), 0);
}

#[test]
fn numbers_used_again_never_bring_back_old_ids() {
    let capture = Capture::new();
    let dispatch = capture.dispatch();
    let threads = 4;
    std::thread::scope(|scope| {
        let (to_next, from_previous): (Vec<_>, Vec<_>) = (0..threads)
            .map(|_| std::sync::mpsc::sync_channel::<(Span, u64)>(64))
            .unzip();
        for (index, spans) in from_previous.into_iter().enumerate() {
            let next = to_next[(index + 1) % threads].clone();
            let dispatch = dispatch.clone();
            scope.spawn(move || {
                tracing::dispatcher::with_default(&dispatch, || {
                    let mut held = Vec::new();
                    for round in 0..30_000_u64 {
                        let span = info_span!(parent: None, "short");
                        let id = id_of(&span);
                        span.in_scope(|| assert_eq!(number(current().unwrap().span_id), id));
                        // some go round, are entered elsewhere and closed there
                        let _full = next.try_send((span, id));
                        if let Ok((span, id)) = spans.try_recv() {
                            span.in_scope(|| assert_eq!(number(current().unwrap().span_id), id));
                            if round % 7 == 0 {
                                held.push((span, id));
                            }
                        }
                        if held.len() > 40 {
                            held.swap_remove((round % 40) as usize);
                        }
                        if let Some((span, id)) = held.get((round % 41) as usize) {
                            span.in_scope(|| assert_eq!(number(current().unwrap().span_id), *id));
                        }
                    }
                });
            });
        }
        drop(to_next);
    });
    let mut ids = HashMap::new();
    for span in capture.take() {
        assert!(
            ids.insert(span.span_id, ()).is_none(),
            "{} twice",
            span.span_id
        );
    }
    assert_eq!(ids.len(), threads * 30_000);
    assert_eq!(capture.open(), 0);
}

#[test]
fn a_million_generations_beside_one_that_stays() {
    let capture = Capture::with(|settings| {
        settings.sampler = telemetry_core::trace::Sampler::AlwaysOff;
    });
    tracing::dispatcher::with_default(&capture.dispatch(), || {
        let stays = info_span!("stays");
        let id = id_of(&stays);
        for round in 0..1_000_000_u32 {
            let span = info_span!(parent: None, "short");
            if round % 1000 == 0 {
                let short = id_of(&span);
                span.in_scope(|| {
                    assert_eq!(number(current().unwrap().span_id), short);
                    stays.in_scope(|| assert_eq!(number(current().unwrap().span_id), id));
                });
            }
        }
    });
}
