//! The propagators that are configured are those of the layers, in and out.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod common;

use std::collections::BTreeMap;
use std::convert::Infallible;

use axum::body::Body;
use axum::http::{HeaderMap, Request, Response};
use common::Kept;
use serde_json::{Value, json};
use telemetry::http::ClientService;
use test_support::Child;
use tower::{Layer, ServiceExt, service_fn};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// What a handler's call carries when its own request carries everything: by header.
fn carried() -> Value {
    let telemetry = telemetry::builder()
        .traces_exporters([])
        .logs_exporters([])
        .metrics_exporters([])
        .span_exporter(Kept::default())
        .init()
        .unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let sent = runtime.block_on(hop());
    drop(telemetry);
    let sent = sent.iter();
    let texts = sent.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    json!(texts.collect::<BTreeMap<_, _>>())
}

async fn hop() -> HeaderMap {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let other = service_fn(move |request: Request<Body>| {
        sender.send(request.headers().clone()).unwrap();
        async { Ok::<_, Infallible>(Response::new(Body::empty())) }
    });
    let client: ClientService<_> = telemetry::client(other);
    let handler = service_fn(move |_: Request<Body>| {
        let request = Request::get("http://stock.example/");
        client.clone().oneshot(request.body(Body::empty()).unwrap())
    });
    let request = Request::get("/")
        .header("traceparent", format!("00-{TRACE}-{PARENT}-01"))
        .header("b3", format!("{TRACE}-{PARENT}-1"))
        .header("x-b3-traceid", TRACE)
        .header("x-b3-spanid", PARENT)
        .header("x-b3-sampled", "1")
        .header("uber-trace-id", format!("{TRACE}:{PARENT}:0:1"))
        .body(Body::empty())
        .unwrap();
    let server = telemetry::server_layer().layer(handler);
    drop(server.oneshot(request).await.unwrap());
    receiver.recv().await.unwrap()
}

#[test]
fn the_layers_read_and_write_what_is_configured() {
    let run = |propagators: &'static str| {
        let child = Child::new().case(propagators);
        child.env("OTEL_PROPAGATORS", propagators).run(carried)
    };
    let all = [
        ("tracecontext", &["traceparent"][..]),
        ("b3", &["b3"]),
        ("b3multi", &["x-b3-sampled", "x-b3-spanid", "x-b3-traceid"]),
        ("jaeger", &["uber-trace-id"]),
        ("none", &[]),
    ];
    let ended = all.map(|(propagators, names)| (run(propagators), names));
    for (ended, names) in ended {
        let sent = ended.report.as_object().unwrap();
        assert_eq!(sent.keys().collect::<Vec<_>>(), names);
        let text = ended.report.to_string();
        assert!(names.is_empty() || text.contains(TRACE), "{text}");
        assert!(
            !text.contains(PARENT),
            "the call has an id of its own: {text}"
        );
    }
}
