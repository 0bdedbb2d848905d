use std::collections::HashMap;

use opentelemetry_proto::tonic::common::v1::any_value::Value as Proto;
use opentelemetry_proto::tonic::trace::v1::Span;
use proptest::prelude::*;
use prost::Message;

use super::*;

fn decode(attributes: &Attributes) -> Vec<(String, Option<Proto>)> {
    let span = Span::decode(attributes.as_bytes()).expect("protobuf that prost reads");
    span.attributes
        .into_iter()
        .map(|entry| (entry.key, entry.value.and_then(|any| any.value)))
        .collect()
}

#[test]
fn types_are_kept() {
    let mut list = Attributes::new(Attributes::SPAN, AttributeLimits::default());
    list.push("text", "a");
    list.push("yes", true);
    list.push("number", -3_i64);
    list.push("half", 0.5);
    list.push("raw", [1_u8, 2].as_slice());
    let array = Value::Array(Array::I64(vec![1, 300]));
    list.push("list", &array);
    let decoded = decode(&list);
    assert_eq!(decoded.len(), 6);
    assert_eq!(decoded[0].1, Some(Proto::StringValue("a".into())));
    assert_eq!(decoded[1].1, Some(Proto::BoolValue(true)));
    assert_eq!(decoded[2].1, Some(Proto::IntValue(-3)));
    assert_eq!(decoded[3].1, Some(Proto::DoubleValue(0.5)));
    assert_eq!(decoded[4].1, Some(Proto::BytesValue(vec![1, 2])));
    let Some(Proto::ArrayValue(items)) = &decoded[5].1 else {
        panic!("an array")
    };
    assert_eq!(items.values.len(), 2);
}

#[test]
fn text_is_cut_at_whole_characters() {
    let mut list = Attributes::new(
        Attributes::SPAN,
        AttributeLimits {
            count: 8,
            value_length: 3,
        },
    );
    list.push("k", "äöüß");
    assert_eq!(list.get("k"), Some(AnyValueView::Str("äöü")));
}

#[test]
fn an_empty_key_is_refused_and_counted() {
    let mut list = Attributes::new(Attributes::SPAN, AttributeLimits::default());
    list.set("", 1_i64);
    assert_eq!((list.len(), list.dropped()), (0, 1));
}

proptest! {
    /// Whatever is set, one by one or at once, the last value of each key wins, the limit holds,
    /// and refused keys are counted.
    #[test]
    fn the_last_value_wins(entries in prop::collection::vec(("[a-f]{1,3}", any::<i64>()), 0..600), limit in 1_u32..500, bulk: bool) {
        let mut list = Attributes::new(Attributes::SPAN, AttributeLimits { count: limit, value_length: u32::MAX });
        if bulk {
            list.extend(entries.iter().map(|(key, value)| (key.as_str(), *value)));
        } else {
            for (key, value) in &entries {
                list.set(key, *value);
            }
        }
        let mut model: HashMap<&str, i64> = HashMap::new();
        let mut refused = 0;
        for (key, value) in &entries {
            if model.contains_key(key.as_str()) || model.len() < limit as usize {
                model.insert(key, *value);
            } else {
                refused += 1;
            }
        }
        let decoded = decode(&list);
        prop_assert_eq!(decoded.len(), model.len());
        prop_assert_eq!(list.dropped(), refused);
        for (key, value) in decoded {
            prop_assert_eq!(value, Some(Proto::IntValue(model[key.as_str()])));
        }
    }
}
