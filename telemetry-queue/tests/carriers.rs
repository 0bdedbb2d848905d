//! Whatever is written into a message is read from it again, and all else in it stays.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::{BTreeMap, HashMap};

use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use telemetry_core::context::propagate::{Composite, PropagatorKind};
use telemetry_core::context::{Baggage, SpanContext, SpanId, TraceFlags, TraceId, TraceState};
use telemetry_queue::carriers::{
    AmqpTable, AmqpValue, AwsAttribute, AwsAttributes, CloudEvent, CloudEventHeaders, Envelope,
    EventBridgeEvent, Injected, JsonObject, JsonText, MessageCarrier, MessageCarrierMut,
    Propagation, Refusal, SnsNotification, SqsMessage, counts,
};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn span_contexts() -> impl Strategy<Value = SpanContext> {
    let member = ("[a-z][a-z0-9_*/-]{0,20}", "[ -+.-<>-~]{0,20}[!-+.-<>-~]");
    let members = prop::collection::vec(member, 0..20);
    (1..=u128::MAX, 1..=u64::MAX, any::<bool>(), members).prop_map(
        |(trace_id, span_id, sampled, members)| {
            let state = members
                .iter()
                .fold(TraceState::EMPTY, |state, (key, value)| {
                    state.insert(key, value).unwrap()
                });
            let (trace_id, span_id) = (TraceId::from(trace_id), SpanId::from(span_id));
            SpanContext::new(trace_id, span_id, TraceFlags::default())
                .with_sampled(sampled)
                .with_trace_state(state)
                .remote()
        },
    )
}

fn baggages() -> impl Strategy<Value = Baggage> {
    let entry = (
        "[a-z0-9!#$%&'*+.^_`|~-]{1,12}",
        "(\\PC{0,8}[\\x20-\\x7f]{0,8})?",
    );
    prop::collection::vec(entry, 0..20).prop_map(|entries| {
        let mut baggage = Baggage::EMPTY;
        for (key, value) in &entries {
            let _ = baggage.insert(key, value.trim());
        }
        baggage
    })
}

/// Headers of somebody else and of an older context, in any order.
fn headers() -> impl Strategy<Value = Vec<(String, String)>> {
    let names = prop_oneof![
        4 => "x-[a-z0-9]{1,12}",
        1 => "([Tt]race[Pp]arent|TRACESTATE|tracestate|[Bb]aggage)",
    ];
    let values = prop_oneof![
        4 => "[!-~]{1,20}",
        1 => Just(PARENT.to_owned()),
        1 => Just("old=1".to_owned()),
    ];
    prop::collection::vec((names, values), 0..8)
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("\\PC{0,8}", inner, 0..4)
                .prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// Payloads, with an older context in any of the places where one may be.
fn payloads() -> impl Strategy<Value = Map<String, Value>> {
    let names = prop_oneof![
        3 => "\\PC{0,12}",
        1 => "(trace_context|headers|_otel|id|source)",
    ];
    let old = Just(json!({ "traceparent": PARENT, "tracestate": "old=1", "mine": 1 }));
    let member = prop_oneof![3 => values(), 1 => old];
    prop::collection::btree_map(names, member, 0..6).prop_map(|map| map.into_iter().collect())
}

/// Writes and reads; gives what the carrier is then.
#[track_caller]
fn carries<C: MessageCarrier + MessageCarrierMut>(
    mut carrier: C,
    (span_context, baggage): (&SpanContext, &Baggage),
) -> C {
    let propagation = Propagation::default();
    let injected = propagation.inject(span_context, baggage, &mut carrier);
    assert_eq!(injected, Injected::Whole);
    let extracted = propagation.extract(&carrier);
    assert_eq!(extracted.span_context.as_ref(), Some(span_context));
    // of an older context nothing is left, and where there is no baggage, there is none of it
    assert_eq!(&extracted.baggage, baggage);
    carrier
}

fn is_context(name: &str) -> bool {
    ["traceparent", "tracestate", "baggage"].contains(&&*name.to_ascii_lowercase())
}

fn foreign<V: Clone>(list: &[(String, V)]) -> Vec<(String, V)> {
    list.iter()
        .filter(|(name, _)| !is_context(name))
        .cloned()
        .collect()
}

fn bytes(list: &[(String, String)]) -> Vec<(String, Vec<u8>)> {
    list.iter()
        .map(|(name, value)| (name.clone(), value.clone().into_bytes()))
        .collect()
}

proptest! {
    #[test]
    fn lists_of_headers(parent in span_contexts(), baggage in baggages(), headers in headers()) {
        let context = (&parent, &baggage);
        let after = carries(headers.clone(), context); // NATS, MQTT 5
        prop_assert_eq!(foreign(&after), foreign(&headers));

        let headers = bytes(&headers);
        let after = carries(headers.clone(), context); // Kafka
        prop_assert_eq!(foreign(&after), foreign(&headers));

        let stream: Vec<(Vec<u8>, Vec<u8>)> = headers
            .iter()
            .map(|(name, value)| (name.clone().into_bytes(), value.clone()))
            .chain([(vec![0xff], vec![0xff])])
            .collect();
        let after = carries(stream, context); // Redis streams
        prop_assert!(after.contains(&(vec![0xff], vec![0xff])));

        let events = carries(CloudEventHeaders::kafka(headers.clone()), context).into_headers();
        prop_assert_eq!(&events[..headers.len()], &headers[..]);
        let again = carries(CloudEventHeaders::kafka(events.clone()), context).into_headers();
        prop_assert_eq!(again, events);
        carries(CloudEventHeaders::http(headers.clone()), context);
        carries(CloudEventHeaders::with_prefix("cloudEvents:", headers), context);
    }

    #[test]
    fn maps(parent in span_contexts(), baggage in baggages(), headers in headers()) {
        let context = (&parent, &baggage);
        let map: BTreeMap<String, String> = headers.iter().cloned().collect();
        let mut after = carries(map.clone(), context);
        after.retain(|name, _| !is_context(name));
        let mut before = map.clone();
        before.retain(|name, _| !is_context(name));
        prop_assert_eq!(after, before);
        carries(map.into_iter().collect::<HashMap<_, _>>(), context);
        carries(bytes(&headers).into_iter().collect::<BTreeMap<_, _>>(), context);
        carries(bytes(&headers).into_iter().collect::<HashMap<_, _>>(), context);

        let mut map = HeaderMap::new();
        for (name, value) in &headers {
            map.append(HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap());
        }
        let count = map.iter().filter(|(name, _)| !is_context(name.as_str())).count();
        let after = carries(map, context);
        prop_assert_eq!(after.iter().filter(|(name, _)| !is_context(name.as_str())).count(), count);
    }

    #[test]
    fn tables_of_amqp(parent in span_contexts(), baggage in baggages(), headers in headers()) {
        let mut table: BTreeMap<_, _> = headers
            .into_iter()
            .map(|(name, value)| (name, AmqpValue::ShortString(value)))
            .collect();
        table.insert(String::from("x-death"), AmqpValue::Array(vec![AmqpValue::Void]));
        let AmqpTable(mut after) = carries(AmqpTable(table.clone()), (&parent, &baggage));
        after.retain(|name, _| !is_context(name));
        table.retain(|name, _| !is_context(name));
        prop_assert_eq!(after, table);
    }

    #[test]
    fn payloads_of_json(parent in span_contexts(), baggage in baggages(), payload in payloads()) {
        let context = (&parent, &baggage);
        let after = carries(JsonObject::new(payload.clone()), context);
        for (name, value) in &payload {
            prop_assert_eq!(after.members().get(name), Some(value));
        }
        // what was written before is replaced
        let members = after.into_members();
        prop_assert_eq!(&carries(JsonObject::new(members.clone()), context).into_members(), &members);

        let text = serde_json::to_string(&payload).unwrap();
        let after = carries(JsonText::new(text.clone()), context).into_inner();
        prop_assert_eq!(serde_json::from_str::<Map<_, _>>(&after).unwrap(), members);
        carries(JsonText::new(text.into_bytes()).key("some \"key\""), context);

        let envelope = carries(Envelope::new(payload.clone()), context);
        let text = serde_json::to_string(&envelope).unwrap();
        let read: Envelope<Map<String, Value>> = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&read, &envelope);
        prop_assert_eq!(read.payload, payload);
    }

    #[test]
    fn events_and_notifications(
        parent in span_contexts(),
        baggage in baggages(),
        payload in payloads(),
    ) {
        let context = (&parent, &baggage);
        let CloudEvent(after) = carries(CloudEvent(payload.clone()), context);
        for (name, value) in &payload {
            prop_assert_eq!(after.get(name), Some(value));
        }
        let message = serde_json::to_string(&payload).unwrap();
        let mut notification = payload.clone();
        // a service that delivers notifications has no place of its own for a context
        notification.retain(|name, _| !["trace_context", "headers", "_otel"].contains(&&**name));
        notification.insert("Type".into(), "Notification".into());
        notification.insert("Message".into(), message.into());
        let SnsNotification(after) = carries(SnsNotification(notification), context);
        prop_assert_eq!(after.get("Type"), Some(&"Notification".into()));
        // the same through a queue that is subscribed
        let body = serde_json::to_string(&after).unwrap();
        let extracted = Propagation::default().extract(&SqsMessage::new(body));
        prop_assert_eq!(extracted.span_context.as_ref(), Some(&parent));

        let event = json!({ "source": "shop", "detail": payload });
        let event = EventBridgeEvent::new(event.as_object().unwrap().clone());
        let after = carries(event.clone(), context).into_members();
        for (name, value) in &payload {
            prop_assert_eq!(after["detail"].get(name), Some(value));
        }
        carries(event.key("mine"), context);
    }

    #[test]
    fn messages_of_sqs(
        parent in span_contexts(),
        baggage in baggages(),
        headers in headers(),
        others in 0..=10_usize,
        payload in payloads(),
    ) {
        let context = (&parent, &baggage);
        let mut message = SqsMessage::new(serde_json::to_string(&payload).unwrap());
        for (name, value) in headers.iter().filter(|(name, _)| is_context(name)) {
            message.attributes.0.insert(name.clone(), AwsAttribute::String(value.clone()));
        }
        for number in 0..others {
            let value = AwsAttribute::Number(number.to_string());
            message.attributes.0.insert(format!("other{number}"), value);
        }
        let after = carries(message, context);
        prop_assert!(after.attributes.0.len() <= 10);
        let kept = after.attributes.0.keys().filter(|name| name.starts_with("other"));
        prop_assert_eq!(kept.count(), others);
        let body: Map<String, Value> = serde_json::from_str(&after.body).unwrap();
        for (name, value) in &payload {
            prop_assert_eq!(body.get(name), Some(value));
        }
    }

    #[test]
    fn any_bytes_can_be_read(data in prop::collection::vec(any::<u8>(), 0..256)) {
        telemetry_queue::carriers::fuzz::carriers(&data);
    }
}

fn parent() -> SpanContext {
    let mut headers = HeaderMap::new();
    headers.insert("traceparent", HeaderValue::from_static(PARENT));
    headers.insert("tracestate", HeaderValue::from_static("acme=1"));
    Propagation::default()
        .extract(&headers)
        .span_context
        .unwrap()
}

fn large_baggage() -> Baggage {
    let mut baggage = Baggage::EMPTY;
    baggage.insert("tenant", &"x".repeat(4000)).unwrap();
    baggage
}

#[test]
fn what_is_too_large_is_trimmed_then_refused_and_counted() {
    let before = counts();
    let inject = |max_bytes| {
        let mut headers: Vec<(String, String)> = vec![(String::from("mine"), String::from("1"))];
        let propagation = Propagation::default().max_bytes(max_bytes);
        let injected = propagation.inject(&parent(), &large_baggage(), &mut headers);
        let names: Vec<_> = headers.into_iter().map(|(name, _)| name).collect();
        (injected, names.join(" "))
    };
    let trimmed = Injected::Trimmed(Refusal::TooLarge);
    assert_eq!(
        inject(16 << 10),
        (
            Injected::Whole,
            "mine traceparent tracestate baggage".into()
        )
    );
    assert_eq!(
        inject(1000),
        (trimmed, "mine traceparent tracestate".into())
    );
    assert_eq!(inject(70), (trimmed, "mine traceparent".into()));
    assert_eq!(
        inject(40),
        (Injected::Refused(Refusal::TooLarge), "mine".into())
    );
    let after = counts();
    assert!(after.trimmed >= before.trimmed + 2);
    assert!(after.too_large > before.too_large);
}

#[test]
fn what_is_too_large_is_not_read_and_counted() {
    let mut headers: Vec<(String, String)> = Vec::new();
    let injected = Propagation::default().inject(&parent(), &large_baggage(), &mut headers);
    assert_eq!(injected, Injected::Whole);
    let before = counts().ignored;
    let extracted = Propagation::default().max_bytes(100).extract(&headers);
    assert_eq!(extracted.span_context, Some(parent()));
    assert!(extracted.baggage.is_empty());
    assert!(counts().ignored > before);
}

#[test]
fn a_message_without_a_context_to_write_stays_as_it_is() {
    let mut text = JsonText::new(String::from("{ \"order\" : 1.10 }"));
    assert_eq!(
        telemetry_queue::carriers::inject(&mut text),
        Injected::Nothing
    );
    assert_eq!(text.into_inner(), "{ \"order\" : 1.10 }");
}

#[test]
fn numbers_and_the_order_of_members_stay_as_they_were_written() {
    let text =
        r#"{"z":1.10,"a":123456789012345678901234567890,"z":2,"traceContext":{"mine":[1.0]}}"#;
    let mut payload = JsonText::new(text.to_owned());
    let propagation = Propagation::default();
    let injected = propagation.inject(&parent(), &Baggage::EMPTY, &mut payload);
    assert_eq!(injected, Injected::Whole);
    let start =
        r#"{"z":1.10,"a":123456789012345678901234567890,"z":2,"traceContext":{"mine":[1.0],"#;
    assert!(payload.into_inner().starts_with(start));
}

#[test]
fn a_payload_that_is_no_object_is_not_changed() {
    for text in [
        "",
        "[1]",
        "7",
        "not json",
        r#"{"traceContext":"mine"}"#,
        "{",
        "\u{0}",
    ] {
        let mut payload = JsonText::new(text.to_owned());
        let injected = Propagation::default().inject(&parent(), &Baggage::EMPTY, &mut payload);
        assert_eq!(injected, Injected::Refused(Refusal::NotAnObject), "{text}");
        assert_eq!(payload.into_inner(), text);
    }
}

#[test]
fn context_is_found_where_other_programs_write_it() {
    for key in ["traceContext", "trace_context", "headers", "_otel"] {
        let text =
            json!({ "order": 7, key: { "traceparent": PARENT, "baggage": "a=b" } }).to_string();
        let extracted = Propagation::default().extract(&JsonText::new(&text));
        let found = extracted.span_context.unwrap();
        assert_eq!(found.trace_id(), parent().trace_id(), "{key}");
        assert_eq!(extracted.baggage.get("a"), Some("b"));
        let object = JsonObject::new(serde_json::from_str(&text).unwrap()).key("mine");
        assert_eq!(
            Propagation::default().extract(&object).span_context,
            Some(found)
        );
    }
}

#[test]
fn sqs_without_room_and_without_json_carries_what_fits() {
    let mut message = SqsMessage::new("plain text");
    for number in 0..8 {
        let value = AwsAttribute::Number(number.to_string());
        message.attributes.0.insert(format!("other{number}"), value);
    }
    let propagation = Propagation::default();
    let inject =
        |message: &mut SqsMessage| propagation.inject(&parent(), &large_baggage(), message);
    let mut two_fit = message.clone();
    assert_eq!(inject(&mut two_fit), Injected::Trimmed(Refusal::Full));
    assert_eq!(propagation.extract(&two_fit).span_context, Some(parent()));
    for number in 8..10 {
        let value = AwsAttribute::Number(number.to_string());
        message.attributes.0.insert(format!("other{number}"), value);
    }
    let before = message.clone();
    assert_eq!(inject(&mut message), Injected::Refused(Refusal::Full));
    assert_eq!(message, before);
}

#[test]
fn sqs_continues_a_trace_of_x_ray() {
    let mut message = SqsMessage::new("plain text");
    let header =
        "Self=1-1-1;Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1";
    message
        .system_attributes
        .insert(String::from("AWSTraceHeader"), header.to_owned());
    let found = Propagation::default()
        .extract(&message)
        .span_context
        .unwrap();
    assert_eq!(
        (found.trace_id(), found.span_id()),
        (parent().trace_id(), parent().span_id())
    );
    assert!(found.is_sampled());

    let own = AwsAttribute::String(PARENT.replace("4bf9", "0af7"));
    message.attributes = AwsAttributes(BTreeMap::from([(String::from("traceparent"), own)]));
    let found = Propagation::default()
        .extract(&message)
        .span_context
        .unwrap();
    assert_ne!(
        found.trace_id(),
        parent().trace_id(),
        "what is ours is read first"
    );
}

#[test]
fn other_formats_have_their_place_too() {
    let kinds = [PropagatorKind::B3Multi, PropagatorKind::Jaeger];
    let propagation = Propagation::default().formats(Composite::of(&kinds));
    let mut baggage = Baggage::EMPTY;
    baggage.insert("new", "1").unwrap();
    let mut headers = vec![(String::from("uberctx-old"), b"1".to_vec())];
    assert_eq!(
        propagation.inject(&parent(), &baggage, &mut headers),
        Injected::Whole
    );
    let extracted = propagation.extract(&headers);
    assert_eq!(
        extracted.span_context.unwrap().span_id(),
        parent().span_id()
    );
    assert_eq!(extracted.baggage, baggage);
}

#[test]
fn an_event_has_no_place_for_names_that_are_no_attributes() {
    let before = counts().unnameable;
    let propagation = Propagation::default().formats(Composite::of(&[PropagatorKind::B3Multi]));
    let mut event = CloudEvent(Map::new());
    let injected = propagation.inject(&parent(), &Baggage::EMPTY, &mut event);
    assert_eq!(injected, Injected::Refused(Refusal::Unnameable));
    assert_eq!(event, CloudEvent(Map::new()));
    assert!(counts().unnameable > before);
}
