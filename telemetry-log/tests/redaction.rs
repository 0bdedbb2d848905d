//! Secrets do not leave: lines and log records, read by another parser.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use std::sync::Arc;

use common::{Memory, capture, capture_with};
use opentelemetry::KeyValue;
use proptest::prelude::*;
use telemetry_core::otlp::{AttributeLimits, LogView};
use telemetry_core::pipeline::{Batch, Intake, Queue, QueueLimits};
use telemetry_core::redact::{Pattern, Place, Redaction, RedactionRules};
use telemetry_log::{JsonFormat, Logs, PrettyFormat, SinkConfig, SpanFields};
use tracing::{error, info, info_span};

const TOKEN: &str = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UifQ.";

fn strict() -> Redaction {
    let rules = RedactionRules::default()
        .key("customer.*")
        .pattern(Pattern::JWT)
        .pattern(Pattern::EMAIL);
    Redaction::new(&rules)
}

/// Secrets in each place and of each kind that a line can have.
fn say_everything() {
    let span = info_span!(
        "login",
        api_key = "hunter2",
        mail = "ada@example.org",
        customer.age = 36,
        late.token = tracing::field::Empty,
        open = true,
    );
    span.record("late.token", tracing::field::debug("hunter2"));
    let _entered = span.enter();
    info!(
        password = "hunter2",
        pin.secret = 1234,
        n = 7,
        "mail {} {TOKEN}",
        "ada@example.org"
    );
    info!(
        accessToken = ?"hunter2", cookie = %"hunter2", set_cookie = 1.5, passwd = true,
        note = format!("for ada@example.org"), big.secret = u64::MAX, r#type = "x",
        "two"
    );
    let error = std::io::Error::other("no user ada@example.org");
    let second = std::io::Error::other("hunter2");
    error!(
        error = &error as &dyn std::error::Error,
        secret = &second as &dyn std::error::Error,
        "three"
    );
    telemetry_log::event(
        "login",
        [
            KeyValue::new("client_secret", "hunter2"),
            KeyValue::new("to", "ada@example.org"),
        ],
    );
    telemetry_log::fatal!(credentials = "hunter2", "four");
}

#[test]
fn lines_are_redacted_in_every_format() {
    let formats: [fn(SinkConfig) -> SinkConfig; 4] = [
        |sink| sink,
        |sink| sink.json(JsonFormat::new().spans(SpanFields::List)),
        |sink| sink.json(JsonFormat::new().spans(SpanFields::Off)),
        |sink| sink.pretty(PrettyFormat::new()),
    ];
    for format in formats {
        let memory = capture_with(format, |logs| logs.redaction(strict()), say_everything);
        let text = memory.text();
        for secret in [
            "hunter2",
            "eyJ",
            "@example.org",
            "1234",
            "36",
            "1.5",
            "1844",
        ] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
}

#[test]
fn the_rest_of_a_line_stays() {
    let redaction = strict();
    let memory = capture_with(
        |sink| sink,
        |logs| logs.redaction(redaction.clone()),
        say_everything,
    );
    let [one, two, three, event, fatal] = &memory.lines()[..] else {
        panic!("five lines")
    };
    assert_eq!(one.text("message"), "mail <redacted> <redacted>");
    assert_eq!(one.text("password"), "<redacted>");
    assert_eq!(one.text("pin.secret"), "<redacted>");
    assert_eq!(one.int("n"), 7);
    assert_eq!(one.text("api_key"), "<redacted>");
    assert_eq!(one.text("mail"), "<redacted>");
    assert_eq!(one.text("customer.age"), "<redacted>");
    assert_eq!(one.text("late.token"), "<redacted>");
    assert_eq!(one.get("open"), Some(&common::Json::Bool(true)));
    for key in [
        "accessToken",
        "cookie",
        "set_cookie",
        "passwd",
        "big.secret",
    ] {
        assert_eq!(two.text(key), "<redacted>", "{key}");
    }
    assert_eq!(
        (two.text("note"), two.text("type")),
        ("for <redacted>", "x")
    );
    assert_eq!(three.text("exception.message"), "no user <redacted>");
    assert_eq!(three.text("secret"), "<redacted>");
    assert_eq!(event.text("client_secret"), "<redacted>");
    assert_eq!(
        (event.text("to"), event.text("message")),
        ("<redacted>", "login")
    );
    assert_eq!(fatal.text("credentials"), "<redacted>");
    // four of the span, and of the lines three, six, two, two and one
    assert_eq!(redaction.hidden(Place::Log), 18);
}

#[test]
fn keys_are_hidden_by_default_and_text_is_not_searched() {
    let line = capture(|| info!(password = "hunter2", note = TOKEN, "{TOKEN}"));
    let [line] = &line.lines()[..] else {
        panic!("one line")
    };
    assert_eq!(line.text("password"), "<redacted>");
    assert_eq!((line.text("note"), line.text("message")), (TOKEN, TOKEN));
}

#[test]
fn redaction_can_be_turned_off() {
    let off = |logs: Logs| logs.redaction(Redaction::none());
    let line = capture_with(|sink| sink, off, || info!(password = "hunter2", "in"));
    assert_eq!(line.lines()[0].text("password"), "hunter2");
}

#[test]
fn two_logs_of_one_thread_have_rules_of_their_own() {
    for _ in 0..3 {
        // one callsite, and so one remembered key
        let login = || info!(password = "hunter2", "in");
        let closed = capture(login);
        assert_eq!(closed.lines()[0].text("password"), "<redacted>");
        let off = |logs: Logs| logs.redaction(Redaction::none());
        let open = capture_with(|sink| sink, off, login);
        assert_eq!(open.lines()[0].text("password"), "hunter2");
    }
}

#[test]
fn log_records_are_redacted() {
    let queue = Arc::new(Queue::new(QueueLimits {
        items: 100,
        bytes: 1 << 20,
        wake_at: 100,
        item_bytes: 1 << 16,
    }));
    let intake = Intake::new([Arc::clone(&queue)]);
    capture_with(
        |sink| sink,
        |logs| {
            logs.otlp(intake, AttributeLimits::default())
                .redaction(strict())
        },
        say_everything,
    );
    let batches = queue.take_all();
    let records: Vec<String> = batches
        .iter()
        .flat_map(Batch::items)
        .map(|item| {
            let view = LogView::read(item.message);
            format!(
                "{} {:?}",
                view.parts.body,
                Vec::from_iter(view.attributes())
            )
        })
        .collect();
    assert_eq!(records.len(), 5);
    let text = records.join("\n");
    for secret in ["hunter2", "eyJ", "@example.org", "1234", "1.5", "1844"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    assert!(
        records[0].starts_with("mail <redacted> <redacted> "),
        "{text}"
    );
    assert!(
        records[0].contains(r#"("password", Str("<redacted>"))"#),
        "{text}"
    );
    assert!(records[0].contains(r#"("n", Int(7))"#), "{text}");
}

proptest! {
    /// Whatever is logged with every rule on, the line is JSON and the secret is not in it.
    #[test]
    fn any_text_makes_a_line_without_the_secret(
        message in "\\PC{0,40}", value in any::<String>(), cut in 0_usize..80,
    ) {
        let rules = Pattern::NAMED
            .into_iter()
            .fold(RedactionRules::default(), |rules, (_, pattern)| rules.pattern(pattern));
        let memory = Memory::default();
        let logs = Logs::builder()
            .redaction(Redaction::new(&rules))
            .max_value_len(cut)
            .sink(SinkConfig::custom("memory", memory.clone()));
        common::run(logs, || {
            info!(password = value, value, to = "ada@example.org", "{message}\n{TOKEN}");
        });
        let lines = memory.lines();
        prop_assert_eq!(lines.len(), 1);
        let text = memory.text();
        prop_assert!(!text.contains("ada@example.org") && !text.contains(TOKEN));
        prop_assert_eq!(lines[0].text("password"), "<redacted>");
    }
}
