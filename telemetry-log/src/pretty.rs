//! Lines for people at a terminal.

use telemetry_core::context::CurrentIds;
use telemetry_core::otlp::Severity;

use crate::json::{Fields, TimeText, pinned};

/// Lines for people: time (UTC), severity, target, message, fields, spans and the first digits
/// of the trace id. Not for machines; its form may change.
///
/// ```text
/// 14:23:01.234567  INFO quickstart: greeting lang=en  hello{name=ada} 4bf92f35
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PrettyFormat {
    color: bool,
}

/// How many digits of a trace id tell traces on a terminal apart.
const SHORT_ID: usize = 4;

const RESET: &str = "\x1b[0m";
const DIM: &str = "\x1b[2m";
const BOLD: &str = "\x1b[1m";

impl PrettyFormat {
    /// Without colours.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whether severities are coloured with ANSI codes.
    #[must_use]
    pub fn color(mut self, color: bool) -> Self {
        self.color = color;
        self
    }

    /// Appends the line and its end.
    pub(crate) fn put(self, out: &mut Vec<u8>, time: &mut TimeText, line: &PrettyLine<'_>) {
        self.style(out, DIM);
        time.put_clock(out, line.unix_nanos);
        self.style(out, RESET);
        self.put_level(out, line.severity);
        self.style(out, DIM);
        put_plain(out, line.target);
        out.push(b':');
        self.style(out, RESET);
        if let Some(message) = line.message {
            out.push(b' ');
            self.style(out, BOLD);
            put_plain(out, message);
            self.style(out, RESET);
        }
        put_fields(out, line.fields, b' ');
        if line.recorded {
            out.extend_from_slice(b" recorded=true");
        }
        self.put_span(out, line);
        out.push(b'\n');
        put_stacktrace(out, line.fields);
    }

    fn put_level(self, out: &mut Vec<u8>, severity: Severity) {
        let color = match severity {
            Severity::Trace => "\x1b[35m",
            Severity::Debug => "\x1b[34m",
            Severity::Info => "\x1b[32m",
            Severity::Warn => "\x1b[33m",
            Severity::Error => "\x1b[31m",
            Severity::Fatal => "\x1b[41;97m",
        };
        let name = severity.as_str();
        out.push(b' ');
        if name.len() < "ERROR".len() {
            out.push(b' ');
        }
        self.style(out, color);
        out.extend_from_slice(name.as_bytes());
        self.style(out, RESET);
        out.push(b' ');
    }

    fn put_span(self, out: &mut Vec<u8>, line: &PrettyLine<'_>) {
        if line.span_names.is_empty() && line.ids.is_none() {
            return;
        }
        out.extend_from_slice(b"  ");
        self.style(out, DIM);
        put_plain(out, line.span_names);
        if !line.inherited.is_empty() {
            out.push(b'{');
            let start = out.len();
            put_fields(out, line.inherited, b' ');
            out.remove(start);
            out.push(b'}');
        }
        if let Some(ids) = line.ids {
            if !line.span_names.is_empty() {
                out.push(b' ');
            }
            for byte in &ids.trace_id.to_bytes()[..SHORT_ID] {
                out.extend_from_slice(format!("{byte:02x}").as_bytes());
            }
        }
        self.style(out, RESET);
    }

    fn style(self, out: &mut Vec<u8>, code: &str) {
        if self.color {
            out.extend_from_slice(code.as_bytes());
        }
    }
}

/// What a line is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PrettyLine<'a> {
    pub(crate) unix_nanos: u64,
    pub(crate) severity: Severity,
    pub(crate) target: &'a str,
    pub(crate) message: Option<&'a str>,
    pub(crate) ids: Option<CurrentIds>,
    pub(crate) fields: &'a Fields,
    pub(crate) inherited: &'a Fields,
    pub(crate) span_names: &'a str,
    /// Whether the line was kept in memory first.
    pub(crate) recorded: bool,
}

/// Appends text that cannot move the cursor or change colours: log lines carry what strangers
/// send.
fn put_plain(out: &mut Vec<u8>, text: &str) {
    let mut utf8 = [0; 4];
    for c in text.chars() {
        if c == '\n' || c == '\t' || !c.is_control() {
            out.extend_from_slice(c.encode_utf8(&mut utf8).as_bytes());
        } else {
            out.extend(
                c.escape_default()
                    .map(|c| c.to_string())
                    .collect::<String>()
                    .bytes(),
            );
        }
    }
}

fn put_fields(out: &mut Vec<u8>, fields: &Fields, separator: u8) {
    for field in fields.iter() {
        if field.key == pinned::EXCEPTION_STACKTRACE.as_bytes() {
            continue;
        }
        out.push(separator);
        put_lossy(out, field.key);
        out.push(b'=');
        put_lossy(out, without_quotes(field.value));
    }
}

/// The chain of causes, on lines of its own.
fn put_stacktrace(out: &mut Vec<u8>, fields: &Fields) {
    let chain = fields
        .iter()
        .find(|field| field.key == pinned::EXCEPTION_STACKTRACE.as_bytes());
    let Some(chain) = chain else { return };
    let text = String::from_utf8_lossy(chain.value);
    for cause in text.trim_matches('"').split("\\n").skip(1) {
        out.extend_from_slice(b"    ");
        put_plain(out, cause);
        out.push(b'\n');
    }
}

/// JSON escapes no control characters beyond U+001F, so those are looked for here.
fn put_lossy(out: &mut Vec<u8>, json: &[u8]) {
    put_plain(out, &String::from_utf8_lossy(json));
}

/// A string that needs no quotes to be read.
fn without_quotes(value: &[u8]) -> &[u8] {
    let inner = value
        .strip_prefix(b"\"")
        .and_then(|value| value.strip_suffix(b"\""));
    match inner {
        Some(inner)
            if !inner.is_empty()
                && !inner
                    .iter()
                    .any(|byte| matches!(byte, b' ' | b'"' | b'\\' | b'=')) =>
        {
            inner
        }
        _ => value,
    }
}
