//! Replays a file of events through the tracker, and prints what would have fired.
//!
//! `cargo run --release -p telemetry-slo --example replay -- FILE.csv --target 0.999`
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool talks to people"
)]

mod options;
mod replay;
mod stream;

use std::process::ExitCode;

const USAGE: &str = "usage: replay FILE.csv --target 0.999 [--period 30d] [--at T,T…] [--min-bad K] \
    [--cold observed|scaled] [--for S] [--keep-firing-for S] [--calendar START END] [--suspended FROM TO]";

fn main() -> ExitCode {
    match run() {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("replay: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<String, String> {
    let options = options::Options::parse(lexopt::Parser::from_env())
        .map_err(|error| format!("{error}\n{USAGE}"))?;
    let text = std::fs::read_to_string(&options.file)
        .map_err(|error| format!("cannot read {}: {error}", options.file.display()))?;
    let rows = stream::parse(&text)?;
    let report = replay::replay(&options, &rows).map_err(|error| error.to_string())?;
    Ok(report.to_string())
}
