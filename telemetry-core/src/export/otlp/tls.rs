//! Whom to trust, and who we are.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::client::WantsClientCert;
use rustls::crypto::ring;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::export::ExportError;

use super::settings::TlsSettings;
use super::target::Target;

const CA: &str = "OTEL_EXPORTER_OTLP_CERTIFICATE";
const CLIENT_CERT: &str = "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE";
const CLIENT_KEY: &str = "OTEL_EXPORTER_OTLP_CLIENT_KEY";

/// The TLS of connections to a target; reads files, so not for the telemetry thread.
///
/// The provider of the cryptography is named here: taking the process's default would panic in an
/// application that links two and has installed none.
pub(crate) fn client_config(
    settings: &TlsSettings,
    target: &Target,
) -> Result<Arc<ClientConfig>, ExportError> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| ExportError::permanent("TLS cannot be set up").with_source(error))?;
    let roots = match (&settings.ca, target.is_https()) {
        (Some(file), _) => Arc::new(roots_in(file)?),
        (None, true) => system_roots()?,
        (None, false) => Arc::new(RootCertStore::empty()),
    };
    let mut config = with_client_cert(builder.with_root_certificates(roots), settings)?;
    let protocol: &[u8] = if target.is_grpc() { b"h2" } else { b"http/1.1" };
    config.alpn_protocols = vec![protocol.to_vec()];
    Ok(Arc::new(config))
}

fn with_client_cert(
    builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    settings: &TlsSettings,
) -> Result<ClientConfig, ExportError> {
    let (cert, key) = match (&settings.client_cert, &settings.client_key) {
        (None, None) => return Ok(builder.with_no_client_auth()),
        (Some(cert), Some(key)) => (cert, key),
        (Some(_), None) => return Err(lonely(CLIENT_CERT, CLIENT_KEY)),
        (None, Some(_)) => return Err(lonely(CLIENT_KEY, CLIENT_CERT)),
    };
    let chain = certificates(CLIENT_CERT, cert)?;
    let private = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| unreadable(CLIENT_KEY, key, "private key", error))?;
    builder
        .with_client_auth_cert(chain, private)
        .map_err(|error| {
            let (cert, key) = (cert.display(), key.display());
            ExportError::permanent(format!("{cert} and {key} cannot be used together: {error}"))
                .with_remedy(format!("Set {CLIENT_KEY} to the key of {CLIENT_CERT}"))
                .with_source(error)
        })
}

fn roots_in(file: &Path) -> Result<RootCertStore, ExportError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(CA, file)? {
        roots.add(certificate).map_err(|error| {
            let file = file.display();
            ExportError::permanent(format!(
                "{CA}: {file} holds an unusable certificate: {error}"
            ))
            .with_remedy(format!("Set {CA} to a PEM file of certificate authorities"))
            .with_source(error)
        })?;
    }
    Ok(roots)
}

/// Read once for all signals: it takes tens of milliseconds.
fn system_roots() -> Result<Arc<RootCertStore>, ExportError> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    if let Some(roots) = ROOTS.get() {
        return Ok(Arc::clone(roots));
    }
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (usable, _) = roots.add_parsable_certificates(found.certs);
    if usable > 0 {
        return Ok(Arc::clone(ROOTS.get_or_init(|| Arc::new(roots))));
    }
    let error = ExportError::permanent("this system has no certificate authorities to trust")
        .with_remedy(format!(
            "Install ca-certificates, or set {CA} to a PEM file"
        ));
    Err(match found.errors.into_iter().next() {
        Some(cause) => error.with_source(cause),
        None => error,
    })
}

fn certificates(
    variable: &'static str,
    file: &Path,
) -> Result<Vec<CertificateDer<'static>>, ExportError> {
    let refused = |error| unreadable(variable, file, "certificate", error);
    let certificates = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(refused)?;
    if certificates.is_empty() {
        return Err(refused(pem::Error::NoItemsFound));
    }
    Ok(certificates)
}

fn unreadable(variable: &str, file: &Path, what: &str, error: pem::Error) -> ExportError {
    let file = file.display();
    let message = match &error {
        pem::Error::Io(error) => format!("{variable}: {file} cannot be read: {error}"),
        pem::Error::NoItemsFound => format!("{variable}: {file} holds no {what} in PEM"),
        error => format!("{variable}: {file} is no valid PEM: {error}"),
    };
    ExportError::permanent(message)
        .with_remedy(format!(
            "Set {variable} to a readable PEM file with a {what}"
        ))
        .with_source(error)
}

fn lonely(set: &str, missing: &str) -> ExportError {
    ExportError::permanent(format!("{set} is set and {missing} is not")).with_remedy(format!(
        "Set {missing} as well: a client certificate takes two files"
    ))
}
