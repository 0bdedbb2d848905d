//! Names and values that travel with a request.

use std::fmt;
use std::sync::Arc;

use opentelemetry::baggage::Baggage as OtelBaggage;

use super::discarded;
use super::percent;

/// Names and values that a request carries from service to service, W3C Baggage.
///
/// Cloning does not allocate. The order is kept, each key is there once. It never holds more than
/// [`MAX_ENTRIES`](Self::MAX_ENTRIES) and [`MAX_BYTES`](Self::MAX_BYTES), so what is in it fits
/// in the header it leaves in.
///
/// ```
/// use telemetry_core::context::Baggage;
///
/// let mut baggage = Baggage::parse("userId=alice, serverNode=DF%2028;sensitive");
/// assert_eq!(baggage.get("serverNode"), Some("DF 28"));
///
/// baggage.insert("isProduction", "false")?;
/// assert_eq!(
///     baggage.to_header(),
///     "userId=alice,serverNode=DF%2028;sensitive,isProduction=false"
/// );
/// # Ok::<(), telemetry_core::context::BaggageError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Baggage(Option<Arc<Entries>>);

/// One name with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaggageEntry {
    key: Box<str>,
    value: Box<str>,
    metadata: Box<str>,
}

/// Why an entry was not taken into the baggage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BaggageError {
    /// The key is no token of RFC 9110 section 5.6.2.
    Key,
    /// The metadata is no list of properties, `key` or `key=value`, separated by semicolons.
    Metadata,
    /// There are [`Baggage::MAX_ENTRIES`] already.
    TooManyEntries,
    /// The header would be longer than [`Baggage::MAX_BYTES`].
    TooLong,
}

impl Baggage {
    /// No entry.
    pub const EMPTY: Self = Self(None);

    /// The most entries, which is what each implementation has to pass on,
    /// <https://www.w3.org/TR/baggage/#limits>.
    pub const MAX_ENTRIES: usize = 64;

    /// The longest header, in bytes, which is what each implementation has to pass on,
    /// <https://www.w3.org/TR/baggage/#limits>.
    pub const MAX_BYTES: usize = 8192;

    /// The most bytes that are read entry by entry. What is beyond them is only counted. Eight
    /// times what can be kept, so a header with some garbage still gives what it has.
    const MAX_READ: usize = 8 * Self::MAX_BYTES;

    /// The valid entries of a header's text, as many as the limits allow.
    ///
    /// What is left out is counted in [`discarded`](super::discarded()). Of two entries with the
    /// same key the last is kept, in the place of the first.
    #[must_use]
    pub fn parse(header: &str) -> Self {
        let mut reader = BaggageReader::default();
        reader.read(header);
        reader.finish()
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.entry(key).map(BaggageEntry::value)
    }

    /// The entry of a key.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&BaggageEntry> {
        self.iter().find(|entry| *entry.key == *key)
    }

    /// The entries, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, BaggageEntry> {
        self.entries().iter()
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries().len()
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Sets the value of a key; an existing entry keeps its place and loses its metadata.
    ///
    /// # Errors
    ///
    /// [`BaggageError`] if the key is no token, or a limit would be passed; the baggage is then
    /// as it was.
    pub fn insert(&mut self, key: &str, value: &str) -> Result<(), BaggageError> {
        self.insert_with_metadata(key, value, "")
    }

    /// Sets the value of a key and its metadata: properties separated by semicolons, opaque to
    /// the specification.
    ///
    /// # Errors
    ///
    /// [`BaggageError`] if the key is no token, the metadata no list of properties, or a limit
    /// would be passed; the baggage is then as it was.
    pub fn insert_with_metadata(
        &mut self,
        key: &str,
        value: &str,
        metadata: &str,
    ) -> Result<(), BaggageError> {
        let (properties, all_valid) = properties(metadata);
        if !all_valid {
            return Err(BaggageError::Metadata);
        }
        let mut entries = self.take();
        let result = entries.add(key, value, properties);
        self.put(entries);
        result
    }

    /// Removes a key and returns whether it was there.
    pub fn remove(&mut self, key: &str) -> bool {
        let mut entries = self.take();
        let removed = entries.remove(key);
        self.put(entries);
        removed
    }

    /// The text of one `baggage` header with all entries; empty when there is none.
    #[must_use]
    pub fn to_header(&self) -> String {
        let mut header = String::with_capacity(self.header_len());
        for entry in self.iter() {
            if !header.is_empty() {
                header.push(',');
            }
            header.push_str(&entry.key);
            header.push('=');
            percent::encode(&entry.value, is_plain, &mut header);
            if !entry.metadata.is_empty() {
                header.push(';');
                header.push_str(&entry.metadata);
            }
        }
        header
    }

    fn header_len(&self) -> usize {
        self.0.as_deref().map_or(0, |entries| entries.len - 1)
    }

    fn entries(&self) -> &[BaggageEntry] {
        self.0.as_deref().map_or(&[], |entries| &entries.list)
    }

    /// The entries to change, a copy if they are shared; to be [`put`](Self::put) back.
    fn take(&mut self) -> Entries {
        self.0.take().map(Arc::unwrap_or_clone).unwrap_or_default()
    }

    fn put(&mut self, entries: Entries) {
        self.0 = (!entries.list.is_empty()).then(|| Arc::new(entries));
    }
}

impl BaggageEntry {
    /// The name.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The value, decoded.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The properties, as on the wire without the first semicolon; empty when there are none.
    #[must_use]
    pub fn metadata(&self) -> &str {
        &self.metadata
    }

    fn encoded_len(&self) -> usize {
        let metadata = match self.metadata.len() {
            0 => 0,
            len => len + 1,
        };
        self.key.len() + 1 + percent::encoded_len(&self.value, is_plain) + metadata
    }
}

impl<'a> IntoIterator for &'a Baggage {
    type Item = &'a BaggageEntry;
    type IntoIter = std::slice::Iter<'a, BaggageEntry>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Debug for Baggage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.iter().map(|entry| (&entry.key, &entry.value)))
            .finish()
    }
}

impl From<&Baggage> for OtelBaggage {
    fn from(baggage: &Baggage) -> Self {
        let mut other = Self::new();
        for entry in baggage {
            let (key, value) = (entry.key().to_owned(), entry.value().to_owned());
            other.insert_with_metadata(key, value, entry.metadata());
        }
        other
    }
}

/// In the order of the keys, since the other one has none; what breaks the limits is left out and
/// counted.
impl From<&OtelBaggage> for Baggage {
    fn from(other: &OtelBaggage) -> Self {
        let mut sorted: Vec<_> = other.iter().collect();
        sorted.sort_unstable_by_key(|(key, _)| key.as_str());
        let mut reader = BaggageReader::default();
        for (key, (value, metadata)) in sorted {
            let (properties, _) = properties(metadata.as_str());
            let added = reader.entries.add(key.as_str(), value.as_str(), properties);
            reader.cut += usize::from(added.is_err());
        }
        reader.finish()
    }
}

impl fmt::Display for BaggageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key => "a baggage key is not valid; use letters, digits and !#$%&'*+-.^_`|~",
            Self::Metadata => {
                "baggage metadata is not valid; write key or key=value, separated by semicolons"
            }
            Self::TooManyEntries => "the baggage is full with 64 entries; remove one first",
            Self::TooLong => "the baggage would be longer than 8192 bytes; shorten a value",
        })
    }
}

impl std::error::Error for BaggageError {}

/// Optional white space, RFC 9110 section 5.6.3.
const OWS: [char; 2] = [' ', '\t'];

/// Reads headers one after the other, over the entries that were there.
#[derive(Default)]
pub(super) struct BaggageReader {
    entries: Entries,
    bytes: usize,
    cut: usize,
}

impl BaggageReader {
    pub(super) fn over(mut baggage: Baggage) -> Self {
        Self {
            entries: baggage.take(),
            ..Self::default()
        }
    }

    pub(super) fn read(&mut self, header: &str) {
        let mut rest = header;
        while !rest.is_empty() {
            if self.bytes > Baggage::MAX_READ {
                self.cut += 1 + rest.bytes().filter(|byte| *byte == b',').count();
                return;
            }
            let (member, tail) = rest.split_once(',').unwrap_or((rest, ""));
            rest = tail;
            self.bytes += member.len() + 1;
            self.cut += usize::from(!self.entries.add_member(member.trim_matches(OWS)));
        }
    }

    /// Adds one entry from a format of its own.
    pub(super) fn add(&mut self, key: &str, value: &str) {
        if self.entries.add(key, value, String::new()).is_err() {
            self.cut += 1;
        }
    }

    pub(super) fn finish(self) -> Baggage {
        discarded::count_baggage_entries(self.cut);
        let mut baggage = Baggage::EMPTY;
        baggage.put(self.entries);
        baggage
    }
}

#[derive(Clone, Default, PartialEq, Eq)]
struct Entries {
    list: Vec<BaggageEntry>,
    /// The length of the header, with a comma after each entry.
    len: usize,
}

impl Entries {
    /// Adds `key=value;properties`, and returns whether nothing of it was lost. Without
    /// properties that are not valid; an empty member, which is nothing, is no loss.
    fn add_member(&mut self, member: &str) -> bool {
        if member.is_empty() {
            return true;
        }
        let (pair, metadata) = member.split_once(';').unwrap_or((member, ""));
        let Some((key, value)) = pair.split_once('=') else {
            return false;
        };
        let value = value.trim_matches(OWS);
        let (properties, _) = properties(metadata);
        value.bytes().all(is_octet)
            && self
                .add(key.trim_matches(OWS), &percent::decode(value), properties)
                .is_ok()
    }

    fn add(&mut self, key: &str, value: &str, metadata: String) -> Result<(), BaggageError> {
        if !is_token(key) {
            return Err(BaggageError::Key);
        }
        let place = self.list.iter().position(|entry| *entry.key == *key);
        if place.is_none() && self.list.len() == Baggage::MAX_ENTRIES {
            return Err(BaggageError::TooManyEntries);
        }
        // The exact length is worked out below; this keeps a huge value from being copied.
        if key.len() + value.len() + metadata.len() > Baggage::MAX_BYTES {
            return Err(BaggageError::TooLong);
        }
        let entry = BaggageEntry {
            key: key.into(),
            value: value.into(),
            metadata: metadata.into_boxed_str(),
        };
        let replaced = place.map_or(0, |at| self.list[at].encoded_len() + 1);
        let len = self.len - replaced + entry.encoded_len() + 1;
        if len - 1 > Baggage::MAX_BYTES {
            return Err(BaggageError::TooLong);
        }
        match place {
            Some(at) => self.list[at] = entry,
            None => self.list.push(entry),
        }
        self.len = len;
        Ok(())
    }

    fn remove(&mut self, key: &str) -> bool {
        let place = self.list.iter().position(|entry| *entry.key == *key);
        if let Some(at) = place {
            self.len -= self.list.remove(at).encoded_len() + 1;
        }
        place.is_some()
    }
}

/// The valid properties of `k1=v1;k2` without the space around them, and whether all were valid,
/// <https://www.w3.org/TR/baggage/#property>.
fn properties(metadata: &str) -> (String, bool) {
    let mut valid = String::new();
    let mut all_valid = true;
    for property in metadata
        .split(';')
        .map(|property| property.trim_matches(OWS))
    {
        let (key, value) = match property.split_once('=') {
            Some((key, value)) => (key.trim_matches(OWS), Some(value.trim_matches(OWS))),
            None => (property, None),
        };
        if property.is_empty() {
            continue;
        }
        if !is_token(key) || !value.is_none_or(|value| value.bytes().all(is_octet)) {
            all_valid = false;
            continue;
        }
        if !valid.is_empty() {
            valid.push(';');
        }
        valid.push_str(key);
        if let Some(value) = value {
            valid.push('=');
            valid.push_str(value);
        }
    }
    (valid, all_valid)
}

/// `token` of RFC 9110 section 5.6.2, <https://www.w3.org/TR/baggage/#key>.
fn is_token(key: &str) -> bool {
    let is_tchar = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !key.is_empty() && key.bytes().all(is_tchar)
}

/// `baggage-octet`, <https://www.w3.org/TR/baggage/#definition>.
fn is_octet(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\')
}

/// What a value needs no encoding for: `baggage-octet` without `%`, and without two that some
/// readers take for something else: `=` (splits again) and `+` (a space in forms).
fn is_plain(byte: u8) -> bool {
    is_octet(byte) && !matches!(byte, b'%' | b'=' | b'+')
}

#[cfg(test)]
mod tests;
