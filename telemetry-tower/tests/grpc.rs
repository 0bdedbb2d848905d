//! gRPC over real sockets: a tonic server and a tonic client, each with its layer.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod common;
#[path = "../../examples/shop/stock.rs"]
mod stock;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{Finished, Telemetry, run};
use http::{HeaderMap, Method, Request, Response, Uri};
use http_body::Body as _;
use stock::{StockClient, StockServer};
use telemetry_core::otlp::{Kind, StatusCode};
use telemetry_tower::http::server::ACCESS_TARGET;
use telemetry_tower::{
    AccessLog, Classify, ClientLayer, ClientService, Compensation, Failure, GrpcCode, ServerLayer,
    Side, client,
};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::Code;
use tonic::body::Body;
use tonic::transport::{Channel, Endpoint, Server};
use tower_layer::Layer;
use tower_service::Service;

/// Serves the stock with this layer on a free port.
async fn serve_with(layer: ServerLayer) -> Endpoint {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let server = Server::builder().layer(layer).add_service(StockServer);
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(socket)));
    Endpoint::try_from(format!("http://{address}")).unwrap()
}

async fn connect() -> StockClient<ClientService<Channel>> {
    let endpoint = serve_with(ServerLayer::new()).await;
    let layer = ClientLayer::new().origin(endpoint.uri().clone());
    StockClient::new(layer.layer(endpoint.connect_lazy()))
}

/// The spans of the client, of the server and of the method, of one trace with the right parents.
async fn trace(telemetry: &Telemetry) -> [Finished; 3] {
    let mut spans = telemetry.spans(3).await;
    spans.sort_by_key(|span| match span.kind {
        Kind::Client => 0,
        Kind::Server => 1,
        _ => 2,
    });
    let spans: [Finished; 3] = spans.try_into().unwrap();
    let [caller, server, method] = &spans;
    assert_eq!((caller.kind, server.kind), (Kind::Client, Kind::Server));
    assert_eq!(server.parent, caller.span_id);
    assert_eq!(method.parent, server.span_id);
    assert!(spans.iter().all(|span| span.trace_id == caller.trace_id));
    spans
}

fn assert_ended(spans: &[Finished; 3], code: &str, failures: [&str; 2]) {
    for (span, failure) in spans.iter().zip(failures) {
        assert_eq!(span.get("rpc.response.status_code"), code, "{span:?}");
        assert_eq!(span.get("error.type"), failure, "{span:?}");
        let failed = span.status == StatusCode::Error;
        assert_eq!(failed, !failure.is_empty(), "{span:?}");
    }
}

#[test]
fn a_call_has_the_attributes_of_the_conventions() {
    run(|telemetry, _| async move {
        let mut stock = connect().await;
        assert_eq!(stock.count("horse").await.unwrap(), "3");
        let spans = trace(&telemetry).await;
        let [caller, server, _] = &spans;
        let port = caller.get("server.port").to_owned();
        let both = [
            ("network.protocol.version", "2"),
            ("rpc.method", "shop.v1.Stock/Count"),
            ("rpc.response.status_code", "OK"),
            ("rpc.system.name", "grpc"),
            ("server.address", "127.0.0.1"),
            ("server.port", port.as_str()),
        ];
        assert_eq!(caller.all(), both);
        assert_eq!(server.all(), both);
        assert!(port.parse::<u16>().unwrap() > 0);
        for span in [caller, server] {
            assert_eq!(span.name, "shop.v1.Stock/Count");
            assert_eq!(span.status, StatusCode::Unset);
        }
    });
}

#[test]
fn all_kinds_of_streaming_are_one_trace() {
    run(|telemetry, _| async move {
        let mut stock = connect().await;
        let items = || tokio_stream::iter(["horse".to_owned(), "goat".to_owned()]);
        assert_eq!(stock.add(items()).await.unwrap(), "2");
        assert_ended(&trace(&telemetry).await, "OK", ["", ""]);
        let mut counts = stock.watch("horse").await.unwrap();
        let mut seen = Vec::new();
        while let Some(count) = counts.message().await.unwrap() {
            seen.push(count);
        }
        assert_eq!(seen, ["3", "2"]);
        assert_ended(&trace(&telemetry).await, "OK", ["", ""]);
        let mut answers = stock.exchange(items()).await.unwrap();
        assert_eq!(answers.message().await.unwrap().unwrap(), "new horse");
        assert_eq!(answers.message().await.unwrap().unwrap(), "new goat");
        assert_eq!(answers.message().await.unwrap(), None);
        assert_ended(&trace(&telemetry).await, "OK", ["", ""]);
    });
}

#[test]
fn a_code_in_the_head_is_a_failure_by_side() {
    run(|telemetry, _| async move {
        let mut stock = connect().await;
        let missing = stock.count("unicorn").await.unwrap_err();
        assert_eq!(missing.code(), Code::NotFound);
        let spans = trace(&telemetry).await;
        assert_ended(&spans, "NOT_FOUND", ["NOT_FOUND", ""]);
        assert_eq!(spans[0].message, "no unicorn, only horses");
        assert_eq!(spans[1].message, "");
        assert!(stock.count("secret").await.is_err());
        let spans = trace(&telemetry).await;
        assert_ended(&spans, "INTERNAL", ["INTERNAL", "INTERNAL"]);
        assert_eq!(spans[1].message, "the shelf is gone");
    });
}

#[test]
fn a_stream_that_fails_in_its_trailers_has_failed() {
    run(|telemetry, _| async move {
        let mut stock = connect().await;
        let mut counts = stock.watch("secret").await.unwrap();
        assert_eq!(counts.message().await.unwrap().unwrap(), "3");
        assert_eq!(counts.message().await.unwrap().unwrap(), "2");
        assert_eq!(counts.message().await.unwrap_err().code(), Code::Internal);
        let spans = trace(&telemetry).await;
        assert_ended(&spans, "INTERNAL", ["INTERNAL", "INTERNAL"]);
    });
}

#[test]
fn a_stream_that_is_dropped_is_cancelled_on_both_sides() {
    run(|telemetry, _| async move {
        let mut stock = connect().await;
        let mut counts = stock.watch("eternity").await.unwrap();
        assert_eq!(counts.message().await.unwrap().unwrap(), "3");
        drop(counts);
        let spans = trace(&telemetry).await;
        assert_ended(&spans, "", ["cancelled", "cancelled"]);
    });
}

#[test]
fn a_call_that_is_given_up_is_cancelled_on_both_sides() {
    run(|telemetry, _| async move {
        let mut stock = connect().await;
        let given_up = tokio::time::timeout(Duration::from_millis(200), stock.count("eternity"));
        assert!(given_up.await.is_err());
        let spans = trace(&telemetry).await;
        assert_ended(&spans, "", ["cancelled", "cancelled"]);
    });
}

#[test]
fn a_method_that_the_server_does_not_have_names_nothing_there() {
    run(|telemetry, _| async move {
        let mut stock = connect().await;
        for path in ["/shop.v1.Stock/Scan1", "/scanner.Made/Up"] {
            let unknown = stock.call(path, "horse").await.unwrap_err();
            assert_eq!(unknown.code(), Code::Unimplemented);
            let mut spans = telemetry.spans(2).await;
            spans.sort_by_key(|span| span.kind != Kind::Client);
            let [caller, server] = <[Finished; 2]>::try_from(spans).unwrap();
            assert_eq!(caller.name, &path[1..]);
            assert_eq!(caller.get("error.type"), "UNIMPLEMENTED");
            assert_eq!(server.name, "grpc");
            assert_eq!(server.get("rpc.method"), "_OTHER");
            assert_eq!(server.get("rpc.method_original"), &path[1..]);
            assert_eq!(server.get("error.type"), "UNIMPLEMENTED");
        }
    });
}

#[test]
fn a_server_that_cannot_be_reached_is_an_error() {
    run(|telemetry, _| async move {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri: Uri = format!("http://{}", socket.local_addr().unwrap())
            .parse()
            .unwrap();
        drop(socket);
        let mut stock = StockClient::new(client(Endpoint::from(uri).connect_lazy()));
        assert_eq!(
            stock.count("horse").await.unwrap_err().code(),
            Code::Unavailable
        );
        let span = telemetry.span().await;
        assert_eq!(span.name, "shop.v1.Stock/Count");
        assert_eq!(span.get("error.type"), "tonic::transport::error::Error");
        assert_eq!(span.status, StatusCode::Error);
    });
}

#[derive(Debug)]
struct NotFoundIsFine;

impl Classify for NotFoundIsFine {
    fn grpc(&self, _: Side, code: GrpcCode) -> Option<Failure> {
        let failed = !matches!(code, GrpcCode::Ok | GrpcCode::NotFound);
        failed.then(|| Failure::from(code))
    }
}

#[test]
fn a_classifier_decides_what_is_a_failure() {
    run(|telemetry, _| async move {
        let endpoint = serve_with(ServerLayer::grpc()).await;
        let layer = ClientLayer::grpc().classify(NotFoundIsFine);
        let mut stock = StockClient::new(layer.layer(endpoint.connect_lazy()));
        assert!(stock.count("unicorn").await.is_err());
        assert_ended(&trace(&telemetry).await, "NOT_FOUND", ["", ""]);
    });
}

#[test]
fn a_layer_that_was_told_so_sees_http() {
    run(|telemetry, _| async move {
        let endpoint = serve_with(ServerLayer::http()).await;
        let mut stock = StockClient::new(ClientLayer::http().layer(endpoint.connect_lazy()));
        assert!(stock.count("unicorn").await.is_err());
        let [caller, server, _] = trace(&telemetry).await;
        for span in [caller, server] {
            assert_eq!(span.name, "POST");
            assert_eq!(span.get("http.response.status_code"), "200");
            assert_eq!(span.get("rpc.system.name"), "");
            assert_eq!(span.status, StatusCode::Unset);
        }
    });
}

/// A body of these trailers, or without any.
#[derive(Debug)]
struct Only(Option<HeaderMap>);

impl http_body::Body for Only {
    type Data = bytes::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Self::Data>, Self::Error>>> {
        std::task::Poll::Ready(
            self.0
                .take()
                .map(|trailers| Ok(http_body::Frame::trailers(trailers))),
        )
    }
}

/// The span of a server whose response is this one, read to its end.
async fn ended(telemetry: &Telemetry, response: Response<Only>) -> Finished {
    let response = Mutex::new(Some(response));
    let service = tower::service_fn(|_: Request<Body>| {
        let response = response.lock().unwrap().take().unwrap();
        async { Ok::<_, std::convert::Infallible>(response) }
    });
    let mut service = ServerLayer::grpc().layer(service);
    let request = Request::post("http://a/S/M").body(Body::empty()).unwrap();
    let mut body = Box::pin(service.call(request).await.unwrap().into_body());
    while std::future::poll_fn(|cx| body.as_mut().poll_frame(cx))
        .await
        .is_some()
    {}
    telemetry.span().await
}

#[test]
fn a_response_without_a_code_has_failed() {
    run(|telemetry, _| async move {
        let span = ended(&telemetry, Response::new(Only(None))).await;
        assert_eq!(span.get("rpc.response.status_code"), "UNKNOWN");
        assert_eq!(span.get("error.type"), "UNKNOWN");
        let silent = Response::new(Only(Some(HeaderMap::new())));
        let span = ended(&telemetry, silent).await;
        assert_eq!(span.get("error.type"), "UNKNOWN");
        assert_eq!(span.message, "the response ended without grpc-status");
    });
}

#[test]
fn a_proxy_that_answers_in_http_has_a_code() {
    run(|telemetry, _| async move {
        for (status, code, failure) in [
            (401, "UNAUTHENTICATED", ""),
            (403, "PERMISSION_DENIED", ""),
            (503, "UNAVAILABLE", "UNAVAILABLE"),
            (418, "UNKNOWN", "UNKNOWN"),
        ] {
            let response = Response::builder().status(status).body(Only(None)).unwrap();
            let span = ended(&telemetry, response).await;
            assert_eq!(span.get("rpc.response.status_code"), code);
            assert_eq!(span.get("error.type"), failure);
        }
    });
}

#[test]
fn the_length_of_a_body_does_not_hide_its_trailers() {
    run(|telemetry, _| async move {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", "14".parse().unwrap());
        let response = Response::builder().header("content-length", "0");
        let span = ended(&telemetry, response.body(Only(Some(trailers))).unwrap()).await;
        assert_eq!(span.get("error.type"), "UNAVAILABLE");
    });
}

#[test]
fn the_options_of_a_server_are_for_calls_too() {
    run(|telemetry, lines| async move {
        let undone = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&undone);
        let compensation = Compensation::new(move |outcome| {
            let told = (outcome.route().map(str::to_owned), outcome.grpc_code());
            seen.lock().unwrap().push(told);
        });
        let layer = ServerLayer::new()
            .access_log(AccessLog::new())
            .request_headers(["te"])
            .body_sizes()
            .compensation(compensation.idempotent(Method::POST, "/shop.v1.Stock/Count"));
        let endpoint = serve_with(layer).await;
        let mut stock = StockClient::new(client(endpoint.connect_lazy()));
        assert_eq!(stock.count("horse").await.unwrap(), "3");
        stock.count("secret").await.unwrap_err();
        let spans = telemetry.spans(6).await;
        let served = spans.iter().find(|span| span.kind == Kind::Server).unwrap();
        assert_eq!(served.get("http.request.header.te"), "trailers");
        // five bytes in front of each message, https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
        assert_eq!(served.get("http.response.body.size"), "6");
        let path = Some("/shop.v1.Stock/Count".to_owned());
        assert_eq!(
            *undone.lock().unwrap(),
            [(path, Some(GrpcCode::Internal))],
            "only the call that failed"
        );
        let lines = lines.of(ACCESS_TARGET);
        for (line, level, code) in [(&lines[0], "INFO", "OK"), (&lines[1], "ERROR", "INTERNAL")] {
            assert_eq!(line["level"], level);
            assert_eq!(line["rpc.method"], "shop.v1.Stock/Count");
            assert_eq!(line["rpc.response.status_code"], code);
            assert_eq!(line["http.response.status_code"], 200);
            assert!(line.get("http.route").is_none());
        }
    });
}
