//! What a span keeps for the lines within it.

use std::cell::RefCell;

use tracing_core::span::{Attributes, Id, Record as Values};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use crate::gathered::{self, SpanNumber};
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
        let entry = (fields, SpanNumber::next());
        spans.write(id).insert(id.into_u64(), entry);
    }
}

pub(crate) fn on_record(id: &Id, values: &Values<'_>, spans: &Spans, options: &VisitOptions) {
    // visited into a buffer of its own: foreign code runs, and must not find the span locked
    let mut fields = take_spare();
    values.record(&mut SpanVisitor {
        fields: &mut fields,
        options,
    });
    if fields.is_empty() {
        put_spare(fields);
        return;
    }
    let mut open = spans.write(id);
    match open.get_mut(&id.into_u64()) {
        Some((earlier, _)) => {
            earlier.merge(&fields);
            drop(open);
            put_spare(fields);
        }
        None => {
            open.insert(id.into_u64(), (fields, SpanNumber::next()));
            drop(open);
        }
    }
    gathered::forget();
}

pub(crate) fn on_close(id: &Id, spans: &Spans) {
    let closed = spans.write(id).remove(&id.into_u64());
    if let Some((fields, _)) = closed {
        put_spare(fields);
    }
}

/// The span's number, if it has fields.
#[inline]
pub(crate) fn number(id: &Id, spans: &Spans) -> Option<SpanNumber> {
    let open = spans.read(id);
    open.get(&id.into_u64()).map(|(_, number)| *number)
}

/// Adds the fields of a span that are not there yet.
pub(crate) fn inherit<'a, S>(inherited: &mut Fields, span: &SpanRef<'a, S>, spans: &Spans)
where
    S: LookupSpan<'a>,
{
    let id = span.id();
    if let Some((fields, _)) = spans.read(&id).get(&id.into_u64()) {
        inherited.inherit(&Fields::default(), fields);
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
        if let Some((fields, _)) = spans.read(&id).get(&id.into_u64()) {
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
