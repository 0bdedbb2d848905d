//! The fuzz targets' functions over the saved seeds and their mutations.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs;
use std::path::Path;

use telemetry_core::context::fuzz;
use telemetry_core::redact;

/// Runs each seed, each of its prefixes and each of its one-bit mutations.
fn run(target: &str, check: fn(&[u8])) {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/seeds")
        .join(target);
    let mut count = 0;
    for seed in fs::read_dir(seeds).unwrap() {
        let mut data = fs::read(seed.unwrap().path()).unwrap();
        count += 1;
        check(&data);
        for at in 0..data.len().min(96) {
            check(&data[..at]);
            for bit in 0..8 {
                data[at] ^= 1 << bit;
                check(&data);
                data[at] ^= 1 << bit;
            }
        }
    }
    assert!(count > 0, "no seeds for {target}");
}

#[test]
fn traceparent() {
    run("traceparent", fuzz::traceparent);
}

#[test]
fn tracestate() {
    run("tracestate", fuzz::tracestate);
}

#[test]
fn baggage() {
    run("baggage", fuzz::baggage);
}

#[test]
fn b3() {
    run("b3", fuzz::b3);
}

#[test]
fn redact() {
    run("redact", redact::fuzz::redact);
}
