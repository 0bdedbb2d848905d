//! A line, put together from its parts.

use std::sync::atomic::{AtomicU64, Ordering};

use telemetry_core::context::CurrentIds;
use telemetry_core::otlp::Severity;

use super::escape::{put_escaped, put_string};
use super::fields::{Field, Fields, Reserved};
use super::frame::{Frame, Part};
use super::keys::{DROPPED_FIELDS, IdStyle, Key, Keys, OWN, RECORDED};
use super::time::TimeText;
use super::value::{put_hex, put_int};

/// How the fields of the spans around an event are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpanFields {
    /// As members of the line; the innermost wins where names meet.
    #[default]
    Flat,
    /// As a list `spans` of objects with the span's `name` and fields, the outermost first.
    List,
    /// Not at all.
    Off,
}

/// Lines of JSON: one object each.
///
/// ```
/// use telemetry_log::{JsonFormat, Keys, SpanFields};
///
/// let format = JsonFormat::new().keys(Keys::ecs()).spans(SpanFields::List);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JsonFormat {
    keys: Keys,
    pub(crate) spans: SpanFields,
}

/// What stands before a user's key that the line already has.
const FIELDS_PREFIX: &[u8] = b"fields.";

impl JsonFormat {
    /// The default: OpenTelemetry's keys, span fields flat.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the names of the line's own members.
    #[must_use]
    pub fn keys(mut self, keys: Keys) -> Self {
        self.keys = keys;
        self
    }

    /// Sets how the fields of spans are written.
    #[must_use]
    pub fn spans(mut self, spans: SpanFields) -> Self {
        self.spans = spans;
        self
    }

    /// Adds the keys that need a second look when a user has them too.
    pub(crate) fn reserve(&self, reserved: &mut Reserved) {
        for (key, name) in self.keys.iter() {
            match key.pinned() {
                Some(pinned) if pinned == name => {}
                Some(pinned) => {
                    reserved.insert(name);
                    reserved.insert(pinned);
                }
                None => reserved.insert(name),
            }
        }
        for pinned in self.keys.left_out() {
            reserved.insert(pinned);
        }
        for (name, _) in &self.keys.constants {
            reserved.insert(name);
        }
        for name in OWN {
            reserved.insert(name);
        }
    }

    /// Prepares what is the same in every line of a service.
    pub(crate) fn compile(&self, service: &str) -> CompiledJson {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let mut compiled = CompiledJson {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            before: Section::default(),
            after: Section::default(),
            has_message: false,
            renames: Vec::new(),
            ids: self.keys.ids.clone(),
            levels: self.keys.levels,
            spans: self.spans,
        };
        for (key, name) in self.keys.iter() {
            match key.pinned() {
                Some(pinned) => compiled
                    .renames
                    .push((pinned.as_bytes().into(), escaped(name))),
                None => compiled.push(Some(key), name, service),
            }
            if key == Key::Message {
                for (name, value) in &self.keys.constants {
                    compiled.push(None, name, value);
                }
            }
        }
        for pinned in self.keys.left_out() {
            compiled
                .renames
                .push((pinned.as_bytes().into(), Vec::new()));
        }
        compiled
    }
}

/// A [`JsonFormat`] with everything written that does not change.
#[derive(Debug)]
pub(crate) struct CompiledJson {
    /// Tells one format of the process from another.
    number: u64,
    /// Up to the message and with its name.
    before: Section,
    after: Section,
    has_message: bool,
    /// Names among the fields, and what this format calls them; an empty name leaves it out.
    renames: Vec<(Box<[u8]>, Vec<u8>)>,
    ids: IdStyle,
    levels: super::LevelNames,
    spans: SpanFields,
}

/// Members that follow each other.
#[derive(Debug, Default)]
struct Section {
    members: Vec<Member>,
    has_origin: bool,
    has_ids: bool,
}

#[derive(Debug)]
struct Member {
    /// None for a constant, which is written in full.
    key: Option<Key>,
    /// `,"name":`, and the opening quote where the value is a string.
    head: Vec<u8>,
    /// The length of the name, escaped.
    name_len: usize,
}

/// What a line is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JsonLine<'a> {
    pub(crate) unix_nanos: u64,
    pub(crate) severity: Severity,
    pub(crate) target: &'a str,
    /// Whether the target is a callsite's, which an address and a length tell from others.
    pub(crate) is_static: bool,
    pub(crate) message: Option<&'a str>,
    pub(crate) ids: Option<CurrentIds>,
    pub(crate) fields: &'a Fields,
    pub(crate) inherited: &'a Fields,
    /// The list of spans, as JSON.
    pub(crate) spans: &'a [u8],
    pub(crate) max_len: usize,
    /// Whether the line was kept in memory first.
    pub(crate) recorded: bool,
}

impl CompiledJson {
    fn push(&mut self, key: Option<Key>, name: &str, value: &str) {
        let mut head = Vec::from(*b",");
        put_string(&mut head, name);
        let name_len = head.len() - 3;
        head.push(b':');
        match key {
            None | Some(Key::Service) if value.is_empty() => return,
            None | Some(Key::Service) => put_string(&mut head, value),
            Some(Key::TraceFlags) if matches!(self.ids, IdStyle::Gcp { .. }) => {}
            Some(Key::TraceId) => {
                head.push(b'"');
                if let IdStyle::Gcp { trace_prefix } = &self.ids {
                    put_escaped(&mut head, trace_prefix);
                }
            }
            Some(_) => head.push(b'"'),
        }
        let section = if self.has_message {
            &mut self.after
        } else {
            &mut self.before
        };
        section.has_origin |= matches!(key, Some(Key::Level | Key::Target));
        section.has_ids |= matches!(key, Some(Key::TraceId | Key::SpanId | Key::TraceFlags));
        section.members.push(Member {
            key,
            head,
            name_len,
        });
        self.has_message |= key == Some(Key::Message);
    }

    /// Appends the line and its end.
    #[inline]
    pub(crate) fn put(
        &self,
        out: &mut Vec<u8>,
        frame: &mut Frame,
        time: &mut TimeText,
        line: &JsonLine<'_>,
    ) {
        let start = out.len();
        frame.fit(self.number);
        let time = time.full(line.unix_nanos);
        let before = frame.before(line);
        if !before.suits(line, self.before.has_origin, self.before.has_ids) {
            self.render(before, &self.before, line);
        }
        before.put(out, time);
        if let Some(message) = line.message.filter(|_| self.has_message) {
            put_escaped(out, message);
            out.push(b'"');
        }
        let after = &mut frame.after;
        if !after.suits(line, self.after.has_origin, self.after.has_ids) {
            self.render(after, &self.after, line);
        }
        after.put(out, time);
        if line.recorded {
            put_named(out, RECORDED.as_bytes(), b"true");
        }
        self.put_fields(out, start, line);
        if self.spans == SpanFields::List && !line.spans.is_empty() {
            out.extend_from_slice(b",\"spans\":[");
            out.extend_from_slice(line.spans);
            out.push(b']');
        }
        match out.get_mut(start) {
            // every member begins with a comma: the first one's makes room for the brace
            Some(first) => *first = b'{',
            None => out.push(b'{'),
        }
        out.extend_from_slice(b"}\n");
    }

    #[inline(never)]
    fn render(&self, part: &mut Part, section: &Section, line: &JsonLine<'_>) {
        part.begin(line, section.has_origin);
        for member in &section.members {
            self.put_member(part, member, line);
        }
    }

    fn put_member(&self, part: &mut Part, member: &Member, line: &JsonLine<'_>) {
        let out = &mut part.text;
        let Some(key) = member.key else {
            out.extend_from_slice(&member.head);
            return;
        };
        match (key, line.ids, line.message) {
            (Key::Message, _, None) => return,
            (Key::TraceId | Key::SpanId | Key::TraceFlags, None, _) => return,
            _ => out.extend_from_slice(&member.head),
        }
        match key {
            Key::Timestamp => part.put_time(),
            Key::Level => out.extend_from_slice(self.levels.name(line.severity).as_bytes()),
            Key::Target => put_escaped(out, line.target),
            Key::TraceId | Key::SpanId | Key::TraceFlags => {
                let Some(ids) = line.ids else { return };
                if self.put_id(out, key, ids) {
                    return;
                }
            }
            _ => return,
        }
        part.text.push(b'"');
    }

    /// Appends an id; true if that ends the value.
    fn put_id(&self, out: &mut Vec<u8>, key: Key, ids: CurrentIds) -> bool {
        match (key, &self.ids) {
            (Key::TraceId, IdStyle::Decimal) => {
                let [.., a, b, c, d, e, f, g, h] = ids.trace_id.to_bytes();
                put_int(out, u64::from_be_bytes([a, b, c, d, e, f, g, h]));
            }
            (Key::SpanId, IdStyle::Decimal) => {
                put_int(out, u64::from_be_bytes(ids.span_id.to_bytes()));
            }
            (Key::TraceId, _) => put_hex(out, ids.trace_id.to_bytes()),
            (Key::SpanId, _) => put_hex(out, ids.span_id.to_bytes()),
            (_, IdStyle::Gcp { .. }) => {
                super::put_bool(out, ids.trace_flags.is_sampled());
                return true;
            }
            _ => put_hex(out, [ids.trace_flags.to_u8()]),
        }
        false
    }

    #[inline]
    fn put_fields(&self, out: &mut Vec<u8>, start: usize, line: &JsonLine<'_>) {
        let len = line.fields.json().len() + line.inherited.json().len();
        let fits = out.len() - start + len + line.spans.len() <= line.max_len;
        if fits && !line.fields.is_special() && !line.inherited.is_special() {
            out.extend_from_slice(line.fields.json());
            if self.spans == SpanFields::Flat {
                out.extend_from_slice(line.inherited.json());
            }
        } else {
            self.put_fields_one_by_one(out, start, line);
        }
    }

    #[cold]
    fn put_fields_one_by_one(&self, out: &mut Vec<u8>, start: usize, line: &JsonLine<'_>) {
        let members = self.before.members.iter().chain(&self.after.members);
        let mut keys: Vec<Vec<u8>> = members.map(|member| member.name().into()).collect();
        // a line that was not recorded leaves that name to the user
        let own = OWN
            .iter()
            .filter(|name| **name != RECORDED || line.recorded);
        keys.extend(own.map(|name| name.as_bytes().to_vec()));
        // a name that this format gives to a pinned member stays free for that member
        let pinned = |key: &[u8]| self.renames.iter().find(|(from, _)| **from == *key);
        let inherited = (self.spans == SpanFields::Flat).then_some(line.inherited);
        let fields = || {
            line.fields
                .iter()
                .chain(inherited.iter().flat_map(|f| f.iter()))
        };
        for field in fields() {
            keys.extend(pinned(field.key).map(|(_, to)| to.clone()));
        }
        let mut dropped: usize = 0;
        for Field { key, value } in fields() {
            let name = match pinned(key) {
                Some((_, to)) if to.is_empty() => continue,
                Some((_, to)) => to.clone(),
                None => free_name(key, &mut keys),
            };
            if out.len() - start + name.len() + value.len() + line.spans.len() > line.max_len {
                dropped += 1;
                continue;
            }
            put_named(out, &name, value);
        }
        if dropped > 0 {
            let mut count = Vec::new();
            put_int(&mut count, dropped);
            put_named(out, DROPPED_FIELDS.as_bytes(), &count);
        }
    }
}

impl Member {
    fn name(&self) -> &[u8] {
        &self.head[2..2 + self.name_len]
    }
}

/// The key, behind as many prefixes as it takes to be the only one of its name.
fn free_name(key: &[u8], taken: &mut Vec<Vec<u8>>) -> Vec<u8> {
    let mut name = key.to_vec();
    while taken.contains(&name) {
        name.splice(..0, FIELDS_PREFIX.iter().copied());
    }
    taken.push(name.clone());
    name
}

fn put_named(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name);
    out.extend_from_slice(b"\":");
    out.extend_from_slice(value);
}

fn escaped(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_escaped(&mut bytes, name);
    bytes
}
