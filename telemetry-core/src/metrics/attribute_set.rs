use opentelemetry::{Key, KeyValue, Value};

/// The attributes of a series: sorted by key, each key once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AttributeSet {
    pairs: Box<[KeyValue]>,
}

impl AttributeSet {
    /// The set of these attributes; of several with one key, the last counts.
    #[must_use]
    pub fn new(attributes: impl IntoIterator<Item = KeyValue>) -> Self {
        let mut pairs: Vec<KeyValue> = attributes.into_iter().collect();
        // stable, so that the last of several stays the last
        pairs.sort_by(|a, b| a.key.cmp(&b.key));
        pairs.dedup_by(|later, earlier| {
            let same = later.key == earlier.key;
            if same {
                std::mem::swap(later, earlier);
            }
            same
        });
        Self {
            pairs: pairs.into_boxed_slice(),
        }
    }

    /// The attributes, sorted by key.
    pub fn iter(&self) -> std::slice::Iter<'_, KeyValue> {
        self.pairs.iter()
    }

    /// The value of an attribute.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        let found = self
            .pairs
            .binary_search_by(|pair| pair.key.as_str().cmp(key));
        found.ok().map(|at| &self.pairs[at].value)
    }

    /// How many attributes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Splits off what `keep` refuses.
    #[must_use]
    pub fn filter(self, mut keep: impl FnMut(&Key) -> bool) -> (Self, Vec<KeyValue>) {
        let (kept, removed): (Vec<_>, Vec<_>) =
            self.pairs.into_iter().partition(|pair| keep(&pair.key));
        (
            Self {
                pairs: kept.into_boxed_slice(),
            },
            removed,
        )
    }
}

impl<'a> IntoIterator for &'a AttributeSet {
    type Item = &'a KeyValue;
    type IntoIter = std::slice::Iter<'a, KeyValue>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl FromIterator<KeyValue> for AttributeSet {
    fn from_iter<I: IntoIterator<Item = KeyValue>>(attributes: I) -> Self {
        Self::new(attributes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_does_not_matter_and_the_last_of_a_key_counts() {
        let set = AttributeSet::new([
            KeyValue::new("b", 1),
            KeyValue::new("a", "x"),
            KeyValue::new("b", 2),
            KeyValue::new("b", 3),
        ]);
        let same = AttributeSet::new([KeyValue::new("a", "x"), KeyValue::new("b", 3)]);
        assert_eq!(set, same);
        assert_eq!(set.get("b"), Some(&Value::I64(3)));
        assert_eq!(set.get("c"), None);
    }
}
