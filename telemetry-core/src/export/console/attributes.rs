//! Which attributes are worth a place on the line, and how they are written.

use super::escape::{cut, escape};
use super::line::{Line, Style};
use crate::export::memory::{CapturedAttributes, CapturedSpan, CapturedValue};

/// Shown first, in this order: what a person asks about a call.
const FIRST: [&str; 12] = [
    "http.response.status_code",
    "rpc.response.status_code",
    "rpc.grpc.status_code",
    "db.system.name",
    "db.query.summary",
    "db.query.text",
    "messaging.destination.name",
    "server.address",
    "url.full",
    "url.path",
    "url.query",
    "client.address",
];

/// Not shown: they are in the name, in the header, or of use to machines only.
const HIDDEN: [&str; 10] = [
    "error.type",
    "http.request.method",
    "http.route",
    "network.peer.address",
    "network.peer.port",
    "network.protocol.name",
    "network.protocol.version",
    "server.port",
    "url.scheme",
    "user_agent.original",
];
const HIDDEN_PREFIXES: [&str; 3] = ["code.", "thread.", "otel."];

/// The codes that a header shows, which the root's line need not repeat.
const STATUS_CODES: [&str; 3] = [FIRST[0], FIRST[1], FIRST[2]];

/// The most characters of one value.
const MAX_VALUE: usize = 60;

/// The response's status code, for the header.
pub(super) fn status_code(span: &CapturedSpan) -> Option<&CapturedValue> {
    STATUS_CODES.iter().find_map(|key| span.attribute(key))
}

/// The attributes for the span's line, the most telling first.
pub(super) fn key_attributes(span: &CapturedSpan, is_header: bool) -> Vec<String> {
    let skipped: &[&str] = if is_header { &["server.address"] } else { &[] };
    let in_header =
        |key: &str| is_header && (STATUS_CODES.contains(&key) || skipped.contains(&key));
    let first = FIRST
        .iter()
        .filter_map(|key| Some((*key, span.attribute(key)?)));
    let others = span.attributes.iter().filter(|(key, _)| {
        !FIRST.contains(key)
            && !HIDDEN.contains(key)
            && !HIDDEN_PREFIXES.iter().any(|prefix| key.starts_with(prefix))
    });
    let mut shown: Vec<String> = first
        .chain(others)
        .filter(|(key, _)| !in_header(key))
        .map(|(key, value)| pair(key, value))
        .collect();
    if !span.links.is_empty() {
        shown.push(format!("links={}", span.links.len()));
    }
    shown
}

/// All attributes of an event or a record.
pub(super) fn all_attributes(attributes: &CapturedAttributes) -> Vec<String> {
    attributes
        .iter()
        .filter(|(key, _)| !HIDDEN_PREFIXES.iter().any(|prefix| key.starts_with(prefix)))
        .map(|(key, value)| pair(key, value))
        .collect()
}

/// Appends as many attributes as fit within `width`, and a mark if some did not; the first is
/// always shown.
pub(super) fn push_attributes(line: &mut Line, attributes: &[String], width: usize) {
    for (index, attribute) in attributes.iter().enumerate() {
        let separator = if index == 0 { "  " } else { " " };
        let needed = separator.len() + attribute.chars().count();
        if index > 0 && line.width() + needed > width {
            line.push(Style::Dim, " …");
            return;
        }
        line.push(Style::Plain, separator);
        line.push(Style::Dim, attribute);
    }
}

fn pair(key: &str, value: &CapturedValue) -> String {
    let value = value.to_text();
    let escaped = escape(&value);
    let text = cut(&escaped, MAX_VALUE);
    let key = escape(key);
    if text.is_empty() || text.contains([' ', '=']) {
        format!("{key}=\"{text}\"")
    } else {
        format!("{key}={text}")
    }
}
