//! Maps of names to values, and HTTP's headers.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;
use std::ops::ControlFlow;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::entries::{Entries, View};
use super::lists::Part;
use super::{Fields, MessageCarrier, MessageCarrierMut, Refusal, Visit};

macro_rules! maps {
    ($($map:ident<$value:ty $(, $hasher:ident: $bound:ident)?>),+ $(,)?) => {
        $(impl<$($hasher: $bound)?> Entries for $map<String, $value $(, $hasher)?> {
            fn entries<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a str)) {
                for (name, value) in self {
                    if let Some(value) = Part::text(value) {
                        visit(name, value);
                    }
                }
            }
        }

        impl<$($hasher: $bound)?> MessageCarrier for $map<String, $value $(, $hasher)?> {
            fn places(&self, visit: &mut Visit<'_>) -> ControlFlow<()> {
                View::show(self, visit)
            }
        }

        impl<$($hasher: $bound)?> MessageCarrierMut for $map<String, $value $(, $hasher)?> {
            fn write(&mut self, fields: &Fields) -> Result<(), Refusal> {
                self.retain(|name, _| !fields.replaces(name));
                self.extend(fields.iter().map(|(name, value)| (name.into(), value.into())));
                Ok(())
            }
        })+
    };
}

maps! {
    HashMap<String, S: BuildHasher>,
    HashMap<Vec<u8>, S: BuildHasher>,
    BTreeMap<String>,
    BTreeMap<Vec<u8>>,
}

impl MessageCarrier for HeaderMap {
    fn places(&self, visit: &mut Visit<'_>) -> ControlFlow<()> {
        visit(self)
    }
}

impl MessageCarrierMut for HeaderMap {
    fn write(&mut self, fields: &Fields) -> Result<(), Refusal> {
        let names = self.keys().filter(|name| fields.replaces(name.as_str()));
        for name in names.cloned().collect::<Vec<_>>() {
            self.remove(name);
        }
        for (name, value) in fields.iter() {
            let header = HeaderName::try_from(name)
                .ok()
                .zip(HeaderValue::try_from(value).ok());
            if let Some((name, value)) = header {
                self.try_insert(name, value).map_err(|_| Refusal::Full)?;
            }
        }
        Ok(())
    }
}
