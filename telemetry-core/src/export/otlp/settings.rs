//! How OTLP is sent for one signal.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::{Compression, OtlpPlan, OtlpProtocol};

/// The certificates of a connection, each in a PEM file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsSettings {
    /// The authorities to trust instead of the system's: `OTEL_EXPORTER_OTLP_CERTIFICATE`.
    pub ca: Option<PathBuf>,
    /// The client's certificate chain: `OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE`.
    pub client_cert: Option<PathBuf>,
    /// The client's private key (PKCS#8, PKCS#1 or SEC1): `OTEL_EXPORTER_OTLP_CLIENT_KEY`.
    pub client_key: Option<PathBuf>,
}

/// How OTLP is sent for one signal. `Debug` shows no secret.
#[derive(Clone)]
#[non_exhaustive]
pub struct OtlpSettings {
    /// The URL. Over HTTP it is requested as it is, so it has the signal's path; over gRPC its
    /// path is ignored. Credentials in it become an `authorization: Basic` header.
    pub endpoint: String,
    /// What is spoken there.
    pub protocol: OtlpProtocol,
    /// Headers (gRPC: metadata) of each request.
    pub headers: Vec<(String, String)>,
    /// The longest time that one request may take. Default: 10 s.
    ///
    /// The exporter tells it to a gRPC receiver and derives from it how long connecting may take;
    /// the pipeline, not the exporter, ends a request after it.
    pub timeout: Duration,
    /// How requests are compressed. Default: not at all.
    pub compression: Option<Compression>,
    /// Whom to trust, and who we are. Default: the system's authorities, no client certificate.
    pub tls: TlsSettings,
    /// A product such as `shop/1.2`, put in front of the exporter's own user agent.
    pub user_agent: Option<String>,
}

impl OtlpSettings {
    /// The default settings for an endpoint.
    ///
    /// ```
    /// use telemetry_core::config::{Compression, OtlpProtocol};
    /// use telemetry_core::export::otlp::OtlpSettings;
    ///
    /// let mut settings = OtlpSettings::new("http://localhost:4317", OtlpProtocol::Grpc);
    /// settings.compression = Some(Compression::Gzip);
    /// ```
    #[must_use]
    pub fn new(endpoint: impl Into<String>, protocol: OtlpProtocol) -> Self {
        Self {
            endpoint: endpoint.into(),
            protocol,
            headers: Vec::new(),
            timeout: DEFAULT_TIMEOUT,
            compression: None,
            tls: TlsSettings::default(),
            user_agent: None,
        }
    }
}

/// <https://opentelemetry.io/docs/specs/otel/protocol/exporter/#configuration-options>.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

impl From<&OtlpPlan> for OtlpSettings {
    fn from(plan: &OtlpPlan) -> Self {
        let headers = plan.headers.iter();
        Self {
            headers: headers.map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
            timeout: plan.timeout,
            compression: plan.compression,
            tls: TlsSettings {
                ca: plan.tls.ca.clone(),
                client_cert: plan.tls.client_cert.clone(),
                client_key: plan.tls.client_key.clone(),
            },
            ..Self::new(plan.endpoint.as_str(), plan.protocol)
        }
    }
}

impl fmt::Debug for OtlpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header_names: Vec<&str> = self.headers.iter().map(|(name, _)| &**name).collect();
        f.debug_struct("OtlpSettings")
            .field("protocol", &self.protocol)
            .field("header_names", &header_names)
            .field("timeout", &self.timeout)
            .field("compression", &self.compression)
            .field("tls", &self.tls)
            .field("user_agent", &self.user_agent)
            .finish_non_exhaustive()
    }
}
