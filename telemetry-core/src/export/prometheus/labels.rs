//! Attributes as labels.

use opentelemetry::{Key, Value};

use super::name;
use super::number::{put_f64, put_i64};
use super::text::put_label_value;
use crate::metrics::AttributeSet;

/// How the attributes of these keys become labels. Series of one metric mostly have the same
/// keys, so that one of these serves them all.
#[derive(Debug)]
pub(super) struct Labels {
    keys: Vec<Key>,
    columns: Vec<Column>,
}

/// A label, and the attributes whose values it has.
#[derive(Debug)]
struct Column {
    name: String,
    sources: Vec<usize>,
}

impl Labels {
    /// The labels of these keys, each by the name that `rename` gives it; what gets the same name
    /// shares a label.
    pub(super) fn new(set: &AttributeSet, rename: impl Fn(String) -> String) -> Self {
        let keys: Vec<Key> = set.iter().map(|pair| pair.key.clone()).collect();
        let mut columns: Vec<Column> = Vec::with_capacity(keys.len());
        for (at, key) in keys.iter().enumerate() {
            let name = rename(name::clean(key.as_str(), name::is_label_char));
            match columns.iter_mut().find(|column| column.name == name) {
                Some(column) => column.sources.push(at),
                None => columns.push(Column {
                    name,
                    sources: vec![at],
                }),
            }
        }
        Self { keys, columns }
    }

    /// Whether these attributes have the same keys.
    pub(super) fn fit(&self, set: &AttributeSet) -> bool {
        self.keys.len() == set.len()
            && self
                .keys
                .iter()
                .zip(set)
                .all(|(key, pair)| *key == pair.key)
    }

    /// Whether several attributes share a label.
    pub(super) fn join(&self) -> bool {
        self.columns.len() < self.keys.len()
    }

    /// Appends `name="value"` for each label, with commas between and before. A label without a
    /// value is none for Prometheus, and is left out.
    pub(super) fn put(&self, out: &mut Vec<u8>, set: &AttributeSet) {
        for column in &self.columns {
            let before = out.len();
            if before > 0 {
                out.push(b',');
            }
            out.extend_from_slice(column.name.as_bytes());
            out.extend_from_slice(b"=\"");
            let empty = out.len();
            let values = column.sources.iter().filter_map(|at| set.iter().nth(*at));
            for (at, pair) in values.enumerate() {
                if at > 0 {
                    out.push(b';');
                }
                put_value(out, &pair.value);
            }
            if out.len() == empty {
                out.truncate(before);
            } else {
                out.push(b'"');
            }
        }
    }
}

/// Appends one label, with a comma before if it is not the first; nothing if it has no value.
pub(super) fn put_label(out: &mut Vec<u8>, name: &str, value: &str) {
    if value.is_empty() {
        return;
    }
    if !out.is_empty() {
        out.push(b',');
    }
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"=\"");
    put_label_value(out, value);
    out.push(b'"');
}

/// The value as text, arrays as JSON.
///
/// Source: <https://opentelemetry.io/docs/specs/otel/common/#anyvalue>.
fn put_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::String(text) => put_label_value(out, text.as_str()),
        Value::I64(value) => put_i64(out, *value),
        Value::F64(value) => put_f64(out, *value),
        Value::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        other => put_label_value(out, &other.as_str()),
    }
}
