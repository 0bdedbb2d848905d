//! The W3C tracestate as one shared string.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// A valid W3C `tracestate`, kept as the text that goes on the wire.
///
/// Cloning does not allocate. Keys are unique, at most [`MAX_MEMBERS`](Self::MAX_MEMBERS) of them,
/// the newest first; a text that is already in that form is kept as it came.
///
/// Source: <https://www.w3.org/TR/trace-context-2/#tracestate-header>.
///
/// ```
/// use telemetry_core::context::TraceState;
///
/// let received: TraceState = "rojo=00f067aa0ba902b7, congo=t61rcWkgMzE".parse()?;
/// assert_eq!(received.get("congo"), Some("t61rcWkgMzE"));
///
/// let sent = received.insert("congo", "ucfJifl5GOE")?;
/// assert_eq!(sent.as_str(), "congo=ucfJifl5GOE,rojo=00f067aa0ba902b7");
/// # Ok::<(), telemetry_core::context::TraceStateError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct TraceState(Option<Arc<str>>);

/// Why a text is no tracestate, or a pair no member of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TraceStateError {
    /// A member has no `=`.
    Member,
    /// A key does not follow <https://www.w3.org/TR/trace-context-2/#key>.
    Key,
    /// A value does not follow <https://www.w3.org/TR/trace-context-2/#value>.
    Value,
    /// There are more than [`TraceState::MAX_MEMBERS`].
    TooManyMembers,
    /// The text is longer than any valid tracestate.
    TooLong,
}

impl TraceState {
    /// No member.
    pub const EMPTY: Self = Self(None);

    /// The most members, <https://www.w3.org/TR/trace-context-2/#tracestate-header-field-values>.
    pub const MAX_MEMBERS: usize = 32;

    /// The longest key, in characters, <https://www.w3.org/TR/trace-context-2/#key>.
    pub const MAX_KEY_LEN: usize = 256;

    /// The longest value, in characters, <https://www.w3.org/TR/trace-context-2/#value>.
    pub const MAX_VALUE_LEN: usize = 256;

    /// The longest text that is passed on, in bytes.
    ///
    /// <https://www.w3.org/TR/trace-context-2/#tracestate-limits> asks for at least 512. Four
    /// times that is a quarter of the 8 KiB that common servers accept for all headers together.
    /// What is longer loses whole members in the order that section gives.
    pub const MAX_LEN: usize = 2048;

    /// The longest text that is read, in bytes: the most and longest members with some space
    /// between them. It bounds the time spent on a hostile header.
    const MAX_READ: usize = 32 * 1024;

    /// A tracestate from a header's text.
    ///
    /// Space around members and empty members are allowed and not kept. Of two members with the
    /// same key the first, which is the newer, is kept, since "only one entry per key is allowed"
    /// (<https://www.w3.org/TR/trace-context-2/#combined-header-value>).
    ///
    /// # Errors
    ///
    /// [`TraceStateError`] if any member is malformed or there are more than 32: a tracestate is
    /// used as a whole or not at all.
    pub fn parse(header: &str) -> Result<Self, TraceStateError> {
        Self::parse_all([header])
    }

    /// A tracestate from several headers, as if joined by commas in this order.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub fn parse_all<'a>(
        headers: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, TraceStateError> {
        let mut reader = TraceStateReader::default();
        headers.into_iter().for_each(|header| reader.read(header));
        reader.finish()
    }

    /// The header's text; empty when there is none.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    /// Whether it has no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter()
            .find(|(other, _)| *other == key)
            .map(|(_, value)| value)
    }

    /// The keys and values, the newest first.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let members = self.as_str().split(',');
        members.filter_map(|member| member.split_once('='))
    }

    /// The same tracestate with this pair in front, in place of an older one of this key.
    ///
    /// When it is full the last member gives way, see
    /// <https://www.w3.org/TR/trace-context-2/#mutating-the-tracestate-field>.
    ///
    /// # Errors
    ///
    /// [`TraceStateError::Key`] or [`TraceStateError::Value`] if the pair is not valid.
    pub fn insert(&self, key: &str, value: &str) -> Result<Self, TraceStateError> {
        let newest = Member { key, value };
        newest.check()?;
        let mut list = List::default();
        list.push(newest)?;
        for (key, value) in self.iter() {
            if list.len < Self::MAX_MEMBERS {
                list.push(Member { key, value })?;
            }
        }
        Ok(list.into_trace_state(""))
    }

    /// The same tracestate without this key.
    #[must_use]
    pub fn remove(&self, key: &str) -> Self {
        Self::of_valid(self.iter().filter(|(other, _)| *other != key))
    }

    /// The valid ones of these pairs, as many as fit.
    fn of_valid<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut list = List::default();
        for (key, value) in pairs {
            let member = Member { key, value };
            if member.check().is_ok() && list.push(member).is_err() {
                break;
            }
        }
        list.into_trace_state("")
    }

    pub(super) fn to_opentelemetry(&self) -> opentelemetry::trace::TraceState {
        type Other = opentelemetry::trace::TraceState;
        if self.is_empty() {
            return Other::NONE;
        }
        self.as_str().parse().unwrap_or_else(|_| {
            // The API still reads keys by level 1 of the specification, where `@` had its place.
            let accepted = self
                .iter()
                .filter(|pair| Other::from_key_value([*pair]).is_ok());
            Other::from_key_value(accepted).unwrap_or_default()
        })
    }

    pub(crate) fn from_opentelemetry(state: &opentelemetry::trace::TraceState) -> Self {
        Self::of_valid(state.into_iter())
    }
}

impl FromStr for TraceState {
    type Err = TraceStateError;

    fn from_str(header: &str) -> Result<Self, TraceStateError> {
        Self::parse(header)
    }
}

impl fmt::Debug for TraceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for TraceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for TraceStateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Member => f.write_str("a tracestate member has no `=`; write key=value"),
            Self::Key => f.write_str(
                "a tracestate key is not valid; use up to 256 of a-z 0-9 _ - * / @, \
                 starting with a letter or digit",
            ),
            Self::Value => f.write_str(
                "a tracestate value is not valid; use 1 to 256 printable ASCII characters \
                 without comma and equals sign, not ending in a space",
            ),
            Self::TooManyMembers => f.write_str("a tracestate has more than 32 members"),
            Self::TooLong => f.write_str("a tracestate is longer than any valid one"),
        }
    }
}

impl std::error::Error for TraceStateError {}

/// Optional white space, RFC 9110 section 5.6.3.
const OWS: [char; 2] = [' ', '\t'];

/// A member longer than this goes first when the text is too long,
/// <https://www.w3.org/TR/trace-context-2/#tracestate-limits>.
const LONG_MEMBER: usize = 128;

#[derive(Clone, Copy, Default)]
struct Member<'a> {
    key: &'a str,
    value: &'a str,
}

impl<'a> Member<'a> {
    fn parse(text: &'a str) -> Result<Self, TraceStateError> {
        let (key, value) = text.split_once('=').ok_or(TraceStateError::Member)?;
        let member = Self { key, value };
        member.check().map(|()| member)
    }

    fn check(&self) -> Result<(), TraceStateError> {
        if !is_key(self.key.as_bytes()) {
            Err(TraceStateError::Key)
        } else if is_value(self.value.as_bytes()) {
            Ok(())
        } else {
            Err(TraceStateError::Value)
        }
    }

    fn len(&self) -> usize {
        self.key.len() + 1 + self.value.len()
    }
}

fn is_key(key: &[u8]) -> bool {
    let is_first = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    key.len() <= TraceState::MAX_KEY_LEN
        && key.first().copied().is_some_and(is_first)
        && key
            .iter()
            .all(|byte| is_first(*byte) || b"_-*/@".contains(byte))
}

fn is_value(value: &[u8]) -> bool {
    value.len() <= TraceState::MAX_VALUE_LEN
        && value.last().is_some_and(|last| *last != b' ')
        && value
            .iter()
            .all(|byte| (b' '..=b'~').contains(byte) && *byte != b',' && *byte != b'=')
}

/// Reads headers one after the other.
#[derive(Default)]
pub(super) struct TraceStateReader<'a> {
    list: List<'a>,
    /// The header, as long as there is only one.
    only: Option<&'a str>,
    bytes: usize,
    error: Option<TraceStateError>,
}

impl<'a> TraceStateReader<'a> {
    pub(super) fn read(&mut self, header: &'a str) {
        if self.error.is_none() {
            self.only = (self.bytes == 0).then_some(header);
            self.error = self.members(header).err();
        }
    }

    pub(super) fn finish(self) -> Result<TraceState, TraceStateError> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(self.list.into_trace_state(self.only.unwrap_or_default())),
        }
    }

    fn members(&mut self, header: &'a str) -> Result<(), TraceStateError> {
        self.bytes += header.len() + 1;
        if self.bytes > TraceState::MAX_READ {
            return Err(TraceStateError::TooLong);
        }
        for member in header.split(',').map(|member| member.trim_matches(OWS)) {
            if !member.is_empty() {
                self.list.push(Member::parse(member)?)?;
            }
        }
        Ok(())
    }
}

/// Valid members with different keys, on the stack.
#[derive(Default)]
struct List<'a> {
    members: [Member<'a>; TraceState::MAX_MEMBERS],
    len: usize,
}

impl<'a> List<'a> {
    /// Appends a member, unless its key is there.
    fn push(&mut self, member: Member<'a>) -> Result<(), TraceStateError> {
        if self.members().any(|other| other.key == member.key) {
            return Ok(());
        }
        let free = self.members.get_mut(self.len);
        *free.ok_or(TraceStateError::TooManyMembers)? = member;
        self.len += 1;
        Ok(())
    }

    fn members(&self) -> impl Iterator<Item = &Member<'a>> {
        self.members.iter().take(self.len)
    }

    fn text_len(&self) -> usize {
        self.members().map(Member::len).sum::<usize>() + self.len.saturating_sub(1)
    }

    /// The text of the members, which is `source` if nothing had to be left out of it.
    fn into_trace_state(mut self, source: &str) -> TraceState {
        self.fit();
        if self.len == 0 {
            return TraceState::EMPTY;
        }
        let text_len = self.text_len();
        if text_len == source.len() {
            return TraceState(Some(source.into()));
        }
        let mut text = String::with_capacity(text_len);
        for member in self.members() {
            if !text.is_empty() {
                text.push(',');
            }
            text.push_str(member.key);
            text.push('=');
            text.push_str(member.value);
        }
        TraceState(Some(text.into()))
    }

    /// Removes whole members until the text is short enough: from the end, long ones first. The
    /// newest stays.
    fn fit(&mut self) {
        while self.text_len() > TraceState::MAX_LEN {
            let members = &self.members[..self.len];
            let long = members
                .iter()
                .rposition(|member| member.len() > LONG_MEMBER);
            let victim = long.filter(|at| *at > 0).unwrap_or(self.len - 1);
            self.members.copy_within(victim + 1..self.len, victim);
            self.len -= 1;
        }
    }
}

#[cfg(test)]
mod tests;
