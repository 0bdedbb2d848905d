//! The HTTP server layer over real sockets: bytes in, finished spans out.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod common;

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, StatusCode as HttpStatus};
use axum::response::IntoResponse;
use axum::routing::{any, get};
use bytes::Bytes;
use common::{Finished, PARENT, TRACE, Telemetry, closing, exchange, run, serve};
use http_body::Frame;
use telemetry_core::context::{SpanId, current};
use telemetry_core::otlp::{Kind, StatusCode};
use telemetry_tower::ServerLayer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

async fn one(telemetry: &Telemetry, app: Router, request: impl AsRef<[u8]>) -> Finished {
    let address = serve(app.layer(ServerLayer::new())).await;
    exchange(address, request).await;
    telemetry.span().await
}

fn shop() -> Router {
    Router::new()
        .route("/users/{id}", get(|| async { "ada" }).post(|| async {}))
        .route(
            "/fail",
            get(|| async { HttpStatus::INTERNAL_SERVER_ERROR.into_response() }),
        )
}

#[test]
fn a_request_is_a_server_span_with_the_attributes_of_the_conventions() {
    run(|telemetry, _| async move {
        let headers = format!("User-Agent: wget/1\r\ntraceparent: 00-{TRACE}-{PARENT}-01\r\n");
        let request = closing("GET /users/7?q=a&sig=secret", &headers);
        let span = one(&telemetry, shop(), request).await;
        assert_eq!(span.name, "GET /users/{id}");
        assert_eq!((span.kind, span.status), (Kind::Server, StatusCode::Unset));
        assert_eq!(span.scope, "telemetry_tower::http::server");
        assert_eq!(span.trace_id.to_string(), TRACE);
        assert_eq!(span.parent.to_string(), PARENT);
        let expected = [
            ("client.address", "127.0.0.1"),
            ("http.request.method", "GET"),
            ("http.response.status_code", "200"),
            ("http.route", "/users/{id}"),
            ("network.protocol.version", "1.1"),
            ("server.address", "shop.example"),
            ("server.port", "8080"),
            ("url.path", "/users/7"),
            ("url.query", "q=a&sig=REDACTED"),
            ("url.scheme", "http"),
            ("user_agent.original", "wget/1"),
        ];
        assert_eq!(span.all(), expected);
    });
}

#[test]
fn a_5xx_is_an_error_of_the_server() {
    run(|telemetry, _| async move {
        let span = one(&telemetry, shop(), closing("GET /fail", "")).await;
        assert_eq!(span.status, StatusCode::Error);
        assert_eq!(span.get("error.type"), "500");
        assert_eq!(span.get("http.response.status_code"), "500");
        assert_eq!(span.message, "");
    });
}

#[test]
fn a_path_without_a_route_names_nothing() {
    run(|telemetry, _| async move {
        let span = one(&telemetry, shop(), closing("GET /scanner/1.php", "")).await;
        assert_eq!(span.name, "GET");
        assert_eq!(
            (span.get("http.route"), span.status),
            ("", StatusCode::Unset)
        );
        assert_eq!(span.get("http.response.status_code"), "404");
        assert_eq!(span.get("error.type"), "");
    });
}

#[test]
fn a_method_that_nobody_knows_is_other() {
    run(|telemetry, _| async move {
        let span = one(&telemetry, shop(), closing("BREW /users/7", "")).await;
        assert_eq!(span.name, "HTTP /users/{id}");
        assert_eq!(span.get("http.request.method"), "_OTHER");
        assert_eq!(span.get("http.request.method_original"), "BREW");
    });
}

#[test]
fn responses_without_a_body_end_at_once() {
    run(|telemetry, _| async move {
        let address = serve(shop().layer(ServerLayer::new())).await;
        for (line, status) in [("HEAD /users/7", "200"), ("POST /users/7", "200")] {
            exchange(address, closing(line, "")).await;
            let span = telemetry.span().await;
            assert_eq!(span.get("http.response.status_code"), status);
            assert_eq!(
                (span.get("error.type"), span.status),
                ("", StatusCode::Unset)
            );
        }
    });
}

#[test]
fn a_body_that_the_server_does_not_send_ends_at_once() {
    use tower_service::Service;
    run(|telemetry, _| async move {
        for (method, status) in [
            (Method::GET, 101),
            (Method::GET, 204),
            (Method::GET, 304),
            (Method::HEAD, 200),
            (Method::CONNECT, 200),
        ] {
            let (app, _sender) = streaming_with(&[], HttpStatus::from_u16(status).unwrap());
            let mut service = app.layer(ServerLayer::new());
            let mut request = http::Request::new(Body::empty());
            *request.method_mut() = method;
            *request.uri_mut() = "/events".parse().unwrap();
            let response = service.call(request).await.unwrap();
            let spans = telemetry.take();
            assert_eq!(spans.len(), 1, "{status}");
            assert_eq!(
                spans[0].get("http.response.status_code"),
                status.to_string()
            );
            assert_eq!(spans[0].get("error.type"), "");
            drop(response);
        }
    });
}

#[test]
fn trailers_end_the_span() {
    run(|telemetry, _| async move {
        let (app, sender) = streaming(&[("trailer", "grpc-status")]);
        let address = serve(app.layer(ServerLayer::new())).await;
        let request = closing("GET /events", "TE: trailers\r\n");
        let client = tokio::spawn(exchange(address, request));
        sender.send(piece("one")).await.unwrap();
        let mut trailers = http::HeaderMap::new();
        trailers.insert("grpc-status", "0".parse().unwrap());
        sender.send(Ok(Frame::trailers(trailers))).await.unwrap();
        let span = telemetry.span().await;
        assert_eq!(
            (span.get("error.type"), span.status),
            ("", StatusCode::Unset)
        );
        assert!(client.await.unwrap().contains("grpc-status: 0"));
        drop(sender);
    });
}

#[test]
fn what_the_handler_says_of_its_error_stays() {
    use telemetry_core::trace::SpanExt;
    run(|telemetry, _| async move {
        let handler = || async {
            tracing::Span::current().set_attribute("error.type", "out_of_stock");
            HttpStatus::SERVICE_UNAVAILABLE
        };
        let app = Router::new().route("/buy", get(handler));
        let span = one(&telemetry, app, closing("GET /buy", "")).await;
        assert_eq!(span.get("error.type"), "out_of_stock");
        assert_eq!(span.status, StatusCode::Error);
    });
}

/// A route whose body the test writes piece by piece.
fn streaming(headers: &'static [(&'static str, &'static str)]) -> (Router, mpsc::Sender<Piece>) {
    streaming_with(headers, HttpStatus::OK)
}

fn streaming_with(
    headers: &'static [(&'static str, &'static str)],
    status: HttpStatus,
) -> (Router, mpsc::Sender<Piece>) {
    let (sender, receiver) = mpsc::channel::<Piece>(8);
    let receiver = std::sync::Arc::new(std::sync::Mutex::new(Some(receiver)));
    let route = any(move || {
        let receiver = receiver.lock().unwrap().take().unwrap();
        async move {
            let mut response = (status, Body::new(Pieces(receiver))).into_response();
            for (name, value) in headers {
                response.headers_mut().insert(*name, value.parse().unwrap());
            }
            response
        }
    });
    (Router::new().route("/events", route), sender)
}

type Piece = Result<Frame<Bytes>, std::io::Error>;

/// A body that yields what a test sends.
struct Pieces(mpsc::Receiver<Piece>);

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Piece>> {
        self.0.poll_recv(cx)
    }
}

fn piece(text: &'static str) -> Piece {
    Ok(Frame::data(Bytes::from_static(text.as_bytes())))
}

#[test]
fn a_stream_lasts_until_its_last_byte() {
    run(|telemetry, _| async move {
        let (app, sender) = streaming(&[]);
        let address = serve(app.layer(ServerLayer::new())).await;
        let client = tokio::spawn(exchange(address, closing("GET /events", "")));
        sender.send(piece("one")).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(
            telemetry.take().is_empty(),
            "the headers were sent, the body was not"
        );
        sender.send(piece("two")).await.unwrap();
        drop(sender);
        assert!(client.await.unwrap().contains("two"));
        let span = telemetry.span().await;
        assert!(span.nanos > 40_000_000, "{}", span.nanos);
        assert_eq!(
            (span.get("error.type"), span.status),
            ("", StatusCode::Unset)
        );
    });
}

#[test]
fn the_last_byte_of_a_known_length_ends_the_span() {
    run(|telemetry, _| async move {
        let (app, sender) = streaming(&[("content-length", "6")]);
        let address = serve(app.layer(ServerLayer::new())).await;
        let client = tokio::spawn(exchange(address, closing("GET /events", "")));
        sender.send(piece("one")).await.unwrap();
        sender.send(piece("two")).await.unwrap();
        let span = telemetry.span().await;
        assert_eq!(
            (span.get("error.type"), span.status),
            ("", StatusCode::Unset)
        );
        assert!(client.await.unwrap().ends_with("onetwo"));
        drop(sender);
    });
}

#[test]
fn a_body_that_fails_says_so() {
    run(|telemetry, _| async move {
        let (app, sender) = streaming(&[]);
        let address = serve(app.layer(ServerLayer::new())).await;
        let client = tokio::spawn(exchange(address, closing("GET /events", "")));
        sender.send(piece("one")).await.unwrap();
        let broken = std::io::Error::other("the disk is gone");
        sender.send(Err(broken)).await.unwrap();
        let span = telemetry.span().await;
        assert_eq!(span.status, StatusCode::Error);
        assert_eq!(span.get("error.type"), "axum_core::error::Error");
        assert_eq!(span.message, "the disk is gone");
        assert_eq!(span.get("http.response.status_code"), "200");
        client.await.unwrap();
    });
}

#[test]
fn a_client_that_leaves_cancels_the_body() {
    run(|telemetry, _| async move {
        let (app, sender) = streaming(&[]);
        let address = serve(app.layer(ServerLayer::new())).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream
            .write_all(closing("GET /events", "").as_bytes())
            .await
            .unwrap();
        sender.send(piece("one")).await.unwrap();
        assert!(stream.read(&mut [0; 16]).await.unwrap() > 0);
        drop(stream);
        let span = telemetry.span().await;
        assert_eq!(span.get("error.type"), "cancelled");
        assert_eq!(span.get("http.response.status_code"), "200");
        assert_eq!(span.status, StatusCode::Error);
    });
}

#[test]
fn a_client_that_leaves_cancels_the_handler() {
    run(|telemetry, _| async move {
        let app = Router::new().route("/slow", get(std::future::pending::<()>));
        let address = serve(app.layer(ServerLayer::new())).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream
            .write_all(closing("GET /slow", "").as_bytes())
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        drop(stream);
        let span = telemetry.span().await;
        assert_eq!(
            (span.name.as_str(), span.get("error.type")),
            ("GET /slow", "cancelled")
        );
        assert_eq!(span.get("http.response.status_code"), "");
    });
}

#[test]
fn what_a_cancelled_handler_drops_is_dropped_inside_the_span() {
    struct Guard(std::sync::mpsc::Sender<Option<telemetry_core::context::CurrentIds>>);
    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.send(current()).unwrap();
        }
    }
    run(|telemetry, _| async move {
        let (sender, receiver) = std::sync::mpsc::channel();
        let handler = move || {
            let guard = Guard(sender.clone());
            async move {
                let _guard = guard;
                std::future::pending::<()>().await;
            }
        };
        let app = Router::new().route("/slow", get(handler));
        let address = serve(app.layer(ServerLayer::new())).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream
            .write_all(closing("GET /slow", "").as_bytes())
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        drop(stream);
        let span = telemetry.span().await;
        let seen = receiver.recv().unwrap().unwrap();
        assert_eq!(seen.span_id, span.span_id);
    });
}

/// A body without an end that says which span is current when it is polled and dropped.
struct Watched(std::sync::mpsc::Sender<Option<SpanId>>);

impl Watched {
    fn say(&self) {
        self.0.send(current().map(|ids| ids.span_id)).unwrap();
    }
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.say();
        Poll::Pending
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.say();
    }
}

#[test]
fn the_body_is_polled_and_dropped_inside_the_span() {
    use http_body::Body as _;
    use tower_service::Service;
    run(|telemetry, _| async move {
        let (sender, receiver) = std::sync::mpsc::channel();
        let handler = move || async move { Body::new(Watched(sender)) };
        let mut service = tower_layer::Layer::layer(&ServerLayer::new(), get(handler));
        let response = service
            .call(http::Request::new(Body::empty()))
            .await
            .unwrap();
        assert_eq!(current(), None);
        let mut body = Box::pin(response.into_body());
        let mut cx = Context::from_waker(std::task::Waker::noop());
        assert!(body.as_mut().poll_frame(&mut cx).is_pending());
        drop(body);
        assert_eq!(current(), None);
        let span = telemetry.span().await;
        assert_eq!(span.get("error.type"), "cancelled");
        let seen: Vec<_> = receiver.try_iter().collect();
        assert_eq!(seen, [Some(span.span_id), Some(span.span_id)]);
    });
}

#[test]
fn a_handler_that_panics_is_an_error() {
    async fn broken() {
        tokio::task::yield_now().await;
        panic!("out of stock")
    }
    run(|telemetry, _| async move {
        let app = Router::new().route("/panic", get(broken));
        let span = one(&telemetry, app, closing("GET /panic", "")).await;
        assert_eq!(
            (span.name.as_str(), span.get("error.type")),
            ("GET /panic", "panic")
        );
        assert_eq!(span.status, StatusCode::Error);
    });
}

#[test]
fn a_service_that_fails_is_an_error() {
    use tower_service::Service;
    run(|telemetry, _| async move {
        let mut service = tower_layer::Layer::layer(&ServerLayer::new(), Broken);
        let result = service.call(http::Request::new(())).await;
        assert!(result.is_err());
        let span = telemetry.span().await;
        assert_eq!(span.get("error.type"), "std::io::error::Error");
        assert_eq!(
            (span.message.as_str(), span.status),
            ("no database", StatusCode::Error)
        );
    });
}

struct Broken;

impl tower_service::Service<http::Request<()>> for Broken {
    type Response = http::Response<Body>;
    type Error = std::io::Error;
    type Future = std::future::Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<()>) -> Self::Future {
        std::future::ready(Err(std::io::Error::other("no database")))
    }
}

#[test]
fn each_request_of_a_connection_has_its_span() {
    run(|telemetry, _| async move {
        let address = serve(shop().layer(ServerLayer::new())).await;
        let open = "GET /users/7 HTTP/1.1\r\nHost: a\r\n\r\n";
        let mut requests = open.repeat(49);
        requests.push_str(&closing("GET /users/8", ""));
        let responses = exchange(address, requests).await;
        assert_eq!(responses.matches("HTTP/1.1 200").count(), 50);
        let spans = telemetry.spans(50).await;
        let traces: std::collections::HashSet<_> = spans.iter().map(|span| span.trace_id).collect();
        assert_eq!(traces.len(), 50);
        assert!(spans.iter().all(|span| span.get("error.type").is_empty()));
    });
}

#[test]
fn what_a_client_sends_never_fails_the_request() {
    run(|telemetry, _| async move {
        let address = serve(shop().layer(ServerLayer::new())).await;
        let mut request = b"GET /users/7?".to_vec();
        request.extend(std::iter::repeat_n(b'q', 20_000));
        request.extend(b" HTTP/1.1\r\nHost: what is this\r\nConnection: close\r\nUser-Agent: ");
        request.extend([0xff, 0xfe, b'x']);
        request.extend(b"\r\ntraceparent: 00-");
        request.extend(std::iter::repeat_n(b'f', 50_000));
        request.extend(b"\r\ntraceparent: \xff\r\ntracestate: =\r\nbaggage: %%%\r\n\r\n");
        let response = exchange(address, request).await;
        assert!(response.starts_with("HTTP/1.1 200"), "{response}");
        let span = telemetry.span().await;
        assert_eq!(span.get("user_agent.original"), "\u{fffd}\u{fffd}x");
        assert_eq!(span.get("url.query").len(), 8000);
        assert_eq!(span.get("server.address"), "");
        assert_eq!(span.parent.to_string(), "0000000000000000");
    });
}

#[test]
fn an_unsampled_parent_is_followed() {
    run(|telemetry, _| async move {
        let app = Router::new().route(
            "/ids",
            get(|| async { current().unwrap().trace_id.to_string() }),
        );
        let address = serve(app.layer(ServerLayer::new())).await;
        let headers = format!("traceparent: 00-{TRACE}-{PARENT}-00\r\n");
        let response = exchange(address, closing("GET /ids", &headers)).await;
        assert!(response.ends_with(TRACE), "{response}");
        assert!(telemetry.take().is_empty());
    });
}

#[test]
fn a_filtered_request_has_no_span_and_records_none() {
    run(|telemetry, _| async move {
        let handler = || async {
            drop(tracing::info_span!("inside"));
            format!("{:?}", current().map(|ids| ids.trace_id.to_string()))
        };
        let app = Router::new().route("/healthz", get(handler));
        let layer = ServerLayer::new().filter(|head| head.path() != "/healthz");
        let address = serve(app.layer(layer)).await;
        let headers = format!("traceparent: 00-{TRACE}-{PARENT}-01\r\n");
        let response = exchange(address, closing("GET /healthz", &headers)).await;
        assert!(response.contains(TRACE), "{response}");
        assert!(telemetry.take().is_empty());
    });
}

#[test]
fn baggage_reaches_the_handler_and_its_spans() {
    use opentelemetry::baggage::BaggageExt;
    run(|telemetry, _| async move {
        let handler = || async {
            tokio::task::yield_now().await;
            let span = tracing::info_span!("inside");
            span.in_scope(|| {
                let context = opentelemetry::Context::current();
                context.baggage().get("tenant").map(ToString::to_string)
            })
            .unwrap_or_default()
        };
        let app = Router::new().route("/", get(handler));
        let address = serve(app.layer(ServerLayer::new())).await;
        let response = exchange(address, closing("GET /", "baggage: tenant=blue\r\n")).await;
        assert!(response.ends_with("blue"), "{response}");
        let spans = telemetry.spans(2).await;
        assert_eq!(spans[0].parent, spans[1].span_id);
    });
}

#[test]
fn a_layer_around_the_whole_router_names_by_method() {
    run(|telemetry, _| async move {
        let service = tower_layer::Layer::layer(&ServerLayer::new(), shop());
        let app = Router::new().fallback_service(service);
        let address = serve(app).await;
        exchange(address, closing("GET /users/7", "")).await;
        let span = telemetry.span().await;
        assert_eq!((span.name.as_str(), span.get("http.route")), ("GET", ""));
    });
}

#[test]
fn a_job_that_outlives_its_request_does_not_make_it_longer() {
    use tracing::Instrument;
    run(|telemetry, _| async move {
        let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
        let receiver = std::sync::Arc::new(std::sync::Mutex::new(Some(receiver)));
        let handler = move || {
            let receiver = receiver.lock().unwrap().take().unwrap();
            tokio::spawn(receiver.instrument(tracing::info_span!("job")));
            async { Ok::<_, Infallible>("accepted") }
        };
        let app = Router::new().route("/jobs", get(handler));
        let span = one(&telemetry, app, closing("GET /jobs", "")).await;
        assert_eq!(span.name, "GET /jobs");
        sender.send(()).unwrap();
        let job = telemetry.span().await;
        assert_eq!((job.name.as_str(), job.parent), ("job", span.span_id));
    });
}
