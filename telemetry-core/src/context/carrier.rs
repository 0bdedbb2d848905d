//! In what context crosses: headers of any kind.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;

use http::header::{HeaderMap, HeaderName, HeaderValue};

/// Headers to read a context from.
///
/// Names match in any case, as <https://www.w3.org/TR/trace-context-2/#header-name> asks for. A
/// value that is not UTF-8 is as if it were not there.
pub trait Carrier {
    /// Calls `visit` with each value of a name, in order.
    fn get_all<'a>(&'a self, name: &HeaderName, visit: &mut dyn FnMut(&'a str));

    /// Calls `visit` with each name and value, for formats that put data in names.
    fn each<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a str));

    /// The first value of a name.
    fn get<'a>(&'a self, name: &HeaderName) -> Option<&'a str> {
        let mut first = None;
        self.get_all(name, &mut |value| {
            first.get_or_insert(value);
        });
        first
    }
}

/// Headers to write a context to.
pub trait CarrierMut {
    /// Sets a header to one value, in place of any that it had. A value that the carrier cannot
    /// hold is not set.
    fn set(&mut self, name: &HeaderName, value: Cow<'_, str>);

    /// Removes a header; a carrier that cannot does nothing.
    fn remove(&mut self, name: &HeaderName);
}

impl Carrier for HeaderMap {
    fn get_all<'a>(&'a self, name: &HeaderName, visit: &mut dyn FnMut(&'a str)) {
        Self::get_all(self, name)
            .iter()
            .filter_map(|value| text(value.as_bytes()))
            .for_each(visit);
    }

    fn each<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a str)) {
        for (name, value) in self {
            if let Some(value) = text(value.as_bytes()) {
                visit(name.as_str(), value);
            }
        }
    }
}

impl CarrierMut for HeaderMap {
    fn set(&mut self, name: &HeaderName, value: Cow<'_, str>) {
        let value = match value {
            Cow::Borrowed(text) => HeaderValue::from_str(text),
            Cow::Owned(text) => HeaderValue::try_from(text),
        };
        if let Ok(value) = value {
            // fails only at 32,768 headers, where there is nothing better to do than to leave it
            drop(self.try_insert(name, value));
        }
    }

    fn remove(&mut self, name: &HeaderName) {
        Self::remove(self, name);
    }
}

/// The keys are expected in lower case; others are found by a search.
impl<S: BuildHasher> Carrier for HashMap<String, String, S> {
    fn get_all<'a>(&'a self, name: &HeaderName, visit: &mut dyn FnMut(&'a str)) {
        match self.get(name.as_str()) {
            Some(value) => visit(value),
            None => visit_matching(self, name, visit),
        }
    }

    fn each<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a str)) {
        self.iter().for_each(|(name, value)| visit(name, value));
    }
}

impl<S: BuildHasher> CarrierMut for HashMap<String, String, S> {
    fn set(&mut self, name: &HeaderName, value: Cow<'_, str>) {
        CarrierMut::remove(self, name);
        self.insert(name.as_str().to_owned(), value.into_owned());
    }

    fn remove(&mut self, name: &HeaderName) {
        self.retain(|key, _| !matches(key, name));
    }
}

/// The keys are expected in lower case; others are found by a search.
impl Carrier for BTreeMap<String, String> {
    fn get_all<'a>(&'a self, name: &HeaderName, visit: &mut dyn FnMut(&'a str)) {
        match self.get(name.as_str()) {
            Some(value) => visit(value),
            None => visit_matching(self, name, visit),
        }
    }

    fn each<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a str)) {
        self.iter().for_each(|(name, value)| visit(name, value));
    }
}

impl CarrierMut for BTreeMap<String, String> {
    fn set(&mut self, name: &HeaderName, value: Cow<'_, str>) {
        CarrierMut::remove(self, name);
        self.insert(name.as_str().to_owned(), value.into_owned());
    }

    fn remove(&mut self, name: &HeaderName) {
        self.retain(|key, _| !matches(key, name));
    }
}

/// A list of byte headers, as message brokers have them.
impl Carrier for Vec<(String, Vec<u8>)> {
    fn get_all<'a>(&'a self, name: &HeaderName, visit: &mut dyn FnMut(&'a str)) {
        self.iter()
            .filter(|(key, _)| matches(key, name))
            .filter_map(|(_, value)| text(value))
            .for_each(visit);
    }

    fn each<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a str)) {
        for (name, value) in self {
            if let Some(value) = text(value) {
                visit(name, value);
            }
        }
    }
}

impl CarrierMut for Vec<(String, Vec<u8>)> {
    fn set(&mut self, name: &HeaderName, value: Cow<'_, str>) {
        CarrierMut::remove(self, name);
        let value = value.into_owned().into_bytes();
        self.push((name.as_str().to_owned(), value));
    }

    fn remove(&mut self, name: &HeaderName) {
        self.retain(|(key, _)| !matches(key, name));
    }
}

fn visit_matching<'a>(
    headers: impl IntoIterator<Item = (&'a String, &'a String)>,
    name: &HeaderName,
    visit: &mut dyn FnMut(&'a str),
) {
    for (key, value) in headers {
        if matches(key, name) {
            visit(value);
        }
    }
}

fn matches(key: &str, name: &HeaderName) -> bool {
    key.eq_ignore_ascii_case(name.as_str())
}

fn text(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    static NAME: HeaderName = HeaderName::from_static("tracestate");

    fn all(carrier: &dyn Carrier) -> Vec<&str> {
        let mut values = Vec::new();
        carrier.get_all(&NAME, &mut |value| values.push(value));
        values
    }

    fn replaces(mut carrier: impl Carrier + CarrierMut) {
        carrier.set(&NAME, "new".into());
        assert_eq!(all(&carrier), ["new"]);
        carrier.set(&NAME, String::from("newer").into());
        assert_eq!(carrier.get(&NAME), Some("newer"));
        let mut names = Vec::new();
        carrier.each(&mut |name, _| names.push(name));
        names.retain(|name| name.eq_ignore_ascii_case("tracestate"));
        assert_eq!(names.len(), 1);
        carrier.remove(&NAME);
        assert_eq!(carrier.get(&NAME), None);
    }

    #[test]
    fn header_maps_have_several_values_and_skip_what_is_no_text() {
        let mut map = HeaderMap::new();
        map.append(&NAME, HeaderValue::from_static("a=1"));
        map.append(&NAME, HeaderValue::from_bytes(b"\xff").unwrap());
        map.append(&NAME, HeaderValue::from_static("b=2"));
        assert_eq!(all(&map), ["a=1", "b=2"]);
        map.set(&NAME, "no\nheader".into());
        assert_eq!(all(&map), ["a=1", "b=2"]);
        replaces(map);
    }

    #[test]
    fn names_match_in_any_case() {
        let pairs = [("x", "0"), ("TraceState", "a=1")];
        let owned = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let map = HashMap::from(owned.clone());
        assert_eq!(all(&map), ["a=1"]);
        replaces(map);
        let map = BTreeMap::from(owned);
        assert_eq!(all(&map), ["a=1"]);
        replaces(map);
    }

    #[test]
    fn byte_lists_have_several_values_and_skip_what_is_no_text() {
        let list = [
            ("tracestate", &b"a=1"[..]),
            ("TRACESTATE", b"\xff"),
            ("Tracestate", b"b=2"),
        ];
        let list = list.map(|(name, value)| (name.to_owned(), value.to_vec()));
        let list = Vec::from(list);
        assert_eq!(all(&list), ["a=1", "b=2"]);
        replaces(list);
    }
}
