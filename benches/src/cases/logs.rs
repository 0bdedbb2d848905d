//! S6: one JSON line of four fields inside two nested spans of two fields each, with the ids.

use std::hint::black_box;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use telemetry_core::context::{RequestScope, RouteId, SpanContext, TraceFlags, enter_request};
use telemetry_core::trace::Sampler;
use telemetry_log::{BaseFilter, Directives, Override, Scope, Verbosity};
use tracing::span::EnteredSpan;
use tracing::{Level, Subscriber, debug, info, info_span, subscriber};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt;

use crate::harness::Case;
use crate::ours::{self, Ours};

const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN_ID: &str = "00f067aa0ba902b7";

fn line() {
    info!(
        items = 3,
        cents = 4950,
        currency = "EUR",
        express = true,
        "order placed"
    );
}

fn spans() -> [EnteredSpan; 2] {
    let outer = info_span!("request", tenant = "acme", attempt = 1).entered();
    [
        outer,
        info_span!("checkout", cart = 42, step = "pay").entered(),
    ]
}

/// Writes lines inside the spans that `spans` opens before the first.
fn lines(spans: fn() -> [EnteredSpan; 2]) -> impl FnMut(u64) {
    let mut open = None;
    move |count| {
        let _ = open.get_or_insert_with(spans);
        for _ in 0..count {
            line();
        }
    }
}

/// What `tracing` itself takes to come to a layer.
pub(super) fn registry() -> Case {
    subscriber::set_global_default(Registry::default()).unwrap();
    Case::new(lines(spans))
}

pub(super) fn ours() -> Case {
    let spans_of_ours = Arc::new(Ours::start(Sampler::parent_based_always_on()));
    let (layer, logs) = ours::logs();
    let subscriber = Registry::default().with(spans_of_ours.layer()).with(layer);
    subscriber::set_global_default(subscriber).unwrap();
    Case::settled(lines(spans), move || {
        ours::flush_logs(&logs);
        spans_of_ours.flush();
    })
}

/// It knows no ids: they are fields of the inner span, written by hand.
pub(super) fn fmt_json() -> Case {
    let layer = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_writer(io::sink);
    subscriber::set_global_default(Registry::default().with(layer)).unwrap();
    Case::new(lines(|| {
        let outer = info_span!("request", tenant = "acme", attempt = 1).entered();
        let inner = info_span!(
            "checkout",
            cart = 42,
            step = "pay",
            trace_id = TRACE_ID,
            span_id = SPAN_ID
        );
        [outer, inner.entered()]
    }))
}

/// A `debug!` that the level filter turns off.
pub(super) fn disabled() -> Case {
    let (subscriber, _verbosity) = filtered();
    subscriber::set_global_default(subscriber).unwrap();
    Case::new(debugs)
}

/// The same while another target is verbose.
pub(super) fn armed_for_another_target() -> Case {
    armed(Scope::Target("elsewhere".to_owned()))
}

/// The same in a request, while another route is verbose.
pub(super) fn armed_for_another_route() -> Case {
    armed(Scope::Route("/elsewhere".to_owned()))
}

/// A `debug!` in a request of a route that is verbose.
pub(super) fn armed_here() -> Case {
    armed(Scope::Route(ROUTE.to_owned()))
}

fn armed(scope: Scope) -> Case {
    let (subscriber, verbosity) = filtered();
    subscriber::set_global_default(subscriber).unwrap();
    let hour = Duration::from_secs(60 * 60);
    let wish = Override::new(scope, Level::DEBUG, hour);
    verbosity.set(wish).unwrap();
    let caller = SpanContext::new(1_u128.into(), 1_u64.into(), TraceFlags::SAMPLED);
    let request = RequestScope::NONE.with_route(RouteId::of(ROUTE));
    Case::new(move |count| {
        let _entered = enter_request(&caller, request);
        debugs(count);
    })
}

const ROUTE: &str = "/users/{id}";

fn filtered() -> (impl Subscriber + Send + Sync, Verbosity) {
    let (layer, _logs) = ours::logs();
    let (directives, _errors) = Directives::parse("info");
    let filter = BaseFilter::new(directives);
    let verbosity = filter.verbosity();
    (Registry::default().with(layer).with(filter), verbosity)
}

fn debugs(count: u64) {
    for number in 0..count {
        debug!(number, "more");
        black_box(());
    }
}
