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
    /// Forgets the names of another log; to be called before names are asked for.
    #[inline]
    pub(crate) fn fit(&mut self, reserved: &Reserved) {
        if self.generation != reserved.generation() {
            self.renew(reserved);
        }
    }

    /// The name, rendered.
    #[inline]
    pub(crate) fn get(&mut self, name: &'static str, reserved: &Reserved) -> &RenderedKey {
        let address = name.as_ptr().addr();
        let place = (address ^ (address >> 7)) % ENTRIES;
        let entry = &mut self.entries[place];
        if !entry.is(name) {
            *entry = RenderedKey::new(name, reserved);
        }
        entry
    }

    #[cold]
    fn renew(&mut self, reserved: &Reserved) {
        self.generation = reserved.generation();
        self.entries.clear();
        self.entries.resize(ENTRIES, RenderedKey::default());
    }
}

impl RenderedKey {
    #[inline]
    fn is(&self, name: &'static str) -> bool {
        self.address == name.as_ptr().addr() && self.len == name.len()
    }

    #[cold]
    #[inline(never)]
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
