//! The page on a port of its own.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, ALLOW, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use opentelemetry::Context;
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{sleep, timeout};

use super::Page;
use crate::pipeline::mark_own_thread;

/// Answers `GET /metrics` on a host and port; nothing else.
///
/// It serves on the telemetry thread, see [`Pipeline::start_with`](crate::pipeline::Pipeline::start_with);
/// pages are made on a thread beside it, one at a time, so that neither exports nor the program
/// wait for a scrape. There are at most 16 connections, one request each. A page that is not made
/// within 5 s is answered with what [`Listener::or_else`] gives, or with 503.
pub struct Listener {
    sockets: Vec<TcpListener>,
    instead: Option<Source>,
}

/// More than the scrapers of one process; whoever comes later waits in the system's queue.
const CONNECTIONS: usize = 16;

/// The time for a request's head.
const HEAD: Duration = Duration::from_secs(5);

/// The time for a request and its answer: Prometheus gives up after 10 s unless told otherwise.
const CONNECTION: Duration = Duration::from_secs(60);

/// The time to make a page: half of what Prometheus waits, so that the other half is left for less.
const PAGE: Duration = Duration::from_secs(5);

/// The longest head of a request.
const HEAD_BYTES: usize = 16 * 1024;

/// The wait when the system has no connection to give.
const PAUSE: Duration = Duration::from_millis(100);

type Source = Arc<dyn Fn(Option<&str>, Option<&str>) -> Page + Send + Sync>;

impl Listener {
    /// Takes the port; `localhost` is both `127.0.0.1` and, where there is one, `::1`.
    ///
    /// # Errors
    ///
    /// The host is none of this machine's, or the port is somebody else's; the message names the
    /// variable to set.
    pub fn bind(host: &str, port: u16) -> io::Result<Self> {
        let explain = |error: io::Error| {
            let hint = match error.kind() {
                io::ErrorKind::AddrInUse => {
                    "another process serves there: set OTEL_EXPORTER_PROMETHEUS_PORT to a free port"
                }
                io::ErrorKind::PermissionDenied => {
                    "set OTEL_EXPORTER_PROMETHEUS_PORT to a port above 1023"
                }
                _ => "set OTEL_EXPORTER_PROMETHEUS_HOST to an address of this machine",
            };
            let line = format!("cannot serve metrics on {host}:{port}: {error}; {hint}");
            io::Error::new(error.kind(), line)
        };
        sockets(host, port)
            .map(|sockets| Self {
                sockets,
                instead: None,
            })
            .map_err(explain)
    }

    /// Where it listens.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let addresses = self.sockets.iter().map(TcpListener::local_addr);
        addresses.filter_map(Result::ok).collect()
    }

    /// Serves this page when the whole one takes too long, because a callback hangs. It must not
    /// wait for callbacks.
    #[must_use]
    pub fn or_else(
        mut self,
        page: impl Fn(Option<&str>, Option<&str>) -> Page + Send + Sync + 'static,
    ) -> Self {
        self.instead = Some(Arc::new(page));
        self
    }

    /// Serves what `page` makes of the headers `Accept` and `Accept-Encoding`, until dropped.
    ///
    /// # Errors
    ///
    /// The runtime does not take the sockets.
    pub async fn serve(
        self,
        page: impl Fn(Option<&str>, Option<&str>) -> Page + Send + Sync + 'static,
    ) -> io::Result<()> {
        let server = Arc::new(Server {
            page: Maker::new(Arc::new(page)),
            instead: self.instead.map(Maker::new),
            connections: Arc::new(Semaphore::new(CONNECTIONS)),
        });
        let mut accepting = JoinSet::new();
        for socket in self.sockets {
            socket.set_nonblocking(true)?;
            let socket = tokio::net::TcpListener::from_std(socket)?;
            accepting.spawn(Arc::clone(&server).accept(socket));
        }
        while accepting.join_next().await.is_some() {}
        Ok(())
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener")
            .field("sockets", &self.sockets)
            .finish_non_exhaustive()
    }
}

struct Server {
    page: Maker,
    instead: Option<Maker>,
    connections: Arc<Semaphore>,
}

/// Makes pages, one at a time.
struct Maker {
    source: Source,
    turn: Arc<Semaphore>,
}

/// Why there is no page.
enum Missing {
    Late,
    Panicked,
}

impl Server {
    async fn accept(self: Arc<Self>, socket: tokio::net::TcpListener) {
        // dropped with this future, and the connections with it
        let mut connections = JoinSet::new();
        loop {
            while connections.try_join_next().is_some() {}
            let Ok(permit) = Arc::clone(&self.connections).acquire_owned().await else {
                return;
            };
            match socket.accept().await {
                Ok((stream, _)) => {
                    let server = Arc::clone(&self);
                    connections.spawn(async move {
                        server.connection(stream).await;
                        drop(permit);
                    });
                }
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    async fn connection(self: Arc<Self>, stream: tokio::net::TcpStream) {
        let service = service_fn(move |request| {
            let server = Arc::clone(&self);
            async move { Ok::<_, Infallible>(server.answer(&request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .max_buf_size(HEAD_BYTES)
            .keep_alive(false)
            .serve_connection(TokioIo::new(stream), service);
        // whoever breaks off or takes too long will come again
        drop(timeout(CONNECTION, connection).await);
    }

    async fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if request.uri().path() != "/metrics" {
            return plain(StatusCode::NOT_FOUND, "metrics are at /metrics\n");
        }
        if request.method() != Method::GET && request.method() != Method::HEAD {
            let mut refusal = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
            let methods = HeaderValue::from_static("GET, HEAD");
            refusal.headers_mut().insert(ALLOW, methods);
            return refusal;
        }
        let headers = request.headers();
        let asked = (all(headers, ACCEPT), all(headers, ACCEPT_ENCODING));
        match self.page(asked).await {
            Ok(page) => respond(page),
            Err(Missing::Late) => plain(
                StatusCode::SERVICE_UNAVAILABLE,
                "a callback of an observable instrument does not return\n",
            ),
            Err(Missing::Panicked) => plain(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the page cannot be made\n",
            ),
        }
    }

    async fn page(&self, asked: Asked) -> Result<Page, Missing> {
        match (self.page.make(asked.clone()).await, &self.instead) {
            (Err(Missing::Late), Some(instead)) => instead.make(asked).await,
            (page, _) => page,
        }
    }
}

/// `Accept` and `Accept-Encoding`.
type Asked = (Option<String>, Option<String>);

impl Maker {
    fn new(source: Source) -> Self {
        Self {
            source,
            turn: Arc::new(Semaphore::new(1)),
        }
    }

    async fn make(&self, (accept, encoding): Asked) -> Result<Page, Missing> {
        let made = async {
            let turn = Arc::clone(&self.turn).acquire_owned().await.ok()?;
            let source = Arc::clone(&self.source);
            let make = move || {
                // until the page is made, though nobody may wait for it any more: a callback that
                // hangs shall hold one thread, not one for each scrape
                let _turn = turn;
                mark_own_thread();
                let _quiet = Context::enter_telemetry_suppressed_scope();
                source(accept.as_deref(), encoding.as_deref())
            };
            spawn_blocking(make).await.ok()
        };
        let made = timeout(PAGE, made).await.map_err(|_| Missing::Late)?;
        made.ok_or(Missing::Panicked)
    }
}

fn sockets(host: &str, port: u16) -> io::Result<Vec<TcpListener>> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host != "localhost" {
        let addresses: Vec<SocketAddr> = (host, port).to_socket_addrs()?.collect();
        return Ok(vec![TcpListener::bind(&*addresses)?]);
    }
    let first = TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let port = match &first {
        Ok(socket) => socket.local_addr()?.port(),
        Err(_) => port,
    };
    let second = TcpListener::bind((Ipv6Addr::LOCALHOST, port));
    match (first, second) {
        (Ok(first), Ok(second)) => Ok(vec![first, second]),
        (Err(error), _) if error.kind() == io::ErrorKind::AddrInUse => Err(error),
        (_, Err(error)) if error.kind() == io::ErrorKind::AddrInUse => Err(error),
        (Ok(socket), Err(_)) | (Err(_), Ok(socket)) => Ok(vec![socket]),
        (Err(error), Err(_)) => Err(error),
    }
}

/// All values of a header, as one list.
fn all(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let values = headers.get_all(name).iter();
    let values: Vec<&str> = values.filter_map(|value| value.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(","))
}

fn respond(page: Page) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(page.body)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(page.content_type));
    headers.insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    if let Some(encoding) = page.content_encoding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}
