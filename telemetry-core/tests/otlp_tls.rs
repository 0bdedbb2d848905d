//! OTLP over TLS: whom to trust, and who we are.
#![cfg(all(feature = "otlp-http", feature = "otlp-grpc"))]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod otlp_support;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use otlp_support::{
    GrpcCalls, answer_all, assert_retryable, assert_words, export, exporter, grpc_ok, http1_answer,
    serve_grpc, tcp,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::crypto::ring;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::PrivateKeyDer;
use telemetry_core::config::OtlpProtocol;
use telemetry_core::export::otlp::OtlpSettings;
use telemetry_core::export::{ExportError, ExportErrorKind};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsAcceptor;

const PROTOCOLS: [OtlpProtocol; 2] = [OtlpProtocol::HttpProtobuf, OtlpProtocol::Grpc];

/// An authority, and a directory for its files.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    directory: TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self {
            issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap(),
            directory: tempfile::tempdir().unwrap(),
        }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn ca(&self) -> PathBuf {
        self.file("ca.pem", &self.issuer.pem())
    }

    fn issue(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    /// A server for both protocols, with a certificate for `name`.
    async fn serve(&self, protocol: OtlpProtocol, name: &str, asks_client: bool) -> SocketAddr {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let builder = if asks_client {
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let (certificate, key) = self.issue(name);
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let mut config = builder
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        config.alpn_protocols = vec![match protocol {
            OtlpProtocol::Grpc => b"h2".to_vec(),
            _ => b"http/1.1".to_vec(),
        }];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        tcp(move |_, stream| {
            let acceptor = acceptor.clone();
            async move {
                let mut stream = match acceptor.accept(stream).into_fallible().await {
                    Ok(stream) => stream,
                    Err((_, mut refused)) => {
                        // closing with unread bytes would reset the connection under the alert
                        let _read = tokio::io::copy(&mut refused, &mut tokio::io::sink()).await;
                        return;
                    }
                };
                if protocol == OtlpProtocol::Grpc {
                    serve_grpc(stream, GrpcCalls::new(vec![grpc_ok()])).await;
                } else {
                    let answer = http1_answer("200 OK", "", b"");
                    answer_all(&mut stream, &answer, &Mutex::default()).await;
                }
            }
        })
        .await
    }
}

fn settings(protocol: OtlpProtocol, address: SocketAddr) -> OtlpSettings {
    let port = address.port();
    OtlpSettings::new(format!("https://localhost:{port}/v1/logs"), protocol)
}

#[tokio::test]
async fn an_own_authority_is_trusted() {
    let authority = Authority::new();
    for protocol in PROTOCOLS {
        let address = authority.serve(protocol, "localhost", false).await;
        let mut settings = settings(protocol, address);
        settings.tls.ca = Some(authority.ca());
        export(&settings).await.unwrap();
    }
}

#[tokio::test]
async fn another_authority_is_not_trusted() {
    let authority = Authority::new();
    for protocol in PROTOCOLS {
        let address = authority.serve(protocol, "localhost", false).await;
        let mut settings = settings(protocol, address);
        let other = Authority::new();
        settings.tls.ca = Some(other.ca());
        let error = export(&settings).await.unwrap_err();
        assert_retryable(&error);
        assert_words(&error, "is not trusted", "OTEL_EXPORTER_OTLP_CERTIFICATE");
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_says_so() {
    let authority = Authority::new();
    let address = authority
        .serve(OtlpProtocol::HttpProtobuf, "collector.example", false)
        .await;
    let mut settings = settings(OtlpProtocol::HttpProtobuf, address);
    settings.tls.ca = Some(authority.ca());
    let error = export(&settings).await.unwrap_err();
    assert_words(&error, "collector.example", "OTEL_EXPORTER_OTLP_ENDPOINT");
}

#[tokio::test]
async fn a_client_certificate_opens_the_door() {
    let authority = Authority::new();
    let (certificate, key) = authority.issue("client");
    for protocol in PROTOCOLS {
        let address = authority.serve(protocol, "localhost", true).await;
        let mut settings = settings(protocol, address);
        settings.tls.ca = Some(authority.ca());

        let error = export(&settings).await.unwrap_err();
        assert_retryable(&error);
        assert_words(
            &error,
            "client certificate",
            "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
        );

        settings.tls.client_cert = Some(authority.file("client.pem", &certificate.pem()));
        settings.tls.client_key = Some(authority.file("client.key", &key.serialize_pem()));
        export(&settings).await.unwrap();
    }
}

#[tokio::test]
async fn https_to_a_port_without_tls_says_so() {
    let authority = Authority::new();
    let plain = tcp(|_, mut stream| async move {
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await
            .unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    let mut settings = settings(OtlpProtocol::HttpProtobuf, plain);
    settings.tls.ca = Some(authority.ca());
    let error = export(&settings).await.unwrap_err();
    assert_words(&error, "does not speak TLS", "http://");
}

/// What is written to the files, and what is said then; `None` is a file that is missing.
fn refusal(ca: Option<&str>, client_cert: Option<&str>, client_key: Option<&str>) -> ExportError {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: Option<&str>| {
        let path = directory.path().join(name);
        match text? {
            MISSING => {}
            text => std::fs::write(&path, text).unwrap(),
        }
        Some(path)
    };
    let mut settings = OtlpSettings::new("http://localhost", OtlpProtocol::Grpc);
    settings.tls.ca = file("ca.pem", ca);
    settings.tls.client_cert = file("client.pem", client_cert);
    settings.tls.client_key = file("client.key", client_key);
    let error = exporter(&settings).unwrap_err();
    assert_eq!(error.kind(), ExportErrorKind::Permanent);
    assert!(error.remedy().unwrap().contains("OTEL_EXPORTER_OTLP_"));
    error
}

const MISSING: &str = "";

#[test]
fn unusable_files_are_refused_with_variable_and_file() {
    let authority = Authority::new();
    let (certificate, right_key) = authority.issue("client");
    let (certificate, right_key) = (certificate.pem(), right_key.serialize_pem());
    let wrong_key = KeyPair::generate().unwrap().serialize_pem();
    let broken = "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n";
    for (ca, words) in [
        ("no certificate", "ca.pem holds no certificate in PEM"),
        (broken, "ca.pem is no valid PEM"),
        (MISSING, "ca.pem cannot be read"),
    ] {
        let error = refusal(Some(ca), None, None);
        assert_words(&error, words, "Set OTEL_EXPORTER_OTLP_CERTIFICATE");
        assert_words(&error, "OTEL_EXPORTER_OTLP_CERTIFICATE: ", "");
    }
    for (certificate, key, words) in [
        (
            MISSING,
            &*right_key,
            "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: ",
        ),
        (&*certificate, "no key", "OTEL_EXPORTER_OTLP_CLIENT_KEY: "),
        (&*certificate, &*wrong_key, "cannot be used together"),
    ] {
        assert_words(&refusal(None, Some(certificate), Some(key)), words, "");
    }
    let lonely = refusal(None, Some(&certificate), None);
    assert_words(&lonely, "OTEL_EXPORTER_OTLP_CLIENT_KEY is not", "Set OTEL");
    let lonely = refusal(None, None, Some(&right_key));
    assert_words(
        &lonely,
        "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE is not",
        "Set OTEL",
    );
}
