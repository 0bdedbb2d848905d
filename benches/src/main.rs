//! What telemetry costs, beside its peers: `scripts/bench` runs it and prints the table.
//!
//! ```text
//! telemetry-benches list             the names of the cases
//! telemetry-benches time CASE        thread-CPU ns, allocations and bytes of one operation
//! telemetry-benches count CASE N     N batches, for those who count instructions from outside
//! telemetry-benches memory CASE      the bytes that one instrument or series keeps
//! telemetry-benches export [gzip]    the CPU time of exporting 100,000 spans a second
//! telemetry-benches serve LIBRARY    a service, until stdin ends
//! telemetry-benches collect          the collector of its spans, until stdin ends
//! ```
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a bench that cannot measure stops"
)]

mod allocations;
mod cases;
mod collector;
mod export;
mod harness;
mod ours;
mod peers;
mod service;

use std::io::{self, Write};

use harness::Case;

const USAGE: &str = "usage: list | time CASE | count CASE BATCHES | memory CASE | export [gzip] \
                     | serve LIBRARY | collect";

fn main() -> io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut out = io::stdout().lock();
    match words[..] {
        ["list"] => {
            let timed = cases::ALL.iter().map(|(name, _)| name);
            for name in timed.chain(cases::MEMORY.iter().map(|(name, _)| name)) {
                writeln!(out, "{name}")?;
            }
        }
        ["time", name] => {
            let cost = case(name).measure();
            writeln!(out, "{} {} {}", cost.nanos, cost.allocations, cost.bytes)?;
        }
        ["count", name, batches] => {
            let mut case = case(name);
            case.repeat(batches.parse().unwrap());
            writeln!(out, "{}", case.batch)?;
        }
        ["memory", name] => writeln!(out, "{}", known(cases::MEMORY, name)())?,
        ["export"] => writeln!(out, "{}", export::cpu_share(false))?,
        ["export", "gzip"] => writeln!(out, "{}", export::cpu_share(true))?,
        ["serve", library] => service::serve(library, &mut out)?,
        ["collect"] => service::collect(&mut out)?,
        _ => panic!("{USAGE}"),
    }
    Ok(())
}

fn case(name: &str) -> Case {
    known(cases::ALL, name)()
}

fn known<T: Copy>(cases: &[(&str, T)], name: &str) -> T {
    let found = cases.iter().find(|(known, _)| *known == name);
    found.unwrap_or_else(|| panic!("no case {name}")).1
}
