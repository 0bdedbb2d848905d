//! More lines where and while they are wanted, seen in the lines themselves.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{Json, Memory, NOW};
use opentelemetry::Context;
use opentelemetry::KeyValue;
use opentelemetry::baggage::BaggageExt;
use telemetry_core::clock::Clock;
use telemetry_core::context::{
    RequestScope, RouteId, SpanContext, SpanId, TraceFlags, TraceId, arm, enter_request,
};
use telemetry_core::pipeline::Intake;
use telemetry_core::trace::{Engine, EngineSettings, SpanLayer};
use telemetry_log::{
    BaseFilter, Directives, LogHandle, Logs, Override, OverrideError, Scope, SinkConfig, Verbosity,
};
use tracing::level_filters::LevelFilter;
use tracing::{Level, debug, debug_span, info, info_span, trace, warn};
use tracing_subscriber::layer::SubscriberExt;

const MINUTE: Duration = Duration::from_secs(60);

/// A log with spans, and what makes it more verbose.
struct Shop {
    memory: Memory,
    logs: LogHandle,
    verbosity: Verbosity,
    clock: Clock,
    dispatch: tracing::Dispatch,
}

impl Shop {
    fn new(directives: &str) -> Self {
        Self::with_sinks(directives, |sink| vec![sink])
    }

    fn with_sinks(directives: &str, sinks: impl Fn(SinkConfig) -> Vec<SinkConfig>) -> Self {
        let (memory, clock) = (Memory::default(), Clock::manual(NOW));
        let (directives, errors) = Directives::parse(directives);
        assert_eq!(errors, []);
        let filter = BaseFilter::new(directives)
            .keep_spans(LevelFilter::INFO)
            .clock(clock.clone());
        let verbosity = filter.verbosity();
        let (layer, logs) = Logs::builder()
            .clock(clock.clone())
            .sinks(sinks(SinkConfig::custom("memory", memory.clone())))
            .verbosity(verbosity.clone())
            .build()
            .unwrap();
        let engine = Arc::new(Engine::new(EngineSettings::new(Intake::new([]))));
        let base = verbosity.clone();
        let spans = SpanLayer::new(engine).only(move |metadata| base.is_at_base_level(metadata));
        let subscriber = tracing_subscriber::registry()
            .with(layer)
            .with(spans)
            .with(filter);
        Self {
            memory,
            logs,
            verbosity,
            clock,
            dispatch: tracing::Dispatch::new(subscriber),
        }
    }

    fn run<T>(&self, body: impl FnOnce() -> T) -> T {
        tracing::dispatcher::with_default(&self.dispatch, body)
    }

    /// The messages that were written since the last call.
    fn messages(&self) -> Vec<String> {
        let text = |line: &Json| line.text("message").to_owned();
        self.lines().iter().map(text).collect()
    }

    fn lines(&self) -> Vec<Json> {
        assert!(self.logs.flush(common::DEADLINE).in_time);
        let lines = self.memory.lines();
        self.memory.clear();
        lines
    }

    fn set(&self, scope: Scope, level: Level) {
        let wish = Override::new(scope, level, MINUTE).reason("test");
        self.verbosity.set(wish).unwrap();
    }
}

fn caller(trace: u128) -> SpanContext {
    SpanContext::new(TraceId::from(trace), SpanId::from(7), TraceFlags::SAMPLED)
}

fn in_route<T>(route: &str, body: impl FnOnce() -> T) -> T {
    let request = RequestScope::NONE.with_route(RouteId::of(route));
    let _entered = enter_request(&caller(1), request);
    body()
}

#[test]
fn a_target_is_verbose_until_its_override_expires_and_no_other_is() {
    let shop = Shop::new("info");
    let lines = || {
        debug!(target: "shop::db", "query");
        trace!(target: "shop::db", "row");
        debug!(target: "shop::http", "header");
        info!(target: "shop::http", "request");
    };
    shop.run(|| {
        lines();
        assert_eq!(shop.messages(), ["request"]);
        shop.set(Scope::Target("shop::db".into()), Level::DEBUG);
        lines();
        assert_eq!(shop.messages(), ["query", "request"]);
        shop.clock.advance(MINUTE - Duration::from_nanos(1));
        lines();
        assert_eq!(shop.messages(), ["query", "request"]);
        // nobody has taken it away: who writes looks at the clock
        shop.clock.advance(Duration::from_nanos(1));
        lines();
        assert_eq!(shop.messages(), ["request"]);
        assert_eq!(shop.verbosity.overrides(), []);
        assert_eq!(shop.verbosity.expire(), 1);
        lines();
        assert_eq!(shop.messages(), ["request"]);
    });
}

#[test]
fn a_route_is_verbose_also_in_requests_that_have_begun_and_in_spans_within() {
    let shop = Shop::new("info");
    shop.run(|| {
        in_route("/pay/{id}", || {
            let span = info_span!("charge").entered();
            debug!("before");
            shop.set(Scope::Route("/pay/{id}".into()), Level::DEBUG);
            debug!("after");
            drop(span);
            debug!("outside the span");
        });
        in_route("/pay", || debug!("elsewhere"));
        let carried = in_route("/pay/{id}", || info_span!("job"));
        debug!("nowhere");
        carried.in_scope(|| debug!("in a task of its own"));
        let parent = &carried;
        info_span!(parent: parent, "step").in_scope(|| debug!("in a child by name"));
        info_span!(parent: None, "other").in_scope(|| debug!("in a root"));
    });
    assert_eq!(
        shop.messages(),
        [
            "after",
            "outside the span",
            "in a task of its own",
            "in a child by name"
        ]
    );
}

#[test]
fn one_trace_is_verbose() {
    let shop = Shop::new("warn");
    shop.set(Scope::Trace(TraceId::from(0xa)), Level::TRACE);
    shop.run(|| {
        for trace in [0xa, 0xb] {
            let _entered = enter_request(&caller(trace), RequestScope::NONE);
            let _span = info_span!("step").entered();
            trace!(trace, "here");
        }
        trace!("outside");
    });
    let lines = shop.lines();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].int("trace"), 0xa);
    assert!(lines[0].text("trace_id").ends_with('a'));
}

#[test]
fn a_baggage_entry_is_verbose() {
    arm();
    let shop = Shop::new("info");
    shop.set(Scope::baggage("tenant", "acme"), Level::DEBUG);
    shop.run(|| {
        for tenant in ["acme", "acme2", "other"] {
            let entry = KeyValue::new("tenant", tenant);
            let _attached = Context::current_with_baggage([entry]).attach();
            let _span = info_span!("step").entered();
            debug!("{tenant}");
        }
        debug!("none");
    });
    assert_eq!(shop.messages(), ["acme"]);
}

#[test]
fn spans_with_an_attribute_are_verbose() {
    let shop = Shop::new("info");
    shop.set(Scope::attribute("user.id", "42"), Level::DEBUG);
    shop.set(Scope::attribute("tenant", "acme"), Level::DEBUG);
    shop.run(|| {
        for user in [41_i64, 42] {
            let _outer = info_span!("request", user.id = user).entered();
            let _inner = info_span!("step").entered();
            debug!("user {user}");
        }
        let late = info_span!("request", tenant = tracing::field::Empty);
        late.in_scope(|| debug!("too early"));
        late.record("tenant", tracing::field::display("acme"));
        late.in_scope(|| debug!("late"));
        debug!("outside");
    });
    assert_eq!(shop.messages(), ["user 42", "late"]);
}

#[test]
fn an_override_only_adds() {
    let shop = Shop::new("info,shop::chatty=trace,shop::quiet=off");
    shop.set(Scope::Everything, Level::WARN);
    shop.run(|| {
        info!(target: "shop", "info stays");
        trace!(target: "shop::chatty", "trace stays");
        warn!(target: "shop::quiet", "wanted now");
        info!(target: "shop::quiet", "off");
    });
    assert_eq!(shop.messages(), ["info stays", "trace stays", "wanted now"]);
}

#[test]
fn a_list_of_targets_restricts_an_override() {
    let shop = Shop::new("info");
    let wish = Override::new(Scope::Everything, Level::DEBUG, MINUTE).targets(["shop", "db"]);
    shop.verbosity.set(wish).unwrap();
    shop.run(|| {
        debug!(target: "shop::orders", "own");
        debug!(target: "db", "named");
        debug!(target: "hyper::proto", "noise");
    });
    assert_eq!(shop.messages(), ["own", "named"]);
}

#[test]
fn the_last_of_two_overrides_ends_it() {
    let shop = Shop::new("info");
    let wish = || Override::new(Scope::Everything, Level::DEBUG, MINUTE);
    shop.run(|| {
        let first = shop.verbosity.set(wish()).unwrap();
        let second = shop.verbosity.set(wish()).unwrap();
        assert!(shop.verbosity.remove(first));
        assert!(!shop.verbosity.remove(first));
        debug!("one holds it");
        assert!(shop.verbosity.remove(second));
        debug!("nobody holds it");
        assert!(!tracing::enabled!(Level::DEBUG));
    });
    assert_eq!(shop.messages(), ["one holds it"]);
}

#[test]
fn a_source_replaces_its_own_overrides_and_no_others() {
    let shop = Shop::new("info");
    let wish = |target: &str| Override::new(Scope::Target(target.into()), Level::DEBUG, MINUTE);
    shop.verbosity.set(wish("by_hand").source("ada")).unwrap();
    let ids = shop
        .verbosity
        .replace_source("autolog", [wish("a").session("s1"), wish("b")])
        .unwrap();
    assert_eq!(ids.len(), 2);
    shop.verbosity
        .replace_source("autolog", [wish("b"), wish("c")])
        .unwrap();
    let set = shop.verbosity.overrides();
    let shown: Vec<_> = set
        .iter()
        .map(|it| (it.source.as_str(), it.scope.to_string(), it.remaining))
        .collect();
    assert_eq!(
        shown,
        [
            ("ada", "target by_hand".to_owned(), MINUTE),
            ("autolog", "target b".to_owned(), MINUTE),
            ("autolog", "target c".to_owned(), MINUTE)
        ]
    );
    shop.run(|| {
        debug!(target: "a", "a");
        debug!(target: "b", "b");
        debug!(target: "by_hand", "by hand");
    });
    assert_eq!(shop.messages(), ["b", "by hand"]);
    shop.verbosity.replace_source("autolog", []).unwrap();
    assert_eq!(shop.verbosity.overrides().len(), 1);
    assert_eq!(shop.verbosity.clear(), 1);
}

#[test]
fn lines_within_the_scope_of_a_session_carry_it() {
    let shop = Shop::new("info");
    let wish = Override::new(Scope::Route("/pay".into()), Level::DEBUG, MINUTE);
    shop.verbosity.set(wish.session("s-1")).unwrap();
    shop.run(|| {
        in_route("/pay", || {
            debug!("admitted");
            info!("there anyway");
        });
        in_route("/list", || info!("elsewhere"));
        shop.clock.advance(MINUTE);
        in_route("/pay", || info!("too late"));
    });
    let lines = shop.lines();
    let session = |line: &Json| match line.get("autolog.session.id") {
        Some(Json::Text(id)) => Some(id.clone()),
        None => None,
        other => panic!("{other:?}"),
    };
    let sessions: Vec<_> = lines.iter().map(session).collect();
    let yes = Some("s-1".to_owned());
    assert_eq!(sessions, [yes.clone(), yes, None, None]);
}

#[test]
fn a_sink_with_a_level_of_its_own_keeps_it() {
    let other = Memory::default();
    let quiet = other.clone();
    let shop = Shop::with_sinks("info", move |sink| {
        let quiet = SinkConfig::custom("quiet", quiet.clone()).level(LevelFilter::INFO);
        vec![sink, quiet]
    });
    shop.set(Scope::Everything, Level::DEBUG);
    shop.run(|| {
        debug!("more");
        info!("as ever");
    });
    assert_eq!(shop.messages(), ["more", "as ever"]);
    assert_eq!(other.lines().len(), 1);
}

#[test]
fn spans_above_the_base_level_give_their_fields_and_are_in_no_trace() {
    let shop = Shop::new("info");
    shop.set(Scope::Everything, Level::DEBUG);
    shop.run(|| {
        let root = info_span!("request").entered();
        info!("outer");
        let inner = debug_span!("query", table = "orders").entered();
        debug!("inner");
        let _leaf = info_span!("leaf").entered();
        drop((inner, root));
    });
    let lines = shop.lines();
    assert_eq!(lines[1].text("table"), "orders");
    // the line within the span that is no part of the trace has the ids of the one around it
    assert_eq!(lines[1].text("span_id"), lines[0].text("span_id"));
}

#[test]
fn what_is_too_much_is_refused_and_nothing_has_changed() {
    let verbosity = BaseFilter::new(Directives::default()).verbosity();
    let wish = |n: usize| Override::new(Scope::Target(format!("t{n}")), Level::DEBUG, MINUTE);
    let many = (0..Verbosity::MAX_OVERRIDES).map(wish);
    verbosity.replace_source("many", many).unwrap();
    assert_eq!(verbosity.set(wish(0)), Err(OverrideError::TooMany));
    assert_eq!(verbosity.overrides().len(), Verbosity::MAX_OVERRIDES);
    verbosity.clear();
    let long = wish(0).reason("x".repeat(1025));
    assert_eq!(verbosity.set(long), Err(OverrideError::TooLong));
    let long = Override::new(Scope::Route("/".repeat(1025)), Level::DEBUG, MINUTE);
    assert_eq!(verbosity.set(long), Err(OverrideError::TooLong));
    assert_eq!(verbosity.overrides(), []);
    let year = Override::new(Scope::Everything, Level::DEBUG, MINUTE * 60 * 24 * 365);
    verbosity.set(year).unwrap();
    let set = verbosity.overrides();
    assert!(set[0].remaining <= Override::MAX_DURATION);
}
