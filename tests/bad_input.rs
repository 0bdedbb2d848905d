//! Requests that are wrong, hostile or huge: answered as any other, with a new root or what is valid.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::time::Duration;

use serde_json::Value;
use test_support::{Ended, Service, strict_json};

const END: Duration = Duration::from_secs(15);
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

#[test]
fn a_broken_traceparent_is_answered_and_starts_a_new_trace() {
    let service = Service::start(&[]);
    let broken: [&[u8]; 12] = [
        b"",
        b"00",
        b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        b"00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        b"00-4BF92F3577B34DA6A3CE929D0E0E4736-00F067AA0BA902B7-01",
        b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what",
        b"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        b"00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        b"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        b"00-4bf92f3577b34da6a3ce929d0e0e473\xff-00f067aa0ba902b7-01",
        b"\xff\xfe\xfd",
        b"00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
    ];
    for value in broken {
        assert_eq!(service.send(&hello(&[(b"traceparent", value)])).status, 200);
    }
    let twice = format!("00-{TRACE}-{SPAN}-01");
    let header: (&[u8], &[u8]) = (b"traceparent", twice.as_bytes());
    assert_eq!(service.send(&hello(&[header, header])).status, 200);
    let lines = lines(service.end("TERM", END));

    assert_eq!(lines.len(), 3 * (broken.len() + 1));
    assert!(
        lines
            .iter()
            .all(|line| trace(line).len() == 32 && trace(line) != TRACE)
    );
    let mut traces: Vec<_> = lines.iter().map(trace).collect();
    traces.dedup();
    assert_eq!(
        traces.len(),
        broken.len() + 1,
        "each request has a trace of its own"
    );
}

#[test]
fn what_is_valid_beside_broken_headers_is_kept() {
    let service = Service::start(&[]);
    let parent = format!("00-{TRACE}-{SPAN}-01");
    let long = vec![b'x'; 60_000];
    let beside: [(&[u8], &[u8]); 6] = [
        (b"tracestate", b"\xff\xfe=\x80"),
        (b"tracestate", b"a=1,a=2,,=,nokey,b"),
        (b"tracestate", &long),
        (b"baggage", b"\xff=\xff,%zz=%,a,=,a=1;;;"),
        (b"baggage", &long),
        (b"x-unrelated", b"\x80\xff"),
    ];
    for header in beside {
        let request = hello(&[(b"traceparent", parent.as_bytes()), header]);
        assert_eq!(service.send(&request).status, 200);
    }
    let lines = lines(service.end("TERM", END));

    assert_eq!(lines.len(), 3 * beside.len());
    assert!(lines.iter().all(|line| trace(line) == TRACE));
}

#[test]
fn ten_thousand_baggage_entries_are_answered() {
    let service = Service::start(&[]);
    let entries = |from: usize| {
        let entry = |n: usize| format!("k{}=v", from + n);
        (0..125).map(entry).collect::<Vec<_>>().join(",")
    };
    let values: Vec<_> = (0..80).map(|n| entries(125 * n)).collect();
    let parent = format!("00-{TRACE}-{SPAN}-01");
    let mut headers: Vec<(&[u8], &[u8])> = vec![(b"traceparent", parent.as_bytes())];
    headers.extend(
        values
            .iter()
            .map(|value| (&b"baggage"[..], value.as_bytes())),
    );
    assert_eq!(service.send(&hello(&headers)).status, 200);
    let lines = lines(service.end("TERM", END));

    assert_eq!(lines.len(), 3);
    assert!(lines.iter().all(|line| trace(line) == TRACE));
}

#[test]
fn headers_beyond_the_servers_limit_are_its_to_refuse_and_the_next_request_is_answered() {
    let service = Service::start(&[]);
    let huge = vec![b'x'; 1 << 20];
    let refused = service.send(&hello(&[(b"baggage", &huge)])).status;
    // 0: it hung up while the request was still on its way, and the answer was lost
    assert!([431, 0].contains(&refused), "{refused}");
    assert_eq!(service.send(&hello(&[])).status, 200);
    let ended = service.end("TERM", END);

    assert_eq!(
        ended.stderr.matches("panicked").count(),
        0,
        "{}",
        ended.stderr
    );
    assert_eq!(lines(ended).len(), 3);
}

#[test]
fn a_path_of_other_bytes_is_logged_as_strict_json() {
    let service = Service::start(&[]);
    let name = "%22%5C%00%1F%E2%80%A8%F0%9F%A6%80";
    let request = format!("GET /hello/{name} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let answer = service.send(request.as_bytes());
    assert_eq!(answer.status, 200);
    let invalid = "GET /hello/%FF%FE HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert_eq!(service.send(invalid.as_bytes()).status, 400);
    let lines = lines(service.end("TERM", END));

    let greeting = lines.iter().find(|line| line["message"] == "greeting");
    assert_eq!(greeting.unwrap()["name"], "\"\\\0\u{1f}\u{2028}\u{1f980}");
}

/// A request with header values of any bytes.
fn hello(headers: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut request = b"GET /hello/ada HTTP/1.1\r\nHost: localhost\r\n".to_vec();
    for (name, value) in headers {
        request.extend([name, &b": "[..], value, b"\r\n"].concat());
    }
    request.extend(b"Connection: close\r\n\r\n");
    request
}

/// The lines after `service.start`.
fn lines(ended: Ended) -> Vec<Value> {
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.stdout.lines().skip(1).map(strict_json).collect()
}

fn trace(line: &Value) -> &str {
    line["trace_id"].as_str().unwrap()
}
