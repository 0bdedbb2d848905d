//! A trace as text: a header, then a line for each span with a bar where it was in time.

use std::time::Duration;

use super::attributes::{all_attributes, key_attributes, push_attributes, status_code};
use super::escape::{cut, escape};
use super::line::{Line, Style};
use super::terminal::Terminal;
use super::time;
use super::tree::{Hidden, Node, Row, Shape, Tree};
use crate::context::TraceId;
use crate::export::memory::{CapturedEvent, CapturedSpan};
use crate::otlp::Kind;

/// A trace fills at most a few screens; what one parent has at most fills one.
const SHAPE: Shape = Shape {
    rows: 200,
    children: 40,
};
/// The cells of a bar.
const BAR: u64 = 32;
/// How wide the column of names may become, and how much of a name is shown at any depth.
const MAX_NAMES: usize = 48;
const MIN_NAME: usize = 16;
/// Spans with more events than this show how many they are instead.
const MAX_EVENTS: usize = 4;
/// The most characters of an error with its causes, and the most causes.
const MAX_ERROR: usize = 400;
const MAX_CAUSES: usize = 8;

/// Renders the spans of one trace, of which `missing` more are not at hand.
pub(crate) fn render(spans: &[CapturedSpan], missing: Hidden, terminal: Terminal) -> String {
    render_shaped(spans, missing, terminal, SHAPE)
}

pub(super) fn render_shaped(
    spans: &[CapturedSpan],
    missing: Hidden,
    terminal: Terminal,
    shape: Shape,
) -> String {
    let Some(any) = spans.first() else {
        return String::new();
    };
    let tree = Tree::of(spans, shape);
    let page = Page::of(&tree, spans, terminal);
    let mut text = match tree.root {
        Some(root) => page.header(root),
        None => page.rootless_header(any.trace_id, spans.len()),
    };
    for row in &tree.rows {
        page.row(row, tree.root, &mut text);
    }
    let mut hidden = tree.hidden;
    hidden.merge(missing);
    if !hidden.is_none() {
        text.push_str(&page.more("", hidden));
    }
    text
}

/// Where the columns of one trace are, and what its bars are measured against.
#[derive(Debug)]
struct Page {
    terminal: Terminal,
    start: u64,
    length: u64,
    names: usize,
    kinds: usize,
    durations: usize,
}

impl Page {
    fn of(tree: &Tree<'_>, spans: &[CapturedSpan], terminal: Terminal) -> Self {
        let (start, end) = match tree.root {
            Some(root) => (root.start_unix_nanos, root.end_unix_nanos),
            None => (
                spans
                    .iter()
                    .map(|span| span.start_unix_nanos)
                    .min()
                    .unwrap_or(0),
                spans
                    .iter()
                    .map(|span| span.end_unix_nanos)
                    .max()
                    .unwrap_or(0),
            ),
        };
        let mut page = Self {
            terminal,
            start,
            length: end.saturating_sub(start),
            names: 0,
            kinds: 0,
            durations: 0,
        };
        for row in &tree.rows {
            if let Node::Span(span) = row.node {
                let name = chars(&row.branch) + chars(&escape(&span.name));
                page.names = page.names.max(name.min(MAX_NAMES));
                page.kinds = page.kinds.max(kind(span.kind).len());
                page.durations = page.durations.max(chars(&time::duration(span.duration())));
            }
        }
        page
    }

    fn header(&self, root: &CapturedSpan) -> String {
        let mut line = self.line();
        line.push(Style::Bold, &root.name);
        if let Some(code) = status_code(root) {
            let style = if root.is_error() {
                Style::Red
            } else {
                Style::Green
            };
            line.gap();
            line.push(style, &code.to_text());
        }
        line.gap();
        line.push(Style::Plain, &time::duration(root.duration()));
        if root.is_error() {
            line.gap();
            line.push(Style::Red, &format!("✗ {}", error_brief(root)));
        }
        line.gap();
        line.push(Style::Dim, &format!("trace {}", root.trace_id));
        line.finish()
    }

    /// For spans that outlived their root, or whose root is still open or was lost.
    fn rootless_header(&self, trace_id: TraceId, spans: usize) -> String {
        let mut line = self.line();
        let noun = if spans == 1 { "span" } else { "spans" };
        line.push(Style::Yellow, &format!("{spans} {noun} without a root"));
        line.gap();
        line.push(Style::Dim, &format!("trace {trace_id}"));
        line.finish()
    }

    fn row(&self, row: &Row<'_>, root: Option<&CapturedSpan>, text: &mut String) {
        match row.node {
            Node::More(hidden) => text.push_str(&self.more(&row.branch, hidden)),
            Node::Span(span) => {
                let is_header = root.is_some_and(|root| std::ptr::eq(root, span));
                text.push_str(&self.span(&row.branch, span, is_header));
                self.events(&row.beside, span, text);
            }
        }
    }

    fn span(&self, branch: &str, span: &CapturedSpan, is_header: bool) -> String {
        let mut line = self.line();
        line.push(Style::Dim, branch);
        let room = self.names.saturating_sub(chars(branch)).max(MIN_NAME);
        let name = if span.is_error() {
            Style::Red
        } else {
            Style::Plain
        };
        line.push(name, &cut(&escape(&span.name), room));
        line.pad_to(self.names);
        if self.kinds > 0 {
            line.gap();
            line.push(Style::Cyan, kind(span.kind));
            line.pad_to(self.names + 2 + self.kinds);
        }
        line.gap();
        line.push(Style::Dim, "▕");
        let bar = if span.is_error() {
            Style::Red
        } else {
            Style::Cyan
        };
        line.push(bar, &self.bar(span));
        line.push(Style::Dim, "▏");
        let duration = time::duration(span.duration());
        line.push(
            Style::Plain,
            &format!(" {duration:>width$}", width = self.durations),
        );
        if span.is_error() {
            line.gap();
            line.push(Style::Red, &format!("✗ {}", error_text(span)));
        }
        push_attributes(
            &mut line,
            &key_attributes(span, is_header),
            self.terminal.width,
        );
        line.finish()
    }

    /// Where the span was within the trace; `‹` and `›` stand for what was outside of it.
    fn bar(&self, span: &CapturedSpan) -> String {
        let last = BAR - 1;
        let from = self.cell(span.start_unix_nanos).min(last);
        let end = span.end_unix_nanos.max(span.start_unix_nanos);
        let to = self.cell_after(end).clamp(from + 1, BAR);
        let is_early = span.start_unix_nanos < self.start;
        let is_late = end > self.start.saturating_add(self.length);
        (0..BAR)
            .map(|cell| match cell {
                _ if cell < from || cell >= to => ' ',
                _ if is_early && cell == from => '‹',
                _ if is_late && cell + 1 == to => '›',
                _ => '█',
            })
            .collect()
    }

    /// The cell in which a time falls.
    fn cell(&self, unix_nanos: u64) -> u64 {
        let offset = u128::from(unix_nanos.saturating_sub(self.start));
        let cell = offset * u128::from(BAR) / u128::from(self.length.max(1));
        u64::try_from(cell).unwrap_or(BAR)
    }

    /// The first cell that begins at a time or after it.
    fn cell_after(&self, unix_nanos: u64) -> u64 {
        let offset = u128::from(unix_nanos.saturating_sub(self.start));
        let cell = (offset * u128::from(BAR)).div_ceil(u128::from(self.length.max(1)));
        u64::try_from(cell).unwrap_or(BAR)
    }

    fn events(&self, beside: &str, span: &CapturedSpan, text: &mut String) {
        let events: Vec<&CapturedEvent> = span
            .events
            .iter()
            .filter(|event| event.name != "exception")
            .collect();
        let mut write = |what: &str, attributes: &[String]| {
            let mut line = self.line();
            line.push(Style::Dim, beside);
            line.push(Style::Dim, what);
            push_attributes(&mut line, attributes, self.terminal.width);
            text.push_str(&line.finish());
        };
        if events.len() > MAX_EVENTS {
            return write(&format!("· {} events", events.len()), &[]);
        }
        for event in events {
            let name = escape(&event.name);
            let at = event.unix_nanos.saturating_sub(span.start_unix_nanos);
            let at = time::duration(Duration::from_nanos(at));
            let what = format!("· {} at {at}", cut(&name, MAX_NAMES));
            write(&what, &all_attributes(&event.attributes));
        }
    }

    fn more(&self, branch: &str, hidden: Hidden) -> String {
        let mut line = self.line();
        line.push(Style::Dim, branch);
        let noun = if hidden.spans == 1 { "span" } else { "spans" };
        line.push(Style::Dim, &format!("… {} more {noun}", hidden.spans));
        if hidden.failed > 0 {
            line.push(Style::Red, &format!(", {} of them failed", hidden.failed));
        }
        line.finish()
    }

    fn line(&self) -> Line {
        Line::new(self.terminal.color)
    }
}

fn chars(text: &str) -> usize {
    text.chars().count()
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Internal => "",
        other => other.as_str(),
    }
}

/// What failed, in a word: the type of the error, else what the status says.
fn error_brief(span: &CapturedSpan) -> String {
    match span.attribute("error.type") {
        Some(kind) => format!("error.type={}", cut(&kind.to_text(), MAX_NAMES)),
        None => error_text(span),
    }
}

/// What failed: the last exception with its causes, else the status, else the error's type.
fn error_text(span: &CapturedSpan) -> String {
    let exception = span
        .events
        .iter()
        .rev()
        .find(|event| event.name == "exception")
        .and_then(exception_text);
    let status = || (!span.status_message.is_empty()).then(|| span.status_message.clone());
    let kind = || {
        span.attribute("error.type")
            .map(|kind| format!("error.type={}", kind.to_text()))
    };
    let text = exception.or_else(status).or_else(kind);
    cut(&text.unwrap_or_else(|| "failed".to_owned()), MAX_ERROR).into_owned()
}

/// The message and its causes: those that follow `caused by:` in the stack trace.
fn exception_text(event: &CapturedEvent) -> Option<String> {
    let message = event
        .attribute("exception.message")
        .or_else(|| event.attribute("exception.type"))?
        .to_text();
    let stacktrace = event
        .attribute("exception.stacktrace")
        .and_then(|trace| trace.as_str())
        .unwrap_or_default();
    let causes = stacktrace.split("\ncaused by: ").skip(1).take(MAX_CAUSES);
    Some(causes.fold(message.into_owned(), |text, cause| text + " ← " + cause))
}
