//! Jaeger: `uber-trace-id` and `uberctx-…`.

use http::HeaderName;

use super::super::baggage::BaggageReader;
use super::super::{SpanId, TraceFlags, TraceId, discarded, hex, percent};
use super::{Baggage, Carrier, CarrierMut, Extracted, Propagator, SpanContext};

/// Jaeger's own format, which Jaeger has deprecated,
/// <https://www.jaegertracing.io/docs/1.76/sdk-migration/#propagation-format>.
///
/// Baggage goes in one header per entry, `uberctx-{key}`; since header names have no case, its
/// keys arrive in lower case. Metadata has no place in it.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Jaeger;

static FIELDS: [HeaderName; 1] = [HeaderName::from_static("uber-trace-id")];

const BAGGAGE_PREFIX: &str = "uberctx-";

const SAMPLED: u8 = 0b01;
const DEBUG: u8 = 0b10;

/// 32 digits, 16 digits, the parent that is always 0, and a digit of flags.
const LEN: usize = 53;

impl Propagator for Jaeger {
    fn extract(&self, carrier: &dyn Carrier, extracted: &mut Extracted) {
        if let Some(header) = carrier.get(&FIELDS[0]) {
            let header = percent::decode(header.trim_matches([' ', '\t']));
            match parse(&header) {
                Some(parent) => {
                    let sampled = parent.is_sampled();
                    extracted.set_parent(parent, Some(sampled));
                }
                None => discarded::count_parent(),
            }
        }
        extract_baggage(carrier, extracted);
    }

    fn inject(&self, span_context: &SpanContext, baggage: &Baggage, carrier: &mut dyn CarrierMut) {
        if span_context.is_valid()
            && let Ok(text) = std::str::from_utf8(&format(span_context))
        {
            carrier.set(&FIELDS[0], text.into());
        }
        for entry in baggage {
            let name = format!("{BAGGAGE_PREFIX}{}", entry.key());
            if let Ok(name) = HeaderName::try_from(name) {
                let mut value = String::new();
                percent::encode(entry.value(), is_unreserved, &mut value);
                carrier.set(&name, value.into());
            }
        }
    }

    fn fields(&self) -> &'static [HeaderName] {
        &FIELDS
    }
}

/// `{trace id}:{span id}:{parent span id}:{flags}`; zeros on the left may be missing, the parent
/// is of no use to us.
fn parse(header: &str) -> Option<SpanContext> {
    let mut parts = header.splitn(4, ':');
    let trace_id = hex::read_padded(parts.next()?.as_bytes())?;
    let span_id = hex::read_padded(parts.next()?.as_bytes())?;
    let _parent = parts.next()?;
    let [flags] = hex::read_padded(parts.next()?.as_bytes())?;
    let parent = SpanContext::new(
        TraceId::from_bytes(trace_id),
        SpanId::from_bytes(span_id),
        TraceFlags::NOT_SAMPLED.with_sampled(flags & SAMPLED != 0),
    );
    let parent = match flags & DEBUG {
        0 => parent.remote(),
        _ => parent.remote().debug(),
    };
    Some(parent).filter(SpanContext::is_valid)
}

fn format(span_context: &SpanContext) -> [u8; LEN] {
    let mut text = *b"00000000000000000000000000000000:0000000000000000:0:0";
    hex::write(&span_context.trace_id().to_bytes(), &mut text[..32]);
    hex::write(&span_context.span_id().to_bytes(), &mut text[33..49]);
    text[LEN - 1] = match (span_context.is_sampled(), span_context.is_debug()) {
        (true, true) => b'3',
        (true, false) => b'1',
        (false, _) => b'0',
    };
    text
}

fn extract_baggage(carrier: &dyn Carrier, extracted: &mut Extracted) {
    let mut reader = None;
    carrier.each(&mut |name, value| {
        let Some((prefix, key)) = name.split_at_checked(BAGGAGE_PREFIX.len()) else {
            return;
        };
        if prefix.eq_ignore_ascii_case(BAGGAGE_PREFIX) {
            let earlier = || BaggageReader::over(std::mem::take(&mut extracted.baggage));
            let reader = reader.get_or_insert_with(earlier);
            reader.add(key, &percent::decode(value));
        }
    });
    if let Some(reader) = reader {
        extracted.baggage = reader.finish();
    }
}

/// RFC 3986 section 2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

#[cfg(test)]
mod tests;
