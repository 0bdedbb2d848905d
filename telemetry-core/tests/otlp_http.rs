//! OTLP over HTTP against servers that answer well, badly and not at all.
#![cfg(feature = "otlp-http")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod otlp_support;

use std::io::Read;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceResponse,
};
use otlp_support::{
    Http1Request, answer_all, assert_retryable, assert_words, attempt, batch, bodies, closed_port,
    export, exporter, grpc_ok, grpc_server, http, http1, http1_answer, tcp,
};
use prost::Message;
use telemetry_core::config::{Compression, Env, OtlpProtocol, Overrides, Plan};
use telemetry_core::export::otlp::OtlpSettings;
use telemetry_core::export::{ExportErrorKind, Exporter};
use tokio::io::AsyncWriteExt;

const PROTOBUF: &str = "content-type: application/x-protobuf\r\n";
const JSON: &str = "content-type: application/json\r\n";

fn ok() -> Vec<u8> {
    http1_answer("200 OK", PROTOBUF, b"")
}

#[tokio::test]
async fn a_request_is_what_the_specification_says() {
    let (address, seen) = http1(ok()).await;
    let mut settings = http(address);
    settings.headers = vec![("X-Api-Key".into(), "k1".into())];
    settings.user_agent = Some("shop/1.2".into());
    assert_eq!(export(&settings).await.unwrap().rejected, 0);

    let request = seen.lock().unwrap().remove(0);
    assert!(
        request.head.starts_with("POST /v1/logs HTTP/1.1\r\n"),
        "{}",
        request.head
    );
    assert_eq!(request.header("host"), Some(&*address.to_string()));
    assert_eq!(
        request.header("content-type"),
        Some("application/x-protobuf")
    );
    assert_eq!(request.header("content-encoding"), None);
    assert_eq!(request.header("x-api-key"), Some("k1"));
    let agent = request.header("user-agent").unwrap();
    assert!(
        agent.starts_with("shop/1.2 OTel-OTLP-Exporter-Rust-telemetry/"),
        "{agent}"
    );
    assert_eq!(bodies(&request.body), ["hello"]);
}

#[tokio::test]
async fn the_variables_decide_what_is_sent() {
    let (address, seen) = http1(ok()).await;
    let env = Env::from_pairs([
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            &*format!("http://{address}/prefix"),
        ),
        ("OTEL_EXPORTER_OTLP_HEADERS", "X-Api-Key=a%20b"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "2500"),
    ]);
    let (plan, _) = Plan::resolve(&Overrides::default(), &env);
    let settings = OtlpSettings::from(&plan.logs.otlp);
    assert_eq!(settings.timeout, Duration::from_millis(2500));
    export(&settings).await.unwrap();
    let request = seen.lock().unwrap().remove(0);
    assert!(request.head.starts_with("POST /prefix/v1/logs "));
    assert_eq!(request.header("x-api-key"), Some("a b"));
    assert_eq!(request.header("content-encoding"), Some("gzip"));
}

#[tokio::test]
async fn json_is_json() {
    let (address, seen) = http1(http1_answer("200 OK", JSON, b"{}")).await;
    let endpoint = format!("http://{address}/v1/logs");
    export(&OtlpSettings::new(endpoint, OtlpProtocol::HttpJson))
        .await
        .unwrap();
    let request = seen.lock().unwrap().remove(0);
    assert_eq!(request.header("content-type"), Some("application/json"));
    let json: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
    let record = &json["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
    assert_eq!(record["body"]["stringValue"], "hello");
}

#[tokio::test]
async fn compressed_requests_hold_the_same_bytes() {
    let (address, seen) = http1(ok()).await;
    let mut settings = http(address);
    for compression in [None, Some(Compression::Gzip), Some(Compression::Zstd)] {
        settings.compression = compression;
        let mut exporter = exporter(&settings).unwrap();
        for bodies in [&["a", "b"][..], &["c"][..]] {
            exporter.prepare(&batch(bodies)).unwrap();
            attempt(&mut exporter).await.unwrap();
            attempt(&mut exporter).await.unwrap();
            exporter.release();
        }
    }
    let seen = seen.lock().unwrap();
    let decoded: Vec<Vec<u8>> = seen
        .iter()
        .map(|request| {
            let mut plain = Vec::new();
            let body = &request.body[..];
            match request.header("content-encoding") {
                Some("gzip") => flate2::read::GzDecoder::new(body).read_to_end(&mut plain),
                Some("zstd") => zstd::Decoder::new(body).unwrap().read_to_end(&mut plain),
                None => (&mut &*body).read_to_end(&mut plain),
                other => panic!("{other:?}"),
            }
            .unwrap();
            plain
        })
        .collect();
    assert_eq!(decoded.len(), 12);
    for attempts in decoded.chunks(4) {
        assert_eq!(attempts[0], attempts[1]);
        assert_eq!(attempts, &decoded[..4]);
        assert_eq!(bodies(&attempts[0]), ["a", "b"]);
        assert_eq!(bodies(&attempts[2]), ["c"]);
    }
}

#[tokio::test]
async fn credentials_in_the_url_become_a_header() {
    let (address, seen) = http1(ok()).await;
    let endpoint = format!("http://ada:secret@{address}/v1/logs");
    let settings = OtlpSettings::new(endpoint, OtlpProtocol::HttpProtobuf);
    export(&settings).await.unwrap();
    let request = seen.lock().unwrap().remove(0);
    assert_eq!(
        request.header("authorization"),
        Some("Basic YWRhOnNlY3JldA==")
    );
    assert_eq!(request.header("host"), Some(&*address.to_string()));
    let exporter = exporter(&settings).unwrap();
    assert_eq!(exporter.destination(), format!("http://{address}/v1/logs"));
    assert!(!format!("{exporter:?} {settings:?}").contains("secret"));
}

#[tokio::test]
async fn partial_success_is_counted_with_its_message() {
    let partial = ExportLogsServiceResponse {
        partial_success: Some(ExportLogsPartialSuccess {
            rejected_log_records: 2,
            error_message: "too old".into(),
        }),
    };
    let json = br#"{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"too old"}}"#;
    for (media_type, body) in [(PROTOBUF, partial.encode_to_vec()), (JSON, json.to_vec())] {
        let (address, _) = http1(http1_answer("200 OK", media_type, &body)).await;
        let accepted = export(&http(address)).await.unwrap();
        assert_eq!((accepted.rejected, &*accepted.message), (2, "too old"));
    }
}

/// Status, headers, body; what is said and advised.
type Refusal = (
    &'static str,
    &'static str,
    &'static [u8],
    &'static str,
    &'static str,
);

const TEXT: &str = "content-type: text/plain\r\n";
const PAGE: &str = "content-type: text/html; charset=utf-8\r\n";
/// `google.rpc.Status { code: 3, message: "bad key" }`.
const BAD_KEY: &[u8] = b"\x08\x03\x12\x07bad key";
const BAD_KEY_JSON: &[u8] = br#"{"code":3,"message":"bad key"}"#;

#[rustfmt::skip]
const REFUSALS: [Refusal; 11] = [
    ("401 Unauthorized", "", b"", "401 Unauthorized: the receiver refused the credentials", "Check OTEL_EXPORTER_OTLP_HEADERS"),
    ("403 Forbidden", "", b"", "refused the credentials", "Check OTEL_EXPORTER_OTLP_HEADERS"),
    ("404 Not Found", PAGE, b"<html>", "404: this address serves no OTLP at /v1/logs", "Check OTEL_EXPORTER_OTLP_ENDPOINT"),
    ("400 Bad Request", PROTOBUF, BAD_KEY, "400 Bad Request: bad key", ""),
    ("400 Bad Request", JSON, BAD_KEY_JSON, "400 Bad Request: bad key", ""),
    ("400 Bad Request", TEXT, b"no such tenant\nand more", "400 Bad Request: no such tenant", ""),
    ("400 Bad Request", TEXT, b"\x1b[31mred", "400 Bad Request", ""),
    ("413 Payload Too Large", "", b"", "too large", "MAX_EXPORT_BATCH_SIZE"),
    ("415 Unsupported Media Type", "", b"", "encoding", "OTEL_EXPORTER_OTLP_PROTOCOL"),
    ("500 Internal Server Error", "", b"", "500", ""),
    ("200 OK", PAGE, b"<html>", "web page", "OTEL_EXPORTER_OTLP_ENDPOINT"),
];

#[tokio::test]
async fn refusals_are_final_and_in_words() {
    for (status, headers, body, message, remedy) in REFUSALS {
        let (address, _) = http1(http1_answer(status, headers, body)).await;
        let error = export(&http(address)).await.unwrap_err();
        assert_eq!(
            error.kind(),
            ExportErrorKind::Permanent,
            "{status}: {error}"
        );
        assert_words(&error, message, remedy);
        assert!(!error.to_string().contains(char::is_control));
    }
}

#[tokio::test]
async fn overload_is_retryable_at_the_time_that_the_receiver_names() {
    for (status, headers, after) in [
        ("429 Too Many Requests", "retry-after: 7\r\n", Some(7)),
        ("503 Service Unavailable", "", None),
        ("502 Bad Gateway", "", None),
        ("504 Gateway Timeout", "retry-after: nonsense\r\n", None),
    ] {
        let (address, _) = http1(http1_answer(status, headers, b"")).await;
        let error = export(&http(address)).await.unwrap_err();
        let after = after.map(Duration::from_secs);
        assert_eq!(error.kind(), ExportErrorKind::Retryable { after });
        assert_words(&error, status, "");
    }
}

#[tokio::test]
async fn a_retry_date_is_a_time_from_now() {
    let date = "retry-after: Fri, 31 Dec 9999 23:59:59 GMT\r\n";
    let (address, _) = http1(http1_answer("503 Service Unavailable", date, b"")).await;
    let error = export(&http(address)).await.unwrap_err();
    let ExportErrorKind::Retryable { after: Some(after) } = error.kind() else {
        panic!("{error:?}");
    };
    assert!(after > Duration::from_secs(3600));
}

#[tokio::test]
async fn redirects_are_told_and_not_followed() {
    let (elsewhere, followed) = http1(ok()).await;
    let location = format!("location: http://{elsewhere}/v1/logs\r\n");
    let (address, _) = http1(http1_answer("307 Temporary Redirect", &location, b"")).await;
    let error = export(&http(address)).await.unwrap_err();
    assert_eq!(error.kind(), ExportErrorKind::Permanent);
    assert_words(
        &error,
        &format!("redirects (307) to http://{elsewhere}"),
        "ENDPOINT",
    );
    assert!(followed.lock().unwrap().is_empty());
}

#[tokio::test]
async fn secrets_that_a_receiver_quotes_are_not_told() {
    let location = "location: http://elsewhere/login?key=hunter2#hunter2\r\n";
    for (status, headers, body) in [
        ("401 Unauthorized", TEXT, &b"no such key: hunter2"[..]),
        ("503 Service Unavailable", TEXT, b"busy, hunter2"),
        ("307 Temporary Redirect", location, b""),
    ] {
        let (address, _) = http1(http1_answer(status, headers, body)).await;
        let mut settings = http(address);
        settings.headers = vec![("x-api-key".to_owned(), "hunter2".to_owned())];
        let error = export(&settings).await.unwrap_err();
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        assert!(!error.to_string().contains('?'), "{error}");
    }
}

#[tokio::test]
async fn a_closed_port_is_named_with_a_remedy() {
    let address = closed_port().await;
    let error = export(&http(address)).await.unwrap_err();
    assert_retryable(&error);
    assert_eq!(
        error.to_string(),
        format!("http://{address} refused the connection")
    );
    assert_eq!(
        error.remedy(),
        Some("Start a collector, or run: telemetry doctor")
    );
}

#[tokio::test]
async fn a_name_without_address_is_named() {
    // reserved for this: <https://www.rfc-editor.org/rfc/rfc6761#section-6.4>
    let settings = OtlpSettings::new("http://collector.invalid:4318", OtlpProtocol::HttpProtobuf);
    let error = export(&settings).await.unwrap_err();
    assert_retryable(&error);
    assert_words(
        &error,
        "the name collector.invalid d",
        "Check OTEL_EXPORTER_OTLP_ENDPOINT",
    );
}

#[tokio::test]
async fn a_connection_reset_in_mid_export_is_retried_with_success() {
    let seen = Arc::<Mutex<Vec<Http1Request>>>::default();
    let requests = Arc::clone(&seen);
    let address = tcp(move |number, mut stream| {
        let seen = Arc::clone(&requests);
        async move {
            if number == 0 {
                Http1Request::read(&mut stream).await.unwrap();
                stream.set_zero_linger().unwrap();
                return;
            }
            answer_all(&mut stream, &ok(), &seen).await;
        }
    })
    .await;
    let mut exporter = exporter(&http(address)).unwrap();
    exporter.prepare(&batch(&["kept"])).unwrap();
    let error = attempt(&mut exporter).await.unwrap_err();
    assert_retryable(&error);
    assert_words(&error, "closed the connection before it answered", "");
    attempt(&mut exporter).await.unwrap();
    assert_eq!(bodies(&seen.lock().unwrap()[0].body), ["kept"]);
}

#[tokio::test]
async fn after_a_hang_the_next_attempt_has_a_fresh_connection() {
    let seen = Arc::<Mutex<Vec<Http1Request>>>::default();
    let requests = Arc::clone(&seen);
    let address = tcp(move |number, mut stream| {
        let seen = Arc::clone(&requests);
        async move {
            if number == 0 {
                Http1Request::read(&mut stream).await.unwrap();
                std::future::pending::<()>().await;
            }
            answer_all(&mut stream, &ok(), &seen).await;
        }
    })
    .await;
    let mut exporter = exporter(&http(address)).unwrap();
    exporter.prepare(&batch(&["kept"])).unwrap();
    let hung = tokio::time::timeout(Duration::from_millis(300), exporter.attempt()).await;
    assert!(hung.is_err());
    attempt(&mut exporter).await.unwrap();
    assert_eq!(bodies(&seen.lock().unwrap()[0].body), ["kept"]);
}

#[tokio::test]
async fn a_connection_serves_many_batches() {
    let connections = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&connections);
    let address = tcp(move |_, mut stream| {
        *counted.lock().unwrap() += 1;
        async move { answer_all(&mut stream, &ok(), &Mutex::default()).await }
    })
    .await;
    let mut exporter = exporter(&http(address)).unwrap();
    for _ in 0..5 {
        exporter.prepare(&batch(&["x"])).unwrap();
        attempt(&mut exporter).await.unwrap();
        exporter.release();
    }
    assert_eq!(*connections.lock().unwrap(), 1);
}

#[tokio::test]
async fn a_receiver_that_hung_up_between_batches_costs_nothing() {
    let address = tcp(move |_, mut stream| async move {
        Http1Request::read(&mut stream).await.unwrap();
        stream.write_all(&ok()).await.unwrap();
    })
    .await;
    let mut exporter = exporter(&http(address)).unwrap();
    for _ in 0..3 {
        exporter.prepare(&batch(&["x"])).unwrap();
        attempt(&mut exporter).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn garbage_is_no_answer() {
    let (address, _) = http1(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()).await;
    let error = export(&http(address)).await.unwrap_err();
    assert_retryable(&error);
    assert_words(&error, "does not answer in HTTP/1", "");
}

#[tokio::test]
async fn a_grpc_port_is_recognised() {
    // some servers close at once, others say their HTTP/2 settings first
    let (closes, _) = grpc_server(vec![grpc_ok()]).await;
    let (greets, _) = http1(b"\0\0\0\x04\0\0\0\0\0".to_vec()).await;
    for address in [closes, greets] {
        let error = export(&http(address)).await.unwrap_err();
        assert_retryable(&error);
        assert_words(&error, "answer", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc");
    }
}

#[tokio::test]
async fn a_huge_answer_is_not_read_to_its_end() {
    let address = tcp(|_, mut stream| async move {
        Http1Request::read(&mut stream).await.unwrap();
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut chunk = b"10000\r\n".to_vec();
        chunk.resize(chunk.len() + 0x10000, b'x');
        chunk.extend_from_slice(b"\r\n");
        while stream.write_all(&chunk).await.is_ok() {}
    })
    .await;
    let error = export(&http(address)).await.unwrap_err();
    assert_eq!(error.kind(), ExportErrorKind::Permanent);
    assert_words(&error, "more than 4 MiB", "OTEL_EXPORTER_OTLP_ENDPOINT");
}
