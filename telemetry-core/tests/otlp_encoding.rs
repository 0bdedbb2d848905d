//! OTLP as others read it: prost for protobuf, serde for JSON.

#![cfg(feature = "otlp")]
#![expect(clippy::expect_used, reason = "tests fail by panicking")]

mod common;

use common::{arbitrary, ours};
use opentelemetry::trace::SpanId;
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue as ProtoKeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_sdk::Resource;
use proptest::prelude::*;
use prost::Message;
use telemetry_core::export::otlp::encode::{Encoding, RequestEncoder};
use telemetry_core::otlp::{
    AnyValueView, AttributeLimits, Attributes, LogParts, LogView, ScopeId, SpanView,
};
use telemetry_core::pipeline::{Batch, Signal};

proptest! {
    /// JSON says what protobuf says.
    #[test]
    fn traces_are_the_same_in_json(
        resource in arbitrary::resource(),
        spans in prop::collection::vec(arbitrary::span(), 1..5),
    ) {
        let json = ours::encode(Signal::Traces, Encoding::Json, &resource, &ours::batch(&spans));
        let json = decode_json::<ExportTraceServiceRequest>(&json);
        let protobuf = ours::traces(&resource, &spans);
        prop_assert_eq!(json, protobuf.encode_to_vec(), "{:#?}", protobuf);
    }

    #[test]
    fn logs_are_the_same_in_json(
        resource in arbitrary::resource(),
        records in prop::collection::vec(arbitrary::log(), 1..5),
    ) {
        let json = ours::encode(Signal::Logs, Encoding::Json, &resource, &ours::log_batch(&records));
        let json = decode_json::<ExportLogsServiceRequest>(&json);
        let protobuf = ours::logs(&resource, &records);
        prop_assert_eq!(json, protobuf.encode_to_vec(), "{:#?}", protobuf);
    }

    /// What a span's view reads is what prost reads.
    #[test]
    fn a_view_reads_what_was_written(span in arbitrary::span()) {
        let batch = ours::batch(&[span]);
        let message = batch.items().next().expect("an item").message;
        let proto = Span::decode(message).expect("a span");
        let view = SpanView::read(message);
        prop_assert_eq!(view.parts.flags(), proto.flags);
        prop_assert_eq!(view.parts.parent_is_remote.is_some(), !proto.parent_span_id.is_empty());
        prop_assert_eq!(view.parts.parent_span_id == SpanId::INVALID, proto.parent_span_id.is_empty());
        prop_assert_eq!(view.parts.end_unix_nanos, proto.end_time_unix_nano);
        prop_assert_eq!(view.parts.kind as i32, proto.kind);
        prop_assert_eq!(view.events().count(), proto.events.len());
        prop_assert_eq!(view.links().count(), proto.links.len());
        let keys: Vec<_> = view.attributes().map(|(key, _)| key).collect();
        let expected: Vec<_> = proto.attributes.iter().map(|attribute| attribute.key.as_str()).collect();
        prop_assert_eq!(keys, expected);
    }

    /// Foreign or damaged bytes are read as far as they go.
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let span = SpanView::read(&bytes);
        let values = span.events().flat_map(|event| event.attributes()).count()
            + span.links().flat_map(|link| link.attributes()).count()
            + span.attributes().count()
            + LogView::read(&bytes).attributes().count();
        prop_assert!(values <= 4 * bytes.len());
    }
}

#[test]
fn scopes_come_as_they_were_first_seen_and_items_in_order() {
    let [cart, pay] = ["order::cart", "order::pay"].map(ScopeId::of_name);
    let mut batch = Batch::new();
    for (scope, body) in [(pay, "1"), (cart, "2"), (pay, "3"), (pay, "4"), (cart, "5")] {
        push(&mut batch, scope, body);
    }
    let expected = [("order::pay", "1 3 4"), ("order::cart", "2 5")];
    for encoding in [Encoding::Protobuf, Encoding::Json] {
        let request = ours::encode(Signal::Logs, encoding, &resource(), &batch);
        let request = match encoding {
            Encoding::Protobuf => ExportLogsServiceRequest::decode(request.as_slice()).expect("it"),
            Encoding::Json => from_json(&request),
        };
        let found = bodies_by_scope(&request);
        assert!(
            found
                .iter()
                .map(|(name, bodies)| (name.as_str(), bodies.as_str()))
                .eq(expected)
        );
    }
}

/// The second batch shows nothing of the first one.
#[test]
fn an_encoder_is_used_again() {
    let mut encoder = RequestEncoder::new(Signal::Logs, Encoding::Protobuf, &resource());
    let mut batch = Batch::new();
    push(&mut batch, ScopeId::of_name("again::first"), "1");
    push(&mut batch, ScopeId::of_name("again::second"), "2");
    let mut first = Vec::new();
    encoder.encode(&batch, &mut first);
    batch.clear();
    push(&mut batch, ScopeId::of_name("again::second"), "3");
    let mut second = Vec::new();
    encoder.encode(&batch, &mut second);
    let second = ExportLogsServiceRequest::decode(second.as_slice()).expect("a request");
    assert_eq!(
        bodies_by_scope(&second),
        [("again::second".to_owned(), "3".to_owned())]
    );
}

#[test]
fn json_has_the_exceptions_of_otlp() {
    let mut attributes = Attributes::new(Attributes::LOG, AttributeLimits::default());
    attributes.push("nan", f64::NAN);
    attributes.push("inf", f64::INFINITY);
    attributes.push("down", f64::NEG_INFINITY);
    attributes.push("raw", [0_u8, 255].as_slice());
    attributes.push("big", i64::MIN);
    attributes.push("text", "\u{0}\"\\\u{2028}é");
    let record = LogParts {
        unix_nanos: u64::MAX,
        attributes: attributes.as_bytes(),
        trace_id: 0xab_u128.into(),
        span_id: 0xcd_u64.into(),
        ..LogParts::empty()
    };
    let mut batch = Batch::new();
    batch.push(ScopeId::of_name("json"), |buffer| record.encode(buffer));
    let request = ours::encode(Signal::Logs, Encoding::Json, &resource(), &batch);
    let json: serde_json::Value = from_json(&request);
    let expected = serde_json::json!({
        "timeUnixNano": "18446744073709551615",
        "severityNumber": 9,
        "severityText": "INFO",
        "attributes": [
            { "key": "nan", "value": { "doubleValue": "NaN" } },
            { "key": "inf", "value": { "doubleValue": "Infinity" } },
            { "key": "down", "value": { "doubleValue": "-Infinity" } },
            { "key": "raw", "value": { "bytesValue": "AP8=" } },
            { "key": "big", "value": { "intValue": "-9223372036854775808" } },
            { "key": "text", "value": { "stringValue": "\u{0}\"\\\u{2028}é" } },
        ],
        "traceId": "000000000000000000000000000000ab",
        "spanId": "00000000000000cd",
    });
    assert_eq!(
        json["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0],
        expected
    );
}

#[test]
fn resources_and_scopes_have_no_attribute_limit() {
    let attributes: Vec<_> = (0..300)
        .map(|n| KeyValue::new(format!("key{n}"), n))
        .collect();
    let resource = Resource::builder_empty()
        .with_attributes(attributes.clone())
        .build();
    let scope = InstrumentationScope::builder("wide")
        .with_attributes(attributes)
        .build();
    let mut batch = Batch::new();
    push(&mut batch, ScopeId::of(&scope), "hello");
    let request = ours::encode(Signal::Logs, Encoding::Protobuf, &resource, &batch);
    let request = ExportLogsServiceRequest::decode(request.as_slice()).expect("a request");
    let logs = &request.resource_logs[0];
    assert_eq!(
        logs.resource
            .as_ref()
            .map(|resource| resource.attributes.len()),
        Some(300)
    );
    let scope = logs.scope_logs[0].scope.as_ref();
    assert_eq!(scope.map(|scope| scope.attributes.len()), Some(300));
}

#[test]
fn values_are_read_back_with_their_type() {
    let mut attributes = Attributes::new(Attributes::SPAN, AttributeLimits::default());
    attributes.push("int", -1_i64);
    attributes.push("double", f64::NAN);
    attributes.push("text", "");
    assert_eq!(attributes.get("int"), Some(AnyValueView::Int(-1)));
    assert!(
        matches!(attributes.get("double"), Some(AnyValueView::Double(value)) if value.is_nan())
    );
    assert_eq!(attributes.get("text"), Some(AnyValueView::Str("")));
    assert_eq!(attributes.get("none"), None);
    let decoded = Span::decode(attributes.as_bytes()).expect("protobuf that prost reads");
    let text = AnyValue {
        value: Some(Value::StringValue(String::new())),
    };
    let expected = ProtoKeyValue {
        key: "text".to_owned(),
        value: Some(text),
        ..Default::default()
    };
    assert_eq!(decoded.attributes[2], expected);
}

fn push(batch: &mut Batch, scope: ScopeId, body: &str) {
    let record = LogParts {
        body,
        ..LogParts::empty()
    };
    batch.push(scope, |buffer| record.encode(buffer));
}

fn resource() -> Resource {
    Resource::builder_empty().with_service_name("shop").build()
}

/// The names of the scopes and the bodies of their records.
fn bodies_by_scope(request: &ExportLogsServiceRequest) -> Vec<(String, String)> {
    let scopes = request
        .resource_logs
        .iter()
        .flat_map(|logs| &logs.scope_logs);
    scopes
        .map(|scope| {
            let name = scope.scope.as_ref().map(|scope| scope.name.clone());
            let bodies = scope.log_records.iter().filter_map(|record| {
                match record.body.as_ref()?.value.as_ref()? {
                    Value::StringValue(text) => Some(text.as_str()),
                    _ => None,
                }
            });
            (
                name.unwrap_or_default(),
                bodies.collect::<Vec<_>>().join(" "),
            )
        })
        .collect()
}

/// Numbers that JSON names, and what stands for each while serde reads it: the schema's serde
/// cannot read the names.
const NAMED: [(&str, f64, f64); 3] = [
    (r#""NaN""#, f64::NAN, 4.242e101),
    (r#""Infinity""#, f64::INFINITY, 4.242e102),
    (r#""-Infinity""#, f64::NEG_INFINITY, 4.242e103),
];

/// Reads a request in JSON and writes it as protobuf.
fn decode_json<T: Message + serde::de::DeserializeOwned>(json: &[u8]) -> Vec<u8> {
    let mut text = String::from_utf8(json.to_vec()).expect("UTF-8");
    for (name, _, stand_in) in NAMED {
        let key = r#""doubleValue":"#;
        text = text.replace(&format!("{key}{name}"), &format!("{key}{stand_in:e}"));
    }
    let mut protobuf = from_json::<T>(text.as_bytes()).encode_to_vec();
    for at in 0..protobuf.len().saturating_sub(7) {
        let bytes = &mut protobuf[at..at + 8];
        for (_, number, stand_in) in NAMED {
            if bytes == stand_in.to_le_bytes() {
                bytes.copy_from_slice(&number.to_le_bytes());
            }
        }
    }
    protobuf
}

fn from_json<T: serde::de::DeserializeOwned>(json: &[u8]) -> T {
    serde_json::from_slice(json).expect("JSON that serde reads")
}
