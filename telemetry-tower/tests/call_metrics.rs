//! What is measured of clients and of gRPC on both sides, as a reader of the registry sees it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

#[path = "common/meters.rs"]
mod meters;

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, Uri, Version};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Empty, Full};
use meters::Meters;
use telemetry_tower::{ClientLayer, Route, ServerLayer, UrlTemplate};
use tower::{ServiceExt as _, service_fn};
use tower_layer::Layer;
use tower_service::Service;

type Body = BoxBody<Bytes, Infallible>;

fn body(text: &'static str) -> Body {
    Full::new(Bytes::from_static(text.as_bytes())).boxed()
}

/// What the server answers: the path says it.
async fn answer(request: Request<Body>) -> Result<Response<Body>, std::io::Error> {
    let response = Response::builder().version(Version::HTTP_2);
    let with_code = |code: &'static str| {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", code.parse().unwrap());
        body("answer").with_trailers(std::future::ready(Some(Ok(trailers))))
    };
    let made = match request.uri().path() {
        "/users/7" => response.status(StatusCode::NOT_FOUND).body(body("nobody")),
        "/unreachable" => return Err(std::io::Error::other("no route to host")),
        "/shop.Stock/Count" => response.body(with_code("0").boxed()),
        "/shop.Stock/Add" => response.body(with_code("5").boxed()),
        path if path.contains('.') => response.header("grpc-status", "12").body(body("")),
        _ => response.body(body("ok")),
    };
    Ok(made.unwrap())
}

fn get(uri: &str) -> Request<Body> {
    Request::get(uri).body(body("")).unwrap()
}

fn call(uri: &str) -> Request<Body> {
    let request = Request::post(uri).header("content-type", "application/grpc");
    request.body(Empty::new().boxed()).unwrap()
}

/// Sends a request and reads its response, with its trailers.
async fn send<L>(layer: &L, request: Request<Body>)
where
    L: Layer<Answering>,
    L::Service: Service<Request<Body>, Response = Response<Answered>, Error = std::io::Error>,
{
    if let Ok(response) = layer.layer(answering()).oneshot(request).await {
        response.into_body().collect().await.unwrap();
    }
}

type Answered = telemetry_tower::ResponseBody<Body>;
type Answering = tower::util::BoxCloneSyncService<Request<Body>, Response<Body>, std::io::Error>;

fn answering() -> Answering {
    Answering::new(service_fn(answer))
}

#[tokio::test]
async fn a_client_is_measured_by_where_it_goes_and_how_that_ended() {
    let meters = Meters::new();
    let layer = ClientLayer::new().meter(&meters.meter());
    let mut request = get("http://shop.example/users/7");
    let template = UrlTemplate(Route::from_static("/users/{id}"));
    request.extensions_mut().insert(template);
    send(&layer, request).await;
    assert_eq!(
        meters.only("http.client.request.duration"),
        (
            "error.type=404 http.request.method=GET http.response.status_code=404 \
             network.protocol.version=2 server.address=shop.example server.port=80 \
             url.scheme=http url.template=/users/{id}"
                .to_owned(),
            1
        )
    );
    assert_eq!(
        meters.only("http.client.active_requests"),
        (
            "http.request.method=GET server.address=shop.example server.port=80 url.scheme=http \
             url.template=/users/{id}"
                .to_owned(),
            0
        )
    );
    assert!(meters.series("http.server.request.duration").is_empty());
    assert!(meters.series("rpc.client.call.duration").is_empty());
}

#[tokio::test]
async fn a_path_or_a_method_of_a_clients_own_makes_no_series() {
    let meters = Meters::new();
    let origin = Uri::from_static("https://stock.example");
    let layer = ClientLayer::new().meter(&meters.meter()).origin(origin);
    for number in 0..100 {
        let mut request = get(&format!("/items/{number}?secret={number}"));
        *request.method_mut() = format!("FROB{number}").parse().unwrap();
        send(&layer, request).await;
    }
    assert_eq!(
        meters.only("http.client.request.duration"),
        (
            "http.request.method=_OTHER http.response.status_code=200 network.protocol.version=2 \
             server.address=stock.example server.port=443 url.scheme=https"
                .to_owned(),
            100
        )
    );
}

#[tokio::test]
async fn bodies_are_measured_on_both_sides_when_asked() {
    let meters = Meters::new();
    let meter = meters.meter();
    let upload = || {
        let request = Request::post("http://shop.example/upload");
        let request = request.header("content-length", "12");
        request.body(body("twelve bytes")).unwrap()
    };
    send(&ServerLayer::new().meter(&meter), upload()).await;
    send(&ClientLayer::new().meter(&meter), upload()).await;
    for name in SIZES {
        assert!(meters.series(name).is_empty(), "{name} is opt-in");
    }
    let server = ServerLayer::new().meter(&meter).body_sizes();
    let client = ClientLayer::new().meter(&meter).body_sizes();
    for _ in 0..2 {
        send(&server, upload()).await;
        send(&client, upload()).await;
    }
    send(&server, get("http://shop.example/unreachable")).await;
    send(&server, call("http://shop.example/shop.Stock/Count")).await;
    send(&client, call("http://shop.example/shop.Stock/Count")).await;
    let server = "http.request.method=POST http.response.status_code=200 \
                  network.protocol.version=1.1 url.scheme=http";
    let client = "http.request.method=POST http.response.status_code=200 \
                  network.protocol.version=2 server.address=shop.example server.port=80 \
                  url.scheme=http";
    for (name, attributes, total) in [
        (SIZES[0], server, (2, 24.0)),
        (SIZES[1], server, (2, 4.0)),
        (SIZES[2], client, (2, 24.0)),
        (SIZES[3], client, (2, 4.0)),
    ] {
        assert_eq!(meters.only(name), (attributes.to_owned(), 2), "{name}");
        assert_eq!(meters.total(name), total, "{name}");
    }
}

const SIZES: [&str; 4] = [
    "http.server.request.body.size",
    "http.server.response.body.size",
    "http.client.request.body.size",
    "http.client.response.body.size",
];

#[tokio::test]
async fn a_client_counts_as_active_until_its_end_whatever_that_is() {
    let meters = Meters::new();
    let layer = ClientLayer::new().meter(&meters.meter());
    let active = || meters.active("http.client.active_requests");
    let mut service = layer.layer(answering());
    let open = service.call(get("http://a.example/")).await.unwrap();
    let other = layer.layer(answering()).oneshot(get("http://b.example/"));
    let other = other.await.unwrap();
    assert_eq!(active(), 2);
    assert_eq!(meters.series("http.client.active_requests").len(), 2);
    drop(open);
    assert_eq!(active(), 1);
    drop(other);
    drop(service.call(get("http://a.example/")));
    send(&layer, get("http://a.example/unreachable")).await;
    assert_eq!(active(), 0);
    let ends = meters.series("http.client.request.duration");
    let ends: Vec<_> = ends
        .iter()
        .map(|(attributes, count)| {
            let failure = attributes.get("error.type");
            (failure.map_or("", String::as_str), *count)
        })
        .collect();
    let expected = [
        ("cancelled", 1),
        ("std::io::error::Error", 1),
        ("", 1),
        ("", 1),
    ];
    assert_eq!(ends, expected);
}

#[tokio::test]
async fn calls_are_measured_by_method_and_code_on_both_sides() {
    let meters = Meters::new();
    let server = ServerLayer::new().meter(&meters.meter());
    let client = ClientLayer::new().meter(&meters.meter());
    for path in ["/shop.Stock/Count", "/shop.Stock/Count", "/shop.Stock/Add"] {
        let uri = format!("http://stock.example:50052{path}");
        send(&server, call(&uri)).await;
        send(&client, call(&uri)).await;
    }
    let read = |name: &str| -> Vec<String> {
        let series = meters.series(name);
        let text = |(attributes, count): &meters::Series| {
            let values: Vec<_> = attributes.values().map(String::as_str).collect();
            format!("{} x{count}", values.join(" "))
        };
        series.iter().map(text).collect()
    };
    assert_eq!(
        read("rpc.server.call.duration"),
        [
            "shop.Stock/Add NOT_FOUND grpc x1",
            "shop.Stock/Count OK grpc x2"
        ]
    );
    assert_eq!(
        read("rpc.client.call.duration"),
        [
            "NOT_FOUND shop.Stock/Add NOT_FOUND grpc stock.example 50052 x1",
            "shop.Stock/Count OK grpc stock.example 50052 x2"
        ]
    );
    for name in [
        "http.server.request.duration",
        "http.server.active_requests",
        "http.client.request.duration",
        "http.client.active_requests",
    ] {
        assert!(meters.series(name).is_empty(), "{name}");
    }
}

#[tokio::test]
async fn a_thousand_made_up_methods_are_one_series_of_the_server() {
    let meters = Meters::new();
    let layer = ServerLayer::new().meter(&meters.meter());
    for number in 0..1000 {
        send(&layer, call(&format!("/scanner.Made{number}/Up"))).await;
    }
    assert_eq!(
        meters.only("rpc.server.call.duration"),
        (
            "error.type=UNIMPLEMENTED rpc.method=_OTHER rpc.response.status_code=UNIMPLEMENTED \
             rpc.system.name=grpc"
                .to_owned(),
            1000
        )
    );
}
