//! Lists of headers, in which a name can come more than once.

use std::ops::ControlFlow;

use super::entries::{Entries, View, text};
use super::{Fields, MessageCarrier, MessageCarrierMut, Refusal, Visit};

/// A name of a header, or its value.
pub(super) trait Part: for<'t> From<&'t str> {
    fn text(&self) -> Option<&str>;
}

impl Part for String {
    fn text(&self) -> Option<&str> {
        Some(self)
    }
}

impl Part for Vec<u8> {
    fn text(&self) -> Option<&str> {
        text(self)
    }
}

impl<N: Part, V: Part> Entries for Vec<(N, V)> {
    fn entries<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a str)) {
        for (name, value) in self {
            if let (Some(name), Some(value)) = (name.text(), value.text()) {
                visit(name, value);
            }
        }
    }
}

fn write<N: Part, V: Part>(list: &mut Vec<(N, V)>, fields: &Fields) {
    list.retain(|(name, _)| !name.text().is_some_and(|name| fields.replaces(name)));
    list.extend(
        fields
            .iter()
            .map(|(name, value)| (name.into(), value.into())),
    );
}

macro_rules! lists {
    ($($(#[$about:meta])* ($name:ty, $value:ty)),+ $(,)?) => {
        $($(#[$about])*
        impl MessageCarrier for Vec<($name, $value)> {
            fn places(&self, visit: &mut Visit<'_>) -> ControlFlow<()> {
                View::show(self, visit)
            }
        }

        impl MessageCarrierMut for Vec<($name, $value)> {
            fn write(&mut self, fields: &Fields) -> Result<(), Refusal> {
                write(self, fields);
                Ok(())
            }
        })+
    };
}

lists! {
    /// Record headers of Kafka.
    (String, Vec<u8>),
    /// Headers of NATS, user properties of MQTT 5.
    (String, String),
    /// Fields of an entry in a stream of Redis.
    (Vec<u8>, Vec<u8>),
}
