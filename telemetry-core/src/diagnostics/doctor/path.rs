//! The way to a port: the name, TCP, TLS; each opened anew as often as wanted.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::finding::Finding;
use super::heard::{Heard, Language, greet};
use crate::config::OtlpPlan;
use crate::export::ExportError;
use crate::export::otlp::{OtlpSettings, Target, client_config, find, no_answer};

/// One receiver's port.
#[derive(Debug)]
pub(super) struct Path {
    pub(super) target: Target,
    tls: Arc<ClientConfig>,
    /// How long one step may take.
    limit: Duration,
}

impl Path {
    pub(super) fn of(plan: &OtlpPlan, limit: Duration) -> Result<Self, ExportError> {
        let target = Target::parse(plan.endpoint.as_str(), plan.protocol)?;
        let tls = client_config(&OtlpSettings::from(plan).tls, &target)?;
        Ok(Self { target, tls, limit })
    }

    /// The name's addresses.
    pub(super) async fn resolve(&self) -> Result<(Vec<SocketAddr>, String), Finding> {
        let host = self.target.host();
        let unresolved = || {
            Finding::problem(format!("the name {host} does not resolve")).remedy(
                "Check the host in OTEL_EXPORTER_OTLP_ENDPOINT, and this machine's DNS and \
                 /etc/hosts",
            )
        };
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let found = lookup_host((bare, self.port())).await;
        let addresses: Vec<SocketAddr> = found
            .map_err(|error| unresolved().caused_by(&error))?
            .collect();
        let shown: Vec<String> = addresses.iter().map(|a| a.ip().to_string()).collect();
        match shown.is_empty() {
            true => Err(unresolved()),
            false => Ok((addresses, format!("{host} is {}", shown.join(", ")))),
        }
    }

    /// The first address that takes a connection.
    pub(super) async fn reach(
        &self,
        addresses: &[SocketAddr],
    ) -> Result<(SocketAddr, String), Finding> {
        // one that swallows packets must leave time for the others
        let share = self.limit / u32::try_from(addresses.len() + 1).unwrap_or(u32::MAX);
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for address in addresses {
            match timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(_)) => return Ok((*address, format!("{address} accepts connections"))),
                Ok(Err(error)) => last = error,
                Err(_) => last = io::ErrorKind::TimedOut.into(),
            }
        }
        Err(self.unreachable(last))
    }

    fn unreachable(&self, error: io::Error) -> Finding {
        let refused = error.kind() == io::ErrorKind::ConnectionRefused;
        let finding = Finding::from(&no_answer(&self.target, error));
        let base = self.target.base();
        if !refused {
            return finding.remedy(format!(
                "Check that {base} is the receiver and that no firewall is between"
            ));
        }
        finding.remedy(format!(
            "Start a collector that listens there ({base}), or set OTEL_EXPORTER_OTLP_ENDPOINT \
             to where one does"
        ))
    }

    /// A TLS connection, and what it was agreed on.
    pub(super) async fn encrypt(&self, address: SocketAddr) -> Result<(Agreed, String), Finding> {
        let failed = match self.handshake(address).await {
            Ok(stream) => {
                let (_, session) = stream.get_ref();
                let version = session.protocol_version();
                let version = version.map_or_else(String::new, |v| format!("{v:?}, "));
                let agreed = match session.alpn_protocol() {
                    Some(b"h2") => Some(Language::Http2),
                    Some(b"http/1.1") => Some(Language::Http1),
                    _ => None,
                };
                return Ok((Agreed(agreed), format!("{version}certificate accepted")));
            }
            Err(error) => error,
        };
        let said_in_tls = matches!(
            find::<rustls::Error>(&failed),
            Some(rustls::Error::InvalidCertificate(_) | rustls::Error::AlertReceived(_))
        );
        if !said_in_tls {
            for language in [Language::Http1, Language::Http2] {
                if let Heard::Speaks(spoken) = self.greet_plain(address, language).await {
                    return Err(self.speaks_plain(spoken).caused_by(&failed));
                }
            }
        }
        Err(Finding::from(&no_answer(&self.target, failed)))
    }

    fn speaks_plain(&self, spoken: Language) -> Finding {
        let (base, name) = (self.target.base(), name(spoken));
        let plain = base.replacen("https://", "http://", 1);
        Finding::problem(format!(
            "{base} does not speak TLS: it answers plain {name}"
        ))
        .remedy(format!(
            "Write {plain} in OTEL_EXPORTER_OTLP_ENDPOINT, or use the receiver's TLS port"
        ))
    }

    /// What the port speaks, by its answer to a bare greeting.
    pub(super) async fn guess(
        &self,
        address: SocketAddr,
        agreed: Agreed,
    ) -> Result<((), String), Finding> {
        let wanted = self.wanted();
        if agreed.0 == Some(wanted) {
            return Ok(((), format!("{}, agreed in the TLS handshake", name(wanted))));
        }
        let other = match wanted {
            Language::Http1 => Language::Http2,
            Language::Http2 => Language::Http1,
        };
        for language in [wanted, other] {
            match self.greet(address, language).await {
                Heard::Speaks(spoken) if spoken == wanted => {
                    return Ok(((), name(wanted).to_owned()));
                }
                Heard::Speaks(spoken) => return Err(self.speaks_otherwise(spoken)),
                Heard::Tls if !self.target.is_https() => return Err(self.speaks_tls()),
                Heard::Other | Heard::Closed | Heard::Silence | Heard::Tls => {}
            }
        }
        if !self.target.is_https() && self.answers_tls(address).await {
            return Err(self.speaks_tls());
        }
        // a receiver need not answer bare greetings: the test data will tell
        Ok((
            (),
            format!("unknown: no answer to a bare {} greeting", name(wanted)),
        ))
    }

    fn speaks_otherwise(&self, spoken: Language) -> Finding {
        let base = self.target.base();
        match spoken {
            Language::Http1 => Finding::problem(format!("{base} speaks HTTP/1, not gRPC")).remedy(
                "Set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf, or use the receiver's gRPC port \
                 (usually 4317)",
            ),
            Language::Http2 => Finding::problem(format!("{base} speaks gRPC (HTTP/2), not HTTP/1"))
                .remedy(
                    "Set OTEL_EXPORTER_OTLP_PROTOCOL=grpc, or use the receiver's HTTP port \
                     (usually 4318)",
                ),
        }
    }

    fn speaks_tls(&self) -> Finding {
        let base = self.target.base();
        let encrypted = base.replacen("http://", "https://", 1);
        Finding::problem(format!("{base} speaks TLS and gets plain text")).remedy(format!(
            "Write {encrypted} in OTEL_EXPORTER_OTLP_ENDPOINT, or use the receiver's plain port"
        ))
    }

    /// Greets, encrypted if the endpoint is.
    async fn greet(&self, address: SocketAddr, language: Language) -> Heard {
        if !self.target.is_https() {
            return self.greet_plain(address, language).await;
        }
        match timeout(self.patience(), self.handshake(address)).await {
            Ok(Ok(stream)) => greet(stream, language, self.target.host(), self.patience()).await,
            Ok(Err(_)) => Heard::Closed,
            Err(_) => Heard::Silence,
        }
    }

    async fn greet_plain(&self, address: SocketAddr, language: Language) -> Heard {
        match TcpStream::connect(address).await {
            Ok(stream) => greet(stream, language, self.target.host(), self.patience()).await,
            Err(_) => Heard::Closed,
        }
    }

    /// Whether a TLS handshake gets as far as a certificate or an alert.
    async fn answers_tls(&self, address: SocketAddr) -> bool {
        match timeout(self.patience(), self.handshake(address)).await {
            Ok(Ok(_)) => true,
            Ok(Err(error)) => matches!(
                find::<rustls::Error>(&error),
                Some(rustls::Error::InvalidCertificate(_) | rustls::Error::AlertReceived(_))
            ),
            Err(_) => false,
        }
    }

    async fn handshake(&self, address: SocketAddr) -> io::Result<TlsStream<TcpStream>> {
        let host = self.target.host();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let server = ServerName::try_from(bare.to_owned()).map_err(io::Error::other)?;
        let stream = TcpStream::connect(address).await?;
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        connector.connect(server, stream).await
    }

    /// How long one greeting may stay unanswered: two greetings, each with a handshake, and a last
    /// handshake fit into a step.
    fn patience(&self) -> Duration {
        self.limit / 6
    }

    fn wanted(&self) -> Language {
        if self.target.is_grpc() {
            Language::Http2
        } else {
            Language::Http1
        }
    }

    fn port(&self) -> u16 {
        let default = if self.target.is_https() { 443 } else { 80 };
        self.target.uri().port_u16().unwrap_or(default)
    }
}

/// What the TLS handshake has agreed on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Agreed(Option<Language>);

fn name(language: Language) -> &'static str {
    match language {
        Language::Http1 => "HTTP/1.1",
        Language::Http2 => "HTTP/2",
    }
}
