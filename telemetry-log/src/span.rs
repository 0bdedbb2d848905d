//! What a span keeps for the lines within it.

use std::cell::RefCell;

use tracing_core::span::{Attributes, Id, Record as Values};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use crate::json::{Fields, put_string};
use crate::spans::Spans;
use crate::visit::{SpanVisitor, VisitOptions};

/// How many emptied buffers a thread keeps for its next spans.
const SPARE_BUFFERS: usize = 32;

/// The largest buffer that is kept.
const SPARE_BYTES: usize = 4 * 1024;

thread_local! {
    static SPARE: RefCell<Vec<Fields>> = const { RefCell::new(Vec::new()) };
}

pub(crate) fn on_new_span(
    attributes: &Attributes<'_>,
    id: &Id,
    spans: &Spans,
    options: &VisitOptions,
) {
    if attributes.is_empty() {
        return;
    }
    let mut fields = take_spare();
    attributes.record(&mut SpanVisitor {
        fields: &mut fields,
        options,
    });
    if fields.is_empty() {
        put_spare(fields);
    } else {
        spans.write(id).insert(id.into_u64(), fields);
    }
}

pub(crate) fn on_record(id: &Id, values: &Values<'_>, spans: &Spans, options: &VisitOptions) {
    // visited into a buffer of its own: foreign code runs, and must not find the span locked
    let mut fields = take_spare();
    values.record(&mut SpanVisitor {
        fields: &mut fields,
        options,
    });
    let mut open = spans.write(id);
    match open.get_mut(&id.into_u64()) {
        Some(earlier) => {
            earlier.merge(&fields);
            drop(open);
            put_spare(fields);
        }
        None => drop(open.insert(id.into_u64(), fields)),
    }
}

pub(crate) fn on_close(id: &Id, spans: &Spans) {
    let closed = spans.write(id).remove(&id.into_u64());
    if let Some(fields) = closed {
        put_spare(fields);
    }
}

/// Collects the fields of a span and of those around it; the innermost wins.
#[inline]
pub(crate) fn gather<'a, S>(
    inherited: &mut Fields,
    event: &Fields,
    innermost: &SpanRef<'a, S>,
    spans: &Spans,
) where
    S: LookupSpan<'a>,
{
    let add = |inherited: &mut Fields, id: Id| {
        if let Some(fields) = spans.read(&id).get(&id.into_u64()) {
            inherited.inherit(event, fields);
        }
    };
    add(inherited, innermost.id());
    let mut next = innermost.parent();
    while let Some(span) = next {
        add(inherited, span.id());
        next = span.parent();
    }
}

/// Appends the spans as members of a JSON list, the outermost first.
pub(crate) fn put_list<'a, S>(json: &mut Vec<u8>, innermost: &SpanRef<'a, S>, spans: &Spans)
where
    S: LookupSpan<'a>,
{
    for span in innermost.scope().from_root() {
        if !json.is_empty() {
            json.push(b',');
        }
        json.extend_from_slice(b"{\"name\":");
        put_string(json, span.name());
        let id = span.id();
        if let Some(fields) = spans.read(&id).get(&id.into_u64()) {
            put_members(json, fields);
        }
        json.push(b'}');
    }
}

/// The span's own `name` comes first: a field of that name is written as `fields.name`.
fn put_members(json: &mut Vec<u8>, fields: &Fields) {
    let taken = |name: &[u8]| name == b"name" || fields.iter().any(|field| field.key == name);
    for field in fields.iter() {
        let mut name = field.key.to_vec();
        if name == b"name" {
            while taken(&name) {
                name.splice(..0, *b"fields.");
            }
        }
        json.extend_from_slice(b",\"");
        json.extend_from_slice(&name);
        json.extend_from_slice(b"\":");
        json.extend_from_slice(field.value);
    }
}

/// Appends the names of the spans, the outermost first.
pub(crate) fn put_names<'a, S>(names: &mut String, innermost: &SpanRef<'a, S>)
where
    S: LookupSpan<'a>,
{
    for span in innermost.scope().from_root() {
        if !names.is_empty() {
            names.push(':');
        }
        names.push_str(span.name());
    }
}

fn take_spare() -> Fields {
    SPARE
        .try_with(|spare| spare.try_borrow_mut().ok()?.pop())
        .ok()
        .flatten()
        .unwrap_or_default()
}

fn put_spare(mut fields: Fields) {
    if fields.capacity() > SPARE_BYTES {
        return;
    }
    fields.clear();
    // while the thread ends there is nobody to keep it for
    let _ = SPARE.try_with(|spare| {
        if let Ok(mut spare) = spare.try_borrow_mut()
            && spare.len() < SPARE_BUFFERS
        {
            spare.push(fields);
        }
    });
}
