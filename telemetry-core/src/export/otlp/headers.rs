//! What each request carries beside its body.

use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, USER_AGENT};
use http::{HeaderName, HeaderValue};

use crate::config::Compression;
use crate::export::ExportError;

use super::settings::OtlpSettings;
use super::target::Target;

/// Source of the form:
/// <https://opentelemetry.io/docs/specs/otel/protocol/exporter/#user-agent>.
const OUR_USER_AGENT: &str = concat!(
    "OTel-OTLP-Exporter-Rust-telemetry/",
    env!("CARGO_PKG_VERSION")
);

/// Headers that say how a request is sent, which is not for its user to say.
const RESERVED: [HeaderName; 6] = [
    CONTENT_TYPE,
    CONTENT_ENCODING,
    http::header::CONTENT_LENGTH,
    http::header::TRANSFER_ENCODING,
    http::header::CONNECTION,
    http::header::TE,
];

/// The user agent, the credentials of the endpoint, and the user's headers, which win.
pub(super) fn common(settings: &OtlpSettings, target: &Target) -> Result<HeaderMap, ExportError> {
    let mut headers = HeaderMap::new();
    headers.insert(USER_AGENT, user_agent(settings.user_agent.as_deref())?);
    if let Some(credentials) = target.credentials() {
        headers.insert(AUTHORIZATION, credentials.clone());
    }
    for (name, value) in &settings.headers {
        let (name, value) = parse(name, value, target.is_grpc())?;
        headers.insert(name, value);
    }
    Ok(headers)
}

/// The name of a compression on the wire.
pub(super) fn coding(compression: Compression) -> HeaderValue {
    HeaderValue::from_static(match compression {
        Compression::Gzip => "gzip",
        Compression::Zstd => "zstd",
    })
}

fn user_agent(product: Option<&str>) -> Result<HeaderValue, ExportError> {
    let Some(product) = product else {
        return Ok(HeaderValue::from_static(OUR_USER_AGENT));
    };
    HeaderValue::try_from(format!("{product} {OUR_USER_AGENT}"))
        .map_err(|_| ExportError::permanent("the user agent is no valid header value"))
}

fn parse(name: &str, value: &str, grpc: bool) -> Result<(HeaderName, HeaderValue), ExportError> {
    let refused = |reason: &str| {
        ExportError::permanent(format!("the OTLP header {name:?} {reason}"))
            .with_remedy("Check OTEL_EXPORTER_OTLP_HEADERS")
    };
    let key: HeaderName = name
        .trim()
        .parse()
        .map_err(|_| refused("is no valid header name"))?;
    if RESERVED.contains(&key) || (grpc && key.as_str().starts_with("grpc-")) {
        return Err(refused("is set by the exporter and cannot be replaced"));
    }
    if grpc && key.as_str().ends_with("-bin") {
        return Err(refused("is binary gRPC metadata, which is not supported"));
    }
    let mut value: HeaderValue = value
        .trim()
        .parse()
        .map_err(|_| refused("has a value that no header can have"))?;
    value.set_sensitive(true);
    Ok((key, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::OtlpProtocol;

    fn headers(protocol: OtlpProtocol, list: &[(&str, &str)]) -> Result<HeaderMap, ExportError> {
        let mut settings = OtlpSettings::new("http://ada:secret@localhost", protocol);
        settings.headers = list
            .iter()
            .map(|(k, v)| ((*k).into(), (*v).into()))
            .collect();
        let target = Target::parse(&settings.endpoint, protocol)?;
        common(&settings, &target)
    }

    #[test]
    fn the_users_headers_win() {
        let headers = headers(OtlpProtocol::Grpc, &[("Authorization", "Bearer x")]).unwrap();
        assert_eq!(headers.get(AUTHORIZATION).unwrap(), "Bearer x");
        let agent = headers.get(USER_AGENT).unwrap().to_str().unwrap();
        assert!(agent.starts_with("OTel-OTLP-Exporter-Rust-telemetry/"));
    }

    #[test]
    fn a_refused_header_is_named_without_its_value() {
        for (protocol, name, value) in [
            (OtlpProtocol::Grpc, "key-bin", "hunter2"),
            (OtlpProtocol::Grpc, "grpc-timeout", "hunter2"),
            (OtlpProtocol::HttpJson, "content-type", "hunter2"),
            (OtlpProtocol::HttpJson, "a b", "hunter2"),
            (OtlpProtocol::HttpJson, "x-key", "hunter2\n"),
        ] {
            let Err(error) = headers(protocol, &[(name, value)]) else {
                assert_eq!((name, value.trim()), ("x-key", "hunter2"));
                continue;
            };
            assert!(error.to_string().contains(name));
            assert!(!error.to_string().contains("hunter2"));
            assert!(
                error
                    .remedy()
                    .unwrap()
                    .contains("OTEL_EXPORTER_OTLP_HEADERS")
            );
        }
    }
}
