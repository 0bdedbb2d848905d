//! Each request sees its own ids, on many threads, across awaits, with and without a span.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod common;

use std::collections::HashSet;
use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use common::{PARENT, TRACE, Telemetry, closing, exchange, serve};
use telemetry_core::context::current;
use telemetry_tower::ServerLayer;
use telemetry_tower::http::server::TARGET;
use tokio::sync::Barrier;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;

const REQUESTS: usize = 200;

/// The trace and span that are current, as text.
fn ids() -> String {
    current().map_or_else(String::new, |ids| {
        format!("{}:{}", ids.trace_id, ids.span_id)
    })
}

#[test]
fn concurrent_requests_do_not_mix_their_ids() {
    let telemetry = Telemetry::new();
    let subscriber = tracing_subscriber::registry().with(telemetry.layer());
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let together = Arc::new(Barrier::new(REQUESTS));
        let handler = move |Path(number): Path<String>| {
            let together = Arc::clone(&together);
            async move {
                let before = ids();
                together.wait().await;
                for _ in 0..20 {
                    tokio::task::yield_now().await;
                    assert_eq!(ids(), before);
                }
                assert_eq!(before.split(':').next().unwrap(), trace_of(&number));
                before
            }
        };
        let app = Router::new().route("/ids/{number}", get(handler));
        let address = serve(app.layer(ServerLayer::new())).await;
        let clients = (0..REQUESTS).map(|number| {
            let trace = trace_of(&number.to_string());
            let headers = format!("traceparent: 00-{trace}-{PARENT}-01\r\n");
            tokio::spawn(exchange(
                address,
                closing(&format!("GET /ids/{number}"), &headers),
            ))
        });
        let mut seen = HashSet::new();
        for client in clients.collect::<Vec<_>>() {
            let response = client.await.unwrap();
            seen.insert(response.rsplit("\r\n").next().unwrap().to_owned());
        }
        let spans = telemetry.spans(REQUESTS).await;
        let sent = spans
            .iter()
            .map(|span| format!("{}:{}", span.trace_id, span.span_id));
        assert_eq!(seen, sent.collect());
        assert!(spans.iter().all(|span| span.get("error.type").is_empty()));
    });
    assert_eq!(telemetry.open(), 0);
}

fn trace_of(number: &str) -> String {
    format!("{:032x}", number.parse::<u32>().unwrap() + 1)
}

#[test]
fn a_span_that_is_filtered_out_still_has_ids() {
    let telemetry = Telemetry::new();
    let subscriber = tracing_subscriber::registry()
        .with(telemetry.layer())
        .with(filter_fn(|metadata| metadata.target() != TARGET));
    let response = answer(subscriber);
    assert!(response.contains(TRACE), "{response}");
    assert!(
        !response.contains(PARENT),
        "the handler has a span id of its own: {response}"
    );
    assert!(telemetry.take().is_empty());
    assert_eq!(telemetry.open(), 0);
}

#[test]
fn a_layer_filter_that_hides_the_span_from_us_alone_leaves_the_ids() {
    use tracing_subscriber::Layer;
    let telemetry = Telemetry::new();
    let hidden = filter_fn(|metadata| metadata.target() != TARGET);
    let subscriber = tracing_subscriber::registry().with(telemetry.layer().with_filter(hidden));
    let response = answer(subscriber);
    assert!(response.contains(TRACE), "{response}");
    assert_eq!(telemetry.open(), 0);
}

#[test]
fn without_an_engine_the_ids_of_the_caller_are_carried() {
    let response = answer(tracing_subscriber::registry());
    assert!(
        response.ends_with(&format!("{TRACE}:{PARENT}")),
        "{response}"
    );
}

/// What a handler that awaits answers about its ids, under this subscriber.
fn answer(subscriber: impl Into<tracing::Dispatch>) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let _current = tracing::dispatcher::set_default(&subscriber.into());
    let handler = || async {
        tokio::task::yield_now().await;
        ids()
    };
    let app = Router::new().route("/ids", get(handler));
    runtime.block_on(async {
        let address = serve(app.layer(ServerLayer::new())).await;
        let headers = format!("traceparent: 00-{TRACE}-{PARENT}-01\r\n");
        exchange(address, closing("GET /ids", &headers)).await
    })
}
