//! The members of an object, whose values stay as they were written.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

use super::super::Fields;

/// The members of an object in their order. A number keeps all of its digits, and a name that comes
/// twice comes twice.
pub(super) struct Members<'a>(pub(super) Vec<(String, &'a RawValue)>);

impl<'a> Members<'a> {
    pub(super) fn parse(text: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }

    pub(super) fn get(&self, key: &str) -> Option<&'a RawValue> {
        // of two the last one counts, as for most who read JSON
        let found = self.0.iter().rev().find(|(name, _)| name == key);
        found.map(|(_, value)| *value)
    }

    /// The values that are text.
    pub(super) fn texts(&self) -> Vec<(String, String)> {
        let texts = self.0.iter().filter_map(|(name, value)| {
            let value = serde_json::from_str(value.get()).ok()?;
            Some((name.clone(), value))
        });
        texts.collect()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfMap;

        impl<'de> Visitor<'de> for OfMap {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(OfMap)
    }
}

/// An object with the context in one of its members.
pub(super) struct Merged<'a> {
    pub(super) members: Members<'a>,
    pub(super) key: &'a str,
    /// What that member had before.
    pub(super) before: Members<'a>,
    pub(super) fields: &'a Fields,
}

impl Serialize for Merged<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.members.0.iter().filter(|(name, _)| name != self.key) {
            map.serialize_entry(name, value)?;
        }
        map.serialize_entry(self.key, &Context(self))?;
        map.end()
    }
}

struct Context<'m>(&'m Merged<'m>);

impl Serialize for Context<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Merged { before, fields, .. } = self.0;
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in before.0.iter().filter(|(name, _)| !fields.replaces(name)) {
            map.serialize_entry(name, value)?;
        }
        for (name, value) in fields.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
