//! What clients choose: names stay few, and secrets stay out of everything that is exported.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;
#[path = "common/meters.rs"]
mod meters;

use std::collections::BTreeSet;

use axum::Router;
use axum::http::StatusCode as HttpStatus;
use axum::routing::{any, get};
use common::{PARENT, TRACE, closing, exchange, run, serve};
use http::Method;
use meters::{Meters, Series};
use telemetry_tower::{AccessLog, Compensation, Correlation, ServerLayer};

/// Numbers that differ each run would make a failure hard to repeat.
struct Numbers(u64);

impl Numbers {
    /// xorshift64, <https://www.jstatsoft.org/article/view/v008i14>.
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn word(&mut self) -> String {
        let letters = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~";
        let count = 1 + self.next() % 12;
        (0..count)
            .map(|_| {
                let at = usize::try_from(self.next() % letters.len() as u64).unwrap();
                char::from(letters[at])
            })
            .collect()
    }
}

const KNOWN: [&str; 8] = [
    "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE",
];

/// One request of a scanner: a method that may be known, and a path that may have a route.
fn scan(numbers: &mut Numbers) -> String {
    let method = match numbers.next() % 2 {
        0 => numbers.word().replace('/', ""),
        _ => KNOWN[usize::try_from(numbers.next() % 8).unwrap()].to_owned(),
    };
    let path = match numbers.next() % 4 {
        0 => format!("/users/{}", numbers.word()),
        1 => format!("/fail?{}={}", numbers.word(), numbers.word()),
        _ => format!(
            "/{}/{}.php?{}",
            numbers.word(),
            numbers.word(),
            numbers.word()
        ),
    };
    let host = numbers.word();
    format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {host}\r\n")
}

#[test]
fn a_thousand_random_requests_make_few_names() {
    run(|telemetry, lines| async move {
        let meters = Meters::new();
        let layer = ServerLayer::new().meter(&meters.meter());
        let app = Router::new()
            .route("/users/{id}", get(|| async { "ada" }))
            .route("/fail", any(|| async { HttpStatus::BAD_GATEWAY }))
            .layer(layer.access_log(AccessLog::new()));
        let address = serve(app).await;
        let mut numbers = Numbers(0x5eed_cafe_f00d_0001);
        for _ in 0..20 {
            let mut requests: String = (0..50).map(|_| scan(&mut numbers) + "\r\n").collect();
            requests.push_str(&closing("GET /users/7", ""));
            exchange(address, requests).await;
        }
        let spans = telemetry.spans(20 * 51).await;
        let routes = ["", "/users/{id}", "/fail"];
        for span in &spans {
            let method = span.get("http.request.method");
            assert!(KNOWN.contains(&method) || method == "_OTHER", "{method}");
            let route = span.get("http.route");
            assert!(routes.contains(&route), "{route}");
            let word = if method == "_OTHER" { "HTTP" } else { method };
            let name = format!("{word} {route}");
            assert_eq!(span.name, name.trim_end());
        }
        assert_series_are_few(&meters, &routes, spans.len());
        let messages = lines.of(telemetry_tower::http::server::ACCESS_TARGET);
        assert_eq!(messages.len(), spans.len());
        assert!(messages.iter().all(|line| line["message"] == "request"));
    });
}

/// For each route no more series than known methods, and one, times statuses: nothing depends on what
/// the client has made up.
fn assert_series_are_few(meters: &Meters, routes: &[&str], requests: usize) {
    let durations = meters.series("http.server.request.duration");
    let counted: i64 = durations.iter().map(|(_, count)| count).sum();
    assert_eq!(usize::try_from(counted).unwrap(), requests);
    let of = |series: &Series, key: &str| series.0.get(key).cloned().unwrap_or_default();
    for route in routes {
        let series = durations.iter().filter(|it| of(it, "http.route") == *route);
        let series: Vec<_> = series.collect();
        let statuses: BTreeSet<_> = series
            .iter()
            .map(|it| of(it, "http.response.status_code"))
            .collect();
        let bound = (KNOWN.len() + 1) * statuses.len();
        assert!(
            (1..=bound).contains(&series.len()),
            "{route}: {} of {bound}",
            series.len()
        );
    }
    let in_routes = |series: &Series| routes.contains(&of(series, "http.route").as_str());
    assert!(durations.iter().all(in_routes), "{durations:#?}");
    let active = meters.series("http.server.active_requests");
    assert!(active.len() <= KNOWN.len() + 1, "{active:#?}");
    assert!(active.iter().all(|(_, count)| *count == 0), "{active:#?}");
    let methods = durations
        .iter()
        .chain(&active)
        .map(|it| of(it, "http.request.method"));
    for method in methods {
        assert!(KNOWN.contains(&method.as_str()) || method == "_OTHER");
    }
}

#[test]
fn a_thousand_methods_that_a_server_of_http_does_not_have_make_few_names() {
    run(|telemetry, lines| async move {
        let meters = Meters::new();
        let layer = ServerLayer::new().meter(&meters.meter());
        let app = Router::new()
            .route("/any/{*rest}", any(|| async { "ada" }))
            .route("/read/{*rest}", get(|| async { "ada" }))
            .fallback(|| async { HttpStatus::UNAUTHORIZED })
            .layer(layer.access_log(AccessLog::new()));
        let address = serve(app).await;
        let headers = "Content-Type: application/grpc\r\nContent-Length: 0\r\n";
        for first in 0..20 {
            let calls = (0..50).map(|number| {
                let service = ["any", "read", "none"][number % 3];
                format!("POST /{service}/M{first}x{number} HTTP/1.1\r\nHost: a\r\n{headers}\r\n")
            });
            let calls: String = calls.collect();
            let last = closing("GET /read/M", "Content-Type: application/grpc\r\n");
            exchange(address, calls + &last).await;
        }
        let spans = telemetry.spans(20 * 51).await;
        let names: BTreeSet<_> = spans.iter().map(|span| span.name.as_str()).collect();
        assert_eq!(names, BTreeSet::from(["GET /read/{*rest}", "grpc"]));
        let calls = meters.series("rpc.server.call.duration");
        assert_eq!(calls.iter().map(|(_, count)| count).sum::<i64>(), 1000);
        let codes = calls.iter().map(|(attributes, _)| {
            assert_eq!(attributes["rpc.method"], "_OTHER");
            attributes["rpc.response.status_code"].as_str()
        });
        let codes: BTreeSet<_> = codes.collect();
        assert_eq!(codes, BTreeSet::from(["UNAUTHENTICATED", "UNKNOWN"]));
        let (_, requests) = meters.only("http.server.request.duration");
        assert_eq!(requests, 20, "no method but POST makes a call");
        let lines = lines.of(telemetry_tower::http::server::ACCESS_TARGET);
        assert!(lines.iter().all(|line| line.get("rpc.method").is_none()));
    });
}

/// Where secrets are in a request: each value has the word S3CRET in it.
const SECRETS: &str = "Authorization: Bearer S3CRET-1\r\n\
    Proxy-Authorization: Basic S3CRET-2\r\n\
    Cookie: session=S3CRET-3; other=S3CRET-4\r\n\
    Cookie: third=S3CRET-5\r\n\
    X-Api-Key: S3CRET-6\r\n\
    X-Forwarded-For: S3CRET-7\r\n\
    Forwarded: for=S3CRET-8\r\n\
    X-Unlisted: S3CRET-9\r\n\
    Referer: https://a.example/?sig=S3CRET-10\r\n\
    tracestate: vendor=S3CRET-state\r\n\
    baggage: user=S3CRET-11\r\n\
    X-Correlation-Id: S3CRET 12\r\n\
    X-Listed: allowed-value\r\n\
    Host: S3CRET-13@shop.example\r\n";

#[test]
fn nothing_that_was_not_allowed_is_exported() {
    run(|telemetry, lines| async move {
        let meters = Meters::new();
        let layer = ServerLayer::new()
            .meter(&meters.meter())
            .request_headers(["x-listed", "authorization", "cookie", "x-api-key"])
            .response_headers(["x-listed", "set-cookie"])
            .access_log(AccessLog::new())
            .correlation_id(Correlation::new())
            .body_sizes()
            .server_timing()
            .compensation(
                Compensation::new(|outcome| tracing::warn!(?outcome, "undo"))
                    .idempotent(Method::GET, "/fail"),
            );
        let answer = |status: HttpStatus| async move {
            tracing::info!("working");
            let headers = [
                ("set-cookie", "session=S3CRET-14"),
                ("x-unlisted", "S3CRET-15"),
                ("x-listed", "allowed-answer"),
            ];
            (status, headers, "S3CRET-body")
        };
        let app = Router::new()
            .route("/users/{id}", get(move || answer(HttpStatus::OK)))
            .route("/fail", any(move || answer(HttpStatus::BAD_GATEWAY)))
            .layer(layer);
        let address = serve(app).await;
        let query = "X-Amz-Signature=S3CRET-a&sig=S3CRET-b&X-Goog-Signature=S3CRET-c&AWSAccessKeyId=S3CRET-d&access_token=S3CRET-e&Api-Key=S3CRET-f&user[password]=S3CRET-g&clientSecret=S3CRET-h&q=seen";
        let parent = format!("traceparent: 00-{TRACE}-{PARENT}-01\r\n");
        for path in ["/users/7", "/fail"] {
            let line = format!("GET {path}?{query} HTTP/1.1\r\nConnection: close\r\n");
            exchange(address, line + SECRETS + &parent + "\r\n").await;
        }
        let spans = telemetry.spans(2).await;
        for span in &spans {
            // a tracestate is the trace's own and goes where the span goes
            let exported = span.exported.replace("vendor=S3CRET-state", "");
            assert!(!exported.contains("S3CRET"), "{span:#?}");
            for allowed in ["allowed-value", "allowed-answer", "q=seen"] {
                assert!(exported.contains(allowed), "{allowed}: {span:#?}");
            }
        }
        let text = lines.text();
        assert!(!text.contains("S3CRET"), "{text}");
        let measured = meters.text();
        assert!(!measured.contains("S3CRET"), "{measured}");
        assert!(measured.contains("/users/{id}") && measured.contains("502"));
        assert!(text.contains("q=seen") && text.contains("undo") && text.contains("working"));
    });
}
