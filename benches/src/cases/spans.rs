//! S8: a span of six attributes, from start to end; and what entering it costs.

use std::sync::Arc;

use opentelemetry::trace::{Span as _, Tracer as _, TracerProvider as _};
use opentelemetry::{KeyValue, global};
use opentelemetry_sdk::trace::{Sampler as SdkSampler, SdkTracerProvider};
use telemetry_core::trace::Sampler;
use tracing::{Level, Span, Subscriber};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt;

use crate::harness::Case;
use crate::ours::Ours;
use crate::peers;

fn span() -> Span {
    tracing::span!(
        Level::INFO,
        "load order",
        db.system.name = "postgresql",
        db.operation.name = "SELECT",
        db.collection.name = "orders",
        server.port = 5432,
        db.response.returned_rows = 17_u64,
        cached = false,
    )
}

fn install(subscriber: impl Subscriber + Send + Sync + 'static) {
    tracing::subscriber::set_global_default(subscriber).unwrap();
}

fn start_and_end(count: u64) {
    for _ in 0..count {
        drop(span());
    }
}

pub(super) fn registry() -> Case {
    install(Registry::default());
    Case::new(start_and_end)
}

fn ours_with(sampler: Sampler, run: impl FnMut(u64) + 'static) -> (Arc<Ours>, Case) {
    let ours = Arc::new(Ours::start(sampler));
    install(Registry::default().with(ours.layer()));
    let flushed = Arc::clone(&ours);
    (ours, Case::settled(run, move || flushed.flush()))
}

pub(super) fn ours() -> Case {
    ours_with(Sampler::parent_based_always_on(), start_and_end).1
}

pub(super) fn ours_armed() -> Case {
    let (ours, case) = ours_with(Sampler::parent_based_always_on(), |count| {
        for _ in 0..count {
            drop(span().entered());
        }
    });
    ours.arm();
    case
}

pub(super) fn ours_unsampled() -> Case {
    let never = Sampler::ParentBased(Box::new(Sampler::AlwaysOff));
    ours_with(never, start_and_end).1
}

fn usual(sampler: SdkSampler, run: impl FnMut(u64) + 'static) -> Case {
    let provider = peers::sdk(sampler);
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("bench"));
    install(Registry::default().with(layer));
    settled(provider, run)
}

fn settled(provider: SdkTracerProvider, run: impl FnMut(u64) + 'static) -> Case {
    Case::settled(run, move || provider.force_flush().unwrap())
}

pub(super) fn tracing_opentelemetry() -> Case {
    usual(SdkSampler::AlwaysOn, start_and_end)
}

pub(super) fn tracing_opentelemetry_unsampled() -> Case {
    usual(SdkSampler::AlwaysOff, start_and_end)
}

fn sdk_with(sampler: SdkSampler) -> Case {
    let provider = peers::sdk(sampler);
    global::set_tracer_provider(provider.clone());
    let tracer = provider.tracer("bench");
    settled(provider, move |count| {
        for _ in 0..count {
            let mut span = tracer.start("load order");
            span.set_attribute(KeyValue::new("db.system.name", "postgresql"));
            span.set_attribute(KeyValue::new("db.operation.name", "SELECT"));
            span.set_attribute(KeyValue::new("db.collection.name", "orders"));
            span.set_attribute(KeyValue::new("server.port", 5432));
            span.set_attribute(KeyValue::new("db.response.returned_rows", 17));
            span.set_attribute(KeyValue::new("cached", false));
            span.end();
        }
    })
}

pub(super) fn sdk() -> Case {
    sdk_with(SdkSampler::AlwaysOn)
}

pub(super) fn sdk_unsampled() -> Case {
    sdk_with(SdkSampler::AlwaysOff)
}

struct Nowhere;

impl fastrace::collector::Reporter for Nowhere {
    fn report(&mut self, spans: Vec<fastrace::prelude::SpanRecord>) {
        drop(spans);
    }
}

pub(super) fn fastrace_to_nowhere() {
    fastrace::set_reporter(Nowhere, fastrace::collector::Config::default());
}

pub(super) fn fastrace() -> Case {
    use fastrace::prelude::{Span, SpanContext};
    fastrace_to_nowhere();
    let run = |count| {
        for _ in 0..count {
            let span = Span::root("load order", SpanContext::random()).with_properties(|| {
                [
                    ("db.system.name", "postgresql"),
                    ("db.operation.name", "SELECT"),
                    ("db.collection.name", "orders"),
                    ("server.port", "5432"),
                    ("db.response.returned_rows", "17"),
                    ("cached", "false"),
                ]
            });
            drop(span);
        }
    };
    Case::settled(run, fastrace::flush)
}

/// Enters and exits one open span, as a poll of an instrumented future does.
fn poll(times: u64) -> impl FnMut(u64) {
    let mut span = None;
    move |count| {
        let span = span.get_or_insert_with(self::span);
        for _ in 0..count * times {
            drop(span.enter());
        }
    }
}

pub(super) fn registry_poll() -> Case {
    install(Registry::default());
    Case::new(poll(1))
}

pub(super) fn ours_poll() -> Case {
    ours_with(Sampler::parent_based_always_on(), poll(1)).1
}

pub(super) fn ours_polls() -> Case {
    ours_with(Sampler::parent_based_always_on(), poll(10)).1
}

pub(super) fn tracing_opentelemetry_poll() -> Case {
    usual(SdkSampler::AlwaysOn, poll(1))
}

pub(super) fn tracing_opentelemetry_polls() -> Case {
    usual(SdkSampler::AlwaysOn, poll(10))
}
