//! The context that comes with a request.

use http::HeaderMap;
use telemetry_core::context::{SpanContext, SpanId, TraceFlags, TraceId};

/// The remote parent that the headers name.
pub(crate) fn extract(headers: &HeaderMap) -> Option<SpanContext> {
    let mut values = headers.get_all("traceparent").iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let parts: &[u8; 55] = value.as_bytes().get(..55)?.try_into().ok()?;
    let text = std::str::from_utf8(parts).ok()?;
    let mut fields = text.split('-');
    let (version, trace, span, flags) = (
        fields.next()?,
        fields.next()?,
        fields.next()?,
        fields.next()?,
    );
    let exact = value.len() == 55 || (version != "00" && value.as_bytes().get(55) == Some(&b'-'));
    let lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    if version == "ff" || version.len() != 2 || flags.len() != 2 || !exact || !lower {
        return None;
    }
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()? & 0x03);
    let context = SpanContext::new(
        TraceId::from_hex(trace).ok()?,
        SpanId::from_hex(span).ok()?,
        flags,
    );
    context.is_valid().then(|| context.remote())
}
