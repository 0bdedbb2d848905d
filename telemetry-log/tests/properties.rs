//! Whatever a program logs, a line is one JSON object without duplicate keys.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use std::error::Error;
use std::fmt;

use common::{Json, capture_with};
use opentelemetry::{KeyValue, Value};
use proptest::prelude::*;
use telemetry_log::{JsonFormat, Key, Keys, SpanFields};
use tracing::{error, info, info_span};

/// Names that lines, presets and prefixes use, and any other.
fn name() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "level",
        "message",
        "service",
        "trace_id",
        "fields.level",
        "fields.fields.level",
        "exception.type",
        "exception.message",
        "error.type",
        "event.name",
        "event.action",
        "spans",
        "dropped_fields",
        "name",
        "fields.name",
        "ecs.version",
        "log.level",
        "otel.severity",
        "",
    ]);
    prop_oneof![known.prop_map(str::to_owned), any::<String>()]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<String>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        prop::collection::vec(any::<f64>(), 0..4).prop_map(|list| Value::Array(list.into())),
        prop::collection::vec(any::<String>(), 0..4).prop_map(|list| {
            let list: Vec<_> = list
                .into_iter()
                .map(opentelemetry::StringValue::from)
                .collect();
            Value::Array(list.into())
        }),
    ]
}

#[derive(Debug)]
struct Chained(String, Option<Box<Self>>);

impl fmt::Display for Chained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Chained {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_deref().map(|cause| cause as _)
    }
}

fn chain(messages: Vec<String>) -> Option<Chained> {
    messages.into_iter().fold(None, |cause, message| {
        Some(Chained(message, cause.map(Box::new)))
    })
}

fn keys() -> impl Strategy<Value = Keys> {
    prop_oneof![
        Just(Keys::opentelemetry()),
        Just(Keys::ecs()),
        Just(Keys::gcp("p")),
        Just(Keys::datadog()),
        (name(), name()).prop_map(|(a, b)| {
            let keys = Keys::opentelemetry();
            keys.rename(Key::TraceId, a).rename(Key::ExceptionType, b)
        }),
        Just(
            Keys::ecs()
                .without(Key::ExceptionType)
                .without(Key::EventName)
        ),
    ]
}

fn format() -> impl Strategy<Value = JsonFormat> {
    let spans = prop_oneof![
        Just(SpanFields::Flat),
        Just(SpanFields::List),
        Just(SpanFields::Off)
    ];
    (keys(), spans).prop_map(|(keys, spans)| JsonFormat::new().keys(keys).spans(spans))
}

proptest! {
    #[test]
    fn every_line_is_strict_json(
        format in format(),
        attributes in prop::collection::vec((name(), value()), 0..12),
        text in any::<String>(),
        number in any::<f64>(),
        messages in prop::collection::vec(any::<String>(), 1..6),
        depth in 0..5_usize,
        max_value in 0..64_usize,
        max_line in 0..2_000_usize,
    ) {
        let chained = chain(messages).unwrap();
        let problem: &(dyn Error + 'static) = &chained;
        let memory = capture_with(
            |sink| sink.json(format),
            |logs| logs.max_value_len(max_value).max_line_len(max_line),
            || {
                let spans: Vec<_> = (0..depth)
                    .map(|n| {
                        let level = text.as_str();
                        info_span!("span", n, level, name = %text, number, fields.level = ?text, problem)
                            .entered()
                    })
                    .collect();
                error!(level = %text, name = number, error = problem, other = problem, "{text}");
                info!(message = text.as_str(), text, number, number);
                let attributes = attributes.iter().map(|(name, value)| {
                    KeyValue::new(name.clone(), value.clone())
                });
                telemetry_log::event(&text, attributes);
                // the innermost first
                for span in spans.into_iter().rev() {
                    drop(span);
                }
            },
        );
        prop_assert_eq!(memory.lines().len(), 3);
    }

    #[test]
    fn text_comes_back_as_it_was(text in any::<String>(), number in any::<i64>()) {
        let memory = capture_with(|sink| sink, |logs| logs, || {
            let _span = info_span!("span", shown = %text).entered();
            info!(text, number, "{text}");
        });
        let line = &memory.lines()[0];
        prop_assert_eq!(line.text("message"), &text);
        prop_assert_eq!(line.text("text"), &text);
        prop_assert_eq!(line.text("shown"), &text);
        prop_assert_eq!(line.get("number"), Some(&Json::Number(number.into())));
    }
}
