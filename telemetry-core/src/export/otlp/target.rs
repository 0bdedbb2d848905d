//! The endpoint, taken apart.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderValue, Uri};

use crate::config::OtlpProtocol;
use crate::export::ExportError;

/// Where requests go. Its `Display` form and `base` hold no secret.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    uri: Uri,
    base: String,
    protocol: OtlpProtocol,
    credentials: Option<HeaderValue>,
}

impl Target {
    pub(crate) fn parse(endpoint: &str, protocol: OtlpProtocol) -> Result<Self, ExportError> {
        let uri: Uri = endpoint
            .trim()
            .parse()
            .map_err(|error: http::uri::InvalidUri| unusable(&error.to_string(), protocol))?;
        let mut parts = uri.into_parts();
        let scheme = match parts.scheme.as_ref().map(http::uri::Scheme::as_str) {
            Some("http") => "http",
            Some("https") => "https",
            _ => {
                return Err(unusable(
                    "it does not begin with http:// or https://",
                    protocol,
                ));
            }
        };
        let authority = parts.authority.take();
        let authority = authority.as_ref().map_or("", Authority::as_str);
        let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        let bare = host
            .parse::<Authority>()
            .map_err(|error| unusable(&error.to_string(), protocol))?;
        if bare.host().is_empty() {
            return Err(unusable("it names no host", protocol));
        }
        let base = format!("{scheme}://{host}");
        parts.authority = Some(bare);
        parts
            .path_and_query
            .get_or_insert_with(|| PathAndQuery::from_static("/"));
        Ok(Self {
            uri: Uri::from_parts(parts).map_err(|error| unusable(&error.to_string(), protocol))?,
            base,
            protocol,
            credentials: basic(user),
        })
    }

    /// The URL without credentials.
    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Scheme, host and port, for people.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// The host, for people.
    pub(crate) fn host(&self) -> &str {
        self.uri.host().unwrap_or_default()
    }

    pub(crate) fn is_https(&self) -> bool {
        self.uri.scheme() == Some(&http::uri::Scheme::HTTPS)
    }

    pub(crate) fn is_grpc(&self) -> bool {
        self.protocol == OtlpProtocol::Grpc
    }

    /// The `authorization` header for the credentials in the URL.
    pub(crate) fn credentials(&self) -> Option<&HeaderValue> {
        self.credentials.as_ref()
    }
}

/// `user:password` as a header, after percent-decoding.
/// Source: <https://www.rfc-editor.org/rfc/rfc7617#section-2>.
fn basic(user: &str) -> Option<HeaderValue> {
    if user.is_empty() {
        return None;
    }
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    let mut pair = percent_decode(name);
    pair.push(b':');
    pair.extend(percent_decode(password));
    let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Decodes `%41`; whatever is no valid escape stays as it is.
pub(super) fn percent_decode(text: &str) -> Vec<u8> {
    let mut rest = text.as_bytes();
    let mut decoded = Vec::with_capacity(rest.len());
    while let Some((&byte, tail)) = rest.split_first() {
        match (
            byte,
            tail.split_at_checked(2)
                .and_then(|(hex, left)| Some((hex_byte(hex)?, left))),
        ) {
            (b'%', Some((value, left))) => {
                decoded.push(value);
                rest = left;
            }
            _ => {
                decoded.push(byte);
                rest = tail;
            }
        }
    }
    decoded
}

fn hex_byte(digits: &[u8]) -> Option<u8> {
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// The endpoint itself is not repeated: it may hold a password.
fn unusable(reason: &str, protocol: OtlpProtocol) -> ExportError {
    let example = match protocol {
        OtlpProtocol::Grpc => "http://localhost:4317",
        OtlpProtocol::HttpProtobuf | OtlpProtocol::HttpJson => "http://localhost:4318",
    };
    ExportError::permanent(format!("the OTLP endpoint is no usable URL: {reason}")).with_remedy(
        format!("Set OTEL_EXPORTER_OTLP_ENDPOINT to one such as {example}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(endpoint: &str) -> Target {
        Target::parse(endpoint, OtlpProtocol::HttpProtobuf).unwrap()
    }

    #[test]
    fn credentials_become_a_header_and_vanish_from_the_url() {
        let target = target("https://ada:p%40ss@collector.example:4318/v1/traces");
        assert_eq!(target.uri(), "https://collector.example:4318/v1/traces");
        assert_eq!(target.base(), "https://collector.example:4318");
        // printf 'ada:p@ss' | base64
        assert_eq!(target.credentials().unwrap(), "Basic YWRhOnBAc3M=");
        assert!(!format!("{target:?}").contains("ss@"));
    }

    #[test]
    fn ipv6_and_missing_paths_are_fine() {
        let target = target("http://[::1]:4318");
        assert_eq!(target.uri().host(), Some("[::1]"));
        assert_eq!(target.uri().path(), "/");
    }

    #[test]
    fn an_unusable_endpoint_names_the_variable_and_keeps_the_secret() {
        for endpoint in [
            "",
            "localhost:4318",
            "ftp://user:hunter2@host",
            "http://",
            "http://a b",
        ] {
            let error = Target::parse(endpoint, OtlpProtocol::Grpc).unwrap_err();
            assert!(
                error
                    .remedy()
                    .unwrap()
                    .contains("OTEL_EXPORTER_OTLP_ENDPOINT")
            );
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}
