//! What the layers go around, and what they are told: over sockets, seen in every signal.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;
#[path = "common/meters.rs"]
mod meters;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::StatusCode as HttpStatus;
use axum::routing::{any, get};
use bytes::Bytes;
use common::{TRACE, closing, exchange, run, serve};
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{Empty, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use meters::Meters;
use telemetry_core::otlp::{Kind, StatusCode};
use telemetry_tower::http::server::ACCESS_TARGET;
use telemetry_tower::{
    AccessLog, Classify, ClientLayer, Compensation, Failure, RequestHead, Route, ServerLayer, Side,
};
use tokio::net::TcpListener;
use tower::service_fn;
use tower_layer::Layer;
use tower_service::Service as _;

/// Routes of a service that no router knows.
fn by_hand(head: &RequestHead<'_>) -> Option<Route> {
    let is_item = head.path().starts_with("/items/");
    is_item.then(|| Route::from_static("/items/{id}"))
}

/// A service of hyper alone, with the layer around it.
async fn serve_hyper(layer: ServerLayer) -> SocketAddr {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let answer = |_: Request<Incoming>| async {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"hello"))))
    };
    tokio::spawn(async move {
        loop {
            let (stream, _) = socket.accept().await.unwrap();
            let service = TowerToHyperService::new(layer.layer(service_fn(answer)));
            tokio::spawn(async move {
                let server = auto::Builder::new(TokioExecutor::new());
                let connection = server.serve_connection(TokioIo::new(stream), service);
                let _closed = connection.await;
            });
        }
    });
    address
}

#[test]
fn the_layers_go_around_hypers_servers_and_clients() {
    run(|telemetry, _| async move {
        let address = serve_hyper(ServerLayer::new()).await;
        let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
        let target = format!("http://{address}/items/7");
        let request = Request::get(target).body(Empty::new()).unwrap();
        let mut client = ClientLayer::new().layer(client);
        drop(client.call(request).await.unwrap());
        let spans = telemetry.spans(2).await;
        let of = |kind| spans.iter().find(|span| span.kind == kind).unwrap();
        let (sent, handled) = (of(Kind::Client), of(Kind::Server));
        assert_eq!(handled.parent, sent.span_id);
        assert_eq!((sent.name.as_str(), handled.name.as_str()), ("GET", "GET"));
        assert_eq!(handled.get("http.response.status_code"), "200");
    });
}

#[test]
fn an_extractor_names_the_routes_of_a_server_and_the_templates_of_a_client() {
    run(|telemetry, _| async move {
        let meters = Meters::new();
        let server = ServerLayer::new().meter(&meters.meter()).route(by_hand);
        let address = serve_hyper(server).await;
        exchange(address, closing("GET /items/7", "")).await;
        let span = telemetry.span().await;
        assert_eq!(span.name, "GET /items/{id}");
        assert_eq!(span.get("http.route"), "/items/{id}");
        let (measured, _) = meters.only("http.server.request.duration");
        assert!(measured.contains("http.route=/items/{id}"), "{measured}");

        exchange(address, closing("GET /other", "")).await;
        let span = telemetry.span().await;
        assert_eq!((span.name.as_str(), span.get("http.route")), ("GET", ""));

        let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
        let layer = ClientLayer::new().meter(&meters.meter()).template(by_hand);
        let target = format!("http://{address}/items/8");
        let request = Request::get(target).body(Empty::new()).unwrap();
        drop(layer.layer(client).call(request).await.unwrap());
        let spans = telemetry.spans(2).await;
        let span = spans.iter().find(|it| it.kind == Kind::Client).unwrap();
        assert_eq!(span.name, "GET /items/{id}");
        assert_eq!(span.get("url.template"), "/items/{id}");
        let (measured, _) = meters.only("http.client.request.duration");
        assert!(measured.contains("url.template=/items/{id}"), "{measured}");
    });
}

#[derive(Debug)]
struct TooManyIsOurs;

impl Classify for TooManyIsOurs {
    fn response(&self, _: Side, status: HttpStatus, _: &HeaderMap) -> Option<Failure> {
        (status == HttpStatus::TOO_MANY_REQUESTS).then(|| Failure::new("overload"))
    }
}

#[test]
fn one_answer_of_a_classifier_is_in_the_span_the_metric_the_line_and_the_compensation() {
    run(|telemetry, lines| async move {
        let meters = Meters::new();
        let undone = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&undone);
        let undo = Compensation::new(move |outcome| {
            let failure = outcome.failure().unwrap().error_type().to_owned();
            told.lock().unwrap().push(failure);
        });
        let layer = ServerLayer::new()
            .meter(&meters.meter())
            .classify(TooManyIsOurs)
            .access_log(AccessLog::new())
            .compensation(undo.idempotent(Method::PUT, "/{status}"));
        let app = Router::new().route("/{status}", any(answer)).layer(layer);
        let address = serve(app).await;
        let failed = |path: &str| closing(&format!("PUT {path}"), "");
        exchange(address, failed("/429")).await;
        exchange(address, failed("/500")).await;
        let spans = telemetry.spans(2).await;
        let ends: Vec<_> = spans
            .iter()
            .map(|span| (span.get("error.type"), span.status))
            .collect();
        let expected = [("overload", StatusCode::Error), ("", StatusCode::Unset)];
        assert_eq!(ends, expected);
        let measured: Vec<_> = meters
            .series("http.server.request.duration")
            .into_iter()
            .map(|(attributes, _)| attributes.get("error.type").cloned())
            .collect();
        assert_eq!(measured, [Some("overload".to_owned()), None]);
        let levels: Vec<_> = lines
            .of(ACCESS_TARGET)
            .iter()
            .map(|line| (line["level"].clone(), line["error.type"].clone()))
            .collect();
        let expected = [("ERROR", Some("overload")), ("INFO", None)];
        assert_eq!(
            levels,
            expected.map(|(level, kind)| (level.into(), kind.into()))
        );
        assert_eq!(*undone.lock().unwrap(), ["overload"]);
    });
}

/// Answers the status that the path says.
async fn answer(axum::extract::Path(status): axum::extract::Path<u16>) -> HttpStatus {
    HttpStatus::from_u16(status).unwrap()
}

#[test]
fn types_of_the_layers_can_be_named() {
    /// A service that keeps what it needs, without a box.
    struct Kept {
        _server: telemetry_tower::ServerService<Router>,
        _answer: Option<telemetry_tower::ResponseFuture<std::future::Pending<()>>>,
        _body: telemetry_tower::ResponseBody<Body>,
    }
    let app = Router::new().route("/", get(|| async { TRACE }));
    let kept = Kept {
        _server: ServerLayer::new().layer(app),
        _answer: None,
        _body: telemetry_tower::ResponseBody::default(),
    };
    assert!(size_of_val(&kept) > 0);
}
