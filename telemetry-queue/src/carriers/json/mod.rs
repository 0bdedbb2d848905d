//! Context in a payload of JSON: `{"traceContext": {"traceparent": "…"}, …}`.

mod envelope;
mod members;
mod object;
mod text;

pub use envelope::Envelope;
pub use object::JsonObject;
pub use text::JsonText;

pub(super) use object::{read_member, write_member, write_strings};

/// The member that has the context, unless another is asked for: an object of names and values.
pub const DEFAULT_KEY: &str = "traceContext";

/// Members in which context is looked for as well, in this order: other programs write it there.
pub const ALIASES: [&str; 4] = [DEFAULT_KEY, "trace_context", "headers", "_otel"];

/// Where to look, the best first.
pub(super) fn keys(key: &str) -> impl Iterator<Item = &str> {
    let others = ALIASES.into_iter().filter(move |alias| *alias != key);
    std::iter::once(key).chain(others)
}
