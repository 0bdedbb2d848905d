//! Metrics as the receiver of `tests/receiver` gets them, which shares no code with us.
#![cfg(all(feature = "otlp-http", feature = "otlp-grpc"))]
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod snapshots;

use std::sync::Arc;
use std::time::Duration;

use opentelemetry_sdk::Resource;
use serde_json::{Value, json};
use snapshots::{SPAN, TRACE, all_kinds, snapshot};
use telemetry_core::clock::Clock;
use telemetry_core::config::{Compression, OtlpProtocol, Temporality};
use telemetry_core::diagnostics::Voice;
use telemetry_core::export::otlp::{OtlpExporter, OtlpSettings};
use telemetry_core::pipeline::{
    Backoff, DropReason, ExporterFactory, Lane, LaneSettings, MetricSource, Pipeline, QueueLimits,
    Signal,
};
use test_support::{Options, Receiver, attribute};

const PATIENCE: Duration = Duration::from_secs(20);

fn lane_settings() -> LaneSettings {
    LaneSettings {
        signal: Signal::Metrics,
        queue: QueueLimits {
            items: 0,
            bytes: 0,
            wake_at: usize::MAX,
            item_bytes: 1 << 20,
        },
        schedule_delay: Duration::from_secs(3600),
        export_timeout: PATIENCE,
        attempt_timeout: PATIENCE,
        batch_items: usize::MAX,
        batch_bytes: 1 << 20,
        backoff: Backoff::default(),
    }
}

fn start(settings: &OtlpSettings, temporality: Temporality) -> (Pipeline, Arc<Lane>) {
    let resource = Resource::builder_empty().with_service_name("shop").build();
    let exporter = OtlpExporter::new(Signal::Metrics, settings, &resource).unwrap();
    let source = MetricSource {
        producer: Arc::new(|| snapshot(all_kinds())),
        temporality,
    };
    let lane = Lane::new(
        lane_settings(),
        "the test",
        Clock::system(),
        Voice::silent(),
    );
    let lane = Arc::new(lane.collecting(source));
    let factory: ExporterFactory = Box::new(move || Ok(Box::new(exporter)));
    let pipeline = Pipeline::start(vec![(Arc::clone(&lane), factory)]).unwrap();
    (pipeline, lane)
}

fn ways(receiver: &Receiver) -> Vec<OtlpSettings> {
    let http = format!("{}/v1/metrics", receiver.http_endpoint());
    let mut ways = Vec::new();
    for compression in [None, Some(Compression::Gzip)] {
        for (endpoint, protocol) in [
            (receiver.grpc_endpoint(), OtlpProtocol::Grpc),
            (http.clone(), OtlpProtocol::HttpProtobuf),
            (http.clone(), OtlpProtocol::HttpJson),
        ] {
            let mut settings = OtlpSettings::new(endpoint, protocol);
            settings.compression = compression;
            ways.push(settings);
        }
    }
    ways
}

#[test]
fn all_kinds_arrive_whole_over_each_protocol() {
    let Some(receiver) = Receiver::start(Options::default()) else {
        return;
    };
    for settings in ways(&receiver) {
        let before = receiver.metrics().len();
        let (pipeline, lane) = start(&settings, Temporality::Cumulative);
        pipeline.flush(PATIENCE).unwrap();
        assert_eq!(
            receiver.errors(),
            Vec::<String>::new(),
            "{}",
            settings.protocol
        );
        let metrics = receiver.metrics().split_off(before);
        judge(&metrics);
        let ledger = lane.ledger();
        assert_eq!((ledger.created, ledger.exported), (7, 7), "{ledger:?}");
    }
    assert_eq!(
        receiver.requests()[0]["request"]["resourceMetrics"][0]["scopeMetrics"][0]["scope"]["name"],
        "shop"
    );
    assert_eq!(receiver.stats()["items.metrics.accepted"], 42);
}

fn judge(metrics: &[Value]) {
    let names: Vec<_> = metrics.iter().map(|metric| &metric["name"]).collect();
    assert_eq!(
        names,
        ["counter", "up.down", "gauge", "histogram", "exponential"]
    );
    let [counter, up_down, gauge, histogram, exponential] = metrics else {
        unreachable!("five names");
    };
    assert_eq!(
        (&counter["unit"], &counter["description"]),
        (&json!("{item}"), &json!("what it is"))
    );
    let sum = &counter["sum"];
    assert_eq!(
        (&sum["isMonotonic"], &sum["aggregationTemporality"]),
        (&json!(true), &json!(2))
    );
    let point = &sum["dataPoints"][0];
    assert_eq!(point["asInt"], "42");
    assert_eq!(point["timeUnixNano"], "1700000000000000000");
    assert_eq!(point["startTimeUnixNano"], "1699999999000000000");
    assert_eq!(attribute(point, "series"), Some(json!("1")));
    let exemplar = &point["exemplars"][0];
    assert_eq!(exemplar["traceId"], format!("{TRACE:032x}"));
    assert_eq!(exemplar["spanId"], format!("{SPAN:016x}"));
    assert_eq!(
        (
            &exemplar["asInt"],
            &exemplar["filteredAttributes"][0]["key"]
        ),
        (&json!("2"), &json!("user"))
    );
    assert_eq!(up_down["sum"].get("isMonotonic"), None);
    let values: Vec<_> = [0, 1]
        .map(|at| &up_down["sum"]["dataPoints"][at]["asInt"])
        .into();
    assert_eq!(values, ["-7", "0"]);
    let points = &gauge["gauge"]["dataPoints"];
    assert_eq!(
        (&points[0]["asDouble"], &points[1]["asDouble"]),
        (&json!(-0.5), &json!("NaN"))
    );
    judge_distributions(histogram, exponential);
}

fn judge_distributions(histogram: &Value, exponential: &Value) {
    let point = &histogram["histogram"]["dataPoints"][0];
    assert_eq!(point["bucketCounts"], json!(["1", "0", "2"]));
    assert_eq!(point["explicitBounds"], json!([0.5, 1.0]));
    assert_eq!(
        (&point["count"], &point["sum"]),
        (&json!("3"), &json!(5.25))
    );
    assert_eq!((&point["min"], &point["max"]), (&json!(0.25), &json!(3.0)));
    assert_eq!(point["exemplars"][0]["asDouble"], 2.0);
    let point = &exponential["exponentialHistogram"]["dataPoints"][0];
    assert_eq!(
        (&point["scale"], &point["zeroCount"], &point["count"]),
        (&json!(-3), &json!("1"), &json!("304"))
    );
    assert_eq!(
        point["positive"],
        json!({"offset": -2, "bucketCounts": ["1", "0", "300"]})
    );
    assert_eq!(
        point["negative"],
        json!({"offset": 4, "bucketCounts": ["2"]})
    );
}

#[test]
fn changes_arrive_as_changes() {
    let Some(receiver) = Receiver::start(Options::default()) else {
        return;
    };
    let settings = OtlpSettings::new(receiver.grpc_endpoint(), OtlpProtocol::Grpc);
    let (pipeline, _lane) = start(&settings, Temporality::Delta);
    pipeline.flush(PATIENCE).unwrap();
    pipeline.flush(PATIENCE).unwrap();
    let metrics = receiver.metrics();
    let names: Vec<_> = metrics
        .iter()
        .map(|metric| metric["name"].as_str().unwrap())
        .collect();
    // nothing was recorded in between, so only what is no change comes again
    let all = ["counter", "up.down", "gauge", "histogram", "exponential"];
    assert_eq!(names, [&all[..], &["up.down", "gauge"]].concat());
    assert_eq!(metrics[0]["sum"]["aggregationTemporality"], 1);
    assert_eq!(metrics[1]["sum"]["aggregationTemporality"], 2);
    assert_eq!(receiver.errors(), Vec::<String>::new());
}

#[test]
fn rejected_data_points_are_read_from_each_protocol() {
    let Some(receiver) = Receiver::start(Options::default()) else {
        return;
    };
    receiver.set_fault(&json!({"mode": "partial", "rejected": 3, "message": "too old"}));
    for settings in ways(&receiver) {
        let (pipeline, lane) = start(&settings, Temporality::Cumulative);
        pipeline.flush(PATIENCE).unwrap();
        let ledger = lane.ledger();
        assert_eq!(
            ledger.dropped.get(DropReason::Rejected),
            3,
            "{}",
            settings.protocol
        );
        assert_eq!((ledger.exported, ledger.balances()), (4, true));
    }
}
