//! The flight recorder over sockets: which requests have their DEBUG lines written, and how.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod common;

use std::io;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use common::{Lines, PARENT, TRACE, closing, exchange, run_recording, serve};
use serde_json::Value;
use telemetry_log::{Recorder, RecorderConfig};
use telemetry_tower::ServerLayer;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tracing::{Instrument, debug, error, info, info_span, trace, warn};

fn recorder() -> Recorder {
    Recorder::new(RecorderConfig::new())
}

fn app(router: Router) -> Router {
    router.layer(ServerLayer::new())
}

/// The messages of the lines, in the order in which they were written.
fn messages(lines: &[Value]) -> Vec<&str> {
    let text = |line: &'_ Value| line["message"].as_str().map(str::len);
    assert!(lines.iter().all(|line| text(line).is_some()));
    lines
        .iter()
        .map(|line| line["message"].as_str().unwrap_or_default())
        .collect()
}

/// The lines of this test program.
fn own(lines: &Lines) -> Vec<Value> {
    lines.of("recorder")
}

async fn order(Path(number): Path<u64>) -> (StatusCode, String) {
    let span = info_span!("order", number, tenant = "acme");
    async move {
        debug!(
            items = 3,
            express = true,
            ratio = 0.5,
            "order {number} read"
        );
        trace!("not even recorded");
        info!("order accepted");
        tokio::task::yield_now().await;
        debug!(currency = "EUR", number = number + 1, "priced");
        if number % 10 == 0 {
            let refused = io::Error::other("card refused");
            let refused: &(dyn std::error::Error + 'static) = &refused;
            debug!(error = refused, "the bank said no");
            error!("not charged");
            return (StatusCode::INTERNAL_SERVER_ERROR, "no".to_owned());
        }
        (StatusCode::OK, "yes".to_owned())
    }
    .instrument(span)
    .await
}

#[test]
fn exactly_the_failed_requests_have_their_debug_lines() {
    let recorder = recorder();
    run_recording(&recorder, async |_, lines| {
        debug!("outside of a request");
        let address = serve(app(Router::new().route("/orders/{number}", get(order)))).await;
        for number in 1..=20 {
            exchange(address, closing(&format!("GET /orders/{number}"), "")).await;
        }
        let written = own(&lines);
        let (recorded, live): (Vec<_>, Vec<_>) = written
            .into_iter()
            .partition(|line| line["recorded"] == true);
        assert_eq!(
            live.iter().filter(|line| line["level"] == "INFO").count(),
            20
        );
        assert!(
            live.iter().all(|line| line["level"] != "DEBUG"),
            "{live:#?}"
        );
        assert_eq!(
            messages(&recorded),
            [
                "order 10 read",
                "priced",
                "the bank said no",
                "order 20 read",
                "priced",
                "the bank said no"
            ]
        );
    });
    let status = recorder.status();
    assert_eq!((status.requests, status.written_requests), (20, 2));
    assert_eq!((status.kept_lines, status.written_lines), (42, 6));
    assert_eq!(status.cut_lines + status.refused_requests, 0);
}

#[test]
fn a_recorded_line_is_what_it_would_have_been() {
    run_recording(&recorder(), async |_, lines| {
        let address = serve(app(Router::new().route("/orders/{number}", get(order)))).await;
        let parent = format!("traceparent: 00-{TRACE}-{PARENT}-01\r\n");
        exchange(address, closing("GET /orders/10", &parent)).await;
        let written = own(&lines);
        let of = |message: &str| {
            let found = written.iter().find(|line| line["message"] == message);
            found.unwrap_or_else(|| panic!("no {message} in {written:#?}"))
        };
        let read = of("order 10 read");
        let accepted = of("order accepted");
        assert_eq!(read["level"], "DEBUG");
        assert_eq!(read["trace_id"], TRACE);
        for key in ["trace_id", "span_id", "trace_flags", "tenant", "number"] {
            assert_eq!(read[key], accepted[key], "{key}");
        }
        assert_eq!(
            (&read["items"], &read["express"], &read["ratio"]),
            (&3.into(), &true.into(), &0.5.into())
        );
        // the event's own field wins over the span's
        assert_eq!(of("priced")["number"], 11);
        assert_eq!(of("priced")["currency"], "EUR");
        let refused = of("the bank said no");
        assert_eq!(refused["exception.message"], "card refused");
        // their own times: from before and after the line that was written at once
        let times = [read, accepted, of("priced"), refused, of("not charged")];
        let times = times.map(|line| line["timestamp"].as_str().unwrap());
        assert!(times.is_sorted(), "{times:?}");
        assert!(accepted.get("recorded").is_none(), "{accepted}");
    });
}

#[test]
fn each_way_to_fail_counts() {
    async fn handler(Path(what): Path<String>) -> (StatusCode, Body) {
        debug!("{what} began");
        match what.as_str() {
            "panic" => panic!("on purpose"),
            "gone" => {
                info!("waits");
                std::future::pending::<()>().await;
            }
            "body" => {
                let piece = Ok::<_, io::Error>("half of it");
                let broken = Err(io::Error::other("disk"));
                let body = tokio_stream::iter([piece, broken]);
                return (StatusCode::OK, Body::from_stream(body));
            }
            _ => {}
        }
        let status = what.parse().unwrap_or(200);
        let status = StatusCode::from_u16(status).unwrap();
        (status, Body::from("done"))
    }
    run_recording(&recorder(), async |telemetry, lines| {
        let address = serve(app(Router::new().route("/{what}", get(handler)))).await;
        for what in ["200", "404", "500", "503", "panic", "body"] {
            exchange(address, closing(&format!("GET /{what}"), "")).await;
        }
        let mut leaving = TcpStream::connect(address).await.unwrap();
        let request = closing("GET /gone", "");
        leaving.write_all(request.as_bytes()).await.unwrap();
        while !lines.text().contains("waits") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        drop(leaving);
        telemetry.spans(7).await;
        let written = own(&lines);
        let recorded: Vec<_> = written
            .iter()
            .filter(|line| line["recorded"] == true)
            .cloned()
            .collect();
        assert_eq!(
            messages(&recorded),
            [
                "500 began",
                "503 began",
                "panic began",
                "body began",
                "gone began"
            ]
        );
    });
}

#[test]
fn what_a_request_spawns_belongs_to_it() {
    async fn handler() -> StatusCode {
        let task = tokio::spawn(async { debug!("in a task") }.instrument(info_span!("child")));
        task.await.unwrap();
        let dispatch = tracing::dispatcher::get_default(Clone::clone);
        let span = tracing::Span::current();
        let thread = std::thread::spawn(move || {
            let _default = tracing::dispatcher::set_default(&dispatch);
            debug!("outside, on another thread");
            span.in_scope(|| debug!("on another thread"));
            debug!(parent: &span, "not within it on this thread");
        });
        thread.join().unwrap();
        // it goes on when the request has ended
        let detached = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            debug!("too late");
        };
        tokio::spawn(detached.instrument(info_span!("detached")));
        debug!("in the handler");
        StatusCode::INTERNAL_SERVER_ERROR
    }
    run_recording(&recorder(), async |telemetry, lines| {
        let address = serve(app(Router::new().route("/", get(handler)))).await;
        exchange(address, closing("GET /", "")).await;
        // the server's span, and two of which one ends later
        telemetry.spans(3).await;
        let written = own(&lines);
        assert_eq!(
            messages(&written),
            ["in a task", "on another thread", "in the handler"]
        );
        let trace = &written[0]["trace_id"];
        assert!(written.iter().all(|line| line["trace_id"] == *trace));
        assert_ne!(written[0]["span_id"], written[2]["span_id"]);
        assert_eq!(written[1]["span_id"], written[2]["span_id"]);
    });
}

#[test]
fn slow_requests_and_those_that_the_caller_wants_to_see_count_too() {
    async fn handler(Path(millis): Path<u64>) -> &'static str {
        debug!("sleeps {millis}");
        tokio::time::sleep(Duration::from_millis(millis)).await;
        "done"
    }
    let config = RecorderConfig::new().slow_after(Duration::from_secs(2));
    run_recording(&Recorder::new(config), async |_, lines| {
        telemetry_core::context::propagate::install(b3()).unwrap();
        let address = serve(app(Router::new().route("/{millis}", get(handler)))).await;
        exchange(address, closing("GET /0", "")).await;
        exchange(address, closing("GET /2100", "")).await;
        exchange(address, closing("GET /1", "x-b3-flags: 1\r\n")).await;
        assert_eq!(messages(&own(&lines)), ["sleeps 2100", "sleeps 1"]);
    });
}

fn b3() -> telemetry_core::context::propagate::Composite {
    telemetry_core::context::propagate::Composite::of(&[
        telemetry_core::config::PropagatorKind::TraceContext,
        telemetry_core::config::PropagatorKind::B3Multi,
    ])
}

#[test]
fn requests_at_once_do_not_mix() {
    async fn handler(Path(number): Path<u64>) -> StatusCode {
        for step in 0..5 {
            debug!(number, step, "works");
            tokio::task::yield_now().await;
        }
        if number % 4 == 0 {
            warn!("failed");
            return StatusCode::BAD_GATEWAY;
        }
        StatusCode::OK
    }
    run_recording(&recorder(), async |_, lines| {
        let address = serve(app(Router::new().route("/{number}", get(handler)))).await;
        let requests = (0..40).map(|number| {
            let request = closing(&format!("GET /{number}"), "");
            tokio::spawn(async move { exchange(address, request).await })
        });
        for request in requests.collect::<Vec<_>>() {
            request.await.unwrap();
        }
        let written = own(&lines);
        for number in 0..40_u64 {
            let of_it = written
                .iter()
                .filter(|line| line["recorded"] == true && line["number"] == number);
            let steps: Vec<_> = of_it.map(|line| line["step"].as_i64().unwrap()).collect();
            let expected: &[i64] = if number % 4 == 0 {
                &[0, 1, 2, 3, 4]
            } else {
                &[]
            };
            assert_eq!(steps, expected, "{number}");
        }
    });
}
