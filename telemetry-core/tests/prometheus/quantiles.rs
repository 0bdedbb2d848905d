//! Our quantiles beside those of a real Prometheus that reads the same page.

use std::collections::HashMap;

use opentelemetry::KeyValue;
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use telemetry_core::export::prometheus::Listener;
use telemetry_core::metrics::{AttributeSet, Histogram, InstrumentKind, Points};
use test_support::Prometheus;

use super::served::{LIMIT, serve};
use super::support::{descriptor, metric, point, renderer, snapshot};

const HISTOGRAMS: usize = 1_000;
const QUANTILES: [f64; 6] = [0.01, 0.25, 0.5, 0.9, 0.95, 0.99];

/// One to twelve bounds, negative ones among them, and buckets that are often empty.
fn any_histogram() -> impl Strategy<Value = Histogram> {
    let count = prop_oneof![1 => Just(0_u64), 2 => 0..10_u64, 1 => 0..1_000_000_u64];
    (btree_set(-5_000..50_000_i32, 1..12), vec(count, 12)).prop_map(|(bounds, counts)| {
        let bounds: Vec<f64> = bounds.into_iter().map(|it| f64::from(it) / 1e3).collect();
        Histogram {
            counts: counts[..=bounds.len()].to_vec(),
            bounds: bounds.into(),
            sum: 0.0,
            range: None,
        }
    })
}

#[test]
fn quantiles_are_those_of_prometheus() {
    let mut runner = TestRunner::default();
    let mut random = || any_histogram().new_tree(&mut runner).unwrap().current();
    let histograms: Vec<_> = (0..HISTOGRAMS).map(|_| random()).collect();
    let numbered = |(number, histogram): (usize, &Histogram)| {
        let mut point = point(&[], histogram.clone());
        let number = KeyValue::new("number", number.to_string());
        point.attributes = AttributeSet::new([number]).into();
        point
    };
    let points = histograms.iter().enumerate().map(numbered).collect();
    let random = metric(
        descriptor(InstrumentKind::Histogram, "random", ""),
        Points::Histogram(points),
    );
    let listener = Listener::bind("127.0.0.1", 0).unwrap();
    let address = listener.addresses()[0];
    let pipeline = serve(listener, renderer().0, snapshot(vec![random]));
    let Some(prometheus) = Prometheus::start(address) else {
        return;
    };
    let scraped = format!("count(count by (number) (random_bucket)) == {HISTOGRAMS}");
    let _ = prometheus.wait_for(&scraped, LIMIT);
    for q in QUANTILES {
        let theirs: HashMap<usize, f64> = prometheus
            .query(&format!("histogram_quantile({q}, random_bucket)"))
            .iter()
            .map(|series| {
                let number = series["metric"]["number"].as_str().unwrap();
                let value = series["value"][1].as_str().unwrap();
                (number.parse().unwrap(), value.parse().unwrap())
            })
            .collect();
        assert_eq!(theirs.len(), HISTOGRAMS);
        for (number, histogram) in histograms.iter().enumerate() {
            let theirs = theirs[&number];
            match histogram.quantile(q) {
                None => assert!(theirs.is_nan(), "{q} of {histogram:?}: {theirs}"),
                Some(ours) => {
                    let difference = (ours.value() - theirs).abs();
                    let most = 1e-9 * theirs.abs().max(1.0);
                    assert!(
                        difference <= most,
                        "{q} of {histogram:?}: {ours:?} {theirs}"
                    );
                }
            }
        }
    }
    pipeline.shutdown(LIMIT);
}
