//! A collector that only counts spans, over HTTP/1.1 and gRPC on one port, and fails as told.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;

use crate::request;

/// What a collector does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Temper {
    /// Takes it.
    Healthy,
    /// Takes half of the requests; the others see one of the other tempers.
    HalfBroken,
    /// Reads it and never answers.
    Hanging,
    /// Takes it after two seconds.
    Slow,
    /// Answers 503, or UNAVAILABLE.
    Unavailable,
    /// Answers 401, or UNAUTHENTICATED.
    Unauthorized,
    /// Closes the connection without an answer.
    Resetting,
    /// Takes it and rejects half of its spans.
    Partial,
}

/// What it has seen.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    requests: AtomicU64,
    accepted: AtomicU64,
}

/// A collector on a thread of its own; it ends with the process.
#[derive(Debug)]
pub(crate) struct Collector {
    address: SocketAddr,
    counts: Arc<Counts>,
}

type Answer = Response<BoxBody<Bytes, Infallible>>;

impl Collector {
    pub(crate) fn start(temper: Temper) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let counts = Arc::new(Counts::default());
        let shared = Arc::clone(&counts);
        let runtime = Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new()
            .name("collector".to_owned())
            .spawn(move || runtime.block_on(serve(listener, temper, shared)))?;
        Ok(Self { address, counts })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests that came in, and the spans of those that were taken.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let Counts { requests, accepted } = &*self.counts;
        (
            requests.load(Ordering::Relaxed),
            accepted.load(Ordering::Relaxed),
        )
    }
}

async fn serve(
    listener: std::net::TcpListener,
    temper: Temper,
    counts: Arc<Counts>,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (socket, _) = listener.accept().await?;
        tokio::spawn(connection(socket, temper, Arc::clone(&counts)));
    }
}

async fn connection(socket: TcpStream, temper: Temper, counts: Arc<Counts>) {
    if matches!(temper, Temper::Resetting | Temper::HalfBroken) {
        // closing then resets instead of ending
        drop(socket.set_zero_linger());
    }
    let service = service_fn(move |request| answer(request, temper, Arc::clone(&counts)));
    // an error here is one that the collector was told to make
    drop(
        auto::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(socket), service)
            .await,
    );
}

async fn answer(
    request: Request<Incoming>,
    temper: Temper,
    counts: Arc<Counts>,
) -> Result<Answer, io::Error> {
    let grpc = request
        .headers()
        .get("content-type")
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
    let broken = |error: hyper::Error| io::Error::other(error);
    let body = request.into_body().collect().await.map_err(broken)?;
    let number = counts.requests.fetch_add(1, Ordering::Relaxed);
    let temper = match temper {
        Temper::HalfBroken => half_broken(number),
        other => other,
    };
    let body = body.to_bytes();
    let message = if grpc { body.get(5..) } else { body.get(..) };
    let spans = message.and_then(request::spans).unwrap_or(0);
    let rejected = match temper {
        Temper::Healthy => 0,
        Temper::Slow => {
            tokio::time::sleep(Duration::from_secs(2)).await;
            0
        }
        Temper::Partial => spans / 2,
        Temper::Unavailable => return Ok(refusal(grpc, StatusCode::SERVICE_UNAVAILABLE, "14")),
        Temper::Unauthorized => return Ok(refusal(grpc, StatusCode::UNAUTHORIZED, "16")),
        Temper::Resetting => return Err(io::ErrorKind::ConnectionReset.into()),
        Temper::Hanging | Temper::HalfBroken => std::future::pending().await,
    };
    counts
        .accepted
        .fetch_add(spans - rejected, Ordering::Relaxed);
    Ok(success(grpc, rejected))
}

/// Half of the requests fail, spread by a multiplicative hash, and of those one in eight hangs.
fn half_broken(number: u64) -> Temper {
    let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60;
    match spread {
        0..8 => Temper::Healthy,
        8..12 => Temper::Unavailable,
        12..15 => Temper::Resetting,
        _ => Temper::Hanging,
    }
}

fn success(grpc: bool, rejected: u64) -> Answer {
    let message = if rejected == 0 {
        Vec::new()
    } else {
        partial_success(rejected)
    };
    if !grpc {
        return response(
            StatusCode::OK,
            "application/x-protobuf",
            full(message.into()),
        );
    }
    let len = u32::try_from(message.len()).unwrap_or(0).to_be_bytes();
    let frame = [&[0], &len[..], &message].concat();
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let body = Full::new(Bytes::from(frame)).with_trailers(async { Some(Ok(trailers)) });
    response(StatusCode::OK, "application/grpc", body.boxed())
}

/// `ExportTraceServiceResponse { partial_success { rejected_spans } }`.
fn partial_success(rejected: u64) -> Vec<u8> {
    let mut field = vec![0x08];
    let mut rest = rejected;
    while rest > 0x7f {
        field.push(0x80 | u8::try_from(rest & 0x7f).unwrap_or(0));
        rest >>= 7;
    }
    field.push(u8::try_from(rest).unwrap_or(0));
    let len = u8::try_from(field.len()).unwrap_or(0);
    [&[0x0a, len], field.as_slice()].concat()
}

fn refusal(grpc: bool, status: StatusCode, grpc_status: &'static str) -> Answer {
    if !grpc {
        return response(status, "text/plain", full(Bytes::new()));
    }
    let mut response = response(StatusCode::OK, "application/grpc", full(Bytes::new()));
    response
        .headers_mut()
        .insert("grpc-status", HeaderValue::from_static(grpc_status));
    response
}

fn response(
    status: StatusCode,
    content_type: &'static str,
    body: BoxBody<Bytes, Infallible>,
) -> Answer {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert("content-type", HeaderValue::from_static(content_type));
    response
}

fn full(body: Bytes) -> BoxBody<Bytes, Infallible> {
    Full::new(body).boxed()
}
