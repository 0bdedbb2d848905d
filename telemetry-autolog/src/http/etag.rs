use axum::http::{HeaderMap, HeaderValue, header};

/// A weak entity tag: it is the same for answers that mean the same to a client.
/// <https://www.rfc-editor.org/rfc/rfc9110#section-8.8.3>
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ETag(String);

impl ETag {
    /// The tag of a text, the same in every instance.
    pub(super) fn of(text: &str) -> Self {
        Self(format!("\"{:016x}\"", fnv1a(text.as_bytes())))
    }

    pub(super) fn header(&self) -> HeaderValue {
        let value = HeaderValue::try_from(format!("W/{}", self.0));
        // digits and quotes are allowed in a header
        value.unwrap_or(HeaderValue::from_static("W/\"0\""))
    }

    /// Whether `If-None-Match` names it: `*` or a list of tags.
    pub(super) fn is_known(&self, headers: &HeaderMap) -> bool {
        let values = headers.get_all(header::IF_NONE_MATCH).into_iter();
        let mut tags = values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|list| list.split(','));
        tags.any(|tag| {
            let tag = tag.trim();
            tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == self.0
        })
    }
}

/// FNV-1a, 64 bits: <https://www.rfc-editor.org/rfc/rfc9923>.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn a_tag_is_found_in_any_form_of_the_header() {
        let tag = ETag::of("a");
        for (value, known) in [
            ("W/\"af63dc4c8601ec8c\"", true),
            ("\"af63dc4c8601ec8c\"", true),
            ("\"x\", W/\"af63dc4c8601ec8c\"", true),
            ("*", true),
            ("\"x\"", false),
            ("", false),
        ] {
            let headers =
                HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::from_static(value))]);
            assert_eq!(tag.is_known(&headers), known, "{value}");
        }
    }
}
