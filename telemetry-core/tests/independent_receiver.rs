//! What we send, judged by the receiver of `tests/receiver`, which shares no code with us:
//! a way for each signal, and TLS with the authorities of the system.
#![cfg(all(feature = "otlp-http", feature = "otlp-grpc", feature = "testing"))]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod otlp_support;

use std::process::Command;
use std::sync::Arc;

use otlp_support::{assert_words, attempt, batch, export};
use serde_json::json;
use telemetry_core::config::{Env, OtlpProtocol, Overrides, Plan};
use telemetry_core::export::Exporter;
use telemetry_core::export::otlp::{OtlpExporter, OtlpSettings};
use telemetry_core::pipeline::{Batch, Intake, Queue, QueueLimits, Signal};
use telemetry_core::trace::{Engine, EngineSettings, SpanLayer};
use test_support::{Certs, Options, Receiver};
use tracing_subscriber::layer::SubscriberExt;

fn http(receiver: &Receiver) -> String {
    format!("{}/v1/logs", receiver.http_endpoint())
}

#[tokio::test]
async fn each_signal_goes_where_its_own_variables_say() {
    let receivers = [(); 2].map(|()| Receiver::start(Options::default()));
    let [Some(of_traces), Some(of_logs)] = receivers else {
        return;
    };
    let env = Env::from_pairs([
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://nobody.invalid:4318"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-for=all"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"),
        (
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            &of_traces.grpc_endpoint(),
        ),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "x-for=traces"),
        ("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", &http(&of_logs)),
        ("OTEL_EXPORTER_OTLP_LOGS_COMPRESSION", "zstd"),
    ]);
    let (plan, _) = Plan::resolve(&Overrides::default(), &env);
    for (signal, otlp, batch) in [
        (Signal::Traces, &plan.traces.otlp, one_span()),
        (Signal::Logs, &plan.logs.otlp, batch(&["hello"])),
    ] {
        let settings = OtlpSettings::from(otlp);
        let mut exporter = OtlpExporter::new(signal, &settings, &plan.resource).unwrap();
        exporter.prepare(&batch).unwrap();
        attempt(&mut exporter).await.unwrap();
    }
    assert_eq!((of_traces.spans().len(), of_traces.logs().len()), (1, 0));
    assert_eq!((of_logs.spans().len(), of_logs.logs().len()), (0, 1));
    let [traces, logs] = [&of_traces, &of_logs].map(|receiver| receiver.requests().remove(0));
    assert_eq!(
        (&traces["transport"], &traces["headers"]["x-for"]),
        (&json!("grpc"), &json!("traces"))
    );
    assert_eq!(
        (&logs["transport"], &logs["headers"]["x-for"]),
        (&json!("http/json"), &json!("all"))
    );
    assert_eq!(logs["encoding"], "zstd");
    for receiver in [of_traces, of_logs] {
        assert_eq!(receiver.errors(), Vec::<String>::new());
    }
}

fn one_span() -> Batch {
    let queue = Arc::new(Queue::new(QueueLimits {
        items: 1,
        bytes: 1 << 20,
        wake_at: 1,
        item_bytes: 1 << 20,
    }));
    let engine = Engine::new(EngineSettings::new(Intake::new([Arc::clone(&queue)])));
    let subscriber = tracing_subscriber::registry().with(SpanLayer::new(Arc::new(engine)));
    tracing::subscriber::with_default(subscriber, || drop(tracing::info_span!("work")));
    queue.take_all().remove(0)
}

/// The variable that names a file to use as the system's authorities. Processes have one
/// environment, so each case is this test again in a process of its own.
const ROOTS: &str = "SSL_CERT_FILE";
const ENDPOINTS: &str = "TEST_ENDPOINTS";

#[tokio::test]
async fn the_authorities_of_the_system_are_trusted() {
    if let Ok(endpoints) = std::env::var(ENDPOINTS) {
        return reach(&endpoints, std::env::var_os(ROOTS).is_some()).await;
    }
    let certs = Certs::generate();
    let tls = Options {
        tls: Some(&certs),
        ..Options::default()
    };
    let Some(receiver) = Receiver::start(tls) else {
        return;
    };
    let endpoints = [receiver.grpc_endpoint(), http(&receiver)];
    for (roots, received) in [(None, 0), (Some(certs.ca()), 2)] {
        let mut again = Command::new(std::env::current_exe().unwrap());
        again.args(["--exact", "the_authorities_of_the_system_are_trusted"]);
        again.env(ENDPOINTS, endpoints.join(" ")).env_remove(ROOTS);
        again.envs(roots.map(|file| (ROOTS, file)));
        let output = again.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(receiver.logs().len(), received);
    }
}

async fn reach(endpoints: &str, trusted: bool) {
    let (to_grpc, to_http) = endpoints.split_once(' ').unwrap();
    for (endpoint, protocol) in [
        (to_grpc, OtlpProtocol::Grpc),
        (to_http, OtlpProtocol::HttpProtobuf),
    ] {
        match export(&OtlpSettings::new(endpoint, protocol)).await {
            Ok(_) => assert!(trusted),
            Err(error) if trusted => panic!("{error}"),
            Err(error) => assert_words(&error, "", "OTEL_EXPORTER_OTLP_CERTIFICATE"),
        }
    }
}
