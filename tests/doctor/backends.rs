//! Asking backends: small servers that answer as documented.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use test_support::{Options, Prometheus, Receiver, free_port};

use crate::run::{Run, doctor};

/// A trace as Tempo returns it. Source: "Query" in <https://grafana.com/docs/tempo/latest/api_docs/>
/// and its protobuf `Trace`, whose JSON has `batches`; ids are base64.
const TEMPO: &str = r#"{"batches":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeSpans":[{"scope":{"name":"telemetry.doctor"},"spans":[{"traceId":"S/kvNXezTaajzpKdDg5HNg==","spanId":"APBnqgupAre=","name":"telemetry doctor","kind":"SPAN_KIND_INTERNAL","startTimeUnixNano":"1795257600000000000","endTimeUnixNano":"1795257600000000001","status":{}}]}]}]}"#;
const TEMPO_UNKNOWN: &str = "trace not found";

/// A trace as Jaeger's `/api/v3/traces/{trace_id}` returns it: OTLP in `result`. Source:
/// `GRPCGatewayWrapper` in
/// <https://github.com/jaegertracing/jaeger-idl/blob/001eb82d25c345fa890526f2c0c1acb598162a13/swagger/api_v3/query_service.openapi.yaml>.
const JAEGER: &str = r#"{"result":{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeSpans":[{"scope":{"name":"telemetry.doctor"},"spans":[{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b7","name":"telemetry doctor","kind":1,"startTimeUnixNano":"1795257600000000000","endTimeUnixNano":"1795257600000000001","status":{}}]}]}]}}"#;
/// `GRPCGatewayError` in the same.
const JAEGER_UNKNOWN: &str = r#"{"error":{"httpCode":404,"message":"No traces found"}}"#;

/// Log lines as Loki returns them. Source: "Query logs within a range of time" in
/// <https://grafana.com/docs/loki/latest/reference/loki-http-api/>.
const LOKI: &str = r#"{"status":"success","data":{"resultType":"streams","result":[{"stream":{"service_name":"shop"},"values":[["1795257600000000000","telemetry doctor: test record of trace TRACE_ID"]]}],"stats":{}}}"#;
const LOKI_EMPTY: &str =
    r#"{"status":"success","data":{"resultType":"streams","result":[],"stats":{}}}"#;

/// An instant vector as Prometheus returns it, and an empty one. Source: "Instant queries" and
/// "Instant vectors" in <https://prometheus.io/docs/prometheus/latest/querying/api/>.
const PROMETHEUS: &str = r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"telemetry_doctor_last_run_seconds","job":"shop"},"value":[1795257600.123,"1795257600"]}]}}"#;
const PROMETHEUS_EMPTY: &str = r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;

/// A server that gives its first answer twice and then its second for ever. In an answer,
/// `TRACE_ID` stands for the last 32 hex digits in a row of the request.
struct Server {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(first: (u16, &'static str), then: (u16, &'static str)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        // ends with the test's process
        thread::spawn(move || {
            for stream in listener.incoming() {
                let request = request_line(stream.as_ref().unwrap());
                let mut seen = seen.lock().unwrap();
                let (status, body) = if seen.len() < 2 { first } else { then };
                let body = body.replace("TRACE_ID", &trace_id(&request));
                seen.push(request);
                answer(&mut stream.unwrap(), status, &body);
            }
        });
        Self { url, requests }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn request_line(stream: &TcpStream) -> String {
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    let first = lines.next().unwrap_or_default();
    assert!(lines.any(|line| line.is_empty()));
    first
}

fn answer(stream: &mut TcpStream, status: u16, body: &str) {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} x\r\nConnection: close\r\nContent-Length: {length}");
    stream
        .write_all(format!("{head}\r\n\r\n{body}").as_bytes())
        .unwrap();
}

fn trace_id(request: &str) -> String {
    let mut runs = request.split(|c: char| !c.is_ascii_hexdigit());
    // %22 before the id adds its two digits
    let id = runs.rfind(|run| matches!(run.len(), 32 | 34));
    id.map_or_else(String::new, |run| run[run.len() - 32..].to_owned())
}

fn asked(run: &Run, index: usize) -> Value {
    run.json()["backends"][index].clone()
}

#[test]
fn each_backend_is_asked_until_it_has_the_test_data() {
    let Some(receiver) = Receiver::start(Options::default()) else {
        return;
    };
    let endpoint = receiver.http_endpoint();
    let tempo = Server::start((404, TEMPO_UNKNOWN), (200, TEMPO));
    let jaeger = Server::start((404, JAEGER_UNKNOWN), (200, JAEGER));
    let prometheus = Server::start((200, PROMETHEUS_EMPTY), (200, PROMETHEUS));
    let loki = Server::start((200, LOKI_EMPTY), (200, LOKI));
    let run = doctor(
        &[
            "--query",
            "--tempo",
            &tempo.url,
            "--jaeger",
            &jaeger.url,
            "--prometheus",
            &prometheus.url,
            "--loki",
            &loki.url,
        ],
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
            ("OTEL_SERVICE_NAME", "shop"),
        ],
    );
    assert_eq!(run.code, Some(0), "{run:?}");
    let json = run.json();
    let id = json["trace_id"].as_str().unwrap();
    for (index, name, server) in [
        (0, "tempo", &tempo),
        (1, "jaeger", &jaeger),
        (2, "prometheus", &prometheus),
        (3, "loki", &loki),
    ] {
        let asked = asked(&run, index);
        assert_eq!(asked["backend"], name);
        assert_eq!(asked["step"]["outcome"], "done", "{asked:#}");
        assert_eq!(server.requests().len(), 3);
    }
    let start = "GET /api/v1/query?query=%7B%5F%5Fname%5F%5F%3D%7E%22telemetry%2Edoctor";
    let asked = prometheus.requests();
    assert!(asked[0].starts_with(start), "{asked:?}");
    let asked = loki.requests();
    assert!(asked[0].contains(id), "{asked:?}");
    assert_eq!(
        tempo.requests()[0],
        format!("GET /api/traces/{id} HTTP/1.1")
    );
    assert_eq!(
        jaeger.requests()[0],
        format!("GET /api/v3/traces/{id} HTTP/1.1")
    );
    let query = "GET /loki/api/v1/query_range?query=%7Bservice%5Fname%3D%22shop%22%7D";
    assert!(
        loki.requests()[0].starts_with(query),
        "{:?}",
        loki.requests()
    );
}

#[test]
fn what_does_not_arrive_or_answer_is_a_problem_with_a_name() {
    let Some(receiver) = Receiver::start(Options::default()) else {
        return;
    };
    let endpoint = receiver.http_endpoint();
    let tempo = Server::start((404, TEMPO_UNKNOWN), (404, TEMPO_UNKNOWN));
    let loki = Server::start((502, "no upstream"), (502, "no upstream"));
    let closed = format!("http://me:hunter2@127.0.0.1:{}", free_port());
    let run = doctor(
        &[
            "--query", "--wait", "1", "--tempo", &tempo.url, "--jaeger", &closed, "--loki",
            &loki.url,
        ],
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)],
    );
    assert_eq!(run.code, Some(1));
    let said = |index: usize| asked(&run, index)["step"]["finding"].to_string();
    let late = "the test span did not arrive within 1s: tempo does not have it yet";
    assert!(said(0).contains(late), "{run:?}");
    assert!(said(0).contains("collector's pipeline"), "{run:?}");
    assert!(said(1).contains("refused the connection"), "{run:?}");
    assert!(said(1).contains("Check the address of jaeger"), "{run:?}");
    assert!(
        said(2).contains("loki answered 502 Bad Gateway no upstream"),
        "{run:?}"
    );
    assert!(!run.stdout.contains("hunter2"), "{run:?}");
}

#[test]
fn what_was_not_accepted_is_not_asked_for() {
    let tempo = Server::start((200, TEMPO), (200, TEMPO));
    let endpoint = format!("http://127.0.0.1:{}", free_port());
    let run = doctor(
        &["--query", "--tempo", &tempo.url],
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)],
    );
    assert_eq!(asked(&run, 0)["step"]["outcome"], "skipped", "{run:?}");
    assert_eq!(tempo.requests(), Vec::<String>::new());
}

/// A page for Prometheus whose text changes; it stands in for the collector's exporter.
struct Page {
    address: SocketAddr,
    text: Arc<Mutex<String>>,
}

impl Page {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let text = Arc::new(Mutex::new(String::new()));
        let shown = Arc::clone(&text);
        // ends with the test's process
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                request_line(&stream);
                let body = shown.lock().unwrap().clone();
                let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/plain";
                drop(write!(stream, "{head}\r\n\r\n{body}"));
            }
        });
        Self { address, text }
    }

    /// Shows the gauge that the receiver got, under the name that Prometheus knows it by.
    fn show(&self, metrics: &[Value]) {
        if let Some(metric) = metrics.last() {
            let value = metric["gauge"]["dataPoints"][0]["asInt"].as_str().unwrap();
            *self.text.lock().unwrap() = format!("telemetry_doctor_last_run_seconds {value}\n");
        }
    }
}

#[test]
fn a_real_prometheus_is_asked_for_the_metric() {
    let Some(receiver) = Receiver::start(Options::default()) else {
        return;
    };
    let page = Page::start();
    let Some(prometheus) = Prometheus::start(page.address) else {
        return;
    };
    let (endpoint, url) = (receiver.http_endpoint(), prometheus.url());
    let run = thread::scope(|scope| {
        let arguments = ["--query", "--wait", "60", "--prometheus", &url];
        let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str())];
        let running = scope.spawn(move || doctor(&arguments, &variables));
        while !running.is_finished() {
            page.show(&receiver.metrics());
            thread::sleep(Duration::from_millis(50));
        }
        running.join().unwrap()
    });
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(
        asked(&run, 0)["step"]["detail"],
        "the test metric has arrived"
    );
    // an older run is not this one
    let later = r#"{__name__=~"telemetry.doctor.last_run(_seconds)?"} >= 99999999999"#;
    assert_eq!(prometheus.query(later), Vec::<Value>::new());
}
