//! The receiver as the tests of this workspace use it.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use test_support::{Certs, Options, Receiver, attribute, python};

const LIMIT: Duration = Duration::from_secs(10);

/// Sends an empty trace request over TLS to every port: arguments are gRPC, h2, HTTP, CA, [cert, key].
/// The exit code counts the refusals.
const SEND_OVER_TLS: &str = r#"
import grpc, ssl, sys, urllib.request

def read(path):
    with open(path, "rb") as file:
        return file.read()

def send_grpc(rpc):
    credentials = grpc.ssl_channel_credentials(read(ca), *[read(path) for path in reversed(pair)])
    with grpc.secure_channel(rpc.removeprefix("https://"), credentials) as channel:
        export = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
        channel.unary_unary(export)(b"", timeout=5)

def send_http(http):
    context = ssl.create_default_context(cafile=ca)
    if pair:
        context.load_cert_chain(*pair)
    request = urllib.request.Request(http + "/v1/traces", b"", {"Content-Type": "application/x-protobuf"})
    urllib.request.urlopen(request, context=context, timeout=5)

rpc, h2, http, ca, *pair = sys.argv[1:]
refusals = 0
for send, to in (send_grpc, rpc), (send_grpc, h2), (send_http, http):
    try:
        send(to)
    except (grpc.RpcError, OSError):
        refusals += 1
sys.exit(refusals)
"#;

#[test]
fn accepted_spans_and_logs_can_be_read() {
    let Some(receiver) = Receiver::start(Options::default()) else {
        return;
    };
    let span = json!({
        "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174",
        "name": "checkout", "kind": 2, "startTimeUnixNano": "1", "endTimeUnixNano": "2",
        "attributes": [{"key": "items", "value": {"intValue": "3"}}],
    });
    let log =
        json!({"timeUnixNano": "1", "observedTimeUnixNano": "1", "body": {"stringValue": "hi"}});
    let resource =
        json!({"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]});
    let traces =
        json!({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]});
    let logs =
        json!({"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": [log]}]}]});

    assert_eq!(post(&receiver, "/v1/traces", &traces), 200);
    assert_eq!(post(&receiver, "/v1/logs", &logs), 200);

    assert_eq!(receiver.spans(), std::slice::from_ref(&span));
    assert_eq!(receiver.logs(), [log]);
    assert_eq!(attribute(&span, "items"), Some(json!("3")));
    assert_eq!(receiver.errors(), Vec::<String>::new());
    assert_eq!(receiver.requests()[0]["headers"]["x-test"], "yes");
}

#[test]
fn refused_requests_are_errors_and_bring_no_spans() {
    let Some(receiver) = Receiver::start(Options::default()) else {
        return;
    };
    let nameless = json!({"resourceSpans": [{"scopeSpans": [{"spans": [{"name": ""}]}]}]});

    assert_eq!(post(&receiver, "/v1/traces", &nameless), 400);
    assert_eq!(post(&receiver, "/v1/spans", &json!({})), 404);

    assert!(receiver.spans().is_empty());
    let errors = receiver.errors().join("\n");
    assert!(errors.contains("empty name"), "{errors}");
    assert!(errors.contains("404 /v1/spans"), "{errors}");
}

#[test]
fn faults_switch_at_run_time_and_nothing_faulty_counts_as_accepted() {
    let Some(receiver) = Receiver::start(Options::default()) else {
        return;
    };
    receiver.set_mode("unavailable");
    assert_eq!(post(&receiver, "/v1/traces", &json!({})), 503);
    receiver.set_fault(&json!({"mode": "status", "http": 502, "times": 1}));
    assert_eq!(post(&receiver, "/v1/traces", &json!({})), 502);
    assert_eq!(post(&receiver, "/v1/traces", &json!({})), 200);

    receiver.wait_for(|seen| seen.requests().len() == 3, LIMIT);
    let stats = receiver.stats();
    assert_eq!(stats["outcome.unavailable"], 1);
    assert_eq!(stats["outcome.accepted"], 1);
}

#[test]
fn a_receiver_comes_back_on_its_ports_with_what_it_had() {
    let Some(mut receiver) = Receiver::start(Options::default()) else {
        return;
    };
    let endpoints = (receiver.grpc_endpoint(), receiver.http_endpoint());
    post(&receiver, "/v1/traces", &json!({}));
    receiver.stop();
    assert!(TcpStream::connect(address(&receiver)).is_err());
    receiver.start_again();

    assert_eq!(
        endpoints,
        (receiver.grpc_endpoint(), receiver.http_endpoint())
    );
    post(&receiver, "/v1/traces", &json!({}));
    assert_eq!(receiver.requests().len(), 2);
}

#[test]
fn tls_asks_for_the_clients_certificate() {
    let Some(python) = python() else { return };
    let (certs, strangers) = (Certs::generate(), Certs::generate());
    let options = Options {
        tls: Some(&certs),
        client_auth: true,
        ..Options::default()
    };
    let receiver = Receiver::start(options).unwrap();
    let send = |ca: &Certs, client: Option<&Certs>| {
        let mut sender = Command::new(&python);
        sender.args(["-c", SEND_OVER_TLS]);
        sender.args([receiver.grpc_endpoint(), receiver.h2_endpoint()]);
        sender.arg(receiver.http_endpoint());
        sender.arg(ca.ca());
        sender.args(
            client
                .iter()
                .flat_map(|c| [c.client_cert(), c.client_key()]),
        );
        sender.output().unwrap().status.code().unwrap()
    };

    assert_eq!(send(&certs, Some(&certs)), 0);
    assert_eq!(send(&certs, None), 3);
    assert_eq!(send(&certs, Some(&strangers)), 3);
    assert_eq!(send(&strangers, Some(&certs)), 3);
    assert_eq!(receiver.requests().len(), 3);
}

fn post(receiver: &Receiver, path: &str, body: &Value) -> u16 {
    let body = body.to_string();
    let mut stream = TcpStream::connect(address(receiver)).unwrap();
    let length = body.len();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Test: yes\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

fn address(receiver: &Receiver) -> String {
    receiver.http_endpoint().replace("http://", "")
}
