//! Long and rough runs: does telemetry stay small, honest and out of the way on bad days?
//!
//! `scripts/soak`, `scripts/faults-p99` and `scripts/load` run it. Each measured program is a child process of its
//! own, so that its memory and its CPU are its own; the collector and the load are the parent's.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a program that prints tables of what it measures in real time"
)]

mod collector;
mod faults;
mod host;
mod leavers;
mod load;
mod producer;
mod program;
mod request;
mod rough;
mod rough_host;
mod soak;

use std::error::Error;
use std::time::Duration;

/// Whatever goes wrong ends the run.
type Failure = Box<dyn Error + Send + Sync>;

const USAGE: &str =
    "usage: telemetry-soak soak [SECONDS] | faults [ROUNDS [SECONDS]] | rough [SECONDS]";

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments.as_slice() {
        ["soak"] => soak::run(Duration::from_secs(60)),
        ["soak", seconds] => soak::run(Duration::from_secs(seconds.parse()?)),
        ["faults"] => faults::run(15, Duration::from_secs(2)),
        ["faults", rounds] => faults::run(rounds.parse()?, Duration::from_secs(2)),
        ["faults", rounds, seconds] => {
            faults::run(rounds.parse()?, Duration::from_secs(seconds.parse()?))
        }
        ["rough"] => rough::run(Duration::from_secs(30)),
        ["rough", seconds] => rough::run(Duration::from_secs(seconds.parse()?)),
        ["child", "rough"] => rough_host::serve(),
        ["child", "full-speed", seconds] => {
            producer::full_speed(Duration::from_secs(seconds.parse()?))
        }
        ["child", "wide", seconds] => producer::wide(Duration::from_secs(seconds.parse()?)),
        ["child", "host", kind] => host::serve(kind),
        _ => Err(USAGE.into()),
    }
}
