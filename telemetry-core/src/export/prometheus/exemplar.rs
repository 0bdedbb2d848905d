//! Exemplars behind a sample.

use super::name;
use super::number::{put_number, put_seconds};
use super::text::put_label_value;
use crate::metrics::Exemplar;

/// The most characters of all names and values of an exemplar's labels together.
///
/// Source: <https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md#exemplars>.
const MOST_CHARS: usize = 128;

/// Appends ` # {trace_id="…",span_id="…"} value time`: the ids first, then those attributes for
/// which there is room. An exemplar that leads nowhere is left out.
pub(super) fn put(out: &mut Vec<u8>, exemplar: &Exemplar) {
    let start = out.len();
    out.extend_from_slice(b" # {");
    let mut labels = ExemplarLabels {
        out,
        names: Vec::new(),
        chars: 0,
    };
    if let Some((trace_id, span_id)) = exemplar.span {
        labels.put("trace_id".to_owned(), &trace_id.to_string());
        labels.put("span_id".to_owned(), &span_id.to_string());
    }
    for pair in &exemplar.filtered_attributes {
        let name = name::clean(pair.key.as_str(), name::is_label_char);
        labels.put(name, &pair.value.as_str());
    }
    if labels.names.is_empty() {
        out.truncate(start);
        return;
    }
    out.extend_from_slice(b"} ");
    put_number(out, exemplar.value);
    out.push(b' ');
    put_seconds(out, exemplar.unix_nanos);
}

struct ExemplarLabels<'a> {
    out: &'a mut Vec<u8>,
    names: Vec<String>,
    chars: usize,
}

impl ExemplarLabels<'_> {
    fn put(&mut self, name: String, value: &str) {
        let chars = self.chars + name.len() + value.chars().count();
        if chars > MOST_CHARS || value.is_empty() || self.names.contains(&name) {
            return;
        }
        self.chars = chars;
        if !self.names.is_empty() {
            self.out.push(b',');
        }
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"=\"");
        put_label_value(self.out, value);
        self.out.push(b'"');
        self.names.push(name);
    }
}
