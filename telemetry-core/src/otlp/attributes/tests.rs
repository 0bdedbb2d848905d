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
fn bytes_are_cut_too() {
    let limits = AttributeLimits {
        count: 8,
        value_length: 3,
    };
    let mut list = Attributes::new(Attributes::SPAN, limits);
    list.push("k", [1_u8, 2, 3, 4].as_slice());
    assert_eq!(list.get("k"), Some(AnyValueView::Bytes(&[1, 2, 3])));
}

#[test]
fn a_key_set_many_times_takes_no_more_memory() {
    let mut list = Attributes::new(Attributes::SPAN, AttributeLimits::default());
    list.set("before", 1_i64);
    let text = "x".repeat(100);
    list.extend((0..50_000).map(|number| (["a", "b", "c"][number % 3], text.as_str())));
    assert_eq!(list.len(), 4);
    assert_eq!(decode(&list).len(), 4);
    assert!(list.capacity() < 64 * 1024, "{}", list.capacity());
}

#[test]
fn an_empty_key_is_refused_and_counted() {
    let mut list = Attributes::new(Attributes::SPAN, AttributeLimits::default());
    list.set("", 1_i64);
    list.extend([("", 2_i64), ("", 3)]);
    assert_eq!((list.len(), list.dropped()), (0, 3));
}

proptest! {
    /// Whatever is set, one by one or at once, the last value of each key wins and is where it was
    /// set last, the limit holds, and refused keys are counted.
    #[test]
    fn the_last_value_wins(
        steps in prop::collection::vec((any::<bool>(), prop::collection::vec(("[a-f]{0,3}", 0_usize..300), 0..200)), 1..4),
        limit in 1_u32..200,
    ) {
        let mut list = Attributes::new(Attributes::SPAN, AttributeLimits { count: limit, value_length: u32::MAX });
        let mut model = Model::new(limit);
        for (bulk, entries) in &steps {
            let entries: Vec<_> = entries.iter().map(|(key, size)| (key.as_str(), "x".repeat(*size))).collect();
            if *bulk {
                list.extend(entries.iter().map(|(key, value)| (*key, value.as_str())));
            } else {
                entries.iter().for_each(|(key, value)| list.set(key, value.as_str()));
            }
            entries.into_iter().for_each(|(key, value)| model.set(key, value));
        }
        prop_assert_eq!(list.dropped(), model.refused);
        prop_assert_eq!(list.len(), model.entries.len());
        prop_assert_eq!(decode(&list), model.decoded());
    }

    #[test]
    fn numbers_of_every_width_are_kept(number in any::<i64>(), width in 0_u32..64) {
        let number = number >> width;
        let mut list = Attributes::new(Attributes::SPAN, AttributeLimits::default());
        list.push("k", number);
        prop_assert_eq!(decode(&list), [("k".to_owned(), Some(Proto::IntValue(number)))]);
    }

    #[test]
    fn an_address_is_the_text_that_it_displays(octets: [u8; 4], limit in 0_u32..18) {
        let address = Ipv4Addr::from(octets);
        let limits = AttributeLimits { count: 8, value_length: limit };
        let mut list = Attributes::new(Attributes::SPAN, limits);
        list.push("k", address);
        let mut text = address.to_string();
        text.truncate(limit as usize);
        prop_assert_eq!(decode(&list), [("k".to_owned(), Some(Proto::StringValue(text)))]);
    }

    /// The lengths around which a length takes one byte more.
    #[test]
    fn keys_and_texts_of_any_length_are_kept(key in 1_usize..300, text in 0_usize..300) {
        let (key, text) = ("k".repeat(key), "x".repeat(text));
        let mut list = Attributes::new(Attributes::SPAN, AttributeLimits::default());
        list.set("before", 1_i64);
        list.set(&key, "earlier");
        list.set(&key, text.as_str());
        list.set("after", true);
        prop_assert_eq!(decode(&list), [
            ("before".to_owned(), Some(Proto::IntValue(1))),
            (key, Some(Proto::StringValue(text))),
            ("after".to_owned(), Some(Proto::BoolValue(true))),
        ]);
    }
}

/// A list that is simple enough to be right.
struct Model {
    limit: usize,
    entries: Vec<(String, String)>,
    refused: u32,
}

impl Model {
    fn new(limit: u32) -> Self {
        Self {
            limit: limit as usize,
            entries: Vec::new(),
            refused: 0,
        }
    }

    fn set(&mut self, key: &str, value: String) {
        if !key.is_empty() {
            self.entries.retain(|(name, _)| name != key);
        }
        if key.is_empty() || self.entries.len() >= self.limit {
            self.refused += 1;
        } else {
            self.entries.push((key.to_owned(), value));
        }
    }

    fn decoded(self) -> Vec<(String, Option<Proto>)> {
        self.entries
            .into_iter()
            .map(|(key, value)| (key, Some(Proto::StringValue(value))))
            .collect()
    }
}
