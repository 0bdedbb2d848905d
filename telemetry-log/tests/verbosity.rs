//! More lines where and while they are wanted, seen in the lines themselves.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

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

/// Keeps the messages of events and the names of spans that it sees.
#[derive(Clone, Default)]
struct Foreign(Arc<std::sync::Mutex<Vec<String>>>);

impl Foreign {
    fn seen(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl<S> tracing_subscriber::Layer<S> for Foreign
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    fn on_event(
        &self,
        event: &tracing::Event<'_>,
        context: tracing_subscriber::layer::Context<'_, S>,
    ) {
        let span = context.lookup_current().map(|span| span.name());
        let level = event.metadata().level();
        let seen = format!("{level} in {}", span.unwrap_or("none"));
        self.0.lock().unwrap().push(seen);
    }
}

#[test]
fn a_foreign_layer_at_base_level_sees_what_it_saw_before_and_loses_nothing() {
    let (directives, _) = Directives::parse("info");
    let filter = BaseFilter::new(directives);
    let verbosity = filter.verbosity();
    let (shielded, open) = (Foreign::default(), Foreign::default());
    let subscriber = tracing_subscriber::registry()
        .with(verbosity.at_base_level(shielded.clone()))
        .with(open.clone())
        .with(filter);
    let wish = Override::new(Scope::Everything, Level::DEBUG, MINUTE);
    verbosity.set(wish).unwrap();
    tracing::subscriber::with_default(subscriber, || {
        let _outer = info_span!("outer").entered();
        let _inner = debug_span!("inner").entered();
        debug!("more");
        // asked and not followed by an event: no verdict may stay behind
        assert!(tracing::enabled!(Level::DEBUG));
        info!("as ever");
        info!("and again");
    });
    assert_eq!(shielded.seen(), ["INFO in outer", "INFO in outer"]);
    assert_eq!(
        open.seen(),
        ["DEBUG in inner", "INFO in inner", "INFO in inner"]
    );
}

#[test]
fn a_filter_of_somebody_else_is_named() {
    use tracing_subscriber::Layer;

    let wish = || Override::new(Scope::Target("nowhere".into()), Level::DEBUG, MINUTE);
    let (directives, _) = Directives::parse("info");
    let filter = BaseFilter::new(directives.clone());
    let defeated = filter.verbosity();
    let subscriber = tracing_subscriber::registry()
        .with(filter)
        .with(LevelFilter::INFO);
    tracing::subscriber::with_default(subscriber, || defeated.set(wish()).unwrap());
    let defeat = defeated.defeated_by().expect("the other filter is found");
    assert!(defeat.to_string().contains("with_filter"), "{defeat}");

    // attached to a layer it is no obstacle, and our question costs that layer no event
    let foreign = Foreign::default();
    let filter = BaseFilter::new(directives);
    let verbosity = filter.verbosity();
    let subscriber = tracing_subscriber::registry()
        .with(filter)
        .with(foreign.clone().with_filter(LevelFilter::INFO));
    tracing::subscriber::with_default(subscriber, || {
        verbosity.set(wish()).unwrap();
        info!("next");
    });
    assert_eq!(verbosity.defeated_by(), None);
    assert_eq!(foreign.seen(), ["INFO in none"]);
}

#[test]
fn arming_from_many_threads_loses_no_line_and_leaves_nothing_armed() {
    let shop = Shop::new("info");
    let wish = |target: &str| Override::new(Scope::Target(target.into()), Level::DEBUG, MINUTE);
    let held = shop.verbosity.set(wish("concurrent::held")).unwrap();
    const LINES: usize = 2000;
    std::thread::scope(|scope| {
        for number in 0..4 {
            let shop = &shop;
            scope.spawn(move || {
                for round in 0..50 {
                    let target = format!("concurrent::{number}::{round}");
                    let id = shop.verbosity.set(wish(&target)).unwrap();
                    let source = format!("s{number}");
                    let more = [wish("concurrent::more"), wish(&target)];
                    shop.verbosity.replace_source(&source, more).unwrap();
                    assert!(shop.verbosity.remove(id));
                    shop.verbosity.replace_source(&source, []).unwrap();
                }
            });
        }
        scope.spawn(|| {
            shop.run(|| {
                for line in 0..LINES {
                    debug!(target: "concurrent::held", line, "held");
                    debug!(target: "concurrent::other", line, "never");
                }
            });
        });
    });
    assert_eq!(shop.messages(), vec!["held"; LINES]);
    assert!(shop.verbosity.remove(held));
    assert_eq!(shop.verbosity.overrides(), []);
    shop.run(|| {
        debug!(target: "concurrent::held", "over");
        debug!(target: "concurrent::more", "over");
    });
    assert!(shop.messages().is_empty());
}

#[test]
fn a_layer_that_changes_the_level_while_it_is_asked_does_not_wait_for_itself() {
    struct Meddler(Verbosity);

    impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Meddler {
        fn register_callsite(
            &self,
            metadata: &'static tracing::Metadata<'static>,
        ) -> tracing::subscriber::Interest {
            if metadata.target() == "meddled" {
                let wish = Override::new(Scope::Target("by_it".into()), Level::TRACE, MINUTE);
                self.0.replace_source("meddler", [wish]).unwrap();
            }
            tracing::subscriber::Interest::always()
        }
    }

    let shop = Shop::new("info");
    let meddler = Meddler(shop.verbosity.clone());
    let subscriber = tracing_subscriber::registry().with(meddler);
    tracing::subscriber::with_default(subscriber, || info!(target: "meddled", "asked"));
    shop.set(Scope::Target("other".into()), Level::DEBUG);
    shop.run(|| tracing::trace!(target: "by_it", "armed"));
    assert_eq!(shop.messages(), ["armed"]);
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    const TARGETS: [&str; 3] = ["p::a", "p::a::b", "p::c"];
    const ROUTES: [&str; 2] = ["/p/1", "/p/2"];
    const LEVELS: [Level; 5] = [
        Level::ERROR,
        Level::WARN,
        Level::INFO,
        Level::DEBUG,
        Level::TRACE,
    ];

    /// Whether a line of this target and level would be written here and now.
    fn is_enabled(target: usize, level: usize) -> bool {
        macro_rules! ask {
            ($($target:literal),*) => {[$([
                || tracing::event_enabled!(target: $target, Level::ERROR),
                || tracing::event_enabled!(target: $target, Level::WARN),
                || tracing::event_enabled!(target: $target, Level::INFO),
                || tracing::event_enabled!(target: $target, Level::DEBUG),
                || tracing::event_enabled!(target: $target, Level::TRACE),
            ]),*]};
        }
        let asked: [[fn() -> bool; 5]; 3] = ask!("p::a", "p::a::b", "p::c");
        asked[target][level]()
    }

    #[derive(Clone, Debug)]
    struct Wish {
        scope: Scope,
        level: usize,
        seconds: u64,
        targets: Vec<String>,
    }

    fn wish() -> impl Strategy<Value = Wish> {
        let target = proptest::sample::select(&["p", "p::a", "p::a::b", "p::c", "q"][..]);
        let route = proptest::sample::select(&ROUTES[..]);
        let scope = prop_oneof![
            Just(Scope::Everything),
            target.clone().prop_map(|it| Scope::Target(it.into())),
            route.prop_map(|it| Scope::Route(it.into())),
            (1_u128..3).prop_map(|it| Scope::Trace(TraceId::from(it))),
        ];
        let targets = proptest::collection::vec(target.prop_map(str::to_owned), 0..3);
        (scope, 0_usize..5, 1_u64..10, targets).prop_map(|(scope, level, seconds, targets)| Wish {
            scope,
            level,
            seconds,
            targets,
        })
    }

    fn applies(wish: &Wish, target: &str, route: &str, trace: u128, now: u64) -> bool {
        let listed =
            wish.targets.is_empty() || wish.targets.iter().any(|it| target.starts_with(it));
        let here = match &wish.scope {
            Scope::Target(prefix) => target.starts_with(prefix),
            Scope::Route(wanted) => wanted == route,
            Scope::Trace(wanted) => *wanted == TraceId::from(trace),
            _ => true,
        };
        listed && here && now < wish.seconds
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_level_is_the_most_verbose_of_the_base_and_what_applies(
            base in proptest::sample::select(&["off", "error", "info", "warn,p::a=debug", "trace"][..]),
            wishes in proptest::collection::vec(wish(), 0..6),
            now in 0_u64..11,
            route in 0_usize..2,
            trace in 1_u128..3,
        ) {
            let shop = Shop::new(base);
            for wish in &wishes {
                let lasts = Duration::from_secs(wish.seconds);
                let wanted = Override::new(wish.scope.clone(), LEVELS[wish.level], lasts);
                shop.verbosity.set(wanted.targets(wish.targets.clone())).unwrap();
            }
            shop.clock.advance(Duration::from_secs(now));
            let check = || {
                let request = RequestScope::NONE.with_route(RouteId::of(ROUTES[route]));
                let _entered = enter_request(&caller(trace), request);
                for (index, target) in TARGETS.iter().enumerate() {
                    let most = wishes
                        .iter()
                        .filter(|wish| applies(wish, target, ROUTES[route], trace, now))
                        .map(|wish| LevelFilter::from_level(LEVELS[wish.level]))
                        .fold(shop.verbosity.base().level_of(target), LevelFilter::max);
                    for (number, level) in LEVELS.iter().enumerate() {
                        let expected = *level <= most;
                        prop_assert_eq!(is_enabled(index, number), expected, "{} {}", target, level);
                    }
                }
                Ok(())
            };
            shop.run(check)?;
            // and once the timer has taken away what has expired
            shop.verbosity.expire();
            shop.run(check)?;
        }
    }
}
