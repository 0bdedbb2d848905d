//! One connection: the name resolved, TCP, TLS, all within a bound.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiAddrs, GaiResolver, Name};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower_service::Service;

pub(crate) type BoxError = Box<dyn Error + Send + Sync>;
type BoxFuture<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

/// The longest time that connecting may take: room for three SYN packets (sent after 0, 1 and 3 s,
/// <https://www.rfc-editor.org/rfc/rfc6298#section-2>).
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// After how much silence the kernel asks whether the peer is still there, and how long it waits
/// for any acknowledgement, so that a connection to a vanished host does not linger for hours.
const TCP_SILENCE: Duration = Duration::from_secs(30);

/// Opens connections to the receiver.
#[derive(Clone)]
pub(crate) struct Connector {
    inner: HttpsConnector<HttpConnector<Resolver>>,
    within: Duration,
}

impl Connector {
    /// `request_timeout` is how long a whole request may take; half of it may go by before there
    /// is a connection, so that the failure is known to be one in which nothing was sent.
    pub(crate) fn new(tls: Arc<ClientConfig>, request_timeout: Duration) -> Self {
        let within = match request_timeout / 2 {
            Duration::ZERO => CONNECT_TIMEOUT,
            half => half.min(CONNECT_TIMEOUT),
        };
        let mut tcp = HttpConnector::new_with_resolver(Resolver::new(within * 3 / 4));
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(within));
        tcp.set_keepalive(Some(TCP_SILENCE));
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        tcp.set_tcp_user_timeout(Some(TCP_SILENCE));
        Self {
            inner: HttpsConnector::from((tcp, tls)),
            within,
        }
    }
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = BoxError;
    type Future = BoxFuture<Self::Response, BoxError>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.inner.call(uri);
        let within = self.within;
        Box::pin(async move {
            match timeout(within, connecting).await {
                Ok(connected) => connected,
                Err(_) => Err(ConnectTimeout { within }.into()),
            }
        })
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector")
            .field("within", &self.within)
            .finish_non_exhaustive()
    }
}

/// Resolves names on the runtime's blocking threads, and says which name failed.
#[derive(Clone, Debug)]
struct Resolver {
    inner: GaiResolver,
    within: Duration,
}

impl Resolver {
    fn new(within: Duration) -> Self {
        Self {
            inner: GaiResolver::new(),
            within,
        }
    }
}

impl Service<Name> for Resolver {
    type Response = GaiAddrs;
    type Error = UnresolvedName;
    type Future = BoxFuture<GaiAddrs, UnresolvedName>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), UnresolvedName>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let host = name.to_string();
        let resolving = self.inner.call(name);
        let within = self.within;
        Box::pin(async move {
            let unresolved = |cause| UnresolvedName { host, cause };
            match timeout(within, resolving).await {
                Ok(Ok(addresses)) => Ok(addresses),
                Ok(Err(error)) => Err(unresolved(NameFailure::Refused(error))),
                Err(_) => Err(unresolved(NameFailure::Timeout(within))),
            }
        })
    }
}

/// A name has no address, or none in time.
#[derive(Debug)]
pub(super) struct UnresolvedName {
    host: String,
    cause: NameFailure,
}

#[derive(Debug)]
enum NameFailure {
    Refused(io::Error),
    Timeout(Duration),
}

impl fmt::Display for UnresolvedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = &self.host;
        match self.cause {
            NameFailure::Refused(_) => write!(f, "the name {host} does not resolve"),
            NameFailure::Timeout(within) => {
                write!(f, "the name {host} did not resolve within {within:?}")
            }
        }
    }
}

impl Error for UnresolvedName {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.cause {
            NameFailure::Refused(error) => Some(error),
            NameFailure::Timeout(_) => None,
        }
    }
}

/// TCP and TLS were not there in time.
#[derive(Debug)]
pub(super) struct ConnectTimeout {
    within: Duration,
}

impl fmt::Display for ConnectTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no connection within {:?}", self.within)
    }
}

impl Error for ConnectTimeout {}
