//! Names of fields, rendered once.

use telemetry_core::redact::Redaction;

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
    /// Whether its values are hidden.
    pub(crate) secret: bool,
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
    pub(crate) fn get(
        &mut self,
        name: &'static str,
        reserved: &Reserved,
        redaction: &Redaction,
    ) -> &RenderedKey {
        let place = place(name);
        if self.entries[place].is(name) {
            return &self.entries[place];
        }
        let other = place ^ 1;
        if !self.entries[other].is(name) {
            // the name that was here gives way, and the one that was there is forgotten
            self.entries.swap(place, other);
            self.entries[place].render(name, reserved, redaction);
            return &self.entries[place];
        }
        &self.entries[other]
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

    /// Becomes this name, in the same memory.
    #[cold]
    #[inline(never)]
    fn render(&mut self, name: &'static str, reserved: &Reserved, redaction: &Redaction) {
        let key = name.strip_prefix("r#").unwrap_or(name);
        self.address = name.as_ptr().addr();
        self.len = name.len();
        self.hash = hash(key.as_bytes());
        self.special = reserved.contains(self.hash, key);
        self.secret = redaction.is_secret(key);
        self.head.clear();
        self.head.push(b',');
        put_string(&mut self.head, key);
        self.head.push(b':');
    }
}

/// One of the two places that a name may have. The names of a callsite lie beside each other, and
/// those of others anywhere: a multiplication by 2^64 divided by the golden ratio spreads them.
#[inline]
fn place(name: &'static str) -> usize {
    let hash = (name.as_ptr().addr() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let [top, ..] = hash.to_be_bytes();
    usize::from(top) % ENTRIES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_share_a_place_are_told_apart() {
        let text: &'static str = "abcdefghijklmnopqrstuvwxyz".repeat(40).leak();
        let names = || (0..text.len()).map(|at| &text[at..(at + 3).min(text.len())]);
        let reserved = Reserved::default();
        let mut cache = KeyCache::default();
        cache.fit(&reserved);
        for name in names().chain(names().rev()) {
            let rendered = cache.get(name, &reserved, &Redaction::none());
            assert_eq!(rendered.head, format!(",\"{name}\":").into_bytes());
        }
    }
}
