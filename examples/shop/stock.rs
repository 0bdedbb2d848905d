//! A gRPC service and its client as `tonic-prost-build` writes them, by hand and with messages that
//! are plain text, so that building it needs no `protoc`:
//!
//! ```text
//! package shop.v1;
//! service Stock {
//!   rpc Count(Text) returns (Text);
//!   rpc Watch(Text) returns (stream Text);
//!   rpc Add(stream Text) returns (Text);
//!   rpc Exchange(stream Text) returns (stream Text);
//! }
//! ```

use std::convert::Infallible;
use std::future::pending;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, BufMut, Bytes};
use tokio_stream::{Stream, StreamExt};
use tonic::body::Body;
use tonic::client::GrpcService;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::codegen::{self, StdError, http};
use tonic::server::NamedService;
use tonic::{IntoStreamingRequest, Request, Response, Status, Streaming};
use tower::service_fn;

type Texts = Pin<Box<dyn Stream<Item = Result<String, Status>> + Send>>;

/// The server's side.
#[derive(Clone, Debug)]
pub(crate) struct StockServer;

impl NamedService for StockServer {
    const NAME: &'static str = "shop.v1.Stock";
}

impl tower::Service<http::Request<Body>> for StockServer {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move {
            let mut grpc = tonic::server::Grpc::new(Text);
            Ok(match request.uri().path() {
                "/shop.v1.Stock/Count" => grpc.unary(service_fn(count), request).await,
                "/shop.v1.Stock/Watch" => grpc.server_streaming(service_fn(watch), request).await,
                "/shop.v1.Stock/Add" => grpc.client_streaming(service_fn(add), request).await,
                "/shop.v1.Stock/Exchange" => grpc.streaming(service_fn(exchange), request).await,
                _ => Status::unimplemented("no such method").into_http(),
            })
        })
    }
}

#[tracing::instrument(skip_all)]
async fn count(item: Request<String>) -> Result<Response<String>, Status> {
    match item.get_ref().as_str() {
        "unicorn" => Err(Status::not_found("no unicorn, only horses")),
        "secret" => Err(Status::internal("the shelf is gone")),
        "eternity" => pending().await,
        item => {
            tracing::info!(item, "counted");
            Ok(Response::new("3".to_owned()))
        }
    }
}

/// Two counts, then what the item says.
#[tracing::instrument(skip_all)]
async fn watch(item: Request<String>) -> Result<Response<Texts>, Status> {
    let counts = tokio_stream::iter(["3", "2"]).map(|count| Ok(count.to_owned()));
    Ok(Response::new(match item.get_ref().as_str() {
        "secret" => {
            let gone = tokio_stream::once(Err(Status::internal("the shelf is gone")));
            Box::pin(counts.chain(gone))
        }
        "eternity" => Box::pin(counts.chain(tokio_stream::pending())),
        _ => Box::pin(counts),
    }))
}

#[tracing::instrument(skip_all)]
async fn add(items: Request<Streaming<String>>) -> Result<Response<String>, Status> {
    let mut items = items.into_inner();
    let mut number = 0_u64;
    while items.message().await?.is_some() {
        number += 1;
    }
    Ok(Response::new(number.to_string()))
}

#[tracing::instrument(skip_all)]
async fn exchange(items: Request<Streaming<String>>) -> Result<Response<Texts>, Status> {
    let new = |item: Result<String, Status>| item.map(|item| format!("new {item}"));
    Ok(Response::new(Box::pin(items.into_inner().map(new))))
}

/// The client's side, over a channel or what is around one.
#[derive(Clone, Debug)]
pub(crate) struct StockClient<T> {
    inner: tonic::client::Grpc<T>,
}

impl<T> StockClient<T>
where
    T: GrpcService<Body>,
    T::Error: Into<StdError>,
    T::ResponseBody: codegen::Body<Data = Bytes> + Send + 'static,
    <T::ResponseBody as codegen::Body>::Error: Into<StdError> + Send,
{
    pub(crate) fn new(channel: T) -> Self {
        let inner = tonic::client::Grpc::new(channel);
        Self { inner }
    }

    pub(crate) async fn count(&mut self, item: &str) -> Result<String, Status> {
        self.call("/shop.v1.Stock/Count", item).await
    }

    /// Any unary method.
    pub(crate) async fn call(&mut self, path: &'static str, item: &str) -> Result<String, Status> {
        self.ready().await?;
        let path = PathAndQuery::from_static(path);
        let request = Request::new(item.to_owned());
        let response = self.inner.unary(request, path, Text).await?;
        Ok(response.into_inner())
    }

    pub(crate) async fn watch(&mut self, item: &str) -> Result<Streaming<String>, Status> {
        self.ready().await?;
        let path = PathAndQuery::from_static("/shop.v1.Stock/Watch");
        let request = Request::new(item.to_owned());
        let response = self.inner.server_streaming(request, path, Text).await?;
        Ok(response.into_inner())
    }

    pub(crate) async fn add(
        &mut self,
        items: impl IntoStreamingRequest<Message = String>,
    ) -> Result<String, Status> {
        self.ready().await?;
        let path = PathAndQuery::from_static("/shop.v1.Stock/Add");
        let request = items.into_streaming_request();
        let response = self.inner.client_streaming(request, path, Text).await?;
        Ok(response.into_inner())
    }

    pub(crate) async fn exchange(
        &mut self,
        items: impl IntoStreamingRequest<Message = String>,
    ) -> Result<Streaming<String>, Status> {
        self.ready().await?;
        let path = PathAndQuery::from_static("/shop.v1.Stock/Exchange");
        let request = items.into_streaming_request();
        let response = self.inner.streaming(request, path, Text).await?;
        Ok(response.into_inner())
    }

    async fn ready(&mut self) -> Result<(), Status> {
        let ready = self.inner.ready().await;
        ready.map_err(|error| Status::unavailable(error.into().to_string()))
    }
}

/// Messages that are plain text.
#[derive(Clone, Copy, Debug, Default)]
struct Text;

impl Codec for Text {
    type Encode = String;
    type Decode = String;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Text {
    type Item = String;
    type Error = Status;

    fn encode(&mut self, text: String, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(text.as_bytes());
        Ok(())
    }
}

impl Decoder for Text {
    type Item = String;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<String>, Status> {
        let bytes = buffer.copy_to_bytes(buffer.remaining());
        let text = String::from_utf8(bytes.into());
        let text = text.map_err(|_| Status::invalid_argument("the message is not UTF-8"))?;
        Ok(Some(text))
    }
}
