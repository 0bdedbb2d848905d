//! An object that has been parsed.

use std::borrow::Cow;
use std::ops::ControlFlow;

use serde_json::{Map, Value};

use super::super::entries::{Entries, View};
use super::super::{Fields, MessageCarrier, MessageCarrierMut, Refusal, Visit};
use super::{DEFAULT_KEY, keys};

/// A JSON object with the context in one of its members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonObject {
    key: Cow<'static, str>,
    members: Map<String, Value>,
}

impl JsonObject {
    /// This object, with the context in [`DEFAULT_KEY`].
    #[must_use]
    pub fn new(members: Map<String, Value>) -> Self {
        Self {
            key: Cow::Borrowed(DEFAULT_KEY),
            members,
        }
    }

    /// Another member for the context.
    #[must_use]
    pub fn key(mut self, key: impl Into<Cow<'static, str>>) -> Self {
        self.key = key.into();
        self
    }

    /// The object.
    #[must_use]
    pub fn members(&self) -> &Map<String, Value> {
        &self.members
    }

    /// The object, with the context if it was written.
    #[must_use]
    pub fn into_members(self) -> Map<String, Value> {
        self.members
    }
}

impl MessageCarrier for JsonObject {
    fn places(&self, visit: &mut Visit<'_>) -> ControlFlow<()> {
        read_member(&self.members, &self.key, visit)
    }
}

impl MessageCarrierMut for JsonObject {
    fn write(&mut self, fields: &Fields) -> Result<(), Refusal> {
        write_member(&mut self.members, &self.key, fields)
    }
}

/// Texts in an object; what else it has is no header.
impl Entries for Map<String, Value> {
    fn entries<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a str)) {
        for (name, value) in self {
            if let Some(value) = value.as_str() {
                visit(name, value);
            }
        }
    }
}

pub(in super::super) fn read_member(
    members: &Map<String, Value>,
    key: &str,
    visit: &mut Visit<'_>,
) -> ControlFlow<()> {
    for key in keys(key) {
        if let Some(Value::Object(context)) = members.get(key) {
            View::show(context, visit)?;
        }
    }
    ControlFlow::Continue(())
}

pub(in super::super) fn write_member(
    members: &mut Map<String, Value>,
    key: &str,
    fields: &Fields,
) -> Result<(), Refusal> {
    match members.get_mut(key) {
        Some(Value::Object(context)) => write_strings(context, fields),
        Some(Value::Null) | None => {
            let mut context = Map::new();
            write_strings(&mut context, fields);
            members.insert(key.to_owned(), Value::Object(context));
        }
        Some(_) => return Err(Refusal::NotAnObject),
    }
    Ok(())
}

pub(in super::super) fn write_strings(members: &mut Map<String, Value>, fields: &Fields) {
    members.retain(|name, _| !fields.replaces(name));
    members.extend(
        fields
            .iter()
            .map(|(name, value)| (name.into(), value.into())),
    );
}
