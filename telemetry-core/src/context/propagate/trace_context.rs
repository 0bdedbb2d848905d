//! W3C Trace Context: `traceparent` and `tracestate`.

use http::HeaderName;

use super::super::trace_state::TraceStateReader;
use super::super::{SpanId, TraceFlags, TraceId, TraceState, discarded, hex};
use super::{Baggage, Carrier, CarrierMut, Extracted, Propagator, SpanContext};

/// W3C Trace Context level 2, <https://www.w3.org/TR/trace-context-2/>.
///
/// Reads version 00 and, as far as they are the same, later versions; writes version 00.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct TraceContext;

static FIELDS: [HeaderName; 2] = [
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
];

/// `00-`, 32 digits, `-`, 16 digits, `-`, 2 digits,
/// <https://www.w3.org/TR/trace-context-2/#traceparent-header-field-values>.
const LEN: usize = 55;

/// The bits that level 2 defines, sampled and random-trace-id; the others "MUST" be zero,
/// <https://www.w3.org/TR/trace-context-2/#other-flags>.
const KNOWN_FLAGS: TraceFlags = TraceFlags::new(0b11);

impl Propagator for TraceContext {
    fn extract(&self, carrier: &dyn Carrier, extracted: &mut Extracted) {
        let [traceparent, tracestate] = &FIELDS;
        let mut headers = 0;
        let mut parent = None;
        carrier.get_all(traceparent, &mut |header| {
            headers += 1;
            // what is valid and this short has no space around it
            parent = match header.len() {
                LEN => parse(header),
                _ => parse(header.trim_matches([' ', '\t'])),
            };
        });
        let Some(parent) = parent.filter(|_| headers == 1) else {
            if headers > 0 {
                discarded::count_parent();
            }
            return;
        };
        let sampled = parent.is_sampled();
        let parent = parent.with_trace_state(trace_state(carrier, tracestate));
        extracted.set_parent(parent, Some(sampled));
    }

    /// A `tracestate` that the carrier had is replaced or removed: it belongs to the
    /// `traceparent` that is replaced.
    fn inject(&self, span_context: &SpanContext, _: &Baggage, carrier: &mut dyn CarrierMut) {
        if !span_context.is_valid() {
            return;
        }
        let [traceparent, tracestate] = &FIELDS;
        let text = format(span_context);
        if let Ok(text) = std::str::from_utf8(&text) {
            carrier.set(traceparent, text.into());
        }
        match span_context.trace_state() {
            state if state.is_empty() => carrier.remove(tracestate),
            state => carrier.set(tracestate, state.as_str().into()),
        }
    }

    fn fields(&self) -> &'static [HeaderName] {
        &FIELDS
    }
}

/// The steps of <https://www.w3.org/TR/trace-context-2/#versioning-of-traceparent>.
fn parse(header: &str) -> Option<SpanContext> {
    let text = header.as_bytes();
    let (known, rest) = text.split_at_checked(LEN)?;
    let [version] = hex::read_lower(&known[..2])?;
    let is_complete = match version {
        0x00 => rest.is_empty(),
        0xff => false,
        _ => rest.first().is_none_or(|next| *next == b'-'),
    };
    let has_dashes = known[2] == b'-' && known[35] == b'-' && known[52] == b'-';
    if !is_complete || !has_dashes {
        return None;
    }
    let trace_id = TraceId::from_bytes(hex::read_lower(&known[3..35])?);
    let span_id = SpanId::from_bytes(hex::read_lower(&known[36..52])?);
    let [flags] = hex::read_lower(&known[53..])?;
    let flags = TraceFlags::new(flags) & KNOWN_FLAGS;
    Some(SpanContext::new(trace_id, span_id, flags).remote()).filter(SpanContext::is_valid)
}

fn format(span_context: &SpanContext) -> [u8; LEN] {
    let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
    hex::write(&span_context.trace_id().to_bytes(), &mut text[3..35]);
    hex::write(&span_context.span_id().to_bytes(), &mut text[36..52]);
    let flags = span_context.trace_flags() & KNOWN_FLAGS;
    hex::write(&[flags.to_u8()], &mut text[53..]);
    text
}

/// "Failure to parse tracestate MUST NOT affect the parsing of traceparent",
/// <https://www.w3.org/TR/trace-context-2/#tracestate-header>.
fn trace_state(carrier: &dyn Carrier, name: &HeaderName) -> TraceState {
    let mut reader: Option<TraceStateReader<'_>> = None;
    carrier.get_all(name, &mut |header| {
        reader.get_or_insert_default().read(header);
    });
    let Some(reader) = reader else {
        return TraceState::EMPTY;
    };
    reader.finish().unwrap_or_else(|_| {
        discarded::count_trace_state();
        TraceState::EMPTY
    })
}

#[cfg(test)]
mod tests;
