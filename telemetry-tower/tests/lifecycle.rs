//! Every way in which a request can end, over sockets, with HTTP/1.1 and HTTP/2.
//!
//! [`ENDS`] is the table: one row for each way, with what the span and the metrics say of it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;
#[path = "common/meters.rs"]
mod meters;

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode as HttpStatus;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use bytes::Bytes;
use common::{Finished, Telemetry, closing, exchange, run, serve};
use http_body::Frame;
use http_body_util::BodyExt;
use hyper::client::conn::http2::{self, SendRequest};
use hyper::ext::Protocol;
use hyper_util::rt::{TokioExecutor, TokioIo};
use meters::Meters;
use telemetry_core::otlp::StatusCode;
use telemetry_tower::ServerLayer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

/// What the client does.
#[derive(Clone, Copy, Debug)]
enum Client {
    /// Reads the whole response.
    Reads,
    /// Leaves before its head is complete.
    LeavesWithinHead,
    /// Leaves when the handler runs.
    LeavesBeforeResponse,
    /// Leaves after the first piece of the response's body.
    LeavesWithinResponse,
    /// Gives up the stream after the first piece, and keeps the connection (HTTP/2).
    ResetsWithinResponse,
    /// Leaves after the first piece of the request's body.
    LeavesWithinRequest,
    /// Changes the protocol, and uses it when the span has ended.
    Upgrades,
}

/// Over what a row is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Http {
    One,
    Two,
}

const BOTH: &[Http] = &[Http::One, Http::Two];

/// One way to end: what is asked for, what the client does, and what comes of it. Without an outcome
/// there is no span and no duration, and the gauge was never touched.
struct End {
    what: &'static str,
    over: &'static [Http],
    request: &'static str,
    client: Client,
    outcome: Option<Expected>,
}

/// What the span says and the duration: the span is an error if there is an `error.type`. The gauge is
/// zero again in each case.
#[derive(Debug, PartialEq, Eq)]
struct Expected {
    status_code: &'static str,
    error_type: &'static str,
}

const fn end(
    what: &'static str,
    over: &'static [Http],
    request: &'static str,
    client: Client,
    status_code: &'static str,
    error_type: &'static str,
) -> End {
    End {
        what,
        over,
        request,
        client,
        outcome: Some(Expected {
            status_code,
            error_type,
        }),
    }
}

const IO_ERROR: &str = "axum_core::error::Error";

#[rustfmt::skip]
const ENDS: &[End] = &[
    end("the whole body", BOTH, "GET /plain", Client::Reads, "200", ""),
    end("a body of pieces", BOTH, "GET /pieces", Client::Reads, "200", ""),
    end("server-sent events", BOTH, "GET /events", Client::Reads, "200", ""),
    end("trailers", BOTH, "GET /trailers", Client::Reads, "200", ""),
    end("the last byte of a Content-Length", BOTH, "GET /exact", Client::LeavesWithinResponse, "200", ""),
    end("HEAD", BOTH, "HEAD /plain", Client::Reads, "200", ""),
    end("HEAD of a stream", BOTH, "HEAD /endless", Client::Reads, "200", ""),
    end("204", BOTH, "GET /empty", Client::Reads, "204", ""),
    end("204 with a body that is not sent", &[Http::One], "GET /empty/endless", Client::Reads, "204", ""),
    end("304", BOTH, "GET /unchanged", Client::Reads, "304", ""),
    end("404", BOTH, "GET /nowhere", Client::Reads, "404", ""),
    end("500", BOTH, "GET /fail", Client::Reads, "500", "500"),
    end("upgrade", &[Http::One], "GET /upgrade", Client::Upgrades, "101", ""),
    end("extended CONNECT", &[Http::Two], "CONNECT /upgrade", Client::Upgrades, "200", ""),
    end("the body of the response fails", BOTH, "GET /aborted", Client::Reads, "200", IO_ERROR),
    end("panic in the handler", BOTH, "GET /panic", Client::Reads, "", "panic"),
    end("panic in the body", BOTH, "GET /panic/body", Client::Reads, "200", "panic"),
    end("timeout inside", BOTH, "GET /slow/inside", Client::Reads, "504", "504"),
    end("timeout outside", BOTH, "GET /slow/outside", Client::Reads, "", "cancelled"),
    end("client leaves: handler", BOTH, "GET /slow", Client::LeavesBeforeResponse, "", "cancelled"),
    end("client leaves: response", BOTH, "GET /endless", Client::LeavesWithinResponse, "200", "cancelled"),
    end("client resets: response", &[Http::Two], "GET /endless", Client::ResetsWithinResponse, "200", "cancelled"),
    end("client leaves: request body", BOTH, "POST /upload", Client::LeavesWithinRequest, "400", ""),
    End {
        what: "client leaves: headers",
        over: BOTH,
        request: "GET /plain",
        client: Client::LeavesWithinHead,
        outcome: None,
    },
];

#[test]
fn each_end_is_one_outcome() {
    std::panic::set_hook(Box::new(|info| {
        let text = info.to_string();
        if !text.contains("out of stock") {
            eprintln!("{text}");
        }
    }));
    for row in ENDS {
        for http in row.over {
            let told = format!("{} over {http:?}", row.what);
            eprintln!("{told}");
            let [spans, open] = run(|telemetry, _| attempt(telemetry, row, *http));
            assert_eq!(open, 0, "{told}: a span is open");
            assert_eq!(spans, usize::from(row.outcome.is_some()), "{told}: spans");
        }
    }
}

/// Returns how many spans there were, beside that of a request that shows that all is well, and how
/// many were open in the end.
async fn attempt(telemetry: Telemetry, row: &End, http: Http) -> [usize; 2] {
    let entered = Arc::new(Notify::new());
    let meters = Meters::new();
    let layer = ServerLayer::new().meter(&meters.meter());
    let address = serve(app(Arc::clone(&entered), layer)).await;
    let client = act(address, row, http, entered, &telemetry);
    tokio::time::timeout(Duration::from_secs(10), client)
        .await
        .unwrap_or_else(|_| panic!("{} over {http:?} hangs", row.what));
    let mut spans = telemetry.spans(usize::from(row.outcome.is_some())).await;
    for span in &spans {
        check(row, http, span);
    }
    check_metrics(row, http, &meters);
    exchange(address, closing("GET /plain", "")).await;
    spans.extend(telemetry.spans(1).await);
    settle(&telemetry).await;
    spans.extend(telemetry.take());
    [spans.len() - 1, usize::try_from(telemetry.open()).unwrap()]
}

fn check(row: &End, http: Http, span: &Finished) {
    let told = format!("{} over {http:?}: {span:#?}", row.what);
    let expected = row.outcome.as_ref().unwrap();
    let version = if http == Http::One { "1.1" } else { "2" };
    assert_eq!(span.get("network.protocol.version"), version, "{told}");
    let code = span.get("http.response.status_code");
    assert_eq!(code, expected.status_code, "{told}");
    assert_eq!(span.get("error.type"), expected.error_type, "{told}");
    let failed = !expected.error_type.is_empty();
    assert_eq!(span.status == StatusCode::Error, failed, "{told}");
}

/// The gauge goes down before the duration is recorded, and that before the span is there.
fn check_metrics(row: &End, http: Http, meters: &Meters) {
    let active = meters.series("http.server.active_requests");
    let durations = meters.series("http.server.request.duration");
    let told = format!("{} over {http:?}: {active:#?} {durations:#?}", row.what);
    let Some(expected) = &row.outcome else {
        assert!(active.is_empty() && durations.is_empty(), "{told}");
        return;
    };
    let [(gauge, 0)] = active.as_slice() else {
        panic!("{told}");
    };
    let [(duration, 1)] = durations.as_slice() else {
        panic!("{told}");
    };
    let (method, _) = row.request.split_once(' ').unwrap();
    assert_eq!(gauge["http.request.method"], method, "{told}");
    assert_eq!(duration["http.request.method"], method, "{told}");
    let get = |key| duration.get(key).map_or("", String::as_str);
    let code = get("http.response.status_code");
    assert_eq!(code, expected.status_code, "{told}");
    assert_eq!(get("error.type"), expected.error_type, "{told}");
}

async fn settle(telemetry: &Telemetry) {
    for _ in 0..400 {
        if telemetry.open() == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn app(entered: Arc<Notify>, layer: ServerLayer) -> Router {
    Router::new()
        .route("/plain", get(|| async { "plain" }))
        .route(
            "/pieces",
            get(|| async { Body::new(Pieces::new(3, Then::End)) }),
        )
        .route("/events", get(events))
        .route(
            "/trailers",
            get(|| async { Body::new(Pieces::new(1, Then::Trailers)) }),
        )
        .route(
            "/exact",
            get(|| async { ([("content-length", "5")], endless(1)) }),
        )
        .route("/endless", get(|| async { endless(1) }))
        .route("/empty", get(|| async { HttpStatus::NO_CONTENT }))
        .route(
            "/empty/endless",
            get(|| async { (HttpStatus::NO_CONTENT, endless(0)) }),
        )
        .route("/unchanged", get(|| async { HttpStatus::NOT_MODIFIED }))
        .route("/fail", get(|| async { HttpStatus::INTERNAL_SERVER_ERROR }))
        .route("/upgrade", any(upgrade))
        .route(
            "/aborted",
            get(|| async { Body::new(Pieces::new(1, Then::Fail)) }),
        )
        .route("/panic", get(broken))
        .route(
            "/panic/body",
            get(|| async { Body::new(Pieces::new(1, Then::Panic)) }),
        )
        .route("/slow", get(slow))
        .route("/slow/inside", get(slow).layer(from_fn(timeout_inside)))
        .route("/slow/outside", get(slow))
        .route("/upload", post(upload))
        .with_state(entered)
        .layer(layer)
        .layer(from_fn(timeout_outside))
}

async fn events() -> impl IntoResponse {
    let headers = [("content-type", "text/event-stream")];
    (headers, Body::new(Pieces::new(3, Then::End)))
}

async fn broken() -> HttpStatus {
    tokio::task::yield_now().await;
    panic!("out of stock")
}

async fn slow(State(entered): State<Arc<Notify>>) {
    entered.notify_one();
    std::future::pending::<()>().await;
}

/// Reads until the client is gone, and answers that.
async fn upload(State(entered): State<Arc<Notify>>, body: Body) -> HttpStatus {
    let mut body = body;
    while let Some(frame) = body.frame().await {
        if frame.is_err() {
            return HttpStatus::BAD_REQUEST;
        }
        entered.notify_one();
    }
    HttpStatus::OK
}

/// A tunnel, by 101 or over HTTP/2 by the 200 of RFC 8441.
async fn upgrade(request: Request) -> impl IntoResponse {
    let is_two = request.version() == http::Version::HTTP_2;
    tokio::spawn(async move {
        let tunnel = hyper::upgrade::on(request).await.unwrap();
        let mut tunnel = TokioIo::new(tunnel);
        let mut word = [0; 4];
        tunnel.read_exact(&mut word).await.unwrap();
        tunnel.write_all(&word).await.unwrap();
    });
    if is_two {
        return HttpStatus::OK.into_response();
    }
    let headers = [("connection", "upgrade"), ("upgrade", "echo")];
    (HttpStatus::SWITCHING_PROTOCOLS, headers).into_response()
}

async fn timeout_inside(request: Request, next: Next) -> Response {
    let answer = tokio::time::timeout(Duration::from_millis(30), next.run(request));
    answer
        .await
        .unwrap_or_else(|_| HttpStatus::GATEWAY_TIMEOUT.into_response())
}

async fn timeout_outside(request: Request, next: Next) -> Response {
    if request.uri().path() != "/slow/outside" {
        return next.run(request).await;
    }
    timeout_inside(request, next).await
}

/// A body of some pieces that then goes on as it is told.
struct Pieces {
    left: usize,
    then: Then,
}

#[derive(Clone, Copy, Debug)]
enum Then {
    End,
    Wait,
    Trailers,
    Fail,
    Panic,
}

impl Pieces {
    fn new(count: usize, then: Then) -> Self {
        Self { left: count, then }
    }
}

fn endless(pieces: usize) -> Body {
    Body::new(Pieces::new(pieces, Then::Wait))
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.left > 0 {
            self.left -= 1;
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"piece")))));
        }
        match std::mem::replace(&mut self.then, Then::End) {
            Then::End => Poll::Ready(None),
            Then::Wait => {
                self.then = Then::Wait;
                Poll::Pending
            }
            Then::Trailers => {
                let mut trailers = http::HeaderMap::new();
                trailers.insert("grpc-status", "0".parse().unwrap());
                Poll::Ready(Some(Ok(Frame::trailers(trailers))))
            }
            Then::Fail => Poll::Ready(Some(Err(io::Error::other("the disk is gone")))),
            Then::Panic => panic!("out of stock"),
        }
    }
}

async fn act(
    address: SocketAddr,
    row: &End,
    http: Http,
    entered: Arc<Notify>,
    telemetry: &Telemetry,
) {
    match (http, row.client) {
        (Http::Two, Client::Upgrades) => connect_extended(address, row, telemetry).await,
        (Http::Two, _) => act_two(address, row, entered).await,
        (Http::One, _) => act_one(address, row, entered, telemetry).await,
    }
}

async fn act_one(address: SocketAddr, row: &End, entered: Arc<Notify>, telemetry: &Telemetry) {
    if let Client::Reads = row.client {
        exchange(address, closing(row.request, "")).await;
        return;
    }
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = match row.client {
        Client::LeavesWithinHead => "GET /plain HTTP/1.1\r\nHost: a\r\nX-Unfin".to_owned(),
        Client::LeavesWithinRequest => closing(row.request, "Content-Length: 10\r\n") + "piece",
        Client::Upgrades => format!(
            "{} HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n",
            row.request
        ),
        _ => closing(row.request, ""),
    };
    stream.write_all(head.as_bytes()).await.unwrap();
    match row.client {
        Client::LeavesBeforeResponse | Client::LeavesWithinRequest => entered.notified().await,
        Client::LeavesWithinResponse => read_until(&mut stream, "piece").await,
        Client::LeavesWithinHead => tokio::time::sleep(Duration::from_millis(20)).await,
        _ => {
            read_until(&mut stream, "\r\n\r\n").await;
            use_tunnel(stream, telemetry).await;
        }
    }
}

/// The span has ended, and the tunnel is open.
async fn use_tunnel(mut tunnel: impl AsyncRead + AsyncWrite + Unpin, telemetry: &Telemetry) {
    settle(telemetry).await;
    assert_eq!(telemetry.open(), 0, "the span lasts as long as the tunnel");
    tunnel.write_all(b"ping").await.unwrap();
    read_until(&mut tunnel, "ping").await;
}

/// A WebSocket over HTTP/2, as far as the layer sees it: RFC 8441.
async fn connect_extended(address: SocketAddr, row: &End, telemetry: &Telemetry) {
    let io = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (mut client, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    // the server's SETTINGS say that it may be; a task of its own reads them
    while !connection.is_extended_connect_protocol_enabled() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let connection = tokio::spawn(async move {
        let _closed = connection.await;
    });
    let (mut pieces, body) = Sent::new();
    pieces.end();
    let (method, path) = row.request.split_once(' ').unwrap();
    let request = Request::builder()
        .method(method)
        .uri(format!("http://shop.example:8080{path}"))
        .extension(Protocol::from_static("websocket"))
        .body(body)
        .unwrap();
    let response = client.send_request(request).await.unwrap();
    assert_eq!(response.status(), HttpStatus::OK);
    let tunnel = hyper::upgrade::on(response).await.unwrap();
    use_tunnel(TokioIo::new(tunnel), telemetry).await;
    connection.abort();
}

async fn read_until(stream: &mut (impl AsyncRead + Unpin), word: &str) {
    let mut read = Vec::new();
    while !String::from_utf8_lossy(&read).contains(word) {
        assert_ne!(stream.read_buf(&mut read).await.unwrap(), 0, "{word}");
    }
}

async fn act_two(address: SocketAddr, row: &End, entered: Arc<Notify>) {
    if let Client::LeavesWithinHead = row.client {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(PREFACE_AND_HALF_A_HEAD).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        return;
    }
    let (mut client, connection) = connect(address).await;
    let (method, path) = row.request.split_once(' ').unwrap();
    let (mut pieces, body) = Sent::new();
    if let Client::LeavesWithinRequest = row.client {
        pieces.push(Bytes::from_static(b"piece"));
    } else {
        pieces.end();
    }
    let request = Request::builder()
        .method(method)
        .uri(format!("http://shop.example:8080{path}"))
        .body(body)
        .unwrap();
    let response = client.send_request(request);
    match row.client {
        Client::LeavesBeforeResponse | Client::LeavesWithinRequest => {
            tokio::select! {
                _ = response => panic!("there is no response"),
                () = entered.notified() => {}
            }
        }
        Client::LeavesWithinResponse | Client::ResetsWithinResponse => {
            let mut body = response.await.unwrap().into_body();
            body.frame().await.unwrap().unwrap();
            drop(body);
        }
        _ => {
            if let Ok(response) = response.await {
                let _broken = response.into_body().collect().await;
            }
        }
    }
    if let Client::ResetsWithinResponse = row.client {
        // the reset goes out on the connection, which stays
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    connection.abort();
}

/// The preface, empty SETTINGS, and a HEADERS frame of which 3 of 32 bytes follow, RFC 9113
/// sections 3.4, 6.5 and 6.2.
const PREFACE_AND_HALF_A_HEAD: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\
    \x00\x00\x00\x04\x00\x00\x00\x00\x00\
    \x00\x00\x20\x01\x05\x00\x00\x00\x01\x82\x86\x84";

async fn connect(address: SocketAddr) -> (SendRequest<Sent>, JoinHandle<()>) {
    let stream = TcpStream::connect(address).await.unwrap();
    let io = TokioIo::new(stream);
    let (client, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    let connection = tokio::spawn(async move {
        let _closed = connection.await;
    });
    (client, connection)
}

/// A request's body, sent piece by piece.
struct Sent(mpsc::UnboundedReceiver<Bytes>);

struct Pusher(Option<mpsc::UnboundedSender<Bytes>>);

impl Sent {
    fn new() -> (Pusher, Self) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Pusher(Some(sender)), Self(receiver))
    }
}

impl Pusher {
    fn push(&self, piece: Bytes) {
        self.0.as_ref().unwrap().send(piece).unwrap();
    }

    fn end(&mut self) {
        self.0 = None;
    }
}

impl http_body::Body for Sent {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0
            .poll_recv(cx)
            .map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }
}
