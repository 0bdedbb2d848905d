//! What is off unless asked for: over real sockets, seen in spans, lines and responses.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::Extension;
use axum::routing::{any, get, put};
use axum::{Router, http::StatusCode as HttpStatus};
use common::{Finished, Lines, PARENT, TRACE, Telemetry, closing, exchange, run, serve};
use http::Method;
use telemetry_core::context::{current, inject};
use telemetry_tower::http::server::ACCESS_TARGET;
use telemetry_tower::{
    AccessLog, Compensation, Correlation, CorrelationId, CountRequestBody, ServerLayer,
    TrustedProxies,
};
use tracing::Level;

fn shop() -> Router {
    Router::new()
        .route("/users/{id}", get(|| async { "ada" }))
        .route(
            "/echo",
            any(|body: axum::body::Bytes| async move { body.len().to_string() }),
        )
        .route("/missing", get(|| async { HttpStatus::NOT_FOUND }))
        .route("/fail", any(|| async { HttpStatus::BAD_GATEWAY }))
        .route("/slow", any(std::future::pending::<()>))
        .route("/panic", any(broken))
}

async fn broken() {
    tokio::task::yield_now().await;
    panic!("out of stock")
}

async fn ask(layer: ServerLayer, request: String) -> String {
    let address = serve(shop().layer(layer)).await;
    exchange(address, request).await
}

/// The span of one request, and its response.
async fn one(telemetry: &Telemetry, layer: ServerLayer, request: String) -> (Finished, String) {
    let response = ask(layer, request).await;
    (telemetry.span().await, response)
}

/// The value of a header of a response.
fn header<'a>(response: &'a str, name: &str) -> Option<&'a str> {
    let head = response.split("\r\n\r\n").next()?;
    head.lines().find_map(|line| {
        let (other, value) = line.split_once(": ")?;
        other.eq_ignore_ascii_case(name).then_some(value)
    })
}

/// Sends a request, waits a little and leaves.
async fn leave(layer: ServerLayer, request: String) {
    use tokio::io::AsyncWriteExt;
    let address = serve(shop().layer(layer)).await;
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(30)).await;
}

#[test]
fn a_public_endpoint_begins_a_trace_and_links_to_its_caller() {
    run(|telemetry, _| async move {
        let layer = ServerLayer::new().public_endpoint(|head| head.path() != "/fail");
        let headers = format!("traceparent: 00-{TRACE}-{PARENT}-00\r\ntracestate: a=b\r\n");
        let (span, _) = one(&telemetry, layer.clone(), closing("GET /users/7", &headers)).await;
        assert_ne!(span.trace_id.to_string(), TRACE);
        assert_eq!(span.parent.to_string(), "0000000000000000");
        assert_eq!(span.links, [format!("{TRACE}:{PARENT}")]);

        let (span, _) = one(&telemetry, layer, closing("GET /users/7", "")).await;
        assert!(span.links.is_empty());
        let inner = ServerLayer::new().public_endpoint(|head| head.path() != "/fail");
        let headers = format!("traceparent: 00-{TRACE}-{PARENT}-01\r\n");
        let (span, _) = one(&telemetry, inner, closing("GET /fail", &headers)).await;
        assert_eq!(
            (span.trace_id.to_string().as_str(), span.links.len()),
            (TRACE, 0)
        );
    });
}

#[test]
fn a_public_endpoint_passes_no_baggage_of_strangers_on() {
    run(|telemetry, _| async move {
        let layer = ServerLayer::new()
            .public_endpoint(|_| true)
            .correlation_id(Correlation::new());
        let handler = || async {
            let mut headers = http::HeaderMap::new();
            inject(&mut headers);
            headers["baggage"].to_str().unwrap().to_owned()
        };
        let address = serve(Router::new().route("/", get(handler)).layer(layer)).await;
        let headers = "baggage: tenant=evil,correlation_id=theirs\r\n";
        let own = exchange(address, closing("GET /", headers)).await;
        assert!(own.contains("\r\n\r\ncorrelation_id="), "{own}");
        assert!(!own.contains("evil") && !own.contains("theirs"), "{own}");
        let headers = format!("{headers}x-correlation-id: order-7\r\n");
        let named = exchange(address, closing("GET /", &headers)).await;
        assert!(named.ends_with("\r\n\r\ncorrelation_id=order-7"), "{named}");
        telemetry.spans(2).await;
    });
}

#[test]
fn a_filtered_request_without_a_parent_has_ids_and_records_none() {
    run(|telemetry, _| async move {
        let handler = || async {
            drop(tracing::info_span!("inside"));
            let mut headers = http::HeaderMap::new();
            inject(&mut headers);
            headers["traceparent"].to_str().unwrap().to_owned()
        };
        let app = Router::new().route("/healthz", get(handler));
        let layer = ServerLayer::new().filter(|head| head.path() != "/healthz");
        let address = serve(app.layer(layer)).await;
        let response = exchange(address, closing("GET /healthz", "")).await;
        let traceparent = response.rsplit("\r\n").next().unwrap();
        assert_eq!(traceparent.len(), 55, "{response}");
        assert!(traceparent.ends_with("-00") || traceparent.ends_with("-02"));
        assert!(telemetry.take().is_empty());
    });
}

#[test]
fn headers_on_the_list_are_recorded_and_secrets_are_refused_aloud() {
    run(|telemetry, lines| async move {
        let layer = ServerLayer::new()
            .request_headers(["X-Tenant", "Authorization", "cookie"])
            .response_headers(["content-type", "set-cookie"]);
        let headers = "X-Tenant: a\r\nx-tenant: b\r\nX-Other: c\r\nAuthorization: s3cret\r\nCookie: s3cret\r\n";
        let (span, _) = one(&telemetry, layer, closing("GET /users/7", headers)).await;
        assert_eq!(span.get("http.request.header.x-tenant"), "a|b");
        assert_eq!(
            span.get("http.response.header.content-type"),
            "text/plain; charset=utf-8"
        );
        let recorded: Vec<_> = span.all();
        let headers = recorded.iter().filter(|(key, _)| key.contains(".header."));
        assert_eq!(headers.count(), 2, "{recorded:?}");
        let warnings = lines.of("telemetry_tower::headers");
        assert_eq!(warnings.len(), 1);
        assert_eq!(warnings[0]["level"], "WARN");
        assert_eq!(warnings[0]["headers"], "Authorization,cookie,set-cookie");
        assert!(!lines.text().contains("s3cret"));
    });
}

#[test]
fn bodies_are_measured() {
    run(|telemetry, _| async move {
        let layer = ServerLayer::new().body_sizes();
        let declared = closing("POST /echo", "Content-Length: 12\r\n") + "twelve bytes";
        let (span, _) = one(&telemetry, layer.clone(), declared).await;
        assert_eq!(span.get("http.request.body.size"), "12");
        assert_eq!(span.get("http.response.body.size"), "2");

        let chunked = closing("POST /echo", "Transfer-Encoding: chunked\r\n")
            + "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
        let (span, _) = one(&telemetry, layer.clone(), chunked.clone()).await;
        assert_eq!(span.get("http.request.body.size"), "", "nobody counts");
        let address = serve(shop().layer(CountRequestBody).layer(layer.clone())).await;
        assert!(exchange(address, chunked).await.ends_with('5'));
        let span = telemetry.span().await;
        assert_eq!(span.get("http.request.body.size"), "5");

        let (span, _) = one(&telemetry, layer, closing("HEAD /users/7", "")).await;
        assert_eq!(span.get("http.response.body.size"), "0");
        let (span, _) = one(&telemetry, ServerLayer::new(), closing("GET /users/7", "")).await;
        assert_eq!(span.get("http.response.body.size"), "");
    });
}

#[test]
fn only_trusted_proxies_say_who_the_client_is() {
    run(|telemetry, _| async move {
        let request = || {
            closing(
                "GET /users/7",
                "X-Forwarded-For: 6.6.6.6, 203.0.113.9\r\nForwarded: for=198.51.100.3\r\n",
            )
        };
        let trusted = TrustedProxies::new(["127.0.0.0/8"]).unwrap();
        let others = TrustedProxies::new(["10.0.0.0/8"]).unwrap();
        for (layer, client) in [
            (ServerLayer::new(), "127.0.0.1"),
            (ServerLayer::new().trusted_proxies(others), "127.0.0.1"),
            (
                ServerLayer::new().trusted_proxies(trusted.clone()),
                "203.0.113.9",
            ),
            (
                ServerLayer::new().trusted_proxies(trusted.forwarded()),
                "198.51.100.3",
            ),
        ] {
            let (span, _) = one(&telemetry, layer, request()).await;
            assert_eq!(span.get("client.address"), client);
        }
    });
}

#[test]
fn one_line_for_each_request_with_its_level_and_ids() {
    run(|telemetry, lines| async move {
        let layer = ServerLayer::new().access_log(AccessLog::new());
        let headers = format!("User-Agent: wget/1\r\ntraceparent: 00-{TRACE}-{PARENT}-01\r\n");
        ask(
            layer.clone(),
            closing("GET /users/7?q=a&sig=s3cret", &headers),
        )
        .await;
        let span = telemetry.span().await;
        let line = lines.of(ACCESS_TARGET).remove(0);
        assert_eq!(
            (&line["level"], &line["message"]),
            (&"INFO".into(), &"request".into())
        );
        assert_eq!(line["trace_id"], TRACE);
        assert_eq!(line["span_id"], span.span_id.to_string());
        assert!(line["http.server.request.duration"].as_f64().unwrap() > 0.0);
        for (key, value) in [
            ("http.request.method", "GET"),
            ("http.route", "/users/{id}"),
            ("url.path", "/users/7"),
            ("url.query", "q=a&sig=REDACTED"),
            ("client.address", "127.0.0.1"),
            ("network.protocol.version", "1.1"),
            ("user_agent.original", "wget/1"),
        ] {
            assert_eq!(line[key], value, "{key}");
        }
        assert_eq!(line["http.response.status_code"], 200);
        assert_eq!(line["http.response.body.size"], 3);
        assert!(line.get("error.type").is_none());

        ask(layer.clone(), closing("GET /missing", "")).await;
        ask(layer.clone(), closing("GET /fail", "")).await;
        ask(layer.clone(), closing("GET /panic", "")).await;
        leave(layer, closing("GET /slow", "")).await;
        let spans = telemetry.spans(4).await;
        let seen: Vec<_> = lines.of(ACCESS_TARGET)[1..]
            .iter()
            .map(|line| (line["level"].clone(), line["error.type"].clone()))
            .collect();
        let expected = [
            ("INFO", None),
            ("ERROR", Some("502")),
            ("ERROR", Some("panic")),
            ("WARN", Some("cancelled")),
        ];
        assert_eq!(
            seen,
            expected.map(|(level, kind)| (level.into(), kind.into()))
        );
        assert_eq!(spans.len(), 4, "a line is no event of its span");
    });
}

#[test]
fn a_level_that_panics_hurts_nobody() {
    run(|telemetry, lines| async move {
        let log = || AccessLog::new().level(|_| panic!("no level today"));
        let layer = ServerLayer::new().access_log(log());
        let answer = ask(layer, closing("GET /users/7", "")).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        // the handler's own panic is on its way when the level is chosen
        let layer = ServerLayer::new().access_log(log());
        ask(layer, closing("GET /panic", "")).await;
        let spans = telemetry.spans(2).await;
        assert_eq!(spans[1].get("error.type"), "panic");
        let written = lines.of(ACCESS_TARGET);
        let levels: Vec<_> = written.iter().map(|line| &line["level"]).collect();
        assert_eq!(levels, ["INFO", "ERROR"]);
    });
}

#[test]
fn an_unsampled_request_has_its_line_and_a_filtered_one_has_none() {
    run(|telemetry, lines| async move {
        let log = AccessLog::new()
            .filter(|head| head.path() != "/missing")
            .level(|outcome| (outcome.route() != Some("/echo")).then_some(Level::DEBUG));
        let layer = ServerLayer::new()
            .access_log(log)
            .filter(|head| head.path() != "/fail");
        let unsampled = format!("traceparent: 00-{TRACE}-{PARENT}-00\r\n");
        for path in ["/users/7", "/missing", "/echo", "/fail"] {
            ask(layer.clone(), closing(&format!("GET {path}"), &unsampled)).await;
        }
        let lines = lines.of(ACCESS_TARGET);
        assert_eq!(lines.len(), 1, "{lines:#?}");
        assert_eq!(
            (&lines[0]["trace_id"], &lines[0]["level"]),
            (&TRACE.into(), &"DEBUG".into())
        );
        assert!(telemetry.take().is_empty());
    });
}

/// A handler that logs, and answers what it knows of the id.
fn correlated() -> Router {
    let handler = |Extension(id): Extension<CorrelationId>| async move {
        tracing::info!("working");
        tracing::info_span!("inside").in_scope(|| tracing::info!("deeper"));
        let mut headers = http::HeaderMap::new();
        inject(&mut headers);
        let baggage = headers.get("baggage").map_or("", |it| it.to_str().unwrap());
        format!("{id} {baggage}")
    };
    Router::new().route("/work", get(handler))
}

async fn correlate(telemetry: &Telemetry, layer: ServerLayer, headers: &str) -> (Finished, String) {
    let address = serve(correlated().layer(layer)).await;
    let response = exchange(address, closing("GET /work", headers)).await;
    (telemetry.spans(2).await.remove(1), response)
}

#[test]
fn a_correlation_id_is_in_the_response_the_span_the_baggage_and_every_line() {
    run(|telemetry, lines: Lines| async move {
        let layer = ServerLayer::new()
            .correlation_id(Correlation::new())
            .access_log(AccessLog::new());
        let (span, response) =
            correlate(&telemetry, layer.clone(), "X-Correlation-Id: order-7\r\n").await;
        assert_eq!(header(&response, "x-correlation-id"), Some("order-7"));
        assert_eq!(span.get("correlation_id"), "order-7");
        assert!(
            response.ends_with("order-7 correlation_id=order-7"),
            "{response}"
        );
        let ids: Vec<_> = lines
            .text()
            .lines()
            .map(|line| {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                (line["message"].clone(), line["correlation_id"].clone())
            })
            .collect();
        let expected = ["working", "deeper", "request"];
        assert_eq!(
            ids,
            expected.map(|message| (message.into(), "order-7".into()))
        );

        for invalid in ["", "X-Correlation-Id: a b\r\n", "X-Correlation-Id: \r\n"] {
            let (span, response) = correlate(&telemetry, layer.clone(), invalid).await;
            let id = header(&response, "x-correlation-id").unwrap();
            assert_eq!(id.len(), 32, "{invalid}");
            assert_eq!(span.get("correlation_id"), id);
        }
        let (_, response) =
            correlate(&telemetry, layer, "baggage: correlation_id=upstream\r\n").await;
        assert_eq!(header(&response, "x-correlation-id"), Some("upstream"));
        let named = Correlation::new().header(http::HeaderName::from_static("x-request-id"));
        let layer = ServerLayer::new().correlation_id(named);
        let (_, response) = correlate(
            &telemetry,
            layer,
            "x-request-id: r1\r\nx-correlation-id: c1\r\n",
        )
        .await;
        assert_eq!(header(&response, "x-request-id"), Some("r1"));
    });
}

#[test]
fn responses_carry_ids_when_asked() {
    run(|telemetry, _| async move {
        let layer = ServerLayer::new().server_timing().response_traceparent();
        let headers = format!("traceparent: 00-{TRACE}-{PARENT}-01\r\n");
        let (span, response) = one(&telemetry, layer, closing("GET /users/7", &headers)).await;
        let traceparent = format!("00-{TRACE}-{}-01", span.span_id);
        assert_eq!(header(&response, "traceparent"), Some(traceparent.as_str()));
        let timing = format!("traceparent;desc=\"{traceparent}\"");
        assert_eq!(header(&response, "server-timing"), Some(timing.as_str()));

        let (_, response) = one(
            &telemetry,
            ServerLayer::new(),
            closing("GET /users/7", &headers),
        )
        .await;
        assert_eq!(header(&response, "server-timing"), None);
        assert_eq!(header(&response, "traceparent"), None);
    });
}

/// What a compensation was told, and in which trace.
type Calls = Arc<Mutex<Vec<String>>>;

fn compensation(calls: &Calls) -> Compensation {
    let calls = Arc::clone(calls);
    Compensation::new(move |outcome| {
        let kind = outcome.failure().unwrap().error_type();
        let ids = current().unwrap();
        drop(tracing::info_span!("undo"));
        calls
            .lock()
            .unwrap()
            .push(format!("{kind} {}", ids.span_id));
    })
    .idempotent(Method::PUT, "/fail")
    .idempotent(Method::PUT, "/users/{id}")
    .idempotent(Method::PUT, "/panic")
    .idempotent(Method::PUT, "/slow")
}

#[test]
fn a_failed_idempotent_request_is_compensated_once_inside_its_trace() {
    run(|telemetry, _| async move {
        let calls = Calls::default();
        let layer = ServerLayer::new().compensation(compensation(&calls));
        for (path, kind) in [("/fail", "502"), ("/panic", "panic")] {
            ask(layer.clone(), closing(&format!("PUT {path}"), "")).await;
            let spans = telemetry.spans(2).await;
            assert_eq!(
                (spans[0].name.as_str(), spans[0].parent),
                ("undo", spans[1].span_id)
            );
            let told = std::mem::take(&mut *calls.lock().unwrap());
            assert_eq!(told, [format!("{kind} {}", spans[1].span_id)]);
        }
        // unsampled, it is called as well
        let unsampled = format!("traceparent: 00-{TRACE}-{PARENT}-00\r\n");
        ask(layer, closing("PUT /fail", &unsampled)).await;
        assert_eq!(calls.lock().unwrap().len(), 1);
    });
}

#[test]
fn success_other_routes_and_cancelled_requests_are_not_compensated() {
    run(|telemetry, _| async move {
        let calls = Calls::default();
        let layer = ServerLayer::new().compensation(compensation(&calls));
        for line in ["PUT /users/7", "POST /fail", "PUT /missing", "PUT /nowhere"] {
            ask(layer.clone(), closing(line, "")).await;
        }
        leave(layer, closing("PUT /slow", "")).await;
        let spans = telemetry.spans(5).await;
        assert_eq!(spans[4].get("error.type"), "cancelled");
        assert!(calls.lock().unwrap().is_empty());

        let asked = ServerLayer::new().compensation(compensation(&calls).after_cancel());
        leave(asked, closing("PUT /slow", "")).await;
        telemetry.spans(2).await;
        assert!(calls.lock().unwrap()[0].starts_with("cancelled "));
    });
}

#[test]
fn a_compensation_that_panics_hurts_nobody() {
    run(|telemetry, lines| async move {
        let broken = Compensation::new(|_| panic!("no way back"))
            .idempotent(Method::PUT, "/fail")
            .idempotent(Method::PUT, "/panic");
        let layer = ServerLayer::new().compensation(broken);
        let response = ask(layer.clone(), closing("PUT /fail", "")).await;
        assert!(response.starts_with("HTTP/1.1 502"), "{response}");
        ask(layer, closing("PUT /panic", "")).await;
        let spans = telemetry.spans(2).await;
        assert_eq!(spans[1].get("error.type"), "panic");
        assert_eq!(lines.of("telemetry_tower::compensation").len(), 2);
    });
}

#[test]
fn a_body_type_that_is_not_counted_passes_through() {
    run(|telemetry, _| async move {
        let app = Router::new()
            .route("/stream", put(|body: Body| async move { body }))
            .layer(CountRequestBody)
            .layer(ServerLayer::new());
        let address = serve(app).await;
        let request = closing("PUT /stream", "Content-Length: 3\r\n") + "abc";
        assert!(exchange(address, request).await.ends_with("abc"));
        assert_eq!(telemetry.span().await.get("http.request.body.size"), "");
    });
}
