//! Whether a key is secret.

/// The names of secret keys, compiled.
#[derive(Debug)]
pub(super) struct SecretKeys {
    names: Box<[Name]>,
    tails: Tails,
}

#[derive(Debug)]
struct Name {
    /// Folded, with its wildcards.
    text: Box<[u8]>,
    /// Whether it is compared with the whole key.
    whole: bool,
    /// Its last three bytes as a number, 0 if they do not tell.
    tail: u32,
}

/// The last three bytes of all names: few keys end like one, and those that do not are done.
#[derive(Debug)]
struct Tails {
    bits: [u64; 64],
    /// Whether some name ends in a wildcard, or is too short to tell.
    any: bool,
}

/// The longest key that is folded without memory of its own.
const ON_STACK: usize = 96;

impl SecretKeys {
    pub(super) fn new(names: &[Box<str>]) -> Self {
        let mut tails = Tails {
            bits: [0; 64],
            any: false,
        };
        let names: Box<[Name]> = names
            .iter()
            .map(|name| Name::new(name))
            .filter(|name| !name.text.is_empty())
            .collect();
        for name in &names {
            tails.insert(name.tail);
        }
        Self { names, tails }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    #[inline]
    pub(super) fn has(&self, key: &str) -> bool {
        let key = key.as_bytes();
        self.tails.may_have(key) && self.may_end(key) && self.compare(key)
    }

    /// Whether a name ends as the key does, as far as no wildcard comes: many keys end like
    /// `authorization`, and few of them with more than three letters of it.
    fn may_end(&self, key: &[u8]) -> bool {
        let Some(tail) = key.last_chunk::<3>() else {
            return true;
        };
        if self.tails.any || has_separator(tail) {
            return true;
        }
        let tail = number(&tail.map(|byte| byte.to_ascii_lowercase()));
        let mut names = self.names.iter().filter(|name| name.tail == tail);
        names.any(|name| {
            let key = key.iter().rev().filter_map(|byte| fold(*byte));
            let mut ends = name
                .text
                .iter()
                .rev()
                .take_while(|byte| **byte != b'*')
                .zip(key);
            ends.all(|(name, key)| *name == key)
        })
    }

    #[cold]
    fn compare(&self, key: &[u8]) -> bool {
        let mut stack = [0; ON_STACK];
        let mut heap;
        let buffer = if key.len() <= ON_STACK {
            &mut stack[..]
        } else {
            heap = vec![0; key.len()];
            &mut heap[..]
        };
        let mut len = 0;
        for byte in key.iter().filter_map(|byte| fold(*byte)) {
            buffer[len] = byte;
            len += 1;
        }
        let whole = &buffer[..len];
        let last = whole.rsplit(|byte| *byte == b'.').next().unwrap_or(whole);
        self.names
            .iter()
            .any(|name| is_match(&name.text, if name.whole { whole } else { last }))
    }
}

impl Name {
    fn new(name: &str) -> Self {
        let text: Box<[u8]> = name.bytes().filter_map(fold).collect();
        let tail = text.last_chunk().filter(|tail| !tail.contains(&b'*'));
        Self {
            whole: name.contains('.'),
            tail: tail.map_or(0, number),
            text,
        }
    }
}

impl Tails {
    fn insert(&mut self, tail: u32) {
        let bit = hash(tail);
        self.bits[usize::from(bit >> 6)] |= 1 << (bit & 63);
        self.any |= tail == 0;
    }

    /// Whether a name may match; a separator near the end, which folding removes, may hide one.
    #[inline]
    fn may_have(&self, key: &[u8]) -> bool {
        let Some(tail) = key.last_chunk::<3>() else {
            return self.any;
        };
        let bit = hash(number(tail));
        let found = self.bits[usize::from(bit >> 6)] & (1 << (bit & 63)) != 0;
        found || self.any || has_separator(tail)
    }
}

#[inline]
fn has_separator(tail: &[u8; 3]) -> bool {
    tail.iter().any(|byte| matches!(byte, b'-' | b'_'))
}

#[inline]
fn number(tail: &[u8; 3]) -> u32 {
    u32::from_le_bytes([tail[0], tail[1], tail[2], 0])
}

/// The same for letters that differ in their case only.
#[inline]
fn hash(tail: u32) -> u16 {
    let hash = (tail | 0x0020_2020).wrapping_mul(0x9E37_79B1);
    let [high, low, ..] = hash.to_be_bytes();
    u16::from_be_bytes([high, low]) >> 4
}

fn fold(byte: u8) -> Option<u8> {
    (!matches!(byte, b'-' | b'_')).then(|| byte.to_ascii_lowercase())
}

/// Whether text matches a name with wildcards. What follows a `*` is tried at each place, and no
/// earlier `*` is tried again, so that it takes at most the product of both lengths.
fn is_match(name: &[u8], text: &[u8]) -> bool {
    let (mut at, mut read) = (0, 0);
    let mut retry = None;
    while read < text.len() {
        match name.get(at) {
            Some(b'*') => {
                retry = Some((at, read));
                at += 1;
            }
            Some(byte) if *byte == text[read] => {
                at += 1;
                read += 1;
            }
            _ => match retry {
                Some((star, from)) => {
                    retry = Some((star, from + 1));
                    at = star + 1;
                    read = from + 1;
                }
                None => return false,
            },
        }
    }
    name[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys(names: &[&str]) -> SecretKeys {
        let names: Vec<Box<str>> = names.iter().map(|name| Box::from(*name)).collect();
        SecretKeys::new(&names)
    }

    #[test]
    fn names_cover_what_they_say() {
        let keys = keys(&[
            "authorization",
            "*token",
            "api_key",
            "customer.*",
            "a*b*c",
            "pw",
        ]);
        for secret in [
            "authorization",
            "Authorization",
            "http.request.header.authorization",
            "token",
            "accessToken",
            "ACCESS_TOKEN",
            "auth.refresh-token",
            "api-key",
            "apiKey",
            "api_ke_y",
            "customer.name",
            "axxbxxc",
            "x.abbc",
            "pw",
            "db.p_w",
        ] {
            assert!(keys.has(secret), "{secret}");
        }
        for open in [
            "",
            "a",
            ".",
            "authorization.kind",
            "tokens",
            "xapikey",
            "customer",
            "my.customer.name",
            "acb",
            "pwx",
            "http.request.method",
        ] {
            assert!(!keys.has(open), "{open}");
        }
    }

    #[test]
    fn long_keys_are_compared_whole() {
        let long = format!("{}.password", "x".repeat(1000));
        assert!(keys(&["password"]).has(&long));
        assert!(!keys(&["secret"]).has(&long));
    }

    /// What the documentation says, word by word.
    fn is_secret(name: &str, key: &str) -> bool {
        let fold = |text: &str| text.to_ascii_lowercase().replace(['-', '_'], "");
        let (name, key) = (fold(name), fold(key));
        let key = if name.contains('.') {
            key
        } else {
            key.rsplit('.').next().unwrap().to_owned()
        };
        let parts: Vec<&str> = name.split('*').collect();
        if name.is_empty() {
            return false;
        }
        let [first, middle @ .., last] = &parts[..] else {
            return key == name;
        };
        let Some(rest) = key.strip_prefix(first) else {
            return false;
        };
        let mut rest = rest;
        for part in middle {
            let Some(at) = rest.find(part) else {
                return false;
            };
            rest = &rest[at + part.len()..];
        }
        rest.ends_with(last)
    }

    proptest! {
        #[test]
        fn the_short_cut_changes_nothing(name in "[aB_.*-]{0,6}", key in "[AbB_.c-]{0,9}") {
            prop_assert_eq!(keys(&[&name]).has(&key), is_secret(&name, &key));
        }
    }
}
