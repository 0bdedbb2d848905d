//! The HTTP client layer over real sockets: what the server got, and which spans were finished.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod common;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::{any, get};
use common::{Finished, PARENT, TRACE, Telemetry, run, serve};
use http::{HeaderMap, Request, StatusCode as HttpStatus};
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use telemetry_core::context::current;
use telemetry_core::otlp::{Kind, StatusCode};
use telemetry_tower::http::{client::TARGET, server};
use telemetry_tower::{
    Classify, ClientLayer, ClientService, Failure, ResendCount, Route, ServerLayer, Side,
    UrlTemplate,
};
use tower::ServiceExt;
use tower::retry::{Policy, RetryLayer};
use tower_layer::Layer;
use tower_service::Service;
use tracing::Instrument;
use tracing_subscriber::filter::{LevelFilter, Targets, filter_fn};
use tracing_subscriber::layer::SubscriberExt;

type Http = Client<HttpConnector, Empty<bytes::Bytes>>;

/// Sends again what was a bad gateway, up to three times in all.
#[derive(Clone)]
struct Again(u32);

type Sent = Request<Empty<bytes::Bytes>>;

impl<R, E> Policy<Sent, http::Response<R>, E> for Again {
    type Future = std::future::Ready<()>;

    fn retry(
        &mut self,
        request: &mut Sent,
        result: &mut Result<http::Response<R>, E>,
    ) -> Option<Self::Future> {
        let failed = matches!(result, Ok(it) if it.status() == HttpStatus::BAD_GATEWAY);
        self.0 = self.0.checked_sub(1).filter(|_| failed)?;
        ResendCount::add_one(request.extensions_mut());
        Some(std::future::ready(()))
    }

    fn clone_request(&mut self, request: &Sent) -> Option<Sent> {
        Some(request.clone())
    }
}

fn http() -> Http {
    Client::builder(TokioExecutor::new()).build_http()
}

fn shop() -> Router {
    let echo = |headers: HeaderMap| async move {
        let text = |name: &str| {
            headers
                .get(name)
                .map_or("", |value| value.to_str().unwrap())
        };
        format!(
            "{} {} {}",
            text("traceparent"),
            text("tracestate"),
            text("baggage")
        )
    };
    Router::new()
        .route("/echo", any(echo))
        .route("/missing", get(|| async { HttpStatus::NOT_FOUND }))
        .route("/fail", get(|| async { HttpStatus::BAD_GATEWAY }))
        .route("/slow", get(std::future::pending::<()>))
        .route("/endless", get(|| async { Body::new(Endless) }))
        .route(
            "/missing-and-long",
            get(|| async { (HttpStatus::NOT_FOUND, Body::new(Endless)) }),
        )
}

/// A body whose first piece comes, and no other.
struct Endless;

impl http_body::Body for Endless {
    type Data = bytes::Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Self::Data>, Self::Error>>> {
        std::task::Poll::Pending
    }
}

fn request(address: SocketAddr, path: &str) -> Request<Empty<bytes::Bytes>> {
    let uri = format!("http://{address}{path}");
    Request::get(uri).body(Empty::new()).unwrap()
}

/// Sends a request and reads the whole response.
async fn ask(
    client: &mut ClientService<Http>,
    request: Request<Empty<bytes::Bytes>>,
) -> (HttpStatus, String) {
    let response = client.call(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.into()).unwrap())
}

/// The span of a request to this path, with the layer.
async fn one(telemetry: &Telemetry, layer: ClientLayer, path: &str) -> Finished {
    let address = serve(shop()).await;
    ask(&mut layer.layer(http()), request(address, path)).await;
    telemetry.span().await
}

#[test]
fn a_request_is_a_client_span_with_the_attributes_of_the_conventions() {
    run(|telemetry, _| async move {
        let address = serve(shop()).await;
        let mut client = ClientLayer::new().layer(http());
        let uri = format!("http://me:word@{address}/echo?q=a&sig=secret");
        let request = Request::post(uri)
            .extension(UrlTemplate(Route::from_static("/{page}")))
            .extension(ResendCount(2))
            .body(Empty::new())
            .unwrap();
        let (_, echo) = ask(&mut client, request).await;
        let span = telemetry.span().await;
        assert_eq!(span.name, "POST /{page}");
        assert_eq!((span.kind, span.status), (Kind::Client, StatusCode::Unset));
        assert_eq!(span.scope, "telemetry_tower::http::client");
        let full = format!("http://REDACTED:REDACTED@{address}/echo?q=a&sig=REDACTED");
        let port = address.port().to_string();
        let expected = [
            ("http.request.method", "POST"),
            ("http.request.resend_count", "2"),
            ("http.response.status_code", "200"),
            ("network.protocol.version", "1.1"),
            ("server.address", "127.0.0.1"),
            ("server.port", port.as_str()),
            ("url.full", full.as_str()),
            ("url.template", "/{page}"),
        ];
        assert_eq!(span.all(), expected);
        assert!(echo.starts_with(&format!("00-{}-{}-0", span.trace_id, span.span_id)));
    });
}

#[test]
fn each_try_of_a_retry_has_its_span_and_says_how_often_it_was_sent() {
    run(|telemetry, _| async move {
        let address = serve(shop()).await;
        let client = RetryLayer::new(Again(2)).layer(ClientLayer::new().layer(http()));
        let response = client.oneshot(request(address, "/fail")).await.unwrap();
        assert_eq!(response.status(), HttpStatus::BAD_GATEWAY);
        drop(response);
        let spans = telemetry.spans(3).await;
        let counts: Vec<_> = spans
            .iter()
            .map(|span| span.get("http.request.resend_count"))
            .collect();
        assert_eq!(counts, ["", "1", "2"]);
        assert_ne!(spans[0].span_id, spans[1].span_id);
    });
}

#[test]
fn a_server_and_its_client_are_one_trace() {
    run(|telemetry, _| async move {
        let inner = serve(shop().layer(ServerLayer::new())).await;
        let handler = move || async move {
            let mut client = ClientLayer::new().layer(http());
            let ask = async { ask(&mut client, request(inner, "/echo")).await.1 };
            ask.instrument(tracing::info_span!("load")).await
        };
        let app = Router::new().route("/", get(handler));
        let outer = serve(app.layer(ServerLayer::new())).await;
        let mut client = ClientLayer::new().layer(http());
        let echo = ask(&mut client, request(outer, "/")).await.1;
        let mut parent = "0000000000000000".to_owned();
        let mut spans = telemetry.spans(5).await;
        for (name, kind) in [
            ("GET", Kind::Client),
            ("GET /", Kind::Server),
            ("load", Kind::Internal),
            ("GET", Kind::Client),
            ("GET /echo", Kind::Server),
        ] {
            let place = spans
                .iter()
                .position(|span| span.parent.to_string() == parent);
            let span = spans.remove(place.unwrap());
            assert_eq!((span.name.as_str(), span.kind), (name, kind));
            assert!(echo.contains(&span.trace_id.to_string()));
            parent = span.span_id.to_string();
        }
    });
}

#[test]
fn what_is_not_there_or_broken_is_a_failure_of_the_call() {
    run(|telemetry, _| async move {
        for (path, status) in [("/missing", "404"), ("/fail", "502")] {
            let span = one(&telemetry, ClientLayer::new(), path).await;
            assert_eq!(span.get("http.response.status_code"), status);
            assert_eq!(span.get("error.type"), status);
            assert_eq!(span.status, StatusCode::Error);
        }
    });
}

#[derive(Debug)]
struct MissingIsFine;

impl Classify for MissingIsFine {
    fn response(&self, _: Side, status: HttpStatus, _: &HeaderMap) -> Option<Failure> {
        let failed = status.is_server_error();
        failed.then(|| Failure::from(status))
    }
}

#[test]
fn a_classifier_decides_what_is_a_failure() {
    run(|telemetry, _| async move {
        let layer = ClientLayer::new().classify(MissingIsFine);
        let span = one(&telemetry, layer, "/missing").await;
        assert_eq!(
            (span.get("error.type"), span.status),
            ("", StatusCode::Unset)
        );
    });
}

#[test]
fn a_server_that_cannot_be_reached_is_an_error() {
    run(|telemetry, _| async move {
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        drop(socket);
        let mut client = ClientLayer::new().layer(http());
        assert!(client.call(request(address, "/")).await.is_err());
        let span = telemetry.span().await;
        assert_eq!(
            span.get("error.type"),
            "hyper_util::client::legacy::client::Error"
        );
        assert_eq!(span.status, StatusCode::Error);
        // what it says itself is "client error (Connect)"
        assert!(span.message.contains("ConnectionRefused"), "{span:?}");
    });
}

#[test]
fn a_call_that_is_given_up_is_cancelled_and_an_answer_that_is_not_read_is_not() {
    run(|telemetry, _| async move {
        let address = serve(shop()).await;
        let mut client = ClientLayer::new().layer(http());
        let slow = client.call(request(address, "/slow"));
        assert!(
            tokio::time::timeout(Duration::from_millis(50), slow)
                .await
                .is_err()
        );
        let span = telemetry.span().await;
        assert_eq!(span.get("error.type"), "cancelled");
        assert_eq!(span.get("http.response.status_code"), "");
        let response = client.call(request(address, "/endless")).await.unwrap();
        assert!(
            telemetry.take().is_empty(),
            "the headers came, the body did not"
        );
        drop(response);
        let span = telemetry.span().await;
        assert_eq!(
            (span.get("error.type"), span.status),
            ("", StatusCode::Unset)
        );
        assert_eq!(span.get("http.response.status_code"), "200");
        assert_eq!(span.get("http.response.body.size"), "");
        drop(client.call(request(address, "/missing-and-long")).await);
        let span = telemetry.span().await;
        assert_eq!(span.get("error.type"), "404");
    });
}

#[test]
fn a_filtered_request_carries_the_context_of_its_caller() {
    run(|telemetry, _| async move {
        let address = serve(shop()).await;
        let layer = ClientLayer::new().filter(|head| head.path() != "/echo");
        let mut client = layer.layer(http());
        let caller = tracing::info_span!("caller");
        let ask = ask(&mut client, request(address, "/echo"));
        let echo = ask.instrument(caller.clone()).await.1;
        drop(caller);
        let span = telemetry.span().await;
        assert_eq!(span.name, "caller");
        assert!(echo.contains(&span.span_id.to_string()), "{echo}");
    });
}

/// What a server gets from a client under this subscriber, inside an unsampled or a sampled server
/// span of a known trace.
fn carried(subscriber: impl Into<tracing::Dispatch>, flags: &str) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let _current = tracing::dispatcher::set_default(&subscriber.into());
    runtime.block_on(async {
        let inner = serve(shop()).await;
        let handler = move || async move {
            let mut client = ClientLayer::new().layer(http());
            let own = current().unwrap().span_id.to_string();
            let echo = ask(&mut client, request(inner, "/echo")).await.1;
            assert!(
                !echo.contains(&own),
                "the call has an id of its own: {echo}"
            );
            echo
        };
        let app = Router::new().route("/", get(handler));
        let outer = serve(app.layer(ServerLayer::new())).await;
        let request = Request::get(format!("http://{outer}/"))
            .header("traceparent", format!("00-{TRACE}-{PARENT}-{flags}"))
            .header("tracestate", "vendor=1")
            .header("baggage", "tenant=blue")
            .body(Empty::<bytes::Bytes>::new())
            .unwrap();
        let response = http().request(request).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(body.into()).unwrap()
    })
}

#[test]
fn context_crosses_whether_the_span_is_sampled_unsampled_or_filtered_out() {
    let telemetry = Telemetry::new();
    let hidden = filter_fn(|metadata| metadata.target() != TARGET);
    let plain = tracing_subscriber::registry().with(telemetry.layer());
    let filtered = tracing_subscriber::registry()
        .with(telemetry.layer())
        .with(hidden);
    for (echo, flags) in [
        (carried(plain, "01"), "01"),
        (carried(filtered, "01"), "01"),
        (
            carried(tracing_subscriber::registry().with(telemetry.layer()), "00"),
            "00",
        ),
    ] {
        let expected = format!("-{flags} vendor=1 tenant=blue");
        assert!(echo.starts_with(&format!("00-{TRACE}-")), "{echo}");
        assert!(echo.ends_with(&expected), "{echo}");
        assert!(!echo.contains(PARENT), "{echo}");
    }
    assert_eq!(telemetry.open(), 0);
}

#[test]
fn a_filter_that_hides_the_spans_of_a_server_leaves_those_of_its_client() {
    for (hidden, shown) in [(server::TARGET, Kind::Client), (TARGET, Kind::Server)] {
        let telemetry = Telemetry::new();
        let targets = Targets::new()
            .with_default(LevelFilter::INFO)
            .with_target(hidden, LevelFilter::OFF);
        let subscriber = tracing_subscriber::registry().with(telemetry.layer());
        carried(subscriber.with(targets), "01");
        let kinds: Vec<_> = telemetry.take().iter().map(|span| span.kind).collect();
        assert_eq!(kinds, [shown], "{hidden} is off");
    }
}
