//! OTLP over gRPC against servers that answer well, badly and not at all.
#![cfg(feature = "otlp-grpc")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod otlp_support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{
    LogsService, LogsServiceServer,
};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use otlp_support::{
    GrpcAnswer, GrpcCalls, assert_retryable, assert_words, attempt, batch, bodies, closed_port,
    export, exporter, framed, grpc, grpc_ok, grpc_server, headers, http1, http1_answer, serve_grpc,
    tcp,
};
use prost::Message;
use telemetry_core::config::{Compression, OtlpProtocol};
use telemetry_core::export::otlp::OtlpSettings;
use telemetry_core::export::{ExportErrorKind, Exporter};
use tokio::net::TcpListener;
use tonic::codec::CompressionEncoding;
use tower_service::Service as _;

#[tokio::test]
async fn a_call_is_what_the_specification_says() {
    let (address, calls) = grpc_server(vec![grpc_ok()]).await;
    let mut settings = grpc(address);
    settings.headers = vec![("X-Api-Key".into(), "k1".into())];
    settings.timeout = Duration::from_millis(2500);
    assert_eq!(export(&settings).await.unwrap().rejected, 0);

    let (head, body) = calls.seen.lock().unwrap().remove(0);
    let header = |name: &str| head.headers.get(name).map(|value| value.to_str().unwrap());
    assert_eq!(
        head.uri.path(),
        "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
    );
    assert_eq!(header("te"), Some("trailers"));
    assert_eq!(header("content-type"), Some("application/grpc"));
    assert_eq!(header("grpc-timeout"), Some("3000m"));
    assert_eq!(header("grpc-encoding"), None);
    assert_eq!(header("x-api-key"), Some("k1"));
    assert!(
        header("user-agent")
            .unwrap()
            .starts_with("OTel-OTLP-Exporter-Rust-telemetry/")
    );
    assert_eq!(body[0], 0);
    assert_eq!(
        body[1..5],
        u32::try_from(body.len() - 5).unwrap().to_be_bytes()
    );
    assert_eq!(bodies(&body[5..]), ["hello"]);
}

#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<ExportLogsServiceRequest>>>);

#[tonic::async_trait]
impl LogsService for Collector {
    async fn export(
        &self,
        request: tonic::Request<ExportLogsServiceRequest>,
    ) -> Result<tonic::Response<ExportLogsServiceResponse>, tonic::Status> {
        self.0.lock().unwrap().push(request.into_inner());
        Ok(tonic::Response::new(ExportLogsServiceResponse {
            partial_success: Some(ExportLogsPartialSuccess {
                rejected_log_records: 1,
                error_message: "too old".into(),
            }),
        }))
    }
}

#[tokio::test]
async fn a_real_server_reads_each_compression() {
    let collector = Collector::default();
    let service =
        LogsServiceServer::new(collector.clone()).accept_compressed(CompressionEncoding::Gzip);
    let address = tcp(move |_, stream| {
        let service = service.clone();
        let answer = hyper::service::service_fn(move |request| service.clone().call(request));
        async move {
            let _ended = http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), answer)
                .await;
        }
    })
    .await;
    let mut settings = grpc(address);
    for compression in [None, Some(Compression::Gzip)] {
        settings.compression = compression;
        let mut exporter = exporter(&settings).unwrap();
        exporter.prepare(&batch(&["a", "b"])).unwrap();
        let accepted = attempt(&mut exporter).await.unwrap();
        assert_eq!((accepted.rejected, &*accepted.message), (1, "too old"));
    }
    let requests = collector.0.lock().unwrap();
    assert_eq!(requests[0], requests[1]);
    assert_eq!(bodies(&requests[0].encode_to_vec()), ["a", "b"]);
}

#[tokio::test]
async fn zstd_is_announced_and_decodes() {
    let (address, calls) = grpc_server(vec![grpc_ok()]).await;
    let mut settings = grpc(address);
    settings.compression = Some(Compression::Zstd);
    export(&settings).await.unwrap();
    let (head, body) = calls.seen.lock().unwrap().remove(0);
    assert_eq!(head.headers.get("grpc-encoding").unwrap(), "zstd");
    assert_eq!(body[0], 1);
    assert_eq!(bodies(&zstd::decode_all(&body[5..]).unwrap()), ["hello"]);
}

#[tokio::test]
async fn each_status_means_what_the_specification_says() {
    let retryable = [1, 4, 10, 11, 14, 15];
    for code in 1..=17 {
        let number = code.to_string();
        let status = [
            ("grpc-status", &*number),
            ("grpc-message", "because%20of%20%C3%A4"),
        ];
        for answer in [
            GrpcAnswer::TrailersOnly(headers(&status)),
            GrpcAnswer::Message(Vec::new(), headers(&status)),
        ] {
            let (address, _) = grpc_server(vec![answer]).await;
            let error = export(&grpc(address)).await.unwrap_err();
            let expected = if retryable.contains(&code) {
                ExportErrorKind::Retryable { after: None }
            } else {
                ExportErrorKind::Permanent
            };
            assert_eq!(error.kind(), expected, "{code}: {error}");
            assert_words(&error, "because of ä", "");
        }
    }
}

#[tokio::test]
async fn refusals_come_with_a_remedy() {
    for (code, message, remedy) in [
        (
            "16",
            "UNAUTHENTICATED: the receiver refused the credentials",
            "OTEL_EXPORTER_OTLP_HEADERS",
        ),
        ("7", "PERMISSION_DENIED", "OTEL_EXPORTER_OTLP_HEADERS"),
        (
            "12",
            "takes no OTLP logs over gRPC",
            "OTEL_EXPORTER_OTLP_ENDPOINT",
        ),
    ] {
        let status = headers(&[("grpc-status", code)]);
        let (address, _) = grpc_server(vec![GrpcAnswer::TrailersOnly(status)]).await;
        assert_words(&export(&grpc(address)).await.unwrap_err(), message, remedy);
    }
}

#[tokio::test]
async fn retry_info_makes_exhaustion_retryable() {
    // google.rpc.Status { code: 8, details: [Any(RetryInfo { retry_delay: 1.5 s })] }
    let delay = [&b"\x08\x01\x10"[..], &[0x80, 0xca, 0xb5, 0xee, 0x01]].concat();
    let info = [&[0x0a, u8::try_from(delay.len()).unwrap()], &delay[..]].concat();
    let url = b"type.googleapis.com/google.rpc.RetryInfo";
    let any = [
        &[0x0a, u8::try_from(url.len()).unwrap()],
        &url[..],
        &[0x12, u8::try_from(info.len()).unwrap()],
        &info[..],
    ]
    .concat();
    let status = [&[0x08, 8, 0x1a, u8::try_from(any.len()).unwrap()], &any[..]].concat();
    let padded = base64::engine::general_purpose::STANDARD.encode(&status);
    assert!(padded.ends_with('='), "or the two spellings are one");
    for details in [&*padded, padded.trim_end_matches('=')] {
        let status = headers(&[("grpc-status", "8"), ("grpc-status-details-bin", details)]);
        let (address, _) = grpc_server(vec![GrpcAnswer::TrailersOnly(status)]).await;
        let error = export(&grpc(address)).await.unwrap_err();
        let after = Some(Duration::from_millis(1500));
        assert_eq!(error.kind(), ExportErrorKind::Retryable { after });
    }
}

#[tokio::test]
async fn an_answer_without_a_grpc_status_comes_from_something_else() {
    for (answer, kind, message) in [
        (
            GrpcAnswer::Http(503),
            ExportErrorKind::Retryable { after: None },
            "503",
        ),
        (
            GrpcAnswer::Http(404),
            ExportErrorKind::Permanent,
            "takes no OTLP logs",
        ),
        (
            GrpcAnswer::Http(401),
            ExportErrorKind::Permanent,
            "refused the credentials",
        ),
        (
            GrpcAnswer::NoStatus(framed(&[])),
            ExportErrorKind::Retryable { after: None },
            "without a status",
        ),
    ] {
        let (address, _) = grpc_server(vec![answer]).await;
        let error = export(&grpc(address)).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert_words(&error, message, "");
    }
}

#[tokio::test]
async fn an_answer_without_an_end_is_cut_off() {
    let (address, _) = grpc_server(vec![GrpcAnswer::NoStatus(vec![0; 5 << 20])]).await;
    let error = export(&grpc(address)).await.unwrap_err();
    assert_eq!(error.kind(), ExportErrorKind::Permanent);
    assert_words(&error, "more than 4 MiB", "OTEL_EXPORTER_OTLP_ENDPOINT");
}

#[tokio::test]
async fn a_closed_port_is_named_with_a_remedy() {
    let address = closed_port().await;
    let error = export(&grpc(address)).await.unwrap_err();
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
    let settings = OtlpSettings::new("http://collector.invalid:4317", OtlpProtocol::Grpc);
    let error = export(&settings).await.unwrap_err();
    assert_retryable(&error);
    assert_words(
        &error,
        "the name collector.invalid d",
        "Check OTEL_EXPORTER_OTLP_ENDPOINT",
    );
}

#[tokio::test]
async fn an_http_port_is_recognised() {
    let (address, _) = http1(http1_answer("400 Bad Request", "", b"what is PRI?")).await;
    let error = export(&grpc(address)).await.unwrap_err();
    assert_retryable(&error);
    assert_words(
        &error,
        "speaks HTTP/1, not gRPC",
        "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
    );
}

#[tokio::test]
async fn a_connection_that_dies_in_mid_export_is_retried_with_success() {
    let calls = GrpcCalls::new(vec![GrpcAnswer::Hang, grpc_ok()]);
    let shared = Arc::clone(&calls);
    let address = tcp(move |number, stream| {
        let calls = Arc::clone(&shared);
        async move {
            if number > 0 {
                return serve_grpc(stream, calls).await;
            }
            // the call is seen, then the process of the receiver ends
            let serving = tokio::spawn(serve_grpc(stream, Arc::clone(&calls)));
            while calls.seen.lock().unwrap().is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            serving.abort();
        }
    })
    .await;
    let mut exporter = exporter(&grpc(address)).unwrap();
    exporter.prepare(&batch(&["kept"])).unwrap();
    let error = attempt(&mut exporter).await.unwrap_err();
    assert_retryable(&error);
    assert_words(&error, "closed the connection before it answered", "");
    attempt(&mut exporter).await.unwrap();
    let seen = calls.seen.lock().unwrap();
    assert_eq!(seen.len(), 2);
    assert_eq!(bodies(&seen[1].1[5..]), ["kept"]);
}

#[tokio::test]
async fn after_a_hang_the_next_attempt_has_a_fresh_connection() {
    let connections = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&connections);
    let calls = GrpcCalls::new(vec![GrpcAnswer::Hang, grpc_ok()]);
    let address = tcp(move |_, stream| {
        *counted.lock().unwrap() += 1;
        serve_grpc(stream, Arc::clone(&calls))
    })
    .await;
    let mut exporter = exporter(&grpc(address)).unwrap();
    exporter.prepare(&batch(&["kept"])).unwrap();
    let hung = tokio::time::timeout(Duration::from_millis(300), exporter.attempt()).await;
    assert!(hung.is_err());
    for _ in 0..3 {
        attempt(&mut exporter).await.unwrap();
    }
    assert_eq!(*connections.lock().unwrap(), 2);
}

/// A server that accepts and never says anything, not even in TLS or HTTP/2.
#[tokio::test]
async fn a_mute_tls_server_cannot_hold_an_attempt_for_ever() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let ca = directory.path().join("ca.pem");
    let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(&ca, issued.cert.pem()).unwrap();
    let mut settings = OtlpSettings::new(format!("https://{address}"), OtlpProtocol::Grpc);
    settings.timeout = Duration::from_secs(1);
    settings.tls.ca = Some(ca);
    let error = export(&settings).await.unwrap_err();
    assert_retryable(&error);
    assert_words(&error, "no connection within 500ms", "firewall");
    drop(listener);
}
