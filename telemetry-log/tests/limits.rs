//! What holds a flood of lines back, and how it is said.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use std::time::Duration;

use common::{DEADLINE, Json, Memory, NOW};
use telemetry_core::clock::Clock;
use telemetry_core::context::{CurrentIds, SpanId, TraceFlags, TraceId, enter_ids};
use telemetry_core::metrics::{Number, Points, Registry, RegistrySettings};
use telemetry_core::otlp::Severity;
use telemetry_log::{
    BaseFilter, Directives, LogHandle, Logs, Override, Rate, Scope, SinkConfig, SuppressedBy,
};
use tracing::{Level, debug, error, info, warn};
use tracing_subscriber::layer::SubscriberExt;

struct Bench {
    memory: Memory,
    clock: Clock,
    dispatch: tracing::Dispatch,
    handle: LogHandle,
}

impl Bench {
    fn new(limits: impl FnOnce(Logs) -> Logs) -> Self {
        let (memory, clock) = (Memory::default(), Clock::manual(NOW));
        let logs = Logs::builder()
            .clock(clock.clone())
            .sink(SinkConfig::custom("memory", memory.clone()));
        let (layer, handle) = limits(logs).build().unwrap();
        Self {
            memory,
            clock,
            dispatch: tracing_subscriber::registry().with(layer).into(),
            handle,
        }
    }

    fn run(&self, work: impl FnOnce()) {
        tracing::dispatcher::with_default(&self.dispatch, work);
    }

    /// All lines, those that say what was held back too.
    fn lines(&self) -> Vec<Json> {
        assert!(self.handle.flush(DEADLINE).in_time);
        self.memory.lines()
    }

    fn messages(&self) -> Vec<String> {
        let lines = self.lines();
        lines
            .iter()
            .map(|it| it.text("message").to_owned())
            .collect()
    }
}

fn flood(times: u32) {
    for n in 0..times {
        warn!(n, "again");
    }
}

#[test]
fn a_callsite_that_floods_is_held_back_and_said() {
    let bench = Bench::new(|logs| logs.rate_limit(Rate::per_second(5)));
    bench.run(|| {
        flood(100);
        // each callsite has a limit of its own
        warn!("another");
    });
    let lines = bench.lines();
    let messages: Vec<&str> = lines.iter().map(|it| it.text("message")).collect();
    assert_eq!(
        messages,
        [
            "again",
            "again",
            "again",
            "again",
            "again",
            "another",
            "95 similar suppressed"
        ]
    );
    let said = lines.last().unwrap();
    assert_eq!(
        (said.text("level"), said.text("target")),
        ("WARN", "limits")
    );
    assert_eq!(said.int("suppressed"), 95);
    assert!(said.text("code.file.path").ends_with("limits.rs"));
    assert!(said.int("code.line.number") > 0);
    assert_eq!(said.get("trace_id"), None);
    assert_eq!(bench.handle.suppressed().get(SuppressedBy::RateLimit), 95);
    assert_eq!(bench.handle.suppressed().total(), 95);
    // it is said once
    assert_eq!(bench.lines().len(), 7);
}

#[test]
fn a_flood_that_goes_on_is_said_every_ten_seconds() {
    let bench = Bench::new(|logs| logs.rate_limit(Rate::per_second(1)));
    bench.run(|| {
        for _ in 0..25 {
            flood(4);
            bench.clock.advance(Duration::from_secs(1));
        }
        info!("after");
    });
    assert!(bench.handle.flush(DEADLINE).in_time);
    let lines = bench.memory.lines();
    let said: Vec<i64> = lines
        .iter()
        .filter(|line| line.get("suppressed").is_some())
        .map(|line| line.int("suppressed"))
        .collect();
    assert_eq!(said.iter().sum::<i64>(), 75);
    assert_eq!(
        said.len(),
        3,
        "after 10 s, after 20 s, and at the flush: {said:?}"
    );
    assert_eq!(lines.len(), 25 + 3 + 1);
}

#[test]
fn what_was_held_back_is_said_at_the_end() {
    let bench = Bench::new(|logs| logs.rate_limit(Rate::per_second(1).burst(2)));
    bench.run(|| flood(3));
    assert_eq!(bench.handle.shutdown(DEADLINE).left, 0);
    let lines = bench.memory.lines();
    assert_eq!(
        lines.last().unwrap().text("message"),
        "1 similar suppressed"
    );
    assert_eq!(lines.len(), 3);
}

#[test]
fn records_of_the_log_crate_are_told_apart() {
    let bench = Bench::new(|logs| logs.rate_limit(Rate::per_second(1)));
    let say = |file: &'static str, times: u32| {
        for _ in 0..times {
            let mut record = log::Record::builder();
            record.target("old::crate").level(log::Level::Info);
            record.file(Some(file)).line(Some(7));
            tracing_log::format_trace(&record.args(format_args!("from {file}")).build()).unwrap();
        }
    };
    bench.run(|| {
        say("a.rs", 3);
        say("b.rs", 1);
    });
    let lines = bench.lines();
    let messages: Vec<&str> = lines.iter().map(|it| it.text("message")).collect();
    assert_eq!(messages, ["from a.rs", "from b.rs", "2 similar suppressed"]);
    let said = lines.last().unwrap();
    assert_eq!(
        (said.text("target"), said.text("code.file.path")),
        ("old::crate", "a.rs")
    );
    assert_eq!(said.int("code.line.number"), 7);
}

#[test]
fn a_level_has_a_budget() {
    let bench = Bench::new(|logs| logs.budget(Level::DEBUG, Rate::per_second(2)));
    bench.run(|| {
        debug!("one");
        debug!("two");
        debug!("three");
        flood(3);
    });
    assert_eq!(
        bench.messages(),
        [
            "one",
            "two",
            "again",
            "again",
            "again",
            "1 similar suppressed"
        ]
    );
    assert_eq!(bench.handle.suppressed().get(SuppressedBy::Budget), 1);
}

#[test]
fn lines_of_fatal_severity_are_never_held_back() {
    let bench = Bench::new(|logs| {
        let one = Rate::per_second(1);
        logs.rate_limit(one).budget(Level::ERROR, one)
    });
    bench.run(|| {
        for _ in 0..3 {
            telemetry_log::fatal!("down");
        }
    });
    assert_eq!(bench.messages(), ["down", "down", "down"]);
}

fn within(trace: u128, work: impl FnOnce()) {
    let _ids = enter_ids(Some(CurrentIds {
        trace_id: TraceId::from(trace),
        span_id: SpanId::from(1),
        trace_flags: TraceFlags::SAMPLED,
    }));
    work();
}

#[test]
fn a_trace_keeps_all_of_its_lines_or_none_and_warnings_always() {
    let bench = Bench::new(|logs| {
        logs.sample(Level::INFO, 0.5)
            .sample(Level::DEBUG, 0.25)
            .sample(Level::WARN, 0.0)
            .sample(Level::ERROR, 0.0)
    });
    let traces =
        || (0..400_u128).map(|n| (n + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835));
    bench.run(|| {
        for trace in traces() {
            within(trace, || {
                info!("one");
                info!("two");
                debug!("three");
                warn!("four");
                error!("five");
            });
        }
    });
    let lines = bench.lines();
    let of = |message: &str| -> Vec<String> {
        let said = lines.iter().filter(|line| line.text("message") == message);
        said.map(|line| line.text("trace_id").to_owned()).collect()
    };
    let (one, three) = (of("one"), of("three"));
    assert_eq!(one, of("two"));
    assert!((150..250).contains(&one.len()), "{}", one.len());
    assert!((60..140).contains(&three.len()), "{}", three.len());
    assert!(three.iter().all(|trace| one.contains(trace)));
    assert_eq!((of("four").len(), of("five").len()), (400, 400));
    let lost = bench.handle.suppressed().get(SuppressedBy::Sampling);
    assert_eq!(lost, 1200 - 2 * one.len() as u64 - three.len() as u64);
    // the same trace decides the same in another process
    let other = Bench::new(|logs| logs.sample(Level::INFO, 0.5));
    other.run(|| traces().for_each(|trace| within(trace, || info!("one"))));
    let again: Vec<_> = other
        .lines()
        .iter()
        .map(|it| it.text("trace_id").to_owned())
        .collect();
    assert_eq!(again, one);
}

#[test]
fn lines_that_somebody_asked_for_are_not_sampled() {
    let (memory, clock) = (Memory::default(), Clock::manual(NOW));
    let filter = BaseFilter::new(Directives::parse("info").0).clock(clock.clone());
    let verbosity = filter.verbosity();
    let (layer, handle) = Logs::builder()
        .clock(clock)
        .verbosity(verbosity.clone())
        .sample(Level::INFO, 0.0)
        .sample(Level::DEBUG, 0.0)
        .sink(SinkConfig::custom("memory", memory.clone()))
        .build()
        .unwrap();
    let minute = Duration::from_secs(60);
    let wish = Override::new(Scope::Target("limits".into()), Level::DEBUG, minute);
    verbosity.set(wish).unwrap();
    let subscriber = tracing_subscriber::registry().with(layer).with(filter);
    tracing::subscriber::with_default(subscriber, || {
        info!("sampled away");
        debug!("asked for");
    });
    assert!(handle.flush(DEADLINE).in_time);
    let lines = memory.lines();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].text("message"), "asked for");
}

#[test]
fn lines_without_a_trace_are_sampled_too() {
    let bench = Bench::new(|logs| logs.sample(Level::INFO, 0.1));
    bench.run(|| (0..1000).for_each(|_| info!("alone")));
    assert!((99..=101).contains(&bench.lines().len()));
}

#[test]
fn records_are_counted_by_level_before_they_are_held_back() {
    let bench = Bench::new(|logs| logs.rate_limit(Rate::per_second(1)));
    bench.run(|| {
        flood(10);
        info!("one");
        telemetry_log::fatal!("down");
    });
    let records = bench.handle.records();
    assert_eq!(
        records,
        [
            (Severity::Info, None, 1),
            (Severity::Warn, None, 10),
            (Severity::Fatal, None, 1)
        ]
    );
    let registry = Registry::new(RegistrySettings::default());
    bench.handle.observe(&registry);
    let snapshot = registry.collect();
    let values = |name: &str| -> Vec<(String, u64)> {
        let metric = snapshot
            .metrics
            .iter()
            .find(|it| it.descriptor.name == name)
            .unwrap();
        let Points::Sum(points) = &metric.points else {
            panic!("{metric:?}")
        };
        let value = |number: Number| match number {
            Number::U64(value) => value,
            other => panic!("{other:?}"),
        };
        let mut values: Vec<_> = points
            .iter()
            .map(|point| (format!("{:?}", point.attributes), value(point.value)))
            .collect();
        values.sort();
        values
    };
    let counts = |values: &[(String, u64)], word: &str| {
        let of = values
            .iter()
            .filter(|(attributes, _)| attributes.contains(word));
        of.map(|(_, value)| *value).sum::<u64>()
    };
    let records = values("telemetry.log.records");
    assert_eq!(counts(&records, "WARN"), 10);
    assert_eq!(counts(&records, "FATAL"), 1);
    assert_eq!(counts(&values("telemetry.log.suppressed"), "rate_limit"), 9);
}

#[test]
fn nothing_is_held_back_by_default() {
    let bench = Bench::new(|logs| logs);
    bench.run(|| flood(2000));
    assert_eq!(bench.lines().len(), 2000);
    assert_eq!(bench.handle.suppressed().total(), 0);
}

#[test]
fn threads_together_get_no_more_than_the_rate() {
    let bench = Bench::new(|logs| logs.rate_limit(Rate::per_second(100)));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| bench.run(|| flood(1000)));
        }
    });
    let lines = bench.lines();
    assert_eq!(lines.len(), 101);
    assert_eq!(lines.last().unwrap().int("suppressed"), 7900);
}
