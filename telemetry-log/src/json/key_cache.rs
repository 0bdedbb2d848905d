//! Names of fields, rendered once.

use super::fields::{Reserved, hash};
use super::put_string;

/// How many names a thread remembers.
const ENTRIES: usize = 128;

/// The names of fields that a thread has used of late. Names are static, so that an address and
/// a length tell them apart.
#[derive(Debug, Default)]
pub(crate) struct KeyCache {
    entries: Vec<RenderedKey>,
    /// The reserved names for which the entries were made.
    generation: u64,
}

/// A name as it stands in an object.
#[derive(Clone, Debug, Default)]
pub(crate) struct RenderedKey {
    address: usize,
    len: usize,
    /// `,"name":`
    pub(super) head: Vec<u8>,
    pub(super) hash: u8,
    pub(super) special: bool,
}

impl KeyCache {
    /// The name, rendered.
    #[inline]
    pub(crate) fn get(&mut self, name: &'static str, reserved: &Reserved) -> &RenderedKey {
        let address = name.as_ptr().addr();
        let place = (address ^ (address >> 7)) % ENTRIES;
        let known = self.generation == reserved.generation()
            && self.entries.get(place).is_some_and(|entry| entry.is(name));
        if !known {
            self.remember(place, name, reserved);
        }
        &self.entries[place]
    }

    #[cold]
    #[inline(never)]
    fn remember(&mut self, place: usize, name: &'static str, reserved: &Reserved) {
        if self.generation != reserved.generation() {
            self.generation = reserved.generation();
            self.entries.clear();
            self.entries.resize(ENTRIES, RenderedKey::default());
        }
        self.entries[place] = RenderedKey::new(name, reserved);
    }
}

impl RenderedKey {
    #[inline]
    fn is(&self, name: &'static str) -> bool {
        self.address == name.as_ptr().addr() && self.len == name.len()
    }

    fn new(name: &'static str, reserved: &Reserved) -> Self {
        let key = name.strip_prefix("r#").unwrap_or(name);
        let mut head = Vec::from(*b",");
        put_string(&mut head, key);
        head.push(b':');
        let hash = hash(key.as_bytes());
        Self {
            address: name.as_ptr().addr(),
            len: name.len(),
            head,
            hash,
            special: reserved.contains(hash, key),
        }
    }
}
