//! Headers as attributes, if somebody asked for them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::{HeaderMap, HeaderName};
use opentelemetry::{Array, StringValue, Value};
use telemetry_core::otlp::Attributes;
use telemetry_core::otlp::attributes::truncate;

use crate::secrets::is_sensitive;

/// How much of a header's value is recorded, in characters: what servers commonly accept for all
/// headers together.
const MAX_VALUE: u32 = 8192;

/// The headers that become attributes, with their keys.
#[derive(Clone, Debug)]
pub(crate) struct Captured(Arc<[(HeaderName, Box<str>)]>);

/// Headers that were asked for and are never recorded.
pub(crate) struct Refused {
    names: Box<[String]>,
    told: AtomicBool,
}

impl Captured {
    /// The headers of these names, whose attributes begin with `prefix`, and the names that are
    /// refused because they carry secrets or cannot be names.
    pub(crate) fn new<N: AsRef<str>>(
        prefix: &str,
        names: impl IntoIterator<Item = N>,
    ) -> (Self, Vec<String>) {
        let mut captured = Vec::new();
        let mut refused = Vec::new();
        for name in names {
            match name.as_ref().parse::<HeaderName>() {
                Ok(name) if !is_sensitive(name.as_str()) => {
                    let key = format!("{prefix}.{name}").into_boxed_str();
                    captured.push((name, key));
                }
                _ => refused.push(name.as_ref().to_owned()),
            }
        }
        (Self(captured.into()), refused)
    }

    /// The attributes for what `headers` has of them: a list of values each.
    pub(crate) fn read<'a>(
        &'a self,
        headers: &'a HeaderMap,
    ) -> impl Iterator<Item = (&'a str, Value)> {
        self.0.iter().filter_map(|(name, key)| {
            let values: Vec<StringValue> = headers
                .get_all(name)
                .iter()
                .filter(|value| !value.is_sensitive())
                .map(|value| {
                    let text = String::from_utf8_lossy(value.as_bytes());
                    truncate(&text, MAX_VALUE).to_owned().into()
                })
                .collect();
            (!values.is_empty()).then_some((&**key, Value::Array(Array::String(values))))
        })
    }

    /// Records them.
    pub(crate) fn fill(&self, attributes: &mut Attributes, headers: &HeaderMap) {
        for (key, value) in self.read(headers) {
            attributes.set(key, &value);
        }
    }
}

impl Refused {
    /// These, and those of `earlier`; `None` if there is none.
    pub(crate) fn with(earlier: Option<&Arc<Self>>, names: Vec<String>) -> Option<Arc<Self>> {
        let mut all = earlier.map_or_else(Vec::new, |earlier| earlier.names.to_vec());
        all.extend(names);
        (!all.is_empty()).then(|| {
            Arc::new(Self {
                names: all.into(),
                told: AtomicBool::new(false),
            })
        })
    }

    /// Warns of them, once: with the first request, when there is somebody to hear it.
    pub(crate) fn tell(&self) {
        if !self.told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                headers = self.names.join(","),
                "headers that carry secrets, or are no names, are not recorded; remove them from the layer's list"
            );
        }
    }
}

impl fmt::Debug for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Refused").field(&self.names).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_lists_and_marked_ones_are_left_out() {
        let (captured, refused) = Captured::new("h", ["X-Tenant", "Cookie", "no name", "x-marked"]);
        assert_eq!(refused, ["Cookie", "no name"]);
        let mut headers = HeaderMap::new();
        headers.append("x-tenant", "a".parse().unwrap());
        headers.append("x-tenant", "b".parse().unwrap());
        let mut marked = http::HeaderValue::from_static("s3cret");
        marked.set_sensitive(true);
        headers.append("x-marked", marked);
        headers.append("cookie", "s3cret".parse().unwrap());
        let read: Vec<_> = captured.read(&headers).collect();
        let values = vec!["a".into(), "b".into()];
        assert_eq!(read, [("h.x-tenant", Value::Array(Array::String(values)))]);
    }
}
