//! Captured spans as text.

use std::fmt::Write;

use crate::context::TraceId;
use crate::export::console::{Hidden, Node, Shape, Terminal, Tree, escape, render};
use crate::export::memory::CapturedSpan;
use crate::otlp::Kind;

/// Names, kinds and failures: what is the same in each run.
pub(super) fn outline(spans: &[CapturedSpan]) -> String {
    let whole = Shape {
        rows: usize::MAX,
        children: usize::MAX,
    };
    let mut text = String::new();
    for row in Tree::of(spans, whole).rows {
        if let Node::Span(span) = row.node {
            // roots stand at the margin
            text.extend(row.branch.chars().skip(3));
            text.push_str(&escape(&span.name));
            if span.kind != Kind::Internal {
                let _ = write!(text, " {}", span.kind.as_str());
            }
            text.push_str(if span.is_error() { " ✗\n" } else { "\n" });
        }
    }
    text
}

/// Everything there is to see, for the message of a failed assertion.
pub(super) fn page(spans: &[CapturedSpan]) -> String {
    if spans.is_empty() {
        return "no span has ended: is the capture's layer in use, and are all spans closed?"
            .to_owned();
    }
    let mut traces: Vec<TraceId> = Vec::new();
    for span in spans {
        if !traces.contains(&span.trace_id) {
            traces.push(span.trace_id);
        }
    }
    let mut text = "captured:\n".to_owned();
    for trace in traces {
        let spans: Vec<_> = spans
            .iter()
            .filter(|span| span.trace_id == trace)
            .cloned()
            .collect();
        text.push_str(&render(&spans, Hidden::default(), Terminal::plain()));
    }
    text
}
