//! The quickstart as its users meet it: a process, an independent OTLP receiver, and nothing else.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::collections::{BTreeSet, HashMap};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use test_support::{Ended, Options, Receiver, Service, attribute, free_port, strict_json};

/// The deadline of shutdown is 5 s; the rest is for a machine that is busy with other tests.
const END: Duration = Duration::from_secs(15);

const ROUNDS: usize = 8;

/// Of one round: two hello with three spans and lines, two fail with one, one slow without a line.
const SPANS: usize = ROUNDS * (2 * 3 + 2 + 1);
const LINES: usize = ROUNDS * (2 * 3 + 2);

type Ids = (String, String);

#[test]
fn over_grpc_every_line_has_the_ids_of_a_span_that_arrived() {
    let Some(receiver) = Receiver::start(Options::default()) else {
        return;
    };
    correlates(&receiver, "grpc", &receiver.grpc_endpoint());
}

#[test]
fn over_http_protobuf_every_line_has_the_ids_of_a_span_that_arrived() {
    let Some(receiver) = Receiver::start(Options::default()) else {
        return;
    };
    correlates(&receiver, "http/protobuf", &receiver.http_endpoint());
}

#[test]
fn over_http_json_every_line_has_the_ids_of_a_span_that_arrived() {
    let Some(receiver) = Receiver::start(Options::default()) else {
        return;
    };
    correlates(&receiver, "http/json", &receiver.http_endpoint());
}

fn correlates(receiver: &Receiver, protocol: &str, endpoint: &str) {
    let service = Service::start(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
        ("OTEL_SERVICE_NAME", "quickstart"),
    ]);
    let parents = traffic(&service);
    let ended = service.end("TERM", END);

    assert_eq!(receiver.errors(), Vec::<String>::new());
    for request in receiver.requests() {
        assert_eq!(request["transport"], protocol);
    }
    let spans = receiver.spans();
    assert_eq!(spans.len(), SPANS);
    let lines = lines_of_requests(&ended);
    assert_eq!(lines.len(), LINES);
    assert_lines_have_spans(&lines, &spans);
    assert_records_are_lines(&receiver.logs(), &lines);
    assert_trees(&spans, &parents);
    assert_last_words(&ended, &format!("{SPANS} spans, {} log records", LINES + 1));
}

/// Asks for everything from several threads at once; returns the parents that were sent.
fn traffic(service: &Service) -> Vec<Ids> {
    thread::scope(|scope| {
        let rounds: Vec<_> = (1..=ROUNDS)
            .map(|round| scope.spawn(move || ask_for_everything(service, round)))
            .collect();
        let parents = rounds.into_iter().map(|round| round.join().unwrap());
        parents.flatten().collect()
    })
}

fn ask_for_everything(service: &Service, round: usize) -> [Ids; 2] {
    let parents = [1, 2].map(|n| (format!("{:032x}", 16 * round + n), format!("{round:016x}")));
    let [hello, fail] = parents
        .each_ref()
        .map(|(trace, span)| format!("00-{trace}-{span}-01"));
    assert_eq!(service.get("/hello/ada", &[]).body, "hello ada\n");
    let answer = service.get("/hello/bob", &[("traceparent", &hello)]);
    assert_eq!(answer.body, "hello bob\n");
    assert_eq!(service.get("/fail", &[]).status, 500);
    assert_eq!(service.get("/fail", &[("traceparent", &fail)]).status, 500);
    assert_eq!(service.get("/slow", &[]).body, "done\n");
    assert_eq!(
        service.get("/healthz", &[("traceparent", &hello)]).body,
        "ok\n"
    );
    parents
}

/// The lines after `service.start`, each strict JSON.
fn lines_of_requests(ended: &Ended) -> Vec<Value> {
    assert!(ended.stdout.ends_with('\n'));
    let mut lines: Vec<_> = ended.stdout.lines().map(strict_json).collect();
    assert_eq!(lines[0]["event.name"], "service.start");
    assert_eq!(lines[0].get("trace_id"), None);
    lines.remove(0);
    lines
}

fn assert_lines_have_spans(lines: &[Value], spans: &[Value]) {
    let spans: HashMap<_, _> = spans
        .iter()
        .map(|span| (ids(span, "traceId", "spanId"), span))
        .collect();
    assert_eq!(spans.len(), SPANS, "a span arrived twice");
    for line in lines {
        let span = spans
            .get(&ids(line, "trace_id", "span_id"))
            .unwrap_or_else(|| panic!("no span has the ids of {line}"));
        let flags = format!("{:02x}", span["flags"].as_u64().unwrap() & 0xff);
        assert_eq!(line["trace_flags"], flags);
        assert!(["01", "03"].contains(&&*flags), "not sampled: {line}");
    }
}

fn assert_records_are_lines(records: &[Value], lines: &[Value]) {
    let body = |record: &Value| record["body"]["stringValue"].as_str().unwrap().to_owned();
    let mut sent: Vec<_> = records
        .iter()
        .filter(|record| record["eventName"] != "service.start")
        .map(|record| (ids(record, "traceId", "spanId"), body(record)))
        .collect();
    let mut written: Vec<_> = lines
        .iter()
        .map(|line| (ids(line, "trace_id", "span_id"), text(line, "message")))
        .collect();
    sent.sort();
    written.sort();
    assert_eq!(sent, written);
    assert_eq!(
        records.len(),
        lines.len() + 1,
        "service.start is a record too"
    );
}

/// Each trace has one root or continues a parent that was sent, and holds together.
fn assert_trees(spans: &[Value], parents: &[Ids]) {
    let by_id: HashMap<_, _> = spans
        .iter()
        .map(|span| (ids(span, "traceId", "spanId"), span))
        .collect();
    let mut continued = BTreeSet::new();
    for span in spans {
        let parent = ids(span, "traceId", "parentSpanId");
        match text(span, "name").as_str() {
            "load_profile" | "render" => {
                let parent = by_id[&parent];
                assert_eq!(parent["name"], "GET /hello/{name}");
            }
            "GET /hello/{name}" | "GET /fail" | "GET /slow" => {
                assert_eq!(span["kind"], 2, "{span}");
                assert_server_span(span);
                if !parent.1.is_empty() {
                    continued.insert(parent);
                }
            }
            other => panic!("no span is named {other}"),
        }
    }
    assert_eq!(continued, parents.iter().cloned().collect());
}

fn assert_server_span(span: &Value) {
    let status = attribute(span, "http.response.status_code").unwrap();
    let failed = span["name"] == "GET /fail";
    assert_eq!(status, if failed { "500" } else { "200" });
    assert_eq!(span["status"]["code"] == 2, failed, "{span}");
}

fn assert_last_words(ended: &Ended, exported: &str) {
    assert_eq!(ended.code, Some(0));
    let said: Vec<_> = ended.stderr.lines().collect();
    let [first, last] = said[..] else {
        panic!("not two lines: {said:#?}")
    };
    assert!(first.starts_with("telemetry 0."), "{first}");
    assert!(first.ends_with("ignored: none"), "{first}");
    let flushed = last.strip_prefix("telemetry: flushed in ").unwrap();
    let (_, what) = flushed.split_once(" ms: ").unwrap();
    let last = format!("{} log lines; 0 lost", LINES + 1);
    assert!(
        what.starts_with(exported) && what.ends_with(&last),
        "{what}"
    );
    assert!(what.contains(" data points, "), "{what}");
}

#[test]
fn with_nothing_configured_traces_are_trees_on_stderr_and_stdout_is_json() {
    let service = Service::start(&[]);
    assert_thread(&service, true);
    traffic(&service);
    let ended = service.end("INT", END);

    assert_eq!(ended.code, Some(0));
    assert_eq!(lines_of_requests(&ended).len(), LINES);
    let count = |line: &str| ended.stderr.lines().filter(|l| l.starts_with(line)).count();
    assert_eq!(count("GET /hello/{name}  200  "), 2 * ROUNDS);
    assert_eq!(count("   ├─ load_profile "), 2 * ROUNDS);
    assert_eq!(count("   └─ render "), 2 * ROUNDS);
    assert_eq!(count("GET /fail  500  "), 2 * ROUNDS);
    assert_eq!(count("GET /slow  200  3"), ROUNDS);
    assert_eq!(ended.stderr.matches("healthz").count(), 0);
    let last = ended.stderr.lines().last().unwrap();
    let all = format!("{SPANS} spans, {} log lines; 0 lost", LINES + 1);
    assert!(last.ends_with(&all), "{last}");
}

#[test]
fn disabled_there_is_no_telemetry_thread_and_the_lines_stay() {
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let service = Service::start(&[
        ("OTEL_SDK_DISABLED", "true"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &nobody),
    ]);
    let parents = traffic(&service);
    assert_thread(&service, false);
    let ended = service.end("TERM", END);

    assert_eq!(ended.code, Some(0));
    assert!(
        ended.stderr.contains("disabled (OTEL_SDK_DISABLED"),
        "{}",
        ended.stderr
    );
    let lines = lines_of_requests(&ended);
    assert_eq!(lines.len(), LINES);
    // the caller's ids; without a caller none, because nothing here makes ids
    let carried: BTreeSet<_> = lines
        .iter()
        .filter(|line| line.get("trace_id").is_some())
        .map(|line| ids(line, "trace_id", "span_id"))
        .collect();
    assert_eq!(carried, parents.into_iter().collect());
}

fn assert_thread(service: &Service, expected: bool) {
    if cfg!(target_os = "linux") {
        let threads = service.threads();
        let found = threads.iter().any(|name| name == "telemetry");
        assert_eq!(found, expected, "{threads:?}");
    }
}

fn ids(item: &Value, trace: &str, span: &str) -> Ids {
    (text(item, trace), text(item, span))
}

fn text(item: &Value, key: &str) -> String {
    item[key].as_str().unwrap_or_default().to_owned()
}
