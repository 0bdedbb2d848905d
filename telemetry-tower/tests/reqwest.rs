//! The client layer around reqwest, as a middleware and as a service, over real sockets.
#![cfg(feature = "reqwest")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;
#[path = "common/meters.rs"]
mod meters;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::response::Redirect;
use axum::routing::{any, get};
use common::{Finished, Telemetry, run, serve};
use http::{Extensions, HeaderMap, Method, StatusCode as HttpStatus};
use meters::Meters;
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware, Next};
use telemetry_core::otlp::{Kind, StatusCode};
use telemetry_tower::{ClientLayer, ResendCount, Route, ServerLayer, UrlTemplate};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_stream::StreamExt as _;
use tower_layer::Layer as _;
use tower_service::Service as _;

fn client(layer: ClientLayer) -> ClientWithMiddleware {
    ClientBuilder::new(reqwest::Client::new())
        .with(layer)
        .build()
}

fn shop() -> Router {
    let failures = Arc::new(AtomicU32::new(0));
    let flaky = move || async move {
        match failures.fetch_add(1, Ordering::Relaxed) {
            0 | 1 => HttpStatus::SERVICE_UNAVAILABLE,
            _ => HttpStatus::OK,
        }
    };
    let echo = |headers: HeaderMap| async move {
        let parent = headers.get("traceparent").unwrap();
        parent.to_str().unwrap().to_owned()
    };
    let endless = || async {
        let pieces = tokio_stream::once(Ok::<_, std::io::Error>("piece"));
        Body::from_stream(pieces.chain(tokio_stream::pending()))
    };
    Router::new()
        .route("/items/{id}", any(echo))
        .route("/flaky", get(flaky))
        .route("/missing", get(|| async { HttpStatus::NOT_FOUND }))
        .route("/slow", get(std::future::pending::<()>))
        .route("/endless", get(endless))
        .route("/moved", get(|| async { Redirect::to("/items/7") }))
        .route("/upload", any(|body: String| async { body }))
}

fn url(address: SocketAddr, path: &str) -> String {
    format!("http://{address}{path}")
}

/// Both ways around reqwest.
#[derive(Clone, Copy, Debug)]
enum Way {
    Middleware,
    Service,
}

const WAYS: [Way; 2] = [Way::Middleware, Way::Service];

impl Way {
    async fn get(self, layer: ClientLayer, url: String) -> Result<reqwest::Response, String> {
        self.send(layer, reqwest::Client::new(), url).await
    }

    async fn send(
        self,
        layer: ClientLayer,
        inner: reqwest::Client,
        url: String,
    ) -> Result<reqwest::Response, String> {
        match self {
            Self::Middleware => {
                let client = ClientBuilder::new(inner).with(layer).build();
                let sent = client.get(url).send().await;
                sent.map_err(|error| error.to_string())
            }
            Self::Service => {
                let request = reqwest::Request::new(Method::GET, url.parse().unwrap());
                let sent = layer.layer(inner).call(request).await;
                sent.map_err(|error| error.to_string())
            }
        }
    }
}

#[test]
fn a_request_is_a_client_span_with_the_attributes_of_the_conventions() {
    run(|telemetry, _| async move {
        let address = serve(shop()).await;
        let target = format!("http://me:word@{address}/items/7?q=a&sig=secret");
        let sent = client(ClientLayer::new())
            .post(&target)
            .with_extension(UrlTemplate(Route::from_static("/items/{id}")))
            .send();
        let response = sent.await.unwrap();
        assert_eq!(
            response.url().path(),
            "/items/7",
            "the response keeps its URL"
        );
        assert!(response.remote_addr().is_some());
        let echo = response.text().await.unwrap();
        let span = telemetry.span().await;
        assert_eq!(span.name, "POST /items/{id}");
        assert_eq!((span.kind, span.status), (Kind::Client, StatusCode::Unset));
        assert!(echo.starts_with(&format!("00-{}-{}-0", span.trace_id, span.span_id)));
        let full = format!("http://{address}/items/7?q=a&sig=REDACTED");
        let port = address.port().to_string();
        let expected = [
            ("http.request.method", "POST"),
            ("http.response.status_code", "200"),
            ("network.protocol.version", "1.1"),
            ("server.address", "127.0.0.1"),
            ("server.port", port.as_str()),
            ("url.full", full.as_str()),
            ("url.template", "/items/{id}"),
        ];
        assert_eq!(span.all(), expected);
    });
}

#[test]
fn a_server_and_reqwest_are_one_trace() {
    run(|telemetry, _| async move {
        let address = serve(shop().layer(ServerLayer::new())).await;
        for way in WAYS {
            let sent = way.get(ClientLayer::new(), url(address, "/items/7")).await;
            sent.unwrap().bytes().await.unwrap();
            let spans = telemetry.spans(2).await;
            let of = |kind| spans.iter().find(|span| span.kind == kind).unwrap();
            let (client, server) = (of(Kind::Client), of(Kind::Server));
            assert_eq!(server.trace_id, client.trace_id, "{way:?}");
            assert_eq!(server.parent, client.span_id, "{way:?}");
        }
    });
}

#[test]
fn the_span_ends_with_the_body() {
    run(|telemetry, _| async move {
        let address = serve(shop()).await;
        for way in WAYS {
            let get = |path| way.get(ClientLayer::new(), url(address, path));
            let mut response = get("/endless").await.unwrap();
            response.chunk().await.unwrap().unwrap();
            assert!(
                telemetry.take().is_empty(),
                "{way:?}: the body has not ended"
            );
            drop(response);
            assert_end(&telemetry.span().await, "200", "");

            let half = url(serve_half().await, "/");
            let response = way.get(ClientLayer::new(), half).await;
            response.unwrap().bytes().await.unwrap_err();
            assert_end(&telemetry.span().await, "200", "reqwest::error::Error");

            let body = get("/missing").await.unwrap().bytes().await;
            assert!(body.unwrap().is_empty());
            assert_end(&telemetry.span().await, "404", "404");
        }
    });
}

/// Answers one request, and closes the connection within the body.
async fn serve_half() -> SocketAddr {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = socket.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_buf(&mut head).await.unwrap();
        }
        let half = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\npiece";
        stream.write_all(half).await.unwrap();
    });
    address
}

#[track_caller]
fn assert_end(span: &Finished, status: &str, error_type: &str) {
    assert_eq!(span.get("http.response.status_code"), status, "{span:#?}");
    assert_eq!(span.get("error.type"), error_type, "{span:#?}");
    let failed = span.status == StatusCode::Error;
    assert_eq!(failed, !error_type.is_empty(), "{span:#?}");
}

#[test]
fn what_is_given_up_is_cancelled_and_a_timeout_of_reqwest_is_an_error() {
    run(|telemetry, _| async move {
        let address = serve(shop()).await;
        let brief = Duration::from_millis(50);
        for way in WAYS {
            let sent = way.get(ClientLayer::new(), url(address, "/slow"));
            assert!(tokio::time::timeout(brief, sent).await.is_err());
            assert_end(&telemetry.span().await, "", "cancelled");

            let impatient = reqwest::Client::builder().timeout(brief).build().unwrap();
            let send = |path| way.send(ClientLayer::new(), impatient.clone(), url(address, path));
            send("/slow").await.unwrap_err();
            assert_end(&telemetry.span().await, "", "reqwest::error::Error");
            let late = send("/endless").await.unwrap().bytes().await.unwrap_err();
            assert!(late.is_timeout(), "the caller still knows why: {late:?}");
            assert_end(&telemetry.span().await, "200", "reqwest::error::Error");
        }
    });
}

#[test]
fn an_error_says_why_without_the_secrets_of_its_url() {
    run(|telemetry, _| async move {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        drop(socket);
        for way in WAYS {
            let target = url(address, r"/items?q=a\b&sig=secret");
            let said = way.get(ClientLayer::new(), target).await.unwrap_err();
            assert!(said.contains("sig=secret"), "reqwest's own text: {said}");
            let span = telemetry.span().await;
            assert_end(&span, "", "reqwest::error::Error");
            assert!(span.message.contains("Connect"), "{}", span.message);
            assert!(span.message.contains("sig=REDACTED"), "{}", span.message);
            assert!(!span.exported.contains("secret"), "{}", span.exported);
        }
    });
}

/// Sends again what was refused for now, as reqwest-retry does.
struct Retry;

#[async_trait]
impl Middleware for Retry {
    async fn handle(
        &self,
        request: reqwest::Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<reqwest::Response> {
        loop {
            let copy = request.try_clone().unwrap();
            let response = next.clone().run(copy, extensions).await?;
            if response.status() != HttpStatus::SERVICE_UNAVAILABLE {
                return Ok(response);
            }
        }
    }
}

#[test]
fn each_try_has_its_span_and_says_how_often_it_was_sent() {
    run(|telemetry, _| async move {
        let address = serve(shop()).await;
        let client = ClientBuilder::new(reqwest::Client::new())
            .with(Retry)
            .with(ClientLayer::new())
            .build();
        let response = client.get(url(address, "/flaky")).send().await.unwrap();
        assert_eq!(response.status(), HttpStatus::OK);
        drop(response);
        assert_eq!(
            tries(&telemetry, 3).await,
            [("503", ""), ("503", "1"), ("200", "2")].map(owned)
        );
        // the next request is sent for the first time, unless its caller says otherwise
        client.get(url(address, "/flaky")).send().await.unwrap();
        let said = client.get(url(address, "/flaky"));
        said.with_extension(ResendCount(7)).send().await.unwrap();
        assert_eq!(
            tries(&telemetry, 2).await,
            [("200", ""), ("200", "7")].map(owned)
        );
    });
}

async fn tries(telemetry: &Telemetry, count: usize) -> Vec<(String, String)> {
    let spans = telemetry.spans(count).await;
    let told = |span: &Finished| {
        owned((
            span.get("http.response.status_code"),
            span.get("http.request.resend_count"),
        ))
    };
    spans.iter().map(told).collect()
}

fn owned((status, resent): (&str, &str)) -> (String, String) {
    (status.to_owned(), resent.to_owned())
}

#[test]
fn a_redirect_that_reqwest_follows_is_inside_the_span() {
    run(|telemetry, _| async move {
        let address = serve(shop()).await;
        for way in WAYS {
            let sent = way.get(ClientLayer::new(), url(address, "/moved")).await;
            assert_eq!(sent.unwrap().url().path(), "/items/7", "{way:?}");
            assert_end(&telemetry.span().await, "200", "");
        }
    });
}

#[test]
fn bodies_are_measured_whether_their_length_is_known_or_not() {
    run(|telemetry, _| async move {
        let meters = Meters::new();
        let address = serve(shop()).await;
        let client = client(ClientLayer::new().meter(&meters.meter()).body_sizes());
        let pieces = tokio_stream::iter(["four", "fives"].map(Ok::<_, std::io::Error>));
        for body in ["twelve bytes".into(), reqwest::Body::wrap_stream(pieces)] {
            let sent = client.post(url(address, "/upload")).body(body).send();
            sent.await.unwrap().bytes().await.unwrap();
        }
        client.get(url(address, "/missing")).send().await.unwrap();
        let sizes: Vec<_> = telemetry
            .spans(3)
            .await
            .iter()
            .map(|span| {
                let size = |key| span.get(key).to_owned();
                [
                    size("http.request.body.size"),
                    size("http.response.body.size"),
                ]
            })
            .collect();
        assert_eq!(sizes, [["12", "12"], ["9", "9"], ["0", "0"]]);
        for name in [
            "http.client.request.body.size",
            "http.client.response.body.size",
        ] {
            assert_eq!(meters.total(name), (3, 21.0), "{name}");
        }
    });
}
