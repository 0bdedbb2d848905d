//! B3, in one header or in several.

use http::HeaderName;

use super::super::{SpanId, TraceFlags, TraceId, discarded, hex};
use super::{Baggage, Carrier, CarrierMut, Extracted, Propagator, SpanContext};

/// B3 in one header, `b3`, <https://github.com/openzipkin/b3-propagation#single-header>.
///
/// Reads both forms, of which the single header takes precedence.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct B3;

/// B3 in several headers, `x-b3-traceid` and the rest,
/// <https://github.com/openzipkin/b3-propagation#multiple-headers>.
///
/// Reads both forms, of which the single header takes precedence.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct B3Multi;

static SINGLE: [HeaderName; 1] = [HeaderName::from_static("b3")];

static MULTI: [HeaderName; 4] = [
    HeaderName::from_static("x-b3-traceid"),
    HeaderName::from_static("x-b3-spanid"),
    HeaderName::from_static("x-b3-sampled"),
    HeaderName::from_static("x-b3-flags"),
];

/// 32 digits, `-`, 16 digits, `-`, and the sampling state.
const LEN: usize = 51;

impl Propagator for B3 {
    fn extract(&self, carrier: &dyn Carrier, extracted: &mut Extracted) {
        extract(carrier, extracted);
    }

    fn inject(&self, span_context: &SpanContext, _: &Baggage, carrier: &mut dyn CarrierMut) {
        let mut text = [b'-'; LEN];
        hex::write(&span_context.trace_id().to_bytes(), &mut text[..32]);
        hex::write(&span_context.span_id().to_bytes(), &mut text[33..49]);
        text[LEN - 1] = State::of(span_context).digit();
        if span_context.is_valid() {
            set(carrier, &SINGLE[0], &text);
        }
    }

    fn fields(&self) -> &'static [HeaderName] {
        &SINGLE
    }
}

impl Propagator for B3Multi {
    fn extract(&self, carrier: &dyn Carrier, extracted: &mut Extracted) {
        extract(carrier, extracted);
    }

    fn inject(&self, span_context: &SpanContext, _: &Baggage, carrier: &mut dyn CarrierMut) {
        if !span_context.is_valid() {
            return;
        }
        let [trace_id, span_id, sampled, flags] = &MULTI;
        let mut text = [0; 32];
        hex::write(&span_context.trace_id().to_bytes(), &mut text);
        set(carrier, trace_id, &text);
        hex::write(&span_context.span_id().to_bytes(), &mut text[..16]);
        set(carrier, span_id, &text[..16]);
        // "Debug implies an accept decision, so don't also send the X-B3-Sampled header."
        let (present, absent, digit) = match State::of(span_context) {
            State::Debug => (flags, sampled, b'1'),
            state => (sampled, flags, state.digit()),
        };
        set(carrier, present, &[digit]);
        carrier.remove(absent);
    }

    fn fields(&self) -> &'static [HeaderName] {
        &MULTI
    }
}

/// <https://github.com/openzipkin/b3-propagation#sampling-state>
#[derive(Clone, Copy)]
enum State {
    Defer,
    Deny,
    Accept,
    Debug,
}

impl State {
    fn of(span_context: &SpanContext) -> Self {
        match (span_context.is_sampled(), span_context.is_debug()) {
            (true, true) => Self::Debug,
            (true, false) => Self::Accept,
            (false, _) => Self::Deny,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        match text {
            "0" => Some(Self::Deny),
            "1" => Some(Self::Accept),
            "d" => Some(Self::Debug),
            _ => None,
        }
    }

    fn digit(self) -> u8 {
        match self {
            Self::Defer | Self::Deny => b'0',
            Self::Accept => b'1',
            Self::Debug => b'd',
        }
    }

    fn decision(self) -> Option<bool> {
        match self {
            Self::Defer => None,
            Self::Deny => Some(false),
            Self::Accept | Self::Debug => Some(true),
        }
    }
}

/// What one of the two forms says.
enum Found {
    Parent(SpanContext, State),
    Decision(State),
}

fn extract(carrier: &dyn Carrier, extracted: &mut Extracted) {
    let single = carrier.get(&SINGLE[0]);
    let found = single
        .and_then(|header| parse_single(header.trim_matches([' ', '\t'])))
        .or_else(|| parse_multi(carrier));
    match found {
        Some(Found::Parent(parent, State::Debug)) => {
            extracted.set_parent(parent.debug(), Some(true));
        }
        Some(Found::Parent(parent, state)) => extracted.set_parent(parent, state.decision()),
        Some(Found::Decision(state)) => {
            if let Some(sampled) = state.decision() {
                extracted.set_decision(sampled, matches!(state, State::Debug));
            }
        }
        None if single.is_some() || carrier.get(&MULTI[0]).is_some() => discarded::count_parent(),
        None => {}
    }
}

/// `{trace id}-{span id}[-{sampling state}][-{parent span id}]`, or a sampling state alone.
fn parse_single(header: &str) -> Option<Found> {
    let Some((trace_id, rest)) = header.split_once('-') else {
        return State::parse(header).map(Found::Decision);
    };
    let mut parts = rest.splitn(3, '-');
    let ids = parse_ids(trace_id, parts.next()?)?;
    let state = match parts.next() {
        None => State::Defer,
        // a parent span id without a sampling state in front of it
        Some(third) if is_span_id(third) && parts.next().is_none() => State::Defer,
        Some(third) => State::parse(third)?,
    };
    let is_complete = parts.next().is_none_or(is_span_id);
    is_complete.then_some(Found::Parent(ids, state))
}

fn parse_multi(carrier: &dyn Carrier) -> Option<Found> {
    let [trace_id, span_id, sampled, flags] = &MULTI;
    let value = |name| carrier.get(name).map(|text| text.trim_matches([' ', '\t']));
    let state = match (value(flags), value(sampled)) {
        (Some("1"), _) => State::Debug,
        // before the format was specified some tracers wrote words
        (_, Some("true")) => State::Accept,
        (_, Some("false")) => State::Deny,
        (_, Some(text)) => State::parse(text).unwrap_or(State::Defer),
        (_, None) => State::Defer,
    };
    match (value(trace_id), value(span_id)) {
        (Some(trace_id), Some(span_id)) => {
            Some(Found::Parent(parse_ids(trace_id, span_id)?, state))
        }
        (None, None) => Some(Found::Decision(state)),
        _ => None,
    }
}

/// Trace ids of 64 bits are padded on the left, as
/// <https://opentelemetry.io/docs/specs/otel/context/api-propagators/#b3-extract> asks for.
fn parse_ids(trace_id: &str, span_id: &str) -> Option<SpanContext> {
    let trace_id = match trace_id.len() {
        16 | 32 => hex::read_padded(trace_id.as_bytes())?,
        _ => return None,
    };
    let span_id = hex::read_any(span_id.as_bytes())?;
    let parent = SpanContext::new(
        TraceId::from_bytes(trace_id),
        SpanId::from_bytes(span_id),
        TraceFlags::NOT_SAMPLED,
    );
    Some(parent.remote()).filter(SpanContext::is_valid)
}

fn is_span_id(text: &str) -> bool {
    hex::read_any::<8>(text.as_bytes()).is_some()
}

fn set(carrier: &mut dyn CarrierMut, name: &HeaderName, text: &[u8]) {
    if let Ok(text) = std::str::from_utf8(text) {
        carrier.set(name, text.into());
    }
}

#[cfg(test)]
mod tests;
