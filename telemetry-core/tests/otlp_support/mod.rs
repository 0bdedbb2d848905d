//! Receivers that answer as told, over real sockets.
#![allow(dead_code, reason = "each file of tests uses a part")]

use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_sdk::Resource;
use prost::Message;
use telemetry_core::config::OtlpProtocol;
use telemetry_core::export::otlp::{OtlpExporter, OtlpSettings};
use telemetry_core::export::{Accepted, ExportError, ExportErrorKind, Exporter};
use telemetry_core::otlp::{LogParts, ScopeId};
use telemetry_core::pipeline::{Batch, Signal};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Longer than anything takes that is expected to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// When everything happens: a record without a time is refused.
const TIME: u64 = 1_700_000_000_000_000_000;

pub(crate) fn batch(bodies: &[&str]) -> Batch {
    let mut batch = Batch::new();
    for body in bodies {
        let record = LogParts {
            unix_nanos: TIME,
            observed_unix_nanos: TIME,
            body,
            ..LogParts::empty()
        };
        batch.push(ScopeId::of_name("test"), |buffer| record.encode(buffer));
    }
    batch
}

pub(crate) fn exporter(settings: &OtlpSettings) -> Result<OtlpExporter, ExportError> {
    let resource = Resource::builder_empty().with_service_name("shop").build();
    OtlpExporter::new(Signal::Logs, settings, &resource)
}

pub(crate) fn http(address: SocketAddr) -> OtlpSettings {
    OtlpSettings::new(
        format!("http://{address}/v1/logs"),
        OtlpProtocol::HttpProtobuf,
    )
}

pub(crate) fn grpc(address: SocketAddr) -> OtlpSettings {
    OtlpSettings::new(format!("http://{address}"), OtlpProtocol::Grpc)
}

/// One batch of one record, one attempt.
pub(crate) async fn export(settings: &OtlpSettings) -> Result<Accepted, ExportError> {
    let mut exporter = exporter(settings)?;
    exporter.prepare(&batch(&["hello"]))?;
    attempt(&mut exporter).await
}

pub(crate) async fn attempt(exporter: &mut OtlpExporter) -> Result<Accepted, ExportError> {
    tokio::time::timeout(PATIENCE, exporter.attempt())
        .await
        .expect("an answer in time")
}

pub(crate) fn bodies(request: &[u8]) -> Vec<String> {
    let request = ExportLogsServiceRequest::decode(request).unwrap();
    let scopes = request
        .resource_logs
        .into_iter()
        .flat_map(|resource| resource.scope_logs);
    scopes
        .flat_map(|scope| scope.log_records)
        .map(|record| match record.body.unwrap().value.unwrap() {
            opentelemetry_proto::tonic::common::v1::any_value::Value::StringValue(body) => body,
            other => panic!("{other:?}"),
        })
        .collect()
}

pub(crate) fn assert_retryable(error: &ExportError) {
    assert!(
        matches!(error.kind(), ExportErrorKind::Retryable { .. }),
        "{error:?}"
    );
}

/// Checks what people get to read.
pub(crate) fn assert_words(error: &ExportError, message: &str, remedy: &str) {
    let text = error.to_string();
    assert!(text.contains(message), "{text:?} lacks {message:?}");
    let told = error.remedy().unwrap_or_default();
    assert!(told.contains(remedy), "{told:?} lacks {remedy:?}");
}

/// A TCP server that gives each connection, with its number, to `handle`.
pub(crate) async fn tcp<F, Fut>(handle: F) -> SocketAddr
where
    F: Fn(usize, TcpStream) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for number in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(handle(number, stream));
        }
    });
    address
}

/// A request as HTTP/1 has it on the wire.
#[derive(Clone, Debug, Default)]
pub(crate) struct Http1Request {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Http1Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    /// `None` if the client hangs up instead.
    pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Self> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.ok()?);
        }
        let mut request = Self {
            head: String::from_utf8(head).unwrap(),
            body: Vec::new(),
        };
        let length = request
            .header("content-length")
            .unwrap_or("0")
            .parse()
            .unwrap();
        request.body.resize(length, 0);
        stream.read_exact(&mut request.body).await.ok()?;
        Some(request)
    }
}

/// Answers each HTTP/1 request of a connection with the same bytes.
pub(crate) async fn answer_all(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    answer: &[u8],
    seen: &Mutex<Vec<Http1Request>>,
) {
    while let Some(request) = Http1Request::read(stream).await {
        seen.lock().unwrap().push(request);
        if stream.write_all(answer).await.is_err() {
            return;
        }
    }
}

pub(crate) fn http1_answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let mut answer =
        format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n").into_bytes();
    answer.extend_from_slice(body);
    answer
}

/// A server that gives each HTTP/1 request the same answer.
pub(crate) async fn http1(answer: Vec<u8>) -> (SocketAddr, Arc<Mutex<Vec<Http1Request>>>) {
    let seen = Arc::<Mutex<Vec<_>>>::default();
    let requests = Arc::clone(&seen);
    let answer = Arc::new(answer);
    let address = tcp(move |_, mut stream| {
        let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
        async move { answer_all(&mut stream, &answer, &seen).await }
    })
    .await;
    (address, requests)
}

/// What a gRPC server does with a call.
#[derive(Clone)]
pub(crate) enum GrpcAnswer {
    /// A message and a status in the trailers.
    Message(Vec<u8>, HeaderMap),
    /// A status in the headers.
    TrailersOnly(HeaderMap),
    /// Only an HTTP status.
    Http(u16),
    /// A message and the end.
    NoStatus(Vec<u8>),
    Hang,
}

pub(crate) type GrpcRequest = (http::request::Parts, Bytes);

pub(crate) fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(k, v)| (k.parse().unwrap(), v.parse().unwrap()))
        .collect()
}

pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    let mut frame = vec![0];
    frame.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend_from_slice(message);
    frame
}

pub(crate) fn grpc_ok() -> GrpcAnswer {
    GrpcAnswer::Message(framed(&[]), headers(&[("grpc-status", "0")]))
}

/// Serves HTTP/2 on a connection; call number `n` of the server gets `answers[n]`, the last one
/// again and again.
pub(crate) async fn serve_grpc<S>(stream: S, calls: Arc<GrpcCalls>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
        let calls = Arc::clone(&calls);
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok::<_, hyper::Error>(calls.answer((head, body)).await)
        }
    });
    let _ended = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

pub(crate) struct GrpcCalls {
    answers: Vec<GrpcAnswer>,
    next: AtomicUsize,
    pub(crate) seen: Mutex<Vec<GrpcRequest>>,
}

impl GrpcCalls {
    pub(crate) fn new(answers: Vec<GrpcAnswer>) -> Arc<Self> {
        Arc::new(Self {
            answers,
            next: AtomicUsize::new(0),
            seen: Mutex::default(),
        })
    }

    async fn answer(&self, request: GrpcRequest) -> Response<BoxBody<Bytes, hyper::Error>> {
        self.seen.lock().unwrap().push(request);
        let number = self
            .next
            .fetch_add(1, Ordering::SeqCst)
            .min(self.answers.len() - 1);
        let full = |bytes: Vec<u8>| Full::new(Bytes::from(bytes)).map_err(|never| match never {});
        let empty = Empty::new().map_err(|never| match never {}).boxed();
        let mut response = match self.answers[number].clone() {
            GrpcAnswer::Message(bytes, trailers) => Response::new(
                full(bytes)
                    .with_trailers(std::future::ready(Some(Ok(trailers))))
                    .boxed(),
            ),
            GrpcAnswer::TrailersOnly(headers) => {
                let mut response = Response::new(empty);
                *response.headers_mut() = headers;
                response
            }
            GrpcAnswer::Http(status) => Response::builder().status(status).body(empty).unwrap(),
            GrpcAnswer::NoStatus(bytes) => Response::new(full(bytes).boxed()),
            GrpcAnswer::Hang => std::future::pending().await,
        };
        response
            .headers_mut()
            .insert("content-type", "application/grpc".parse().unwrap());
        response
    }
}

/// A gRPC server with scripted answers.
pub(crate) async fn grpc_server(answers: Vec<GrpcAnswer>) -> (SocketAddr, Arc<GrpcCalls>) {
    let calls = GrpcCalls::new(answers);
    let shared = Arc::clone(&calls);
    let address = tcp(move |_, stream| serve_grpc(stream, Arc::clone(&shared))).await;
    (address, calls)
}

/// An address on which nothing listens.
pub(crate) async fn closed_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
}
