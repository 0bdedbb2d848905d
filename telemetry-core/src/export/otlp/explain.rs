//! From a chain of library errors to a sentence for people, and what to do.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::iter::successors;

use rustls::{AlertDescription, CertificateError};

use crate::export::ExportError;

use super::connect::{BoxError, ConnectTimeout, UnresolvedName};
use super::target::Target;

const CHECK_ENDPOINT: &str = "Check OTEL_EXPORTER_OTLP_ENDPOINT";
const SPEAK_GRPC: &str = "Set OTEL_EXPORTER_OTLP_PROTOCOL=grpc, or use port 4318";
const SPEAK_HTTP: &str = "Set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf, or use port 4317";

const CLIENT_CERT: &str = "Set OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and \
    OTEL_EXPORTER_OTLP_CLIENT_KEY to a pair that the receiver trusts";

/// How servers refuse a client's certificate; in TLS 1.3 after the client's handshake is done.
const CLIENT_CERT_ALERTS: [AlertDescription; 9] = [
    AlertDescription::CertificateRequired,
    AlertDescription::HandshakeFailure,
    AlertDescription::BadCertificate,
    AlertDescription::UnknownCA,
    AlertDescription::CertificateUnknown,
    AlertDescription::CertificateExpired,
    AlertDescription::CertificateRevoked,
    AlertDescription::DecryptError,
    AlertDescription::AccessDenied,
];

/// What h2 says of bytes that are no HTTP/2 frame: the letters `HTT` read as a length.
const NO_FRAME: &str = "frame with invalid size";

/// A failure without an answer. All of them are worth another try: receivers restart, names and
/// certificates get repaired, and nothing says that the receiver refused.
pub(super) fn no_answer(target: &Target, error: impl Into<BoxError>) -> ExportError {
    let error = error.into();
    let (message, remedy) = explain(target, &*error);
    let explained = ExportError::retryable(message, None).with_source(error);
    match remedy {
        Some(remedy) => explained.with_remedy(remedy),
        None => explained,
    }
}

/// An answer that is longer than any of OTLP.
pub(super) fn too_long(target: &Target) -> ExportError {
    let base = target.base();
    ExportError::permanent(format!(
        "{base} answered with more than 4 MiB, which is no OTLP"
    ))
    .with_remedy(CHECK_ENDPOINT)
}

type Explanation = (String, Option<String>);

fn explain(target: &Target, error: &(dyn Error + 'static)) -> Explanation {
    let base = target.base();
    if let Some(unresolved) = find::<UnresolvedName>(error) {
        return (unresolved.to_string(), Some(CHECK_ENDPOINT.into()));
    }
    if let Some(timeout) = find::<ConnectTimeout>(error) {
        let remedy = format!("Check that {base} is the receiver and that no firewall is between");
        return (format!("{base}: {timeout}"), Some(remedy));
    }
    if let Some(tls) = find::<rustls::Error>(error) {
        return explain_tls(target, tls);
    }
    if let Some(alert) = alert_in_words(error) {
        return explain_alert(target, alert);
    }
    if chain(error).any(|cause| cause.to_string().contains(NO_FRAME)) {
        return (
            format!("{base} speaks HTTP/1, not gRPC"),
            Some(SPEAK_HTTP.into()),
        );
    }
    if let Some(explanation) = find::<io::Error>(error).and_then(|io| explain_io(target, io)) {
        return explanation;
    }
    if let Some(hyper) = find::<hyper::Error>(error) {
        if hyper.is_parse() {
            return (
                format!("{base} does not answer in HTTP/1"),
                Some(SPEAK_GRPC.into()),
            );
        }
        if hyper.is_incomplete_message() || hyper.is_closed() || hyper.is_canceled() {
            return closed(target);
        }
    }
    (format!("{base}: {}", innermost(error)), None)
}

fn explain_io(target: &Target, error: &io::Error) -> Option<Explanation> {
    let base = target.base();
    let route = || {
        (
            format!("there is no route to {}", target.host()),
            Some(CHECK_ENDPOINT.into()),
        )
    };
    Some(match error.kind() {
        ErrorKind::ConnectionRefused => (
            format!("{base} refused the connection"),
            Some("Start a collector, or run: telemetry doctor".into()),
        ),
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::NotConnected
        | ErrorKind::UnexpectedEof => closed(target),
        ErrorKind::NetworkUnreachable
        | ErrorKind::HostUnreachable
        | ErrorKind::AddrNotAvailable => route(),
        ErrorKind::TimedOut => (
            format!("{base} does not answer"),
            Some(CHECK_ENDPOINT.into()),
        ),
        ErrorKind::PermissionDenied => (
            format!("this process may not connect to {base}"),
            Some("Check the firewall and the sandbox of this process".into()),
        ),
        _ => return None,
    })
}

/// The peer hung up. On the other protocol's port that is a usual answer to a wrong one, and with
/// TLS 1.3 the way in which gRPC's own servers refuse a client without a certificate: no alert.
fn closed(target: &Target) -> Explanation {
    let remedy = match (target.uri().port_u16(), target.is_grpc()) {
        _ if target.is_https() => Some(format!(
            "If it asks for a client certificate: {CLIENT_CERT}"
        )),
        (Some(4317), true) | (Some(4318), false) => None,
        (Some(4317), false) => Some(SPEAK_GRPC.into()),
        (Some(4318), true) => Some(SPEAK_HTTP.into()),
        (_, true) => Some(format!("If it speaks HTTP/1: {SPEAK_HTTP}")),
        (_, false) => Some(format!("If it speaks gRPC: {SPEAK_GRPC}")),
    };
    let base = target.base();
    (
        format!("{base} closed the connection before it answered"),
        remedy,
    )
}

fn explain_tls(target: &Target, error: &rustls::Error) -> Explanation {
    let base = target.base();
    match error {
        rustls::Error::InvalidCertificate(problem) => (
            format!(
                "the certificate of {base} is not accepted: {}",
                certificate(problem)
            ),
            Some(certificate_remedy(problem).into()),
        ),
        rustls::Error::InvalidMessage(_) => (
            format!("{base} does not speak TLS"),
            Some(
                "Write http:// in OTEL_EXPORTER_OTLP_ENDPOINT, or use the receiver's TLS port"
                    .into(),
            ),
        ),
        rustls::Error::AlertReceived(alert) => explain_alert(target, *alert),
        other => (format!("TLS with {base} failed: {other}"), None),
    }
}

fn explain_alert(target: &Target, alert: AlertDescription) -> Explanation {
    let base = target.base();
    match alert {
        AlertDescription::CertificateRequired => (
            format!("{base} asks for a client certificate"),
            Some(CLIENT_CERT.into()),
        ),
        alert if CLIENT_CERT_ALERTS.contains(&alert) => (
            format!("{base} refused the client certificate or its absence ({alert:?})"),
            Some(CLIENT_CERT.into()),
        ),
        AlertDescription::NoApplicationProtocol if target.is_grpc() => (
            format!("{base} speaks no HTTP/2, so no gRPC"),
            Some(SPEAK_HTTP.into()),
        ),
        AlertDescription::NoApplicationProtocol => {
            (format!("{base} speaks no HTTP/1"), Some(SPEAK_GRPC.into()))
        }
        other => (
            format!("{base} ended the TLS handshake with the alert {other:?}"),
            None,
        ),
    }
}

/// An alert of which only the words are left: h2 keeps no more of an I/O error.
fn alert_in_words(error: &(dyn Error + 'static)) -> Option<AlertDescription> {
    let words = innermost(error);
    let (_, name) = words.rsplit_once("received fatal alert: ")?;
    CLIENT_CERT_ALERTS
        .into_iter()
        .find(|alert| format!("{alert:?}") == name)
}

fn certificate(problem: &CertificateError) -> String {
    match problem {
        CertificateError::UnknownIssuer => {
            "it is issued by an authority that is not trusted".into()
        }
        CertificateError::Expired => "it has expired".into(),
        CertificateError::NotValidYet => "it is not valid yet".into(),
        CertificateError::Revoked => "it is revoked".into(),
        CertificateError::BadSignature => {
            "it is issued by an authority that is not trusted, although one of its name is".into()
        }
        CertificateError::NotValidForName => "it is for another name".into(),
        other => other.to_string(),
    }
}

fn certificate_remedy(problem: &CertificateError) -> &'static str {
    match problem {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "Renew the receiver's certificate, or set this machine's clock"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "Set this machine's clock, or the receiver's certificate"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "Use a name of the certificate in OTEL_EXPORTER_OTLP_ENDPOINT"
        }
        _ => "Set OTEL_EXPORTER_OTLP_CERTIFICATE to the PEM file of the receiver's authority",
    }
}

/// The first cause of a type.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    chain(error).find_map(<dyn Error>::downcast_ref)
}

/// An error and its causes. [`io::Error`] hides the error it wraps from `source`.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    successors(Some(error), |error| cause(*error))
}

fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>() {
        Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
    }
}

fn innermost(error: &(dyn Error + 'static)) -> String {
    chain(error)
        .last()
        .map(ToString::to_string)
        .unwrap_or_default()
}
