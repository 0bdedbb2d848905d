//! Fields, rendered once.

use std::sync::atomic::{AtomicU64, Ordering};

use super::escape::put_escaped;
use super::key_cache::RenderedKey;

/// Fields with unique keys, rendered as the members of a JSON object: `,"key":value` each.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    json: Vec<u8>,
    index: Vec<Entry>,
    filter: Filter,
    special: bool,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    start: usize,
    key_end: usize,
    end: usize,
    hash: u8,
}

/// A field as it is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field<'a> {
    /// The key, escaped.
    pub(crate) key: &'a [u8],
    /// The value, as JSON.
    pub(crate) value: &'a [u8],
}

impl Fields {
    /// Sets a field; `value` writes its JSON. An earlier value of the key is replaced.
    #[inline]
    pub(crate) fn set(&mut self, key: &str, reserved: &Reserved, value: impl FnOnce(&mut Vec<u8>)) {
        let hash = hash(key.as_bytes());
        let start = self.json.len();
        self.json.extend_from_slice(b",\"");
        put_escaped(&mut self.json, key);
        let key_end = self.json.len();
        self.json.extend_from_slice(b"\":");
        value(&mut self.json);
        self.special |= reserved.contains(hash, key);
        self.append(Entry {
            start,
            key_end,
            end: self.json.len(),
            hash,
        });
    }

    /// Sets a field whose key is rendered already; see [`Fields::set`].
    #[inline]
    pub(crate) fn set_rendered(&mut self, key: &RenderedKey, value: impl FnOnce(&mut Vec<u8>)) {
        let start = self.json.len();
        self.json.extend_from_slice(&key.head);
        let key_end = self.json.len() - 2;
        value(&mut self.json);
        self.special |= key.special;
        self.append(Entry {
            start,
            key_end,
            end: self.json.len(),
            hash: key.hash,
        });
    }

    /// Sets every field of `later`.
    pub(crate) fn merge(&mut self, later: &Self) {
        for entry in &later.index {
            let start = self.json.len();
            self.json
                .extend_from_slice(&later.json[entry.start..entry.end]);
            self.append(entry.moved_down(entry.start).moved_up(start));
        }
        self.special |= later.special;
    }

    /// Adds the fields of an outer span; what is there already wins.
    #[inline]
    pub(crate) fn inherit(&mut self, inner: &Self, outer: &Self) {
        if !self.filter.meets(&outer.filter) && !inner.filter.meets(&outer.filter) {
            let offset = self.json.len();
            self.json.extend_from_slice(&outer.json);
            self.index
                .extend(outer.index.iter().map(|entry| entry.moved_up(offset)));
            self.filter.add(&outer.filter);
        } else {
            self.inherit_some(inner, outer);
        }
        self.special |= outer.special;
    }

    #[cold]
    fn inherit_some(&mut self, inner: &Self, outer: &Self) {
        for entry in &outer.index {
            let key = outer.key(entry);
            if inner.find(entry.hash, key).is_some() || self.find(entry.hash, key).is_some() {
                continue;
            }
            let offset = self.json.len();
            self.json
                .extend_from_slice(&outer.json[entry.start..entry.end]);
            self.filter.insert(entry.hash);
            self.index
                .push(entry.moved_down(entry.start).moved_up(offset));
        }
    }

    /// Becomes the same as `other`, in its own memory.
    pub(crate) fn assign(&mut self, other: &Self) {
        self.json.clone_from(&other.json);
        self.index.clone_from(&other.index);
        self.filter = other.filter;
        self.special = other.special;
    }

    /// Whether some key is in both.
    #[inline]
    pub(crate) fn meets(&self, other: &Self) -> bool {
        self.filter.meets(&other.filter) && self.has_key_of(other)
    }

    #[cold]
    fn has_key_of(&self, other: &Self) -> bool {
        let mut entries = other.index.iter();
        entries.any(|entry| self.find(entry.hash, other.key(entry)).is_some())
    }

    /// All fields as they may stand in an object after another member.
    #[inline]
    pub(crate) fn json(&self) -> &[u8] {
        &self.json
    }

    /// Whether a key needs a second look: it may be one of the line's own, or be renamed.
    #[inline]
    pub(crate) fn is_special(&self) -> bool {
        self.special
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Field<'_>> {
        self.index.iter().map(|entry| Field {
            key: self.key(entry),
            value: &self.json[entry.key_end + 2..entry.end],
        })
    }

    pub(crate) fn clear(&mut self) {
        self.json.clear();
        self.index.clear();
        self.filter = Filter::default();
        self.special = false;
    }

    pub(crate) fn capacity(&self) -> usize {
        self.json.capacity()
    }

    fn key(&self, entry: &Entry) -> &[u8] {
        &self.json[entry.start + 2..entry.key_end]
    }

    fn find(&self, hash: u8, key: &[u8]) -> Option<usize> {
        self.index
            .iter()
            .position(|entry| entry.hash == hash && self.key(entry) == key)
    }

    #[inline]
    fn append(&mut self, entry: Entry) {
        if self.filter.insert(entry.hash)
            && let Some(earlier) = self.find(entry.hash, self.key(&entry))
        {
            self.index.push(entry);
            self.remove(earlier);
            return;
        }
        self.index.push(entry);
    }

    #[cold]
    fn remove(&mut self, position: usize) {
        let removed = self.index.remove(position);
        self.json.drain(removed.start..removed.end);
        let gap = removed.end - removed.start;
        for entry in &mut self.index[position..] {
            *entry = entry.moved_down(gap);
        }
    }
}

impl Entry {
    #[inline]
    fn moved_up(self, by: usize) -> Self {
        Self {
            start: self.start + by,
            key_end: self.key_end + by,
            end: self.end + by,
            hash: self.hash,
        }
    }

    fn moved_down(self, by: usize) -> Self {
        Self {
            start: self.start - by,
            key_end: self.key_end - by,
            end: self.end - by,
            hash: self.hash,
        }
    }
}

/// The keys that some format of the process writes itself or renames.
#[derive(Debug)]
pub(crate) struct Reserved {
    filter: Filter,
    keys: Vec<Box<str>>,
    generation: u64,
}

impl Default for Reserved {
    fn default() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self {
            filter: Filter::default(),
            keys: Vec::new(),
            generation: NEXT.fetch_add(1, Ordering::Relaxed),
        }
    }
}

impl Reserved {
    /// Tells one log's keys from another's.
    #[inline]
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    pub(crate) fn insert(&mut self, key: &str) {
        self.filter.insert(hash(key.as_bytes()));
        self.keys.push(key.into());
    }

    #[inline]
    pub(super) fn contains(&self, hash: u8, key: &str) -> bool {
        self.filter.contains(hash) && self.keys.iter().any(|reserved| **reserved == *key)
    }
}

/// Which hashes occur in a set of keys.
#[derive(Clone, Copy, Debug, Default)]
struct Filter([u64; 4]);

impl Filter {
    /// Adds a hash; true if it was there.
    #[inline]
    fn insert(&mut self, hash: u8) -> bool {
        let word = &mut self.0[usize::from(hash >> 6)];
        let before = *word;
        *word |= 1 << (hash & 63);
        before == *word
    }

    #[inline]
    fn contains(&self, hash: u8) -> bool {
        self.0[usize::from(hash >> 6)] & (1 << (hash & 63)) != 0
    }

    #[inline]
    fn meets(&self, other: &Self) -> bool {
        let [a, b, c, d] = self.0;
        let [e, f, g, h] = other.0;
        (a & e) | (b & f) | (c & g) | (d & h) != 0
    }

    #[inline]
    fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine |= theirs;
        }
    }
}

/// A few bits of a key: its length and three of its bytes.
#[inline]
pub(super) fn hash(key: &[u8]) -> u8 {
    let (Some(first), Some(last)) = (key.first(), key.last()) else {
        return 0;
    };
    let middle = key[key.len() / 2];
    let bits = u32::from(*first)
        ^ (u32::from(middle) << 8)
        ^ (u32::from(*last) << 16)
        ^ (u32::from(key.len().to_le_bytes()[0]) << 24);
    bits.wrapping_mul(0x9E37_79B1).to_be_bytes()[0]
}

#[cfg(test)]
mod tests {
    use super::super::value::put_int;
    use super::*;

    fn fields(entries: &[(&str, u64)]) -> Fields {
        let mut fields = Fields::default();
        for (key, value) in entries {
            fields.set(key, &Reserved::default(), |json| put_int(json, *value));
        }
        fields
    }

    fn text(fields: &Fields) -> &str {
        str::from_utf8(fields.json()).unwrap()
    }

    #[test]
    fn a_later_value_replaces_an_earlier_one() {
        let fields = fields(&[("a", 1), ("b", 2), ("c", 3), ("b", 4)]);
        assert_eq!(text(&fields), r#","a":1,"c":3,"b":4"#);
        let keys: Vec<_> = fields.iter().map(|field| field.key).collect();
        assert_eq!(keys, [b"a", b"c", b"b"]);
    }

    #[test]
    fn inner_fields_win_over_outer_ones() {
        let event = fields(&[("a", 1)]);
        let mut inherited = Fields::default();
        inherited.inherit(&event, &fields(&[("b", 2), ("a", 2)]));
        inherited.inherit(&event, &fields(&[("c", 3), ("b", 3), ("a", 3)]));
        assert_eq!(text(&inherited), r#","b":2,"c":3"#);
    }

    #[test]
    fn hashes_that_meet_do_not_hide_a_key() {
        // same length, and same first, middle and last byte
        let mut inherited = Fields::default();
        inherited.inherit(&fields(&[("axbyc", 1)]), &fields(&[("azbwc", 2)]));
        assert_eq!(text(&inherited), r#","azbwc":2"#);
    }
}
