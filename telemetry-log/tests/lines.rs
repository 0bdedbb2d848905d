//! What a line says, read by another parser.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use std::error::Error;
use std::fmt;
use std::io;

use common::{Json, Memory, capture, capture_with};
use opentelemetry::{KeyValue, Value};
use telemetry_core::context::{CurrentIds, SpanId, TraceFlags, TraceId, enter_ids};
use telemetry_log::{
    JsonFormat, Key, Keys, LevelNames, Logs, PrettyFormat, SinkConfig, SpanFields,
};
use tracing::{error, info, info_span, warn};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;

fn ids() -> Option<CurrentIds> {
    Some(CurrentIds {
        trace_id: TraceId::from(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736),
        span_id: SpanId::from(0x00f0_67aa_0ba9_02b7),
        trace_flags: TraceFlags::SAMPLED,
    })
}

/// The line that the quickstart's documentation shows.
fn quickstart(format: JsonFormat) -> String {
    let memory = capture_with(
        |sink| sink.json(format),
        |logs| logs.service("quickstart"),
        || {
            let _ids = enter_ids(ids());
            let _span = info_span!("hello", name = "ada").entered();
            info!(target: "quickstart", lang = "en", "greeting");
        },
    );
    memory.text()
}

#[test]
fn the_documented_line() {
    assert_eq!(
        quickstart(JsonFormat::new()),
        concat!(
            r#"{"timestamp":"2026-11-21T14:23:01.234567Z","level":"INFO","target":"quickstart","#,
            r#""message":"greeting","service":"quickstart","#,
            r#""trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7","#,
            r#""trace_flags":"01","lang":"en","name":"ada"}"#,
            "\n"
        )
    );
}

#[test]
fn presets() {
    assert_eq!(
        quickstart(JsonFormat::new().keys(Keys::ecs())),
        concat!(
            r#"{"@timestamp":"2026-11-21T14:23:01.234567Z","log.level":"INFO","message":"greeting","#,
            r#""ecs.version":"8.11.0","log.logger":"quickstart","service.name":"quickstart","#,
            r#""trace.id":"4bf92f3577b34da6a3ce929d0e0e4736","span.id":"00f067aa0ba902b7","#,
            r#""lang":"en","name":"ada"}"#,
            "\n"
        )
    );
    assert_eq!(
        quickstart(JsonFormat::new().keys(Keys::gcp("my-project"))),
        concat!(
            r#"{"time":"2026-11-21T14:23:01.234567Z","severity":"INFO","target":"quickstart","#,
            r#""message":"greeting","service":"quickstart","#,
            r#""logging.googleapis.com/trace":"projects/my-project/traces/4bf92f3577b34da6a3ce929d0e0e4736","#,
            r#""logging.googleapis.com/spanId":"00f067aa0ba902b7","#,
            r#""logging.googleapis.com/trace_sampled":true,"lang":"en","name":"ada"}"#,
            "\n"
        )
    );
    // the low 64 bits, as `python3 -c 'print(int("a3ce929d0e0e4736", 16))'` has them
    assert_eq!(
        quickstart(JsonFormat::new().keys(Keys::datadog())),
        concat!(
            r#"{"timestamp":"2026-11-21T14:23:01.234567Z","status":"info","#,
            r#""logger.name":"quickstart","message":"greeting","service":"quickstart","#,
            r#""dd.trace_id":"11803532876627986230","dd.span_id":"67667974448284343","#,
            r#""lang":"en","name":"ada"}"#,
            "\n"
        )
    );
}

#[test]
fn renamed_and_left_out_members() {
    let keys = Keys::opentelemetry()
        .rename(Key::TraceId, "traceId")
        .rename(Key::ExceptionMessage, "error")
        .rename(Key::SpanId, "level") // taken: refused
        .without(Key::Service)
        .without(Key::ExceptionType)
        .levels(LevelNames::Lower);
    let memory = capture_with(
        |sink| sink.json(JsonFormat::new().keys(keys)),
        |logs| logs,
        || {
            let _ids = enter_ids(ids());
            let cause: &(dyn Error + 'static) = &fmt::Error;
            warn!(error = cause, "careful");
        },
    );
    let line = &memory.lines()[0];
    assert_eq!(
        line.keys(),
        [
            "timestamp",
            "level",
            "target",
            "message",
            "traceId",
            "span_id",
            "trace_flags",
            "error"
        ]
    );
    assert_eq!(line.text("level"), "warn");
}

#[test]
fn values_keep_their_types() {
    let memory = capture(|| {
        info!(
            yes = true,
            int = -7_i64,
            big = u64::MAX,
            bigger = u128::MAX,
            small = 5_u128,
            float = 0.1,
            nan = f64::NAN,
            infinite = f64::NEG_INFINITY,
            none = Option::<u8>::None,
            display = %"a\"b",
            debug = ?vec![1, 2],
            bytes = &[0_u8, 255][..],
            r#type = "raw",
            a.b.c = "dotted",
            "values"
        );
    });
    let line = &memory.lines()[0];
    assert_eq!(line.get("yes"), Some(&Json::Bool(true)));
    assert_eq!(line.int("int"), -7);
    assert_eq!(line.get("big"), Some(&Json::Number(u64::MAX.into())));
    assert_eq!(line.text("bigger"), u128::MAX.to_string());
    assert_eq!(line.int("small"), 5);
    assert_eq!(
        line.get("float"),
        Some(&Json::Number(serde_json::Number::from_f64(0.1).unwrap()))
    );
    assert_eq!(line.get("nan"), Some(&Json::Null));
    assert_eq!(line.get("infinite"), Some(&Json::Null));
    assert_eq!(line.get("none"), None);
    assert_eq!(line.text("display"), "a\"b");
    assert_eq!(line.text("debug"), "[1, 2]");
    assert_eq!(line.text("bytes"), "AP8=");
    assert_eq!(line.text("type"), "raw");
    assert_eq!(line.text("a.b.c"), "dotted");
}

#[test]
fn a_field_with_a_name_of_the_line_gets_a_prefix() {
    let memory = capture(|| {
        let _span = info_span!("outer", level = "span", timestamp = 1).entered();
        info!(
            level = "mine",
            fields.level = "theirs",
            service = 4,
            dropped_fields = 9,
            "hi"
        );
    });
    let line = &memory.lines()[0];
    assert_eq!(line.text("level"), "INFO");
    assert_eq!(line.text("fields.level"), "mine");
    assert_eq!(line.text("fields.fields.level"), "theirs");
    assert_eq!(line.int("fields.service"), 4);
    assert_eq!(line.int("fields.timestamp"), 1);
    assert_eq!(line.int("fields.dropped_fields"), 9);
    assert_eq!(line.text("service"), "shop");
}

#[test]
fn the_innermost_value_wins() {
    let memory = capture(|| {
        let outer = info_span!("outer", a = 1, b = 1, c = 1, otel.kind = "server");
        let inner = info_span!(parent: &outer, "inner", b = 2, c = 2);
        let _entered = inner.enter();
        info!(c = 3, "hi");
    });
    let line = &memory.lines()[0];
    assert_eq!((line.int("a"), line.int("b"), line.int("c")), (1, 2, 3));
    assert_eq!(line.get("otel.kind"), None);
}

#[test]
fn spans_as_a_list() {
    let memory = capture_with(
        |sink| sink.json(JsonFormat::new().spans(SpanFields::List)),
        |logs| logs,
        || {
            let _outer = info_span!("outer", a = 1, name = "n").entered();
            let _inner = info_span!("inner", a = 2).entered();
            info!("hi");
        },
    );
    let text = memory.text();
    assert!(
        text.ends_with(
            "\"spans\":[{\"name\":\"outer\",\"a\":1,\"fields.name\":\"n\"},{\"name\":\"inner\",\"a\":2}]}\n"
        ),
        "{text}"
    );
    assert_eq!(memory.lines()[0].get("a"), None);
}

#[test]
fn late_values_and_explicit_parents() {
    let memory = capture(|| {
        let late = info_span!("late", user = tracing::field::Empty, n = 1);
        info!(parent: &late, "before");
        late.record("user", "ada");
        late.record("n", 2);
        info!(parent: &late, "after");
        let _entered = late.enter();
        info!(parent: None, "nowhere");
    });
    let [before, after, nowhere] = &memory.lines()[..] else {
        panic!("three lines: {}", memory.text())
    };
    assert_eq!((before.get("user"), before.int("n")), (None, 1));
    assert_eq!((after.text("user"), after.int("n")), ("ada", 2));
    assert_eq!(nowhere.get("n"), None);
}

#[test]
fn late_values_of_an_outer_span_reach_lines_of_an_inner_one() {
    let memory = capture(|| {
        let outer = info_span!("outer", user = tracing::field::Empty, n = 1).entered();
        let _inner = info_span!("inner", step = "pay").entered();
        info!("before");
        outer.record("user", "ada");
        info!("after");
        info!(n = 3, "its own");
        info!("as before");
    });
    let lines = memory.lines();
    assert_eq!(lines[0].get("user"), None);
    assert_eq!((lines[1].text("user"), lines[1].int("n")), ("ada", 1));
    assert_eq!((lines[2].text("step"), lines[2].int("n")), ("pay", 3));
    assert_eq!((lines[3].text("user"), lines[3].int("n")), ("ada", 1));
}

#[test]
fn a_span_that_follows_a_span_of_another_thread() {
    let memory = capture(|| {
        let first = info_span!("first", a = 1);
        let second = info_span!("second", b = 2);
        second.follows_from(&first);
        let dispatch = tracing::dispatcher::get_default(Clone::clone);
        let thread = std::thread::spawn(move || {
            tracing::dispatcher::with_default(&dispatch, || {
                let _entered = second.enter();
                drop(first);
                info!("there");
            });
        });
        thread.join().unwrap();
    });
    let line = &memory.lines()[0];
    assert_eq!(line.int("b"), 2);
    assert_eq!(line.get("a"), None);
}

#[derive(Debug)]
struct Declined {
    #[expect(dead_code, reason = "seen in Debug")]
    code: u8,
    cause: io::Error,
}

impl fmt::Display for Declined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("payment declined")
    }
}

impl Error for Declined {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}

#[test]
fn a_span_hidden_by_a_filter_of_the_layer_gives_no_fields() {
    let memory = Memory::default();
    let sink = SinkConfig::custom("memory", memory.clone());
    let (layer, handle) = Logs::builder().sink(sink).build().unwrap();
    let layer = layer.with_filter(filter_fn(|metadata| metadata.name() != "hidden"));
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        let _outer = info_span!("outer", a = 1).entered();
        info!("outer");
        {
            let _hidden = info_span!("hidden", b = 2).entered();
            info!("hidden");
            info!("hidden");
            let _inner = info_span!("inner", c = 3).entered();
            info!("inner");
            info!("inner");
        }
        info!("outer");
    });
    assert!(handle.flush(common::DEADLINE).in_time);
    let lines = memory.lines();
    assert_eq!(lines.len(), 6);
    for line in lines {
        assert_eq!(line.int("a"), 1);
        assert_eq!(line.get("b"), None);
        let is_inner = line.text("message") == "inner";
        assert_eq!(line.get("c").is_some(), is_inner);
    }
}

#[test]
fn errors_have_their_causes() {
    let memory = capture(|| {
        let declined = Declined {
            code: 51,
            cause: io::Error::other("connection reset"),
        };
        let first: &(dyn Error + 'static) = &declined;
        let second: &(dyn Error + 'static) = &declined;
        error!(error = first, other = second, "charge failed");
        let _span = info_span!("charge", why = first).entered();
        info!("in a span");
    });
    let line = &memory.lines()[0];
    assert_eq!(line.text("exception.type"), "Declined");
    assert_eq!(line.text("exception.message"), "payment declined");
    assert_eq!(
        line.text("exception.stacktrace"),
        "payment declined\ncaused by: connection reset"
    );
    assert_eq!(line.text("other"), "payment declined: connection reset");
    assert_eq!(line.get("error"), None);
    let span = &memory.lines()[1];
    assert_eq!(span.text("why"), "payment declined: connection reset");
}

#[test]
fn fatal_and_change_events() {
    let memory = capture(|| {
        telemetry_log::fatal!(port = 3000, "cannot listen: {}", "in use");
        telemetry_log::fatal!(target: "disk", "lost");
        let span = info_span!("start", n = 1);
        telemetry_log::fatal!(parent: &span, "no start");
        telemetry_log::event(
            "deployment",
            [
                KeyValue::new("version", "1.4.2"),
                KeyValue::new("replicas", 3),
                KeyValue::new("zones", Value::Array(vec![1_i64, 2].into())),
                KeyValue::new("level", "high"),
            ],
        );
        info!(event.name = "flag.changed", on = true);
    });
    let lines = memory.lines();
    assert_eq!(lines[0].text("level"), "FATAL");
    assert_eq!(lines[0].text("message"), "cannot listen: in use");
    assert_eq!(lines[0].int("port"), 3000);
    assert_eq!(lines[0].get("otel.severity"), None);
    assert_eq!(lines[1].text("target"), "disk");
    assert_eq!(lines[2].int("n"), 1);
    assert_eq!(lines[3].text("level"), "INFO");
    assert_eq!(lines[3].text("event.name"), "deployment");
    assert_eq!(lines[3].text("version"), "1.4.2");
    assert_eq!(lines[3].int("replicas"), 3);
    assert_eq!(
        lines[3].get("zones"),
        Some(&Json::List(vec![
            Json::Number(1.into()),
            Json::Number(2.into())
        ]))
    );
    assert_eq!(lines[3].text("fields.level"), "high");
    assert_eq!(lines[4].text("event.name"), "flag.changed");
    assert_eq!(lines[4].get("message"), None);
}

#[test]
fn long_values_and_long_lines_are_cut() {
    let long = "é\u{1}".repeat(512 * 1024);
    let memory = capture_with(
        |sink| sink,
        |logs| logs.max_value_len(1_000).max_line_len(4_000),
        || {
            info!(long, display = %long, n = 1, "{long}");
        },
    );
    let text = memory.text();
    assert!(text.len() < 6_000, "{}", text.len());
    let line = &memory.lines()[0];
    let mark = format!("…[truncated {} bytes]", long.len() - 999);
    assert!(line.text("message").ends_with(&mark));
    assert_eq!(line.int("dropped_fields"), 2);
    assert_eq!(line.int("n"), 1);
}

#[test]
fn values_that_panic_or_fail_while_they_are_formatted() {
    struct Broken;
    impl fmt::Debug for Broken {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("half")?;
            panic!("broken Debug")
        }
    }
    struct Refusing;
    impl fmt::Display for Refusing {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            Err(fmt::Error)
        }
    }
    let memory = capture(|| {
        info!(b = ?Broken, c = %Refusing, "outer");
        info!("next");
    });
    let lines = memory.lines();
    assert_eq!(lines[0].text("b"), "half<formatting failed>");
    assert_eq!(lines[0].text("c"), "<formatting failed>");
    assert_eq!(lines[1].text("message"), "next");
}

#[test]
fn our_own_diagnostics_stay_out() {
    let memory = capture(|| {
        info!(target: "opentelemetry-otlp", "export failed");
        std::thread::scope(|scope| {
            let dispatch = tracing::dispatcher::get_default(Clone::clone);
            scope.spawn(move || {
                telemetry_core::pipeline::mark_own_thread();
                tracing::dispatcher::with_default(&dispatch, || info!("from the exporter"));
            });
        });
        info!("mine");
    });
    assert_eq!(memory.lines().len(), 1);
}

#[test]
fn lines_for_people() {
    let cause = Declined {
        code: 1,
        cause: io::Error::other("connection reset"),
    };
    let memory = capture_with(
        |sink| sink.pretty(PrettyFormat::new()),
        |logs| logs,
        || {
            let _ids = enter_ids(ids());
            let _outer = info_span!("hello", name = "ada").entered();
            let _inner = info_span!("load").entered();
            info!(target: "quickstart", lang = "en", note = "two words", "greeting\x1b[31m");
            let error: &(dyn Error + 'static) = &cause;
            error!(target: "quickstart", error);
        },
    );
    assert_eq!(
        memory.text(),
        concat!(
            "14:23:01.234567  INFO quickstart: greeting\\u{1b}[31m lang=en note=\"two words\"",
            "  hello:load{name=ada} 4bf92f35\n",
            "14:23:01.234567 ERROR quickstart: exception.type=Declined",
            " exception.message=\"payment declined\"  hello:load{name=ada} 4bf92f35\n",
            "    caused by: connection reset\n"
        )
    );
}

#[test]
fn source_locations_when_asked_for() {
    let memory = capture_with(
        |sink| sink,
        |logs| logs.code_location(true),
        || info!("here"),
    );
    let line = &memory.lines()[0];
    assert!(line.text("code.file.path").ends_with("lines.rs"));
    assert!(line.int("code.line.number") > 0);
}
