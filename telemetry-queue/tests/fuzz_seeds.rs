//! The fuzz target's function over the saved seeds and their mutations.

use std::fs;
use std::path::Path;

use telemetry_queue::carriers::fuzz;

/// Runs each seed, each of its prefixes and each of its one-bit mutations.
#[test]
fn carriers() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds/carriers");
    let mut count = 0;
    for seed in fs::read_dir(seeds).unwrap() {
        let mut data = fs::read(seed.unwrap().path()).unwrap();
        count += 1;
        fuzz::carriers(&data);
        for at in 0..data.len().min(96) {
            fuzz::carriers(&data[..at]);
            for bit in 0..8 {
                data[at] ^= 1 << bit;
                fuzz::carriers(&data);
                data[at] ^= 1 << bit;
            }
        }
    }
    assert!(count > 0, "no seeds");
}
