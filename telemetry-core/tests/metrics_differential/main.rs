//! For the same measurements we send what the official SDK and its exporter send, but for the
//! differences that `docs/otlp-differences.md` lists.
#![cfg(feature = "otlp")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod differences;
mod official;
mod recording;

use std::cell::RefCell;
use std::collections::BTreeSet;

use differences::{DIFFERENCES, Difference, canonical};
use official::Official;
use opentelemetry::InstrumentationScope;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_sdk::Resource;
use proptest::prelude::*;
use prost::Message;
use recording::{EXPONENTIAL, Instruments, Recording};
use telemetry_core::config::Temporality;
use telemetry_core::export::otlp::encode::{Encoding, RequestEncoder};
use telemetry_core::metrics::{
    Aggregation, MetricReader, Registry, RegistrySettings, Snapshot, View,
};
use telemetry_core::otlp::MetricMessages;
use telemetry_core::pipeline::{Batch, Signal};

const TEMPORALITIES: [Temporality; 3] = [
    Temporality::Cumulative,
    Temporality::Delta,
    Temporality::LowMemory,
];

fn resource() -> Resource {
    Resource::builder_empty().with_service_name("shop").build()
}

fn scope() -> InstrumentationScope {
    InstrumentationScope::builder("shop::cart")
        .with_version("1.2")
        .build()
}

#[test]
fn metrics_are_what_the_official_exporter_sends() {
    let official = RefCell::new(Official::start());
    let round = || prop::collection::vec(recording::any(), 0..30);
    let cases = (
        prop::sample::select(TEMPORALITIES.to_vec()),
        round(),
        round(),
        round(),
    );
    proptest!(ProptestConfig::with_cases(96), |((temporality, first, second, third) in cases)| {
        let rounds = [first, second, third];
        let difference = compare(&mut official.borrow_mut(), temporality, &rounds, &DIFFERENCES);
        prop_assert!(difference.is_none(), "{}", difference.unwrap_or_default());
    });
}

/// Every kind of instrument with every temporality, whatever the random cases have.
#[test]
fn every_kind_and_temporality() {
    let mut official = Official::start();
    let all = |value| {
        let kinds = 0..recording::INSTRUMENTS;
        kinds.map(move |instrument| Recording::new(instrument, 1, value))
    };
    for temporality in TEMPORALITIES {
        let rounds = [
            all(7).collect(),
            all(300).chain(all(9)).collect(),
            Vec::new(),
        ];
        let difference = compare(&mut official, temporality, &rounds, &DIFFERENCES);
        assert_eq!(difference, None);
    }
}

/// A row that no longer stands for a difference, or a difference without a row, is a mistake.
#[test]
fn the_table_lists_exactly_the_differences() {
    let document = include_str!("../../../docs/otlp-differences.md");
    let (_, table) = document.split_once("## Metrics").unwrap();
    let rows: BTreeSet<_> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    let known: BTreeSet<_> = DIFFERENCES.iter().map(|difference| difference.id).collect();
    assert_eq!(rows, known);
}

/// Each difference is seen where it should be, and nothing but it.
#[test]
fn each_difference_is_real() {
    let mut official = Official::start();
    for left_out in DIFFERENCES {
        let others: Vec<_> = DIFFERENCES
            .into_iter()
            .filter(|other| other.id != left_out.id)
            .collect();
        let rounds = example(left_out.id);
        let mut seen = |allowed: &[Difference]| {
            compare(&mut official, Temporality::Delta, &rounds, allowed).is_some()
        };
        assert!(seen(&others), "{} makes no difference", left_out.id);
        assert!(!seen(&DIFFERENCES), "{} is not all", left_out.id);
    }
}

fn example(id: &str) -> [Vec<Recording>; 3] {
    let one = |instrument, value| vec![Recording::new(instrument, 0, value)];
    match id {
        "delta-range" => [one(8, 3), one(8, 5), Vec::new()],
        "delta-scale" => {
            let wide = vec![
                Recording::new(EXPONENTIAL, 0, 1),
                Recording::new(EXPONENTIAL, 0, 999),
            ];
            [wide, one(EXPONENTIAL, 5), Vec::new()]
        }
        "empty-buckets" => [one(EXPONENTIAL, 3), Vec::new(), Vec::new()],
        "unchanged-gauge" => [one(4, 3), Vec::new(), Vec::new()],
        "zero-change" => [one(0, 3), one(0, 0), Vec::new()],
        "large-integer" => [one(recording::LARGE, 1), Vec::new(), Vec::new()],
        other => panic!("no example of {other}"),
    }
}

/// Says how the requests differ when the given differences are allowed.
fn compare(
    official: &mut Official,
    temporality: Temporality,
    rounds: &[Vec<Recording>],
    allowed: &[Difference],
) -> Option<String> {
    let expected = official.requests(temporality, rounds);
    let found = requests(temporality, rounds);
    for (round, (mut expected, mut found)) in expected.into_iter().zip(found).enumerate() {
        for difference in allowed {
            (difference.apply)(&mut expected, &mut found);
        }
        let (expected, found) = (canonical(expected), canonical(found));
        if expected.encode_to_vec() != found.encode_to_vec() {
            return Some(format!(
                "{temporality}, round {round}\nofficial: {expected:#?}\nours: {found:#?}"
            ));
        }
    }
    None
}

/// What we send after each round.
fn requests(
    temporality: Temporality,
    rounds: &[Vec<Recording>],
) -> Vec<ExportMetricsServiceRequest> {
    let registry = Registry::new(RegistrySettings {
        views: vec![View::of("exponential").aggregate(Aggregation::exponential())],
        ..RegistrySettings::default()
    });
    let instruments = Instruments::new(&registry.meter(scope()));
    let mut reader = MetricReader::new(temporality);
    let collect = |round: &Vec<Recording>| {
        instruments.record(round);
        request(&reader.read(registry.collect()))
    };
    rounds.iter().map(collect).collect()
}

fn request(snapshot: &Snapshot) -> ExportMetricsServiceRequest {
    let mut batch = Batch::new();
    for metric in &snapshot.metrics {
        batch.push(metric.descriptor.scope, |buffer| {
            MetricMessages::new(metric, snapshot.unix_nanos).write_next(buffer, usize::MAX);
        });
    }
    if batch.is_empty() {
        return ExportMetricsServiceRequest::default();
    }
    let mut request = Vec::new();
    RequestEncoder::new(Signal::Metrics, Encoding::Protobuf, &resource())
        .encode(&batch, &mut request);
    ExportMetricsServiceRequest::decode(request.as_slice()).unwrap()
}
