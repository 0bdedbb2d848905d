//! What must hold for any bytes: called by the fuzz target and, with saved seeds, by the tests.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use telemetry_core::context::propagate::Extracted;
use telemetry_core::context::{SpanContext, SpanId, TraceFlags, TraceId};

use super::{
    AmqpTable, AmqpValue, AwsAttribute, CloudEvent, CloudEventHeaders, EventBridgeEvent, Injected,
    JsonObject, JsonText, MessageCarrier, MessageCarrierMut, Propagation, SnsNotification,
    SqsMessage,
};

/// A payload as each carrier of JSON; and headers, `name=value`, one a line, as each carrier of headers.
///
/// # Panics
///
/// If what was written is read differently.
pub fn carriers(data: &[u8]) {
    headers(data);
    survives(JsonText::new(data.to_vec()));
    survives(JsonText::new(data.to_vec()).key("headers"));
    if let Ok(text) = std::str::from_utf8(data) {
        let mut message = SqsMessage::new(text);
        survives(message.clone());
        for number in 0..10 {
            let value = AwsAttribute::Number(String::from("1"));
            message.attributes.0.insert(format!("a{number}"), value);
        }
        survives(message.clone());
        message
            .system_attributes
            .insert(String::from("AWSTraceHeader"), text.to_owned());
        survives(message);
    }
    if let Ok(members) = serde_json::from_slice::<Map<String, Value>>(data) {
        survives(JsonObject::new(members.clone()));
        survives(CloudEvent(members.clone()));
        survives(SnsNotification(members.clone()));
        survives(EventBridgeEvent::new(members));
    }
}

fn headers(data: &[u8]) {
    let lines = data.split(|byte| *byte == b'\n');
    let bytes: Vec<(Vec<u8>, Vec<u8>)> = lines
        .map(|line| {
            let at = line.iter().position(|byte| *byte == b'=');
            let (name, value) = line.split_at(at.unwrap_or(line.len()));
            (name.to_vec(), value.get(1..).unwrap_or_default().to_vec())
        })
        .collect();
    let named: Vec<(String, Vec<u8>)> = bytes
        .iter()
        .map(|(name, value)| (String::from_utf8_lossy(name).into_owned(), value.clone()))
        .collect();
    let table = named.iter().map(|(name, value)| {
        let value = AmqpValue::LongString(value.clone());
        (name.clone(), value)
    });
    survives(AmqpTable(table.collect()));
    survives(named.iter().cloned().collect::<BTreeMap<_, _>>());
    survives(CloudEventHeaders::kafka(named.clone()));
    survives(named);
    survives(bytes);
}

/// What is written over anything is read again.
fn survives(mut carrier: impl MessageCarrier + MessageCarrierMut) {
    let propagation = Propagation::default();
    let Extracted {
        span_context,
        baggage,
        ..
    } = propagation.extract(&carrier);
    let own = || SpanContext::new(TraceId::from(7), SpanId::from(7), TraceFlags::SAMPLED).remote();
    let span_context = span_context.unwrap_or_else(own);
    if propagation.inject(&span_context, &baggage, &mut carrier) == Injected::Whole {
        let again = propagation.extract(&carrier);
        assert_eq!(again.span_context, Some(span_context));
        assert_eq!(again.baggage, baggage);
    }
}
