//! The quickstart's metrics: its page, judged by other parsers and by a real Prometheus, and the
//! same numbers over OTLP.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use axum::routing::post;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use opentelemetry::KeyValue;
use opentelemetry::metrics::Counter;
use serde_json::{Value, json};
use telemetry::metrics::{Number, Points, Registry};
use test_support::{Child, Options, Prometheus, Receiver, Service, attribute, promtool};
use tokio::net::TcpListener;
use tower::{Layer, Service as _};

const OPEN_METRICS: (&str, &str) = (
    "Accept",
    "application/openmetrics-text; version=1.0.0; charset=utf-8",
);
const DURATION: &str = "http_server_request_duration_seconds";
const PATIENCE: Duration = Duration::from_secs(40);

/// Asks for what the quickstart has.
fn traffic(service: &Service) {
    for _ in 0..5 {
        assert_eq!(service.get("/hello/ada", &[]).status, 200);
    }
    assert_eq!(service.get("/fail", &[]).status, 500);
    assert_eq!(service.get("/slow", &[]).status, 200);
}

#[test]
fn the_page_passes_strict_parsers() {
    let service = Service::start(&[("OTEL_TRACES_EXPORTER", "none")]);
    traffic(&service);
    let page = service.get("/metrics", &[OPEN_METRICS]);
    assert_eq!(page.status, 200);
    assert!(page.body.ends_with("# EOF\n"), "{}", page.body);
    if let Some(judged) = test_support::metric_families(&[(true, page.body)]) {
        let families = judged[0]["families"].as_array();
        let families = families.unwrap_or_else(|| panic!("{}", judged[0]));
        let named = |name: &str| families.iter().any(|family| family["name"] == name);
        for name in [DURATION, "http_server_active_requests", "target"] {
            assert!(named(name), "{name} in {families:?}");
        }
    }
    let page = service.get("/metrics", &[]);
    assert!(!page.body.contains("# EOF"));
    // the conventions' names for what a process has many of; only feature `runtime` has them
    let is_named_by_convention = |line: &&str| line.starts_with("process_");
    if let Some(complaints) = promtool(&page.body) {
        let mut complaints = complaints.lines();
        assert_eq!(complaints.find(|line| !is_named_by_convention(line)), None);
    }
}

#[test]
fn prometheus_has_the_numbers_and_the_exemplars_that_otlp_has() {
    for (protocol, temporality) in [("grpc", "cumulative"), ("http/protobuf", "delta")] {
        let Some(receiver) = Receiver::start(Options::default()) else {
            return;
        };
        let endpoint = match protocol {
            "grpc" => receiver.grpc_endpoint(),
            _ => receiver.http_endpoint(),
        };
        let service = Service::start(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
            (
                "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
                temporality,
            ),
        ]);
        let Some(prometheus) = Prometheus::start(service.address()) else {
            return;
        };
        traffic(&service);
        let count = format!("sum({DURATION}_count) == 7");
        let scraped = prometheus.wait_for(&count, PATIENCE);
        let counts = scraped_counts(&prometheus);
        let exemplars = prometheus.exemplars(&format!("{DURATION}_bucket"));
        let sum = prometheus.value(&format!("sum({DURATION}_sum)"));
        drop(service.end("TERM", PATIENCE));

        assert_eq!(receiver.errors(), Vec::<String>::new());
        let (received, seconds) = received_counts(&receiver);
        assert_eq!(received, counts, "{protocol} {temporality}");
        assert!((seconds - sum.unwrap()).abs() < 1e-9, "{seconds} {sum:?}");
        assert!((received.values().sum::<f64>() - scraped).abs() < f64::EPSILON);
        assert_exemplars(&exemplars, &receiver);
    }
}

/// Requests by route and status, as Prometheus has them.
fn scraped_counts(prometheus: &Prometheus) -> BTreeMap<String, f64> {
    let series = prometheus.query(&format!("{DURATION}_count"));
    let count = |one: &Value| {
        let labels = &one["metric"];
        let key = [&labels["http_route"], &labels["http_response_status_code"]]
            .map(|label| label.as_str().unwrap_or_default())
            .join(" ");
        let value = one["value"][1].as_str().unwrap().parse().unwrap();
        (key, value)
    };
    series.iter().map(count).collect()
}

/// The same as the receiver has them, with the sum of all durations: the last of cumulative
/// values, the sum of changes.
fn received_counts(receiver: &Receiver) -> (BTreeMap<String, f64>, f64) {
    let mut counts = BTreeMap::new();
    let mut sums = BTreeMap::new();
    for metric in receiver.metrics() {
        if metric["name"] != "http.server.request.duration" {
            continue;
        }
        let is_delta = metric["histogram"]["aggregationTemporality"] == 1;
        for point in metric["histogram"]["dataPoints"].as_array().unwrap() {
            let text = |key| match attribute(point, key) {
                Some(Value::String(text)) => text,
                other => other.map(|it| it.to_string()).unwrap_or_default(),
            };
            let key = [text("http.route"), text("http.response.status_code")].join(" ");
            let count: f64 = point["count"].as_str().unwrap().parse().unwrap();
            let sum = point["sum"].as_f64().unwrap();
            let add = |all: &mut BTreeMap<String, f64>, value| {
                let kept = all.entry(key.clone()).or_insert(0.0);
                *kept = if is_delta { *kept + value } else { value };
            };
            add(&mut counts, count);
            add(&mut sums, sum);
        }
    }
    (counts, sums.values().sum())
}

/// Each exemplar that Prometheus keeps names a span that arrived.
fn assert_exemplars(exemplars: &[Value], receiver: &Receiver) {
    let spans: Vec<_> = receiver.spans();
    let mut found = 0;
    for series in exemplars {
        for exemplar in series["exemplars"].as_array().unwrap() {
            let labels = &exemplar["labels"];
            let arrived = spans.iter().any(|span| {
                span["traceId"] == labels["trace_id"] && span["spanId"] == labels["span_id"]
            });
            assert!(arrived, "{exemplar}");
            found += 1;
        }
    }
    assert!(found >= 3, "an exemplar for each route: {exemplars:?}");
}

#[test]
fn the_port_of_its_own_serves_the_same_page() {
    let port = test_support::free_port().to_string();
    let service = Service::start(&[
        ("OTEL_METRICS_EXPORTER", "prometheus"),
        ("OTEL_EXPORTER_PROMETHEUS_PORT", &port),
        ("OTEL_TRACES_EXPORTER", "none"),
    ]);
    traffic(&service);
    let page = service.get_at(port.parse().unwrap(), "/metrics", &[OPEN_METRICS]);
    assert_eq!(page.status, 200);
    assert!(page.body.contains(&format!("# TYPE {DURATION} histogram")));
}

#[test]
fn a_port_that_is_taken_is_said_and_the_service_runs() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let service = Service::start(&[
        ("OTEL_METRICS_EXPORTER", "prometheus"),
        ("OTEL_EXPORTER_PROMETHEUS_HOST", "127.0.0.1"),
        ("OTEL_EXPORTER_PROMETHEUS_PORT", &port),
        ("OTEL_TRACES_EXPORTER", "none"),
    ]);
    assert_eq!(service.get("/hello/ada", &[]).status, 200);
    let said = service.stderr();
    assert!(said.contains("set OTEL_EXPORTER_PROMETHEUS_PORT"), "{said}");
}

#[test]
fn the_status_has_quantiles_of_each_route() {
    let service = Service::start(&[("OTEL_TRACES_EXPORTER", "none")]);
    traffic(&service);
    let status = service.status();
    let distributions = status["distributions"].as_array().unwrap();
    let slow = distributions.iter().find(|it| {
        it["name"] == "http.server.request.duration" && it["attributes"]["http.route"] == "/slow"
    });
    let slow = slow.unwrap_or_else(|| panic!("{status:#}"));
    assert_eq!((&slow["count"], &slow["unit"]), (&json!(1), &json!("s")));
    let p50 = slow["p50"].as_f64().unwrap();
    assert!((0.25..=0.5).contains(&p50), "{p50}");
}

#[test]
fn sizes_of_bodies_are_on_the_page_and_in_otlp_when_asked() {
    let ended = Child::new().run(|| {
        let Some(receiver) = Receiver::start(Options::default()) else {
            return Value::Null;
        };
        let telemetry = telemetry::builder().otlp_endpoint(receiver.http_endpoint());
        let telemetry = telemetry.init().unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(upload("twelve bytes"));
        let page = telemetry.render_metrics(None, None).body;
        telemetry.shutdown_blocking(PATIENCE);
        assert_eq!(receiver.errors(), Vec::<String>::new());
        json!([String::from_utf8(page).unwrap(), receiver.metrics()])
    });
    let [page, received] = match ended.report.as_array() {
        Some(report) => [&report[0], &report[1]],
        None => return,
    };
    let received = received.as_array().unwrap();
    for (side, what, size) in [
        ("server", "request", 12),
        ("server", "response", 2),
        ("client", "request", 12),
        ("client", "response", 2),
    ] {
        let family = format!("http_{side}_{what}_body_size_bytes");
        let sum = format!("{family}_sum{{");
        let page = page.as_str().unwrap();
        let line = page.lines().find(|line| line.starts_with(&sum));
        let line = line.unwrap_or_else(|| panic!("no {sum} in {page}"));
        assert!(
            line.contains(r#"http_response_status_code="200""#),
            "{line}"
        );
        assert!(line.ends_with(&format!(" {size}.0")), "{line}");
        let name = format!("http.{side}.{what}.body.size");
        let metric = received.iter().find(|metric| metric["name"] == name);
        let metric = metric.unwrap_or_else(|| panic!("no {name} in {received:#?}"));
        assert_eq!(metric["unit"], "By");
        let point = &metric["histogram"]["dataPoints"][0];
        assert_eq!(
            (&point["count"], &point["sum"]),
            (&json!("1"), &json!(f64::from(size)))
        );
        assert_eq!(attribute(point, "http.request.method").unwrap(), "POST");
    }
}

/// Sends this to a server of our own, which answers how long it is.
async fn upload(text: &'static str) {
    let length = |body: String| async move { body.len().to_string() };
    let app = Router::new().route("/upload", post(length));
    let app = app.layer(telemetry::server_layer().body_sizes());
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = format!("http://{}/upload", socket.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(socket, app).await });
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let request = Request::post(target).body(Full::from(text)).unwrap();
    let mut client = telemetry::client_layer().body_sizes().layer(client);
    let response = client.call(request).await.unwrap();
    let length = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(length, text.len().to_string());
}

static ORDERS: LazyLock<Counter<u64>> =
    LazyLock::new(|| telemetry::meter("shop").u64_counter("shop.orders").build());

#[test]
fn what_was_counted_before_init_is_kept() {
    let ended = Child::new().run(|| {
        ORDERS.add(1, &[KeyValue::new("state", "paid")]);
        let builder = telemetry::builder().traces_exporters([]).logs_exporters([]);
        let _telemetry = builder.metrics_exporters([]).init().unwrap();
        ORDERS.add(2, &[KeyValue::new("state", "paid")]);
        // that of the global API works when it is made after init
        let global = opentelemetry::global::meter("shop");
        global.u64_counter("shop.global").build().add(3, &[]);
        let counted = |name: &str| match &metric(name) {
            Points::Sum(points) => points[0].value,
            _ => Number::U64(0),
        };
        json!([
            counted("shop.orders").as_f64(),
            counted("shop.global").as_f64()
        ])
    });
    assert_eq!(ended.report, json!([3.0, 3.0]));
}

fn metric(name: &str) -> Points {
    let metrics = Registry::global().collect().metrics;
    let found = metrics.into_iter().find(|it| it.descriptor.name == name);
    found.unwrap().points
}

#[test]
fn a_disabled_sdk_measures_nothing() {
    let ended = Child::new().env("OTEL_SDK_DISABLED", "true").run(|| {
        ORDERS.add(1, &[]);
        let telemetry = telemetry::init().unwrap();
        ORDERS.add(1, &[]);
        let page = telemetry.render_metrics(None, None);
        String::from_utf8(page.body).unwrap().into()
    });
    let page = ended.report.as_str().unwrap();
    assert!(!page.contains("shop_orders"), "{page}");
}
